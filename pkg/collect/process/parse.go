package process

import (
	"bytes"
	"math"
	"math/bits"
	"os"

	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/proctable"
)

// pfKthread is PF_KTHREAD of <linux/sched.h>, in field 9 of stat.
const pfKthread = 0x00200000

// units are the system's, which are not the same everywhere.
type units struct {
	hz   uint64 // clock ticks per second
	page uint64 // bytes
}

func systemUnits() units {
	return units{hz: procfile.ClockTicks(), page: uint64(os.Getpagesize())}
}

// micros turns clock ticks into microseconds.
func (u units) micros(ticks uint64) uint64 {
	return mul(ticks/u.hz, 1_000_000) + ticks%u.hz*1_000_000/u.hz
}

// mul multiplies and stays at the greatest number below absent rather than
// wrap around.
func mul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi != 0 || lo > math.MaxUint64/2 {
		return math.MaxUint64 / 2
	}
	return lo
}

// The fields of /proc/PID/stat that are used, numbered as in proc(5).
const (
	statState   = 3
	statPPID    = 4
	statFlags   = 9
	statMinor   = 10
	statMajor   = 12
	statUser    = 14
	statSystem  = 15
	statThreads = 20
	statStart   = 22
	statVSZ     = 23
	statRSS     = 24
)

// parseStat reads a /proc/PID/stat into s: identity and [proctable.Basic].
// The name may hold anything, spaces and ')' and newlines among it, so fields
// are counted after the last ')'. It returns why b is not such a file, or "".
func parseStat(b []byte, pid uint32, u units, s *proctable.Sample) string {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return "no name in parentheses"
	}
	var v [statRSS + 1]uint64
	letter, rest := procfile.Field(b[end+1:])
	if len(letter) != 1 {
		return "no state after the name"
	}
	rest, whole := bytes.CutSuffix(rest, []byte{'\n'})
	if !whole {
		return "the line is cut off"
	}
	for i := statPPID; i <= statRSS; i++ {
		var f []byte
		f, rest = procfile.Field(rest)
		if len(f) > 0 && f[0] == '-' {
			continue // terminal, priority, nice: none of ours, or an RSS below zero, which is zero
		}
		var ok bool
		if v[i], ok = procfile.ParseUint(f); !ok {
			return "a field is missing or no number"
		}
	}
	s.ID = proctable.ID{PID: pid, Start: v[statStart]}
	kernel := v[statFlags]&pfKthread != 0
	s.Basic = proctable.Basic{
		Name: nameOf(b[open+1:end], kernel), State: proctable.StateOf(letter[0]), Kernel: kernel,
		PPID: uint32(min(v[statPPID], math.MaxUint32)), Threads: uint32(min(v[statThreads], math.MaxUint32)),
		CPUUser: u.micros(v[statUser]), CPUSystem: u.micros(v[statSystem]),
		MinorFaults: v[statMinor], MajorFaults: v[statMajor],
		RSS: mul(v[statRSS], u.page), VSZ: v[statVSZ],
	}
	return ""
}

// nameOf cuts off what the kernel adds to the name of a worker thread in this
// file only: the work at hand, "kworker/0:1-events", which changes all the
// time.
func nameOf(comm []byte, kernel bool) proctable.Name {
	if kernel && bytes.HasPrefix(comm, []byte("kworker/")) {
		if colon := bytes.IndexByte(comm, ':'); colon >= 0 && bytes.IndexByte(comm[:colon], '-') < 0 {
			if i := bytes.IndexAny(comm[colon:], "-+"); i >= 0 {
				comm = comm[:colon+i]
			}
		}
	}
	return proctable.NameOf(comm)
}

// parseStatus reads a /proc/PID/status into s. What the kernel does not tell,
// the memory of a process without any, stays absent.
func parseStatus(b []byte, s *proctable.Status) (ok bool) {
	*s = proctable.Status{
		Anon: proctable.Absent, File: proctable.Absent, Shmem: proctable.Absent, Swap: proctable.Absent,
		Voluntary: proctable.Absent, Involuntary: proctable.Absent,
	}
	for l := (procfile.Lines{Rest: b}); l.Next(); {
		key, val, found := bytes.Cut(l.Line, []byte{':'})
		if !found {
			continue
		}
		switch string(key) {
		case "Uid":
			f, _ := procfile.Field(val)
			uid, isNumber := procfile.ParseUint(f)
			s.UID, ok = uint32(uid), isNumber && uid <= math.MaxUint32
		case "RssAnon":
			kibibytes(val, &s.Anon)
		case "RssFile":
			kibibytes(val, &s.File)
		case "RssShmem":
			kibibytes(val, &s.Shmem)
		case "VmSwap":
			kibibytes(val, &s.Swap)
		case "voluntary_ctxt_switches":
			number(val, &s.Voluntary)
		case "nonvoluntary_ctxt_switches":
			number(val, &s.Involuntary)
		}
	}
	return ok
}

func number(b []byte, dst *uint64) {
	f, _ := procfile.Field(b)
	if v, ok := procfile.ParseUint(f); ok {
		*dst = v
	}
}

func kibibytes(b []byte, dst *uint64) {
	var kib uint64 = proctable.Absent
	if number(b, &kib); kib != proctable.Absent {
		*dst = mul(kib, 1024)
	}
}

// parseIO reads a /proc/PID/io into s; false when a number is missing.
func parseIO(b []byte, s *proctable.IO) bool {
	found := 0
	for l := (procfile.Lines{Rest: b}); l.Next(); {
		key, val, _ := bytes.Cut(l.Line, []byte{':'})
		var dst *uint64
		switch string(key) {
		case "syscr":
			dst = &s.ReadCalls
		case "syscw":
			dst = &s.WriteCalls
		case "read_bytes":
			dst = &s.ReadBytes
		case "write_bytes":
			dst = &s.WriteBytes
		default:
			continue
		}
		f, _ := procfile.Field(val)
		v, ok := procfile.ParseUint(f)
		if !ok {
			return false
		}
		*dst = v
		found++
	}
	return found == 4
}

var openFiles = []byte("Max open files")

// parseLimits finds the soft limit of open files in a /proc/PID/limits.
func parseLimits(b []byte) (uint64, bool) {
	for l := (procfile.Lines{Rest: b}); l.Next(); {
		rest, ok := bytes.CutPrefix(l.Line, openFiles)
		if !ok {
			continue
		}
		f, _ := procfile.Field(rest)
		if string(f) == "unlimited" {
			return proctable.Unlimited, true
		}
		return procfile.ParseUint(f)
	}
	return 0, false
}
