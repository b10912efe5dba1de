package memory

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// maxNodes is the most NUMA nodes that any kernel is built for.
const maxNodes = 1024

// NUMA collects the memory of each NUMA node from
// /sys/devices/system/node/node*/{meminfo,numastat,hugepages}. Nodes without
// CPUs and nodes without memory have rows like all others.
type NUMA struct {
	dir    string
	list   string // path of node/online
	file   procfile.Reader
	faults procfile.Faults
	online []byte // content of node/online that nodes was made for
	nodes  []numaNode
	r      reading.NUMANode
	w      *store.Writer[reading.NUMANode]
	huge   *store.Writer[reading.NUMAHugePages]
}

// numaNode is the files of one node.
type numaNode struct {
	id                uint32
	meminfo, numastat string
	pools             []hugePool
}

// hugePool is the files of one huge page size of a node.
type hugePool struct {
	size                 string
	pages, free, surplus string
}

// NewNUMA returns the collector of NUMA nodes.
func NewNUMA(env collect.Env) *NUMA {
	dir := env.Sys + "/devices/system/node/"
	return &NUMA{
		dir: dir, list: dir + "online",
		w:    store.NewWriter[reading.NUMANode](env.Store, env.Shard()),
		huge: store.NewWriter[reading.NUMAHugePages](env.Store, env.Shard()),
	}
}

// Collect writes one sweep of all nodes.
func (n *NUMA) Collect(_ context.Context, t store.Tick) error {
	n.faults.Reset()
	if err := n.find(); err != nil {
		return err
	}
	written := 0
	n.w.Begin(t)
	for i := range n.nodes {
		if n.read(&n.nodes[i]) {
			n.w.Put(&n.r)
			written++
		}
	}
	n.w.End()
	n.writeHuge(t)
	if err := n.faults.Err(); written == 0 && err != nil {
		return err
	}
	return partial(&n.faults)
}

// read reads meminfo and numastat of a node into n.r; false when there is
// nothing to write.
func (n *NUMA) read(node *numaNode) bool {
	n.r = metric.Blank[reading.NUMANode]()
	n.r.Node = node.id
	known := 0
	b, err := n.file.Read(node.meminfo)
	n.faults.Add(err)
	if err == nil {
		if known = parseGauges(b, node.meminfo, &n.faults, n.target); known == 0 {
			n.faults.Line(node.meminfo, 0, "no line in it is known")
		}
	}
	if n.r.Total > 0 && n.r.Used <= n.r.Total {
		n.r.UsedPercent = 100 * n.r.Used / n.r.Total
	}
	b, err = n.file.Read(node.numastat)
	if err == nil {
		known += parseCounters(b, node.numastat, &n.faults, numastat, &n.r)
	} else if !errors.Is(err, fs.ErrNotExist) {
		n.faults.Add(err)
	}
	return known > 0
}

func (n *NUMA) writeHuge(t store.Tick) {
	n.huge.Begin(t)
	for i := range n.nodes {
		for j := range n.nodes[i].pools {
			p := &n.nodes[i].pools[j]
			n.huge.Put(&reading.NUMAHugePages{
				Node: n.nodes[i].id, Size: p.size,
				Pool: n.number(p.pages), Free: n.number(p.free), Surplus: n.number(p.surplus),
			})
		}
	}
	n.huge.End()
}

// number reads a file with one number; NaN, and a fault, when it cannot.
func (n *NUMA) number(path string) float64 {
	v, err := n.file.Uint(path)
	if err != nil {
		n.faults.Add(err)
		return metric.NaN
	}
	return float64(v)
}

// find lists the nodes when they changed.
func (n *NUMA) find() error {
	b, err := n.file.Read(n.list)
	if err != nil {
		return unreadable(err, "the kernel is built without NUMA, or sysfs is not mounted")
	}
	if n.online != nil && bytes.Equal(b, n.online) {
		return nil
	}
	ids, err := procfile.ParseList(b, maxNodes)
	if err != nil {
		return &procfile.ParseError{Path: n.list, Line: 1, Reason: err.Error()}
	}
	n.online = append([]byte{}, b...)
	n.nodes = nil
	for _, id := range ids {
		dir := n.dir + "node" + strconv.Itoa(id) + "/"
		n.nodes = append(n.nodes, numaNode{
			id: uint32(id), meminfo: dir + "meminfo", numastat: dir + "numastat", pools: n.pools(dir + "hugepages/"),
		})
	}
	return nil
}

// pools lists the huge page sizes of a node; a kernel without huge pages has
// none.
func (n *NUMA) pools(dir string) (pools []hugePool) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.faults.Add(err)
	}
	for _, e := range entries {
		size, ok := strings.CutPrefix(e.Name(), "hugepages-")
		if !ok {
			continue
		}
		d := dir + e.Name() + "/"
		pools = append(pools, hugePool{
			size: size, pages: d + "nr_hugepages", free: d + "free_hugepages", surplus: d + "surplus_hugepages",
		})
	}
	return pools
}
