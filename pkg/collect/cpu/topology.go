package cpu

import (
	"errors"
	"io/fs"
	"slices"
)

// Topology is how the CPUs and the memory of the host are arranged. It never
// changes once made; another takes its place when CPUs come or go.
type Topology struct {
	Possible       int          `json:"possible"`         // logical CPUs that may ever be plugged in
	Logical        int          `json:"logical"`          // logical CPUs present, online or not
	Online         int          `json:"online"`           // logical CPUs online
	PhysicalCores  int          `json:"physical_cores"`   // with a CPU online
	ThreadsPerCore int          `json:"threads_per_core"` // online CPUs of the fullest core
	Dies           int          `json:"dies"`             // with a CPU online
	Assumed        bool         `json:"assumed"`          // /sys told nothing: all CPUs on socket 0
	Sockets        []Socket     `json:"sockets"`          // with a CPU online, ascending
	Nodes          []Node       `json:"numa_nodes"`       // online, ascending; empty without NUMA in the kernel
	CPUs           []LogicalCPU `json:"cpus"`             // present, ascending
}

// Socket is one physical package.
type Socket struct {
	ID            int   `json:"socket_id"`
	Dies          int   `json:"dies"`
	PhysicalCores []int `json:"physical_cores"` // lowest online CPU of each core
	LogicalCores  []int `json:"logical_cores"`  // online CPUs
}

// Node is one NUMA node. A node may have CPUs only, memory only, or both.
type Node struct {
	ID          int   `json:"node_id"`
	CPUs        []int `json:"cpu_list"`     // online CPUs
	MemoryBytes int64 `json:"memory_bytes"` // local to the node
	MemoryOnly  bool  `json:"memory_only"`  // memory, but no online CPU
}

// LogicalCPU is one hardware thread. The kernel removes the topology of a CPU
// that goes offline; what it does not say is -1.
type LogicalCPU struct {
	ID       int   `json:"id"`
	Online   bool  `json:"online"`
	Socket   int   `json:"socket"`
	Die      int   `json:"die"`      // unique within the socket
	Core     int   `json:"core"`     // lowest online CPU of the same core
	Node     int   `json:"node"`     // NUMA node
	Siblings []int `json:"siblings"` // online CPUs of the same core, itself included
}

// unknown marks what the kernel does not say.
const unknown = -1

// ReadTopology reads the arrangement of CPUs and NUMA nodes below sys ("/sys"):
// devices/system/cpu/{possible,present,online}, cpu*/topology and
// devices/system/node.
//
// The topology is nil only when the list of online CPUs cannot be read. Else
// an error names the first file that is not as it should be, and what hangs on
// it is left out. A kernel without topology files (containers, some virtual
// machines) is no error: all CPUs are taken to be single-threaded cores of
// socket 0, and Assumed is set.
func ReadTopology(sys string) (*Topology, error) {
	r := topologyReader{cpuDir: sys + "/devices/system/cpu/", nodeDir: sys + "/devices/system/node/"}
	online, err := r.list(r.cpuDir+"online", maxCPUs)
	if err != nil {
		return nil, err
	}
	t := &Topology{Online: len(online)}
	present := r.optionalList(r.cpuDir+"present", online)
	t.Possible = len(r.optionalList(r.cpuDir+"possible", present))
	t.Logical = len(present)
	for _, id := range present {
		c := LogicalCPU{ID: id, Socket: unknown, Die: unknown, Core: unknown, Node: unknown}
		if _, c.Online = slices.BinarySearch(online, id); c.Online {
			r.arrange(&c, online)
		}
		t.CPUs = append(t.CPUs, c)
	}
	if !r.found {
		t.assume()
	}
	r.readNodes(t)
	t.count()
	return t, r.faults.Err()
}

// assumedTopology is what is taken for true when /sys is not there at all:
// the CPUs that /proc/stat shows, on socket 0.
func assumedTopology(cores []core) *Topology {
	t := &Topology{Possible: len(cores), Logical: len(cores), Online: len(cores)}
	for i := range cores {
		t.CPUs = append(t.CPUs, LogicalCPU{ID: cores[i].id, Online: true, Node: unknown})
	}
	t.assume()
	t.count()
	return t
}

// assume puts all online CPUs on socket 0, each a core of its own.
func (t *Topology) assume() {
	t.Assumed = true
	for i := range t.CPUs {
		if c := &t.CPUs[i]; c.Online {
			c.Socket, c.Die, c.Core, c.Siblings = 0, 0, c.ID, []int{c.ID}
		}
	}
}

// count derives sockets and totals from the CPUs.
func (t *Topology) count() {
	type die struct{ socket, die int }
	dies := map[die]bool{}
	sockets := map[int]*Socket{}
	for i := range t.CPUs {
		c := &t.CPUs[i]
		if c.Socket == unknown {
			continue
		}
		s := sockets[c.Socket]
		if s == nil {
			s = &Socket{ID: c.Socket}
			sockets[c.Socket] = s
		}
		s.LogicalCores = append(s.LogicalCores, c.ID)
		if c.Core == c.ID {
			s.PhysicalCores = append(s.PhysicalCores, c.ID)
			t.PhysicalCores++
		}
		if k := (die{c.Socket, c.Die}); !dies[k] {
			dies[k] = true
			s.Dies++
		}
		t.ThreadsPerCore = max(t.ThreadsPerCore, len(c.Siblings))
	}
	t.Dies = len(dies)
	for _, s := range sockets {
		t.Sockets = append(t.Sockets, *s)
	}
	slices.SortFunc(t.Sockets, func(a, b Socket) int { return a.ID - b.ID })
}

// cpu returns the CPU of that number, or nil.
func (t *Topology) cpu(id int) *LogicalCPU {
	i, ok := slices.BinarySearchFunc(t.CPUs, id, func(c LogicalCPU, id int) int { return c.ID - id })
	if !ok {
		return nil
	}
	return &t.CPUs[i]
}

// missing reports whether err only says that something does not exist.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
