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

// files reads the files of one group after the other.
type files struct {
	layout *cgroup.Layout
	reader procfile.Reader
	faults *procfile.Faults
	r      *reading.Cgroup
	any    bool // something was read of the group
}

// read fills in what the files of the group tell; false when the group is
// gone. A file that is not there leaves its fields absent: its controller is
// not enabled for the group, or the kernel is older than the file.
func (f *files) read(path string, r *reading.Cgroup, faults *procfile.Faults) bool {
	f.r, f.faults, f.any = r, faults, false
	for _, c := range []struct {
		controller string
		v1, v2     func(dir string)
	}{
		{"memory", f.memory1, f.memory2},
		{"cpuacct", f.cpuacct1, f.cpu2},
		{"cpu", f.cpu1, nil},
		{"blkio", f.blkio1, f.io2},
		{"pids", f.pids, f.pids},
	} {
		dir, ok := f.layout.Dir(c.controller, path)
		switch {
		case !ok:
		case f.layout.V1(c.controller):
			c.v1(dir)
		case c.v2 != nil:
			c.v2(dir)
		}
	}
	if dir, ok := f.layout.UnifiedDir(path); ok {
		f.pressure(dir)
	}
	return f.any
}

// get reads one file.
func (f *files) get(dir, name string) ([]byte, bool) {
	b, err := f.reader.Read(filepath.Join(dir, name))
	switch {
	case err == nil:
		f.any = true
		return b, true
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.EOPNOTSUPP):
		return nil, false // removed before or while it was read, or PSI is off
	default:
		f.faults.Add(err)
		return nil, false
	}
}

// bad notes a file that is not what it should be.
func (f *files) bad(dir, name, reason string) {
	f.faults.Line(filepath.Join(dir, name), 0, reason)
}

// unlimited is what version 1 says instead of "max": the greatest multiple of
// a page below 2^63.
const unlimited = 1 << 62

// number reads a file with one number; NaN for "max" and for version 1's
// number of the same meaning.
func (f *files) number(dir, name string, dst *float64) {
	b, ok := f.get(dir, name)
	if !ok {
		return
	}
	b = bytes.TrimSpace(b)
	if string(b) == "max" {
		return
	}
	v, ok := procfile.ParseUint(b)
	if !ok {
		f.bad(dir, name, "neither a number nor max")
		return
	}
	if v < unlimited {
		*dst = float64(v)
	}
}

// count reads a file with one counter, in units of which each is worth
// 1/divide of ours.
func (f *files) count(dir, name string, divide uint64, dst *metric.Count) {
	b, ok := f.get(dir, name)
	if !ok {
		return
	}
	v, ok := procfile.ParseUint(bytes.TrimSpace(b))
	if !ok {
		f.bad(dir, name, "not a number")
		return
	}
	*dst = metric.Count(v / divide)
}

// pairs reads a file of lines "key number" and calls set for each.
func (f *files) pairs(dir, name string, set func(key []byte, v uint64)) {
	b, ok := f.get(dir, name)
	if !ok {
		return
	}
	if parsePairs(b, set) == 0 && len(b) > 0 {
		f.bad(dir, name, `no line of the form "key number"`)
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

func (f *files) pids(dir string) {
	f.number(dir, "pids.current", &f.r.PIDs)
	f.number(dir, "pids.max", &f.r.PIDLimit)
}

// pressure reads the three PSI files, which only version 2 has.
func (f *files) pressure(dir string) {
	r := f.r
	f.psi(dir, "cpu.pressure", &r.CPUSome, &r.CPUFull, &r.CPUSomeTime, &r.CPUFullTime)
	f.psi(dir, "memory.pressure", &r.MemorySome, &r.MemoryFull, &r.MemorySomeTime, &r.MemoryFullTime)
	f.psi(dir, "io.pressure", &r.IOSome, &r.IOFull, &r.IOSomeTime, &r.IOFullTime)
}

func (f *files) psi(dir, name string, some, full *float64, someTime, fullTime *metric.Count) {
	b, ok := f.get(dir, name)
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
		f.bad(dir, name, `no line "some avg10=… total=…"`)
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
