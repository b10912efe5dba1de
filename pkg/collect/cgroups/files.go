package cgroups

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"path/filepath"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/cgroup"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
)

// dirs are the directories of one group, each ending in a NUL for the kernel;
// nil where the group has none.
type dirs struct{ memory, cpuacct, cpu, blkio, pids, unified []byte }

// dirsOf finds the directories of a group once: the files of a controller with a
// hierarchy of its own are there, all others in the unified one.
func dirsOf(l *cgroup.Layout, path string) dirs {
	v1 := func(controller string) []byte {
		if dir, ok := l.Dir(controller, path); ok && l.V1(controller) {
			return append([]byte(dir), 0)
		}
		return nil
	}
	d := dirs{memory: v1("memory"), cpuacct: v1("cpuacct"), cpu: v1("cpu"), blkio: v1("blkio"), pids: v1("pids")}
	if dir, ok := l.UnifiedDir(path); ok {
		d.unified = append([]byte(dir), 0)
	}
	return d
}

// files reads the files of one group after the other.
type files struct {
	reader procfile.Reader
	faults *procfile.Faults
	r      *reading.Cgroup
	any    bool   // something was read of the group
	path   []byte // of the open directory
	dir    int
}

// read fills in what the files of the group tell; false when the group is
// gone. A file that is not there leaves its fields absent: its controller is
// not enabled for the group, or the kernel is older than the file.
func (f *files) read(d dirs, r *reading.Cgroup, faults *procfile.Faults) bool {
	f.r, f.faults, f.any = r, faults, false
	f.in(d.unified, f.version2)
	f.in(d.memory, f.memory1)
	f.in(d.cpuacct, f.cpuacct1)
	f.in(d.cpu, f.cpu1)
	f.in(d.blkio, f.blkio1)
	f.in(d.pids, f.pids)
	return f.any
}

// in opens a directory for what is to be read there.
func (f *files) in(path []byte, read func()) {
	if path == nil {
		return
	}
	dir, err := procfile.OpenAt(unix.AT_FDCWD, path, unix.O_PATH|unix.O_DIRECTORY)
	f.path, f.dir = path[:len(path)-1], dir
	switch {
	case err == nil:
		read()
		_ = unix.Close(dir)
	case !gone(err):
		f.faults.Add(pathError(string(f.path), "", err))
	}
}

// gone reports whether the group or file does not exist, was removed while it
// was read, or cannot be had from this kernel (PSI switched off).
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EOPNOTSUPP)
}

func pathError(dir, name string, err error) error {
	return &fs.PathError{Op: "read", Path: filepath.Join(dir, name), Err: err}
}

// get reads one file.
func (f *files) get(name string) ([]byte, bool) {
	b, err := f.reader.ReadAt(f.dir, name)
	switch {
	case err == nil:
		f.any = true
		return b, true
	case !gone(err):
		f.faults.Add(pathError(string(f.path), name, err))
	}
	return nil, false
}

// bad notes a file that is not what it should be.
func (f *files) bad(name, reason string) {
	f.faults.Line(filepath.Join(string(f.path), name), 0, reason)
}

// unlimited is what version 1 says instead of "max": the greatest multiple of
// a page below 2^63.
const unlimited = 1 << 62

// number reads a file with one number; NaN for "max" and for version 1's
// number of the same meaning.
func (f *files) number(name string, dst *float64) {
	b, ok := f.get(name)
	if !ok {
		return
	}
	b = bytes.TrimSpace(b)
	if string(b) == "max" {
		return
	}
	v, ok := procfile.ParseUint(b)
	if !ok {
		f.bad(name, "neither a number nor max")
		return
	}
	if v < unlimited {
		*dst = float64(v)
	}
}

// count reads a file with one counter, in units of which each is worth
// 1/divide of ours.
func (f *files) count(name string, divide uint64, dst *metric.Count) {
	b, ok := f.get(name)
	if !ok {
		return
	}
	v, ok := procfile.ParseUint(bytes.TrimSpace(b))
	if !ok {
		f.bad(name, "not a number")
		return
	}
	*dst = metric.Count(v / divide)
}

// pairs reads a file of lines "key number" and calls set for each.
func (f *files) pairs(name string, set func(key []byte, v uint64)) {
	b, ok := f.get(name)
	if !ok {
		return
	}
	if parsePairs(b, set) == 0 && len(b) > 0 {
		f.bad(name, `no line of the form "key number"`)
	}
}

// parsePairs returns the number of lines that are as they should be.
func parsePairs(b []byte, set func(key []byte, v uint64)) (good int) {
	for l := (procfile.Lines{Rest: b}); l.Next(); {
		key, rest := procfile.Field(l.Line)
		value, _ := procfile.Field(rest)
		if v, ok := procfile.ParseUint(value); ok {
			good++
			set(key, v)
		}
	}
	return good
}

func (f *files) pids() {
	f.number("pids.current", &f.r.PIDs)
	f.number("pids.max", &f.r.PIDLimit)
}

// pressure reads the three PSI files, which only version 2 has.
func (f *files) pressure() {
	r := f.r
	f.psi("cpu.pressure", &r.CPUSome, &r.CPUFull, &r.CPUSomeTime, &r.CPUFullTime)
	f.psi("memory.pressure", &r.MemorySome, &r.MemoryFull, &r.MemorySomeTime, &r.MemoryFullTime)
	f.psi("io.pressure", &r.IOSome, &r.IOFull, &r.IOSomeTime, &r.IOFullTime)
}

func (f *files) psi(name string, some, full *float64, someTime, fullTime *metric.Count) {
	b, ok := f.get(name)
	if !ok {
		return
	}
	n := 0
	for l := (procfile.Lines{Rest: b}); l.Next(); {
		kind, rest := procfile.Field(l.Line)
		avg, total, ok := parsePressure(rest)
		switch {
		case ok && string(kind) == "some":
			*some, *someTime = avg, metric.Count(total)
			n++
		case ok && string(kind) == "full":
			*full, *fullTime = avg, metric.Count(total)
			n++
		}
	}
	if n == 0 {
		f.bad(name, `no line "some avg10=… total=…"`)
	}
}

// parsePressure reads "avg10=0.12 avg60=… avg300=… total=34".
func parsePressure(b []byte) (avg10 float64, total uint64, ok bool) {
	avg10 = math.NaN()
	for {
		var field []byte
		if field, b = procfile.Field(b); len(field) == 0 {
			return avg10, total, false
		}
		key, value, _ := bytes.Cut(field, []byte{'='})
		switch string(key) {
		case "avg10":
			if avg10, ok = procfile.ParseFloat(value); !ok {
				return math.NaN(), 0, false
			}
		case "total":
			total, ok = procfile.ParseUint(value)
			return avg10, total, ok && !math.IsNaN(avg10)
		}
	}
}
