package cgroups

import (
	"bytes"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
)

// version2 reads everything from the one directory of a group. Where a
// controller has a hierarchy of version 1 its files are not there.
func (f *files) version2() {
	f.memory2()
	f.cpu2()
	f.io2()
	f.pids()
	f.pressure()
}

// memory2 reads the memory controller of version 2 (cgroup-v2.rst, Memory
// Interface Files).
func (f *files) memory2() {
	r := f.r
	f.number("memory.current", &r.Memory)
	f.number("memory.max", &r.MemoryLimit)
	f.number("memory.high", &r.MemoryHigh)
	f.number("memory.swap.current", &r.Swap)
	f.pairs("memory.events", func(key []byte, v uint64) {
		switch string(key) {
		case "high":
			r.HighEvents = metric.Count(v)
		case "max":
			r.MaxEvents = metric.Count(v)
		case "oom":
			r.OOMEvents = metric.Count(v)
		case "oom_kill":
			r.OOMKills = metric.Count(v)
		}
	})
	f.pairs("memory.stat", func(key []byte, v uint64) {
		switch string(key) {
		case "anon":
			r.Anon = float64(v)
		case "file":
			r.File = float64(v)
		case "shmem":
			r.Shmem = float64(v)
		case "kernel": // since 5.18
			r.Kernel = float64(v)
		case "slab":
			r.Slab = float64(v)
		case "pgfault":
			r.PageFaults = metric.Count(v)
		case "pgmajfault":
			r.MajorFaults = metric.Count(v)
		}
	})
}

// cpu2 reads cpu.stat, which has the times even where the controller is off.
func (f *files) cpu2() {
	r := f.r
	f.pairs("cpu.stat", func(key []byte, v uint64) {
		switch string(key) {
		case "usage_usec":
			r.CPUUsage = metric.Count(v)
		case "user_usec":
			r.CPUUser = metric.Count(v)
		case "system_usec":
			r.CPUSystem = metric.Count(v)
		case "nr_periods":
			r.Periods = metric.Count(v)
		case "nr_throttled":
			r.Throttled = metric.Count(v)
		case "throttled_usec":
			r.ThrottledTime = metric.Count(v)
		}
	})
}

// io2 reads io.stat and adds the devices up. An empty file is a group that
// has done no I/O.
func (f *files) io2() {
	b, ok := f.get("io.stat")
	if !ok {
		return
	}
	sum, good := parseIO(b)
	if !good {
		f.bad("io.stat", `a line that is not "major:minor key=number …"`)
		return
	}
	r := f.r
	r.ReadBytes, r.WriteBytes, r.Reads, r.Writes = sum.readBytes, sum.writeBytes, sum.reads, sum.writes
}

// transfers is the I/O of all devices.
type transfers struct{ readBytes, writeBytes, reads, writes metric.Count }

// parseIO reads lines "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0".
// A device without numbers, as some kernels list, counts as none.
func parseIO(b []byte) (sum transfers, ok bool) {
	l := procfile.Lines{Rest: b}
	for l.Next() {
		field, line := procfile.Field(l.Line)
		if len(field) > 0 && bytes.IndexByte(field, ':') < 0 {
			return sum, false
		}
		for field, line = procfile.Field(line); len(field) > 0; field, line = procfile.Field(line) {
			key, value, _ := bytes.Cut(field, []byte{'='})
			dst := sum.of(key)
			if dst == nil {
				continue // discards, or what a later kernel adds
			}
			v, ok := procfile.ParseUint(value)
			if !ok {
				return sum, false
			}
			*dst += metric.Count(v)
		}
	}
	return sum, len(l.Rest) == 0
}

func (s *transfers) of(key []byte) *metric.Count {
	switch string(key) {
	case "rbytes":
		return &s.readBytes
	case "wbytes":
		return &s.writeBytes
	case "rios":
		return &s.reads
	case "wios":
		return &s.writes
	}
	return nil
}
