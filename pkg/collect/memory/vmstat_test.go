package memory

import (
	"strconv"
	"strings"
	"testing"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
)

// naive reads "name value" lines the plain way. procfs does not know vmstat.
func naive(text string) map[string]uint64 {
	m := map[string]uint64{}
	for _, l := range strings.Split(text, "\n") {
		if f := strings.Fields(l); len(f) == 2 {
			if v, err := strconv.ParseUint(f[1], 10, 64); err == nil {
				m[f[0]] = v
			}
		}
	}
	return m
}

func TestVMStat(t *testing.T) {
	env := host(t, "two-socket-smt-off")
	want(t, sweep(t, NewVMStat(env), env), map[string]float64{
		"vm.paged_in_bytes": 90112233 * 1024, "vm.swapped_out_pages": 65800, "vm.major_faults": 90210, "vm.scanned_direct_pages": 99120,
		"vm.allocation_stalls": 2 + 118 + 340, "vm.oom_kills": 2, "vm.refaulted_file_pages": 20033, "vm.refaulted_anon_pages": nan, "vm.numa_miss_pages": 40411,
	})
	env = host(t, "four-node")
	want(t, sweep(t, NewVMStat(env), env), map[string]float64{"vm.allocation_stalls": 12, "vm.refaulted_file_pages": 220033, "vm.refaulted_anon_pages": 12})
}

// All lines of the table, on all hosts and the running kernel, against the
// plain way of reading them.
func TestVMStatAgreesWithNaive(t *testing.T) {
	for _, name := range append([]string{""}, goodHosts...) {
		text := read(t, "/proc/vmstat")
		if name != "" {
			text = read(t, hostsDir+name+"/proc/vmstat")
		}
		c := &VMStat{path: "vmstat"}
		must(t, c.parse([]byte(text)))
		must(t, c.faults.Err())
		sums, lines := map[*metric.Count]metric.Count{}, naive(text)
		for line, at := range vmstat {
			if v, ok := lines[line]; ok {
				sums[at(&c.r)] += metric.Count(v)
			}
		}
		if len(sums) < 20 {
			t.Errorf("%q: only %d fields known", name, len(sums))
		}
		for line, at := range vmstat {
			w, ok := sums[at(&c.r)]
			if !ok {
				w = metric.NoCount
			}
			if got := *at(&c.r); got != w {
				t.Errorf("%q %s: %d, want %d", name, line, got, w)
			}
		}
	}
}

func TestVMStatBadLines(t *testing.T) {
	env := host(t, "weird")
	fails(t, NewVMStat(env), collect.PartialOK, "vmstat:3: no number after the name (and 4 faults more)")
	want(t, at(env.Store, 1000), map[string]float64{
		"vm.paged_in_bytes": 100 * 1024, "vm.paged_out_bytes": nan, "vm.swapped_in_pages": nan, "vm.swapped_out_pages": nan,
		"vm.page_faults": nan, "vm.major_faults": nan, "vm.allocation_stalls": 5, "vm.oom_kills": 3,
	})
}

func TestSum(t *testing.T) {
	for name, c := range map[string]struct{ a, b, want metric.Count }{
		"first":    {metric.NoCount, 5, 5},
		"second":   {5, 6, 11},
		"too big":  {metric.NoCount - 6, 6, metric.NoCount},
		"just not": {metric.NoCount - 6, 5, metric.NoCount - 1},
		"zero":     {metric.NoCount, 0, 0},
	} {
		if got := sum(c.a, c.b); got != c.want {
			t.Errorf("%s: %d + %d = %d, want %d", name, c.a, c.b, got, c.want)
		}
	}
}

func FuzzVMStat(f *testing.F) {
	for _, name := range append([]string{"weird"}, goodHosts...) {
		f.Add([]byte(read(f, hostsDir+name+"/proc/vmstat")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &VMStat{path: "vmstat"}
		err := c.parse(b)
		if some := c.r != metric.Blank[reading.VMStat](); err != nil && some {
			t.Fatalf("%v, and yet there are values: %+v", err, c.r)
		}
	})
}

func FuzzMeminfo(f *testing.F) {
	for _, name := range append([]string{"weird"}, goodHosts...) {
		f.Add([]byte(read(f, hostsDir+name+"/proc/meminfo")))
		f.Add([]byte(read(f, hostsDir+name+"/sys/devices/system/node/node0/meminfo")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &Collector{path: "meminfo"}
		if c.parse(b) != nil {
			return
		}
		if p := c.r.UsedPercent; p < 0 || p > 100 || c.r.Used < 0 || c.r.SwapUsed < 0 {
			t.Fatalf("%q: %v bytes and %v %% used", b, c.r.Used, p)
		}
		n := &NUMA{}
		parseGauges(b, "meminfo", &n.faults, n.target)
	})
}
