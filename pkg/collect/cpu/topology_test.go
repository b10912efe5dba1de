package cpu

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs/sysfs"

	"sysops-agent/pkg/procfile"
)

func TestReadTopology(t *testing.T) {
	for name, want := range map[string]Topology{
		"two-socket-smt-off": {
			Possible: 16, Logical: 16, Online: 8, PhysicalCores: 8, ThreadsPerCore: 1, Dies: 2,
			Sockets: []Socket{
				{ID: 0, Dies: 1, PhysicalCores: []int{0, 1, 2, 3}, LogicalCores: []int{0, 1, 2, 3}},
				{ID: 1, Dies: 1, PhysicalCores: []int{4, 5, 6, 7}, LogicalCores: []int{4, 5, 6, 7}},
			},
			Nodes: []Node{
				{ID: 0, CPUs: []int{0, 1, 2, 3}, MemoryBytes: 65536000 << 10},
				{ID: 1, CPUs: []int{4, 5, 6, 7}, MemoryBytes: 65536000 << 10},
			},
		},
		"four-node": {
			Possible: 32, Logical: 24, Online: 22, PhysicalCores: 12, ThreadsPerCore: 2, Dies: 3,
			Sockets: []Socket{
				{ID: 0, Dies: 1, PhysicalCores: []int{0, 1, 2, 3, 4, 5}, LogicalCores: []int{0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17}},
				{ID: 1, Dies: 2, PhysicalCores: []int{6, 7, 8, 9, 10, 11}, LogicalCores: []int{6, 7, 8, 9, 10, 11, 18, 19, 20, 21}},
			},
			Nodes: []Node{
				{ID: 0, CPUs: []int{0, 1, 2, 12, 13, 14}, MemoryBytes: 98304000 << 10},
				{ID: 1, CPUs: []int{3, 4, 5, 15, 16, 17}}, // CPUs without memory
				{ID: 2, CPUs: []int{6, 7, 8, 9, 10, 11, 18, 19, 20, 21}, MemoryBytes: 98304000 << 10},
				{ID: 3, MemoryBytes: 66584576 << 10, MemoryOnly: true},
			},
		},
		"small-vm": {
			Possible: 2, Logical: 2, Online: 2, PhysicalCores: 2, ThreadsPerCore: 1, Dies: 1,
			Sockets: []Socket{{ID: 0, Dies: 1, PhysicalCores: []int{0, 1}, LogicalCores: []int{0, 1}}},
			Nodes:   []Node{{ID: 0, CPUs: []int{0, 1}, MemoryBytes: 8224768 << 10}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadTopology(hostsDir + name + "/sys")
			if err != nil {
				t.Fatal(err)
			}
			cpus := got.CPUs
			got.CPUs = nil
			if d := cmp.Diff(want, *got); d != "" {
				t.Errorf("- want, + got:\n%s", d)
			}
			if len(cpus) != got.Logical {
				t.Errorf("%d CPUs listed of %d", len(cpus), got.Logical)
			}
		})
	}
}

func TestLogicalCPUs(t *testing.T) {
	topo, err := ReadTopology(hostsDir + "four-node/sys")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []LogicalCPU{
		{ID: 13, Online: true, Socket: 0, Die: 0, Core: 1, Node: 0, Siblings: []int{1, 13}},
		{ID: 9, Online: true, Socket: 1, Die: 1, Core: 9, Node: 2, Siblings: []int{9, 21}},
		{ID: 10, Online: true, Socket: 1, Die: 1, Core: 10, Node: 2, Siblings: []int{10}}, // its sibling 22 is offline
		{ID: 22, Socket: unknown, Die: unknown, Core: unknown, Node: unknown},
	} {
		if d := cmp.Diff(want, *topo.cpu(want.ID)); d != "" {
			t.Errorf("cpu%d, - want, + got:\n%s", want.ID, d)
		}
	}
	if topo.cpu(24) != nil || topo.cpu(-1) != nil {
		t.Error("a CPU that is not present was found")
	}
}

func TestTopologyAgreesWithProcfs(t *testing.T) {
	topo, err := ReadTopology("/sys")
	if err != nil || topo.Assumed {
		t.Skipf("this host shows no topology: %v", err)
	}
	fs, err := sysfs.NewFS("/sys")
	if err != nil {
		t.Fatal(err)
	}
	cpus, err := fs.CPUs()
	if err != nil {
		t.Fatal(err)
	}
	if len(cpus) != topo.Logical {
		t.Errorf("%d CPUs, procfs finds %d", topo.Logical, len(cpus))
	}
	for _, c := range cpus {
		id, _ := strconv.Atoi(c.Number())
		o, err := c.Topology()
		if err != nil {
			continue // offline
		}
		l := topo.cpu(id)
		if l == nil || strconv.Itoa(l.Socket) != o.PhysicalPackageID {
			t.Errorf("cpu%d: %+v, procfs says %+v", id, l, o)
			continue
		}
		if siblings, err := procfile.ParseList([]byte(o.ThreadSiblingsList), maxCPUs); err != nil || !slices.Equal(siblings, l.Siblings) {
			t.Errorf("cpu%d: siblings %v, procfs says %s", id, l.Siblings, o.ThreadSiblingsList)
		}
	}
}

