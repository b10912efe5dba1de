package cpu

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"sysops-agent/pkg/procfile"
)

// maxNodes is the most NUMA nodes that any kernel is built for.
const maxNodes = 1024

// topologyReader reads the files of one topology.
type topologyReader struct {
	file            procfile.Reader
	faults          procfile.Faults
	cpuDir, nodeDir string
	found           bool // some CPU has topology files
}

// arrange fills in where an online CPU sits.
func (r *topologyReader) arrange(c *LogicalCPU, online []int) {
	dir := r.cpuDir + "cpu" + strconv.Itoa(c.ID) + "/topology/"
	socket, ok := r.id(dir + "physical_package_id")
	if !ok {
		return
	}
	r.found = true
	// Firmware that knows no packages or dies says -1: there is one then.
	c.Socket = max(socket, 0)
	die, ok := r.id(dir + "die_id") // since 5.2, not on all architectures
	if !ok {
		die = 0
	}
	c.Die = max(die, 0)
	c.Siblings = r.siblings(dir, c.ID, online)
	c.Core = c.Siblings[0]
}

// siblings returns the online CPUs of the same core. core_id is no help: it
// is unique within a die at best, and some firmware repeats it.
func (r *topologyReader) siblings(dir string, id int, online []int) []int {
	alone := []int{id}
	for _, name := range []string{"core_cpus_list", "thread_siblings_list"} { // new and old name
		path := dir + name
		ids, err := r.list(path, maxCPUs)
		switch {
		case missing(err):
			continue
		case err != nil:
			r.faults.Add(err)
			return alone
		}
		ids = slices.DeleteFunc(ids, func(id int) bool {
			_, on := slices.BinarySearch(online, id)
			return !on
		})
		if !slices.Contains(ids, id) {
			r.faults.Line(path, 1, "does not name the CPU itself")
			return alone
		}
		return ids
	}
	return alone
}

// readNodes fills in the NUMA nodes and the CPUs' nodes.
func (r *topologyReader) readNodes(t *Topology) {
	ids, err := r.list(r.nodeDir+"online", maxNodes)
	if err != nil {
		if !missing(err) {
			r.faults.Add(err)
		}
		return
	}
	for _, id := range ids {
		dir := r.nodeDir + "node" + strconv.Itoa(id) + "/"
		n := Node{ID: id, MemoryBytes: r.nodeMemory(dir + "meminfo")}
		n.CPUs, err = r.list(dir+"cpulist", maxCPUs)
		r.faults.Add(err)
		n.MemoryOnly = err == nil && len(n.CPUs) == 0 && n.MemoryBytes > 0
		t.Nodes = append(t.Nodes, n)
		for _, cpu := range n.CPUs {
			if c := t.cpu(cpu); c != nil {
				c.Node = id
			}
		}
	}
}

// nodeMemory returns the MemTotal line of a node's meminfo in bytes.
func (r *topologyReader) nodeMemory(path string) int64 {
	b, err := r.file.Read(path)
	if err != nil {
		r.faults.Add(err)
		return 0
	}
	for len(b) > 0 {
		var line []byte
		line, b = procfile.Line(b)
		_, after, ok := bytes.Cut(line, []byte(" MemTotal:"))
		if !ok {
			continue
		}
		number, _ := procfile.Field(after)
		if v, ok := procfile.ParseUint(number); ok && v <= math.MaxInt64/1024 {
			return int64(v) * 1024
		}
		break
	}
	r.faults.Line(path, 0, "no MemTotal in it")
	return 0
}

// list reads a file that holds a list of numbers below limit.
func (r *topologyReader) list(path string, limit int) ([]int, error) {
	b, err := r.file.Read(path)
	if err != nil {
		return nil, err
	}
	ids, err := procfile.ParseList(b, limit)
	if err != nil {
		return nil, &procfile.ParseError{Path: path, Line: 1, Reason: err.Error()}
	}
	return ids, nil
}

// optionalList is a list that stands for fallback when it cannot be read.
func (r *topologyReader) optionalList(path string, fallback []int) []int {
	ids, err := r.list(path, maxCPUs)
	if err == nil && len(ids) >= len(fallback) {
		return ids
	}
	if !missing(err) {
		r.faults.Add(err)
	}
	return fallback
}

// id reads a file with one whole number, which may be negative. A missing
// file is no fault.
func (r *topologyReader) id(path string) (int, bool) {
	b, err := r.file.Read(path)
	if err != nil {
		if !missing(err) {
			r.faults.Add(err)
		}
		return 0, false
	}
	v, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 32)
	if err != nil {
		r.faults.Line(path, 1, "not a whole number")
		return 0, false
	}
	return int(v), true
}
