package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/prometheus/procfs"

	"sysops-agent/pkg/store"
)

// synthetic makes a /proc of n processes that look like the nginx of small-vm.
func synthetic(t testing.TB, n int) string {
	t.Helper()
	dir := memoryDir(t)
	for _, file := range []string{"stat", "status", "io", "limits", "cgroup"} {
		b, err := os.ReadFile(filepath.Join(hosts, "small-vm/proc/980", file))
		if err != nil {
			t.Fatal(err)
		}
		for pid := 1; pid <= n; pid++ {
			c := bytes.Replace(b, []byte("980 ("), []byte(strconv.Itoa(pid)+" ("), 1)
			write(t, filepath.Join(dir, strconv.Itoa(pid), file), string(c))
		}
	}
	for pid := 1; pid <= n; pid++ {
		write(t, filepath.Join(dir, strconv.Itoa(pid), "fd/0"), "")
	}
	return dir
}

// memoryDir is a temporary directory in memory where the host has one: like
// procfs, and quicker to fill than a disk.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sysops-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestSteadySweepDoesNotAllocate: what a sweep allocates must not grow with
// the number of processes.
func TestSteadySweepDoesNotAllocate(t *testing.T) {
	allocs := func(n int) float64 {
		r := newRig(t, synthetic(t, n), Options{TopN: 5})
		for range 12 { // until every buffer has its size and every group is known
			r.sweep()
		}
		return testing.AllocsPerRun(10, r.sweep)
	}
	few, many := allocs(50), allocs(250)
	t.Logf("%g allocations with 50 processes, %g with 250", few, many)
	if many-few > 10 {
		t.Errorf("200 processes more cost %g allocations more", many-few)
	}
}

// sides runs our sweep and procfs reading the same files side by side, so that
// the ratio stands in one run.
func sides(b *testing.B, proc string) {
	ours := newRig(b, proc, Options{TopN: 20})
	for range 3 {
		ours.sweep()
	}
	n := float64(len(ours.c.pids))
	b.Run("sweep", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ours.sweep()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/process")
	})
	b.Run("all-details", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ours.c.begin()
			if err := ours.c.tree.open(); err != nil {
				b.Fatal(err)
			}
			ours.now += step
			t := store.At(ours.now)
			ours.table.Begin(t.Wall, t.Boot)
			for _, p := range ours.table.List(nil, 0, 0) {
				if !p.Kernel {
					ours.c.detail(p.ID)
				}
			}
			ours.table.Abort()
			ours.c.tree.close()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/process")
	})
	b.Run("procfs-all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := procfsSweep(proc, true); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/process")
	})
	b.Run("procfs-stat-fds", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := procfsSweep(proc, false); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/process")
	})
}

// procfsSweep reads the same with prometheus/procfs; what ended is left out.
func procfsSweep(root string, all bool) error {
	fs, err := procfs.NewFS(root)
	if err != nil {
		return err
	}
	procs, err := fs.AllProcs()
	if err != nil {
		return err
	}
	for _, p := range procs {
		_, _ = p.Stat()
		_, _ = p.FileDescriptorsLen()
		if all {
			_, _ = p.NewStatus()
			_, _ = p.IO()
			_, _ = p.Limits()
			_, _ = p.Cgroups()
		}
	}
	return nil
}

func BenchmarkSynthetic(b *testing.B) {
	for _, n := range []int{200, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { sides(b, synthetic(b, n)) })
	}
}

func BenchmarkThisHost(b *testing.B) { sides(b, "/proc") }

func BenchmarkParseStat(b *testing.B) {
	r := newRig(b, hosts+"small-vm/proc", Options{})
	r.sweep()
	if err := r.c.tree.open(); err != nil {
		b.Fatal(err)
	}
	defer r.c.tree.close()
	line, err := r.c.tree.stat(412)
	if err != nil {
		b.Fatal(err)
	}
	s := r.live(412).Sample
	for b.Loop() {
		parseStat(line, 412, r.c.units, &s)
	}
	_ = r.c.Collect(context.Background(), store.At(t0))
}