// What is wrong in one file costs what hangs on it, and is said.
func TestTopologyFaults(t *testing.T) {
	const cpus, nodes = "/devices/system/cpu/", "/devices/system/node/"
	for name, c := range map[string]struct {
		path, text string // text "-": the file is removed
		check      func(*Topology) bool
		says       string // "": no error
	}{
		"package id garbage":       {cpus + "cpu5/topology/physical_package_id", "one\n", func(t *Topology) bool { return t.cpu(5).Socket == unknown && len(t.Sockets[1].LogicalCores) == 3 }, "physical_package_id:1: not a whole number"},
		"package id -1":            {cpus + "cpu0/topology/physical_package_id", "-1\n", func(t *Topology) bool { return t.cpu(0).Socket == 0 }, ""},
		"package id missing":       {cpus + "cpu0/topology/physical_package_id", "-", func(t *Topology) bool { return t.cpu(0).Socket == unknown && !t.Assumed }, ""},
		"die id of old kernels":    {cpus + "cpu0/topology/die_id", "-", func(t *Topology) bool { return t.cpu(0).Die == 0 && t.Dies == 2 }, ""},
		"siblings missing":         {cpus + "cpu0/topology/thread_siblings_list", "-", func(t *Topology) bool { return t.cpu(0).Core == 0 }, ""},
		"siblings without itself":  {cpus + "cpu0/topology/thread_siblings_list", "3\n", func(t *Topology) bool { return t.cpu(0).Core == 0 }, "does not name the CPU itself"},
		"possible missing":         {cpus + "possible", "-", func(t *Topology) bool { return t.Possible == 16 }, ""},
		"present garbage":          {cpus + "present", "x\n", func(t *Topology) bool { return t.Logical == 8 && t.Online == 8 }, "present:1:"},
		"present below online":     {cpus + "present", "0\n", func(t *Topology) bool { return t.Logical == 8 }, ""},
		"no NUMA in the kernel":    {nodes + "online", "-", func(t *Topology) bool { return len(t.Nodes) == 0 && len(t.Sockets) == 2 }, ""},
		"nodes garbage":            {nodes + "online", "0-9999\n", func(t *Topology) bool { return len(t.Nodes) == 0 }, "9999 is not below 1024"},
		"node's CPUs garbage":      {nodes + "node1/cpulist", "4-x\n", func(t *Topology) bool { return len(t.Nodes[1].CPUs) == 0 && !t.Nodes[1].MemoryOnly }, "cpulist:1:"},
		"node names unknown CPU":   {nodes + "node1/cpulist", "4-7,900\n", func(t *Topology) bool { return t.cpu(7).Node == 1 }, ""},
		"node's memory missing":    {nodes + "node1/meminfo", "-", func(t *Topology) bool { return t.Nodes[1].MemoryBytes == 0 && len(t.Nodes[1].CPUs) == 4 }, "no such file"},
		"node's memory is garbage": {nodes + "node1/meminfo", "Node 1 MemTotal: 99999999999999999999 kB\n", func(t *Topology) bool { return t.Nodes[1].MemoryBytes == 0 }, "meminfo: no MemTotal"},
	} {
		t.Run(name, func(t *testing.T) {
			sys := host(t, "two-socket-smt-off").Sys
			if c.text == "-" {
				must(t, os.Remove(sys+c.path))
			} else {
				write(t, sys+c.path, c.text)
			}
			topo, err := ReadTopology(sys)
			if topo == nil || !c.check(topo) {
				t.Errorf("topology %+v", topo)
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q", err, c.says)
			}
		})
	}
}

func TestNoTopologyFiles(t *testing.T) {
	sys := host(t, "small-vm").Sys
	for _, cpu := range []string{"cpu0", "cpu1"} {
		must(t, os.RemoveAll(sys+"/devices/system/cpu/"+cpu+"/topology"))
	}
	topo, err := ReadTopology(sys)
	if err != nil || !topo.Assumed || len(topo.Sockets) != 1 || topo.PhysicalCores != 2 || topo.Sockets[0].ID != 0 {
		t.Errorf("%+v, %v; want both CPUs on an assumed socket 0", topo, err)
	}
	if topo, err := ReadTopology(sys + "/nowhere"); topo != nil || !missing(err) {
		t.Errorf("without sysfs: %+v, %v", topo, err)
	}
}

func TestTopologyAsJSON(t *testing.T) {
	topo, err := ReadTopology(hostsDir + "small-vm/sys")
	must(t, err)
	b, err := json.Marshal(topo)
	must(t, err)
	var back Topology
	must(t, json.Unmarshal(b, &back))
	if d := cmp.Diff(*topo, back); d != "" || !strings.Contains(string(b), `"socket_id":0`) {
		t.Errorf("%s\n%s", b, d)
	}
}
