package proctable

import (
	"bytes"
	"math"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
)

// ID is the identity of a process on this host until the next boot: a pid is
// given again, but never with the same start.
type ID struct {
	PID   uint32
	Start uint64 // clock ticks since boot, field 22 of /proc/PID/stat
}

// StartedAt returns the start as time since boot.
func (id ID) StartedAt() time.Duration {
	hz := procfile.ClockTicks()
	return time.Duration(id.Start/hz)*time.Second + time.Duration(id.Start%hz)*time.Second/time.Duration(hz)
}

// Parts says which groups of a sample's fields are filled in.
type Parts uint8

// The groups. Basic comes with every sample, the others when they were read.
const (
	HasFDs    Parts = 1 << iota // FDs
	HasStatus                   // Status
	HasIO                       // IO
	HasLimits                   // FDLimit
	HasCgroup                   // Cgroup
)

// Unlimited is the FDLimit of a process without limit.
const Unlimited = math.MaxUint64

// Absent is a number of [Status] that the kernel does not tell of this
// process: a zombie and a kernel thread have no memory to tell of.
const Absent = math.MaxUint64

// Sample is what a sweep observes of one process. All CPU times are in
// microseconds, all sizes in bytes.
type Sample struct {
	Cgroup string // path below the hierarchy's root; the caller cuts and interns it
	ID
	Basic
	Parts   Parts
	FDs     uint32
	FDLimit uint64 // soft limit, or Unlimited
	Status
	IO
}

// Basic is what /proc/PID/stat tells.
type Basic struct {
	Name                     Name
	State                    State
	Kernel                   bool // a kernel thread
	PPID                     uint32
	Threads                  uint32
	CPUUser, CPUSystem       uint64 // of all threads, living and dead
	MinorFaults, MajorFaults uint64
	RSS, VSZ                 uint64
}

// CPU is the whole CPU time in microseconds.
func (b *Basic) CPU() uint64 { return b.CPUUser + b.CPUSystem }

// Status is what /proc/PID/status tells. All but UID may be [Absent].
type Status struct {
	UID                     uint32 // real
	Anon, File, Shmem, Swap uint64 // the first three add up to the RSS
	Voluntary, Involuntary  uint64 // context switches of the main thread
}

// IO is what /proc/PID/io tells.
type IO struct {
	ReadBytes, WriteBytes uint64 // from and to storage
	ReadCalls, WriteCalls uint64
}

// Name is the name of a process as the kernel keeps it: at most 15 bytes of
// anything, padded with zeros.
type Name [16]byte

// NameOf returns the first 15 bytes of b.
func NameOf(b []byte) Name {
	var n Name
	copy(n[:len(n)-1], b)
	return n
}

// String returns the name made safe for people: valid UTF-8 without control
// characters, since a process may call itself anything.
func (n Name) String() string {
	b := n[:]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	s, _ := metric.LabelValue(string(b))
	return s
}

// State is the state of a process; the numbers are those of proc.state.
type State uint8

// The states.
const (
	Unknown State = iota
	Running
	Sleeping
	Disk // uninterruptible
	Stopped
	Zombie
	Dead
	Idle
	nStates
)

var stateNames = [nStates]string{"unknown", "running", "sleeping", "disk", "stopped", "zombie", "dead", "idle"}

func (s State) String() string {
	if s >= nStates {
		return stateNames[Unknown]
	}
	return stateNames[s]
}

// StateOf translates the letter of /proc/PID/stat, see proc(5).
func StateOf(letter byte) State {
	switch letter {
	case 'R':
		return Running
	case 'S':
		return Sleeping
	case 'D':
		return Disk
	case 'T', 't':
		return Stopped
	case 'Z':
		return Zombie
	case 'X', 'x':
		return Dead
	case 'I', 'P': // parked kernel threads rest too
		return Idle
	}
	return Unknown
}
