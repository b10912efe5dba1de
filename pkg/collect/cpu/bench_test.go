package cpu

import (
	"context"
	"testing"

	"github.com/prometheus/procfs"

	"sysops-agent/pkg/store"
)

// bigHost is a host of 256 CPUs, all of them on socket 0. next collects once;
// the counters move because the previous sweep is moved back: writing the file
// anew would cost more than what is measured.
func bigHost(tb testing.TB) (c *Collector, next func()) {
	env := host(tb, "")
	write(tb, env.Proc+"/loadavg", "0.00 0.19 0.21 1/89 11241\n")
	replace(tb, env, 256, ticks{user: 123456, system: 45678, idle: 98765432, iowait: 4321, softirq: 765})
	c = New(env)
	second := int64(1190)
	next = func() {
		for i := range c.prev.cores {
			c.prev.cores[i].t[user] -= 400
			c.prev.cores[i].t[idle] -= 600
		}
		second += 10
		if err := c.Collect(context.Background(), store.At(second)); err != nil {
			tb.Fatal(err)
		}
	}
	return c, next
}

// Sweeps 92 to 119 lie in one block of the store, whose heads have long grown
// to their full size. What is then left is one copy of the path for each open.
func TestCollectAllocatesNothing(t *testing.T) {
	c, next := bigHost(t)
	for range 92 {
		next()
	}
	if n := testing.AllocsPerRun(20, next); n > 2 {
		t.Errorf("%.0f allocations a sweep of 256 CPUs", n)
	}
	want(t, at(c.env.Store, 1190+10*113), map[string]float64{"cpu.core_usage_percent{255}": 40, "cpu.socket_usage_percent{0}": 40, "cpu.total_percent": 40})
}

func BenchmarkParse256(b *testing.B) {
	c, next := bigHost(b)
	next()
	text := []byte(read(b, c.cur.path))
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := c.cur.parse(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkStat256 reads and parses /proc/stat of 256 CPUs.
func BenchmarkStat256(b *testing.B) {
	c, next := bigHost(b)
	next()
	ours := func() {
		text, err := c.file.Read(c.cur.path)
		if err == nil {
			err = c.cur.parse(text)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	fs, err := procfs.NewFS(c.env.Proc)
	if err != nil {
		b.Fatal(err)
	}
	theirs := func() {
		if _, err := fs.Stat(); err != nil {
			b.Fatal(err)
		}
	}
	compare(b, ours, theirs)
}

// compare runs both side by side and reports how many times faster ours is.
func compare(b *testing.B, ours, theirs func()) {
	var a, z float64
	b.Run("ours", func(b *testing.B) { a = each(b, ours) })
	b.Run("procfs", func(b *testing.B) {
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

// BenchmarkCollect is one sweep of this host, with all files.
func BenchmarkCollect(b *testing.B) {
	env := host(b, "")
	env.Proc, env.Sys = "/proc", "/sys"
	c := New(env)
	second := int64(1200)
	b.ReportAllocs()
	for b.Loop() {
		second += 10
		if err := c.Collect(context.Background(), store.At(second)); err != nil {
			b.Fatal(err)
		}
	}
}
