package proctable

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

const crowd = 20_000

// filled returns a table of n processes that were all seen for an hour.
func filled(n, sweeps int) *Table {
	t := New(Options{})
	for i := range sweeps {
		look(t, n, time.Hour+time.Duration(i)*time.Minute)
	}
	return t
}

func look(t *Table, n int, boot time.Duration) {
	s := Sample{Parts: HasFDs | HasStatus | HasIO | HasLimits | HasCgroup, Cgroup: "/system.slice/x.service"}
	s.Name = NameOf([]byte("crowd"))
	t.Begin(epoch.Add(boot), boot)
	for pid := range uint32(n) {
		s.PID, s.FDs, s.RSS, s.CPUUser = pid, pid, uint64(pid)<<12, uint64(boot/time.Microsecond)
		t.Observe(&s)
	}
	t.End()
}

func heapOf(build func() *Table) (float64, *Table) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	t := build()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return float64(after.HeapAlloc) - float64(before.HeapAlloc), t
}

// TestMemory holds the table to its promise of about 1 KB a process.
func TestMemory(t *testing.T) {
	b, tab := heapOf(func() *Table { return filled(crowd, 3) })
	per := b / crowd
	t.Logf("%.0f bytes a process", per)
	if per > 1200 {
		t.Errorf("%.0f bytes a process, want about 1 KB", per)
	}
	runtime.KeepAlive(tab)
}

func TestObserveDoesNotAllocate(t *testing.T) {
	tab := filled(1000, 2)
	boot := 3 * time.Hour
	if n := testing.AllocsPerRun(20, func() {
		boot += 30 * time.Second
		look(tab, 1000, boot)
	}); n > 0 {
		t.Errorf("a sweep over known processes allocates %g times", n)
	}
}

// TestReadersBesideTheSweep is for the race detector: what a reader copies is
// always one whole observation.
func TestReadersBesideTheSweep(t *testing.T) {
	tab := filled(200, 1)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, p := range tab.List(nil, ByRSS, 10) {
					if p.RSS != uint64(p.PID)<<12 || p.FDs != p.PID {
						t.Errorf("torn: %+v", p)
						return
					}
					tab.History(nil, p.ID)
				}
				tab.Totals()
				tab.Stats()
				tab.Dead(nil)
			}
		})
	}
	for i := range 100 {
		look(tab, 200-i, 2*time.Hour+time.Duration(i)*30*time.Second)
	}
	close(stop)
	wg.Wait()
}

func BenchmarkMemory(b *testing.B) {
	for range b.N {
		n, tab := heapOf(func() *Table { return filled(crowd, 61) })
		b.ReportMetric(n/crowd, "B/process")
		runtime.KeepAlive(tab)
	}
}

func BenchmarkSweep(b *testing.B) {
	tab := filled(crowd, 2)
	boot := 3 * time.Hour
	b.ReportAllocs()
	for b.Loop() {
		boot += 30 * time.Second
		look(tab, crowd, boot)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/crowd, "ns/process")
}

func BenchmarkList(b *testing.B) {
	tab := filled(crowd, 2)
	var dst []Process
	b.ReportAllocs()
	for b.Loop() {
		dst = tab.List(dst[:0], ByRSS, 50)
	}
}

// TestChurn: 20,000 processes come and go with every sweep. What the table
// holds stays within its bounds, and what it lets go is counted.
func TestChurn(t *testing.T) {
	const sweeps = 10
	heap, tab := heapOf(func() *Table {
		tab := New(Options{})
		s := Sample{Parts: HasFDs}
		for i := range uint64(sweeps) {
			boot := time.Hour + time.Duration(i)*30*time.Second
			tab.Begin(epoch.Add(boot), boot)
			for pid := range uint32(crowd) {
				s.PID, s.Start = pid, 1+i
				tab.Observe(&s)
			}
			tab.End()
		}
		return tab
	})
	st := tab.Stats()
	if st.Live != crowd || st.Dead != DefaultMaxDead || st.Exited != (sweeps-1)*crowd || st.Evicted != st.Exited-DefaultMaxDead {
		t.Errorf("%+v", st)
	}
	if per := heap / (crowd + DefaultMaxDead); per > 1300 {
		t.Errorf("%.0f bytes a process after the churn, want no growth", per)
	}
}
