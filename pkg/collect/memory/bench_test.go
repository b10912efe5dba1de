package memory

import (
	"context"
	"strings"
	"testing"

	"github.com/prometheus/procfs"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Sweeps 92 to 119 lie in one block of the store, whose heads have long grown
// to their full size. What is then left is one copy of the path for each open.
func TestCollectAllocatesNothing(t *testing.T) {
	env := host(t, "four-node")
	for name, opens := range map[string]float64{"memory": 1, "vmstat": 1, "numa": 1 + 4*2 + 4*2*3, "psi": 4} {
		c := all(env)[name]
		second := int64(1190)
		next := func() {
			second += 10
			if err := c.Collect(context.Background(), store.At(second)); err != nil {
				t.Fatal(err)
			}
		}
		for range 92 {
			next()
		}
		if n := testing.AllocsPerRun(20, next); n > opens {
			t.Errorf("%s: %.0f allocations a sweep", name, n)
		}
	}
}

// BenchmarkMeminfo parses /proc/meminfo of a 5.4 kernel.
func BenchmarkMeminfo(b *testing.B) {
	env := host(b, "two-socket-smt-off")
	c := New(env)
	fs, err := procfs.NewFS(env.Proc)
	must(b, err)
	ours := func() {
		text, err := c.file.Read(c.path)
		must(b, err)
		must(b, c.parse(text))
	}
	theirs := func() {
		_, err := fs.Meminfo()
		must(b, err)
	}
	compare(b, ours, theirs)
}

// BenchmarkPressure reads and parses one file of /proc/pressure.
func BenchmarkPressure(b *testing.B) {
	env := host(b, "four-node")
	fs, err := procfs.NewFS(env.Proc)
	must(b, err)
	p := NewPressure(env)
	ours := func() {
		text, err := p.file.Read(p.resources[1].path)
		must(b, err)
		r := metric.Blank[reading.Pressure]()
		var faults procfile.Faults
		if !parsePressure(text, "memory", &faults, &r) {
			b.Fatal(faults.Err())
		}
	}
	theirs := func() {
		_, err := fs.PSIStatsForResource("memory")
		must(b, err)
	}
	compare(b, ours, theirs)
}

// BenchmarkVMStat parses this kernel's vmstat; procfs does not know the file,
// so the plain way of reading it stands in.
func BenchmarkVMStat(b *testing.B) {
	text := read(b, "/proc/vmstat")
	c := &VMStat{path: "vmstat"}
	raw := []byte(text)
	compare(b, func() { must(b, c.parse(raw)) }, func() {
		if len(naive(text)) == 0 {
			b.Fatal("nothing read")
		}
	})
	b.Logf("%d lines", strings.Count(text, "\n"))
}

// BenchmarkCollect is one sweep of this host for each collector that it has.
func BenchmarkCollect(b *testing.B) {
	env := host(b, "")
	env.Proc, env.Sys = "/proc", "/sys"
	for name, c := range all(env) {
		second := int64(1200)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				second += 10
				if err := c.Collect(context.Background(), store.At(second)); err != nil {
					b.Skipf("this host has none: %v", err)
				}
			}
		})
	}
}

// compare runs both side by side and reports how many times faster ours is.
func compare(b *testing.B, ours, theirs func()) {
	var a, z float64
	b.Run("ours", func(b *testing.B) { a = each(b, ours) })
	b.Run("theirs", func(b *testing.B) {
		z = each(b, theirs)
		b.ReportMetric(z/a, "times-ours")
	})
}

func each(b *testing.B, f func()) float64 {
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
	return float64(b.Elapsed().Nanoseconds()) / float64(b.N)
}
