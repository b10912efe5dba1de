package cgroups

import (
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
)

// memory1 reads the memory controller of version 1 (cgroup-v1/memory.rst).
// Of memory.stat the total_ lines are taken, which like all of version 2
// include the groups below.
func (f *files) memory1() {
	r := f.r
	f.number("memory.usage_in_bytes", &r.Memory)
	f.number("memory.limit_in_bytes", &r.MemoryLimit)
	f.number("memory.kmem.usage_in_bytes", &r.Kernel)
	f.count("memory.failcnt", 1, &r.MaxEvents)
	f.pairs("memory.oom_control", func(key []byte, v uint64) {
		if string(key) == "oom_kill" { // since 4.13
			r.OOMKills = metric.Count(v)
		}
	})
	f.pairs("memory.stat", func(key []byte, v uint64) {
		switch string(key) {
		case "total_rss":
			r.Anon = float64(v)
		case "total_cache":
			r.File = float64(v)
		case "total_shmem":
			r.Shmem = float64(v)
		case "total_swap":
			r.Swap = float64(v)
		case "total_pgfault":
			r.PageFaults = metric.Count(v)
		case "total_pgmajfault":
			r.MajorFaults = metric.Count(v)
		}
	})
}

// cpuacct1 reads times in nanoseconds (user and system since 4.9).
func (f *files) cpuacct1() {
	f.count("cpuacct.usage", 1000, &f.r.CPUUsage)
	f.count("cpuacct.usage_user", 1000, &f.r.CPUUser)
	f.count("cpuacct.usage_sys", 1000, &f.r.CPUSystem)
}

func (f *files) cpu1() {
	r := f.r
	f.pairs("cpu.stat", func(key []byte, v uint64) {
		switch string(key) {
		case "nr_periods":
			r.Periods = metric.Count(v)
		case "nr_throttled":
			r.Throttled = metric.Count(v)
		case "throttled_time":
			r.ThrottledTime = metric.Count(v / 1000)
		}
	})
}

// blkio1 reads the counters of the throttling layer, which sees all I/O; the
// scheduler's counters see only what passes a scheduler that counts.
func (f *files) blkio1() {
	r := f.r
	f.service("blkio.throttle.io_service_bytes", &r.ReadBytes, &r.WriteBytes)
	f.service("blkio.throttle.io_serviced", &r.Reads, &r.Writes)
}

// service prefers the file that includes the groups below (since 5.4).
func (f *files) service(name string, read, write *metric.Count) {
	used := name + "_recursive"
	b, ok := f.get(used)
	if !ok {
		used = name
		b, ok = f.get(used)
	}
	if !ok {
		return
	}
	r, w, good := parseService(b)
	if !good {
		f.bad(used, `a line that is neither "major:minor Operation number" nor "Total number"`)
		return
	}
	*read, *write = r, w
}

// parseService adds up lines "8:0 Read 123".
func parseService(b []byte) (read, write metric.Count, ok bool) {
	l := procfile.Lines{Rest: b}
	for l.Next() {
		device, rest := procfile.Field(l.Line)
		if string(device) == "Total" || len(device) == 0 {
			continue
		}
		op, rest := procfile.Field(rest)
		value, _ := procfile.Field(rest)
		v, isNumber := procfile.ParseUint(value)
		if !isNumber {
			return 0, 0, false
		}
		switch string(op) {
		case "Read":
			read += metric.Count(v)
		case "Write":
			write += metric.Count(v)
		}
	}
	return read, write, len(l.Rest) == 0
}
