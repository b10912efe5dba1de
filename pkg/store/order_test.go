package store

import (
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sysops-agent/pkg/metric"
)

// at installs a hook for all fail points until the test ends. While the hook
// runs, fail points that it passes itself are silent.
func at(t testing.TB, f func(name string)) {
	t.Helper()
	var busy atomic.Bool
	hook := func(name string) {
		if busy.CompareAndSwap(false, true) {
			f(name)
			busy.Store(false)
		}
	}
	failpoints.Store(&hook)
	t.Cleanup(func() { failpoints.Store(nil) })
}

// ledger writes rows whose size field counts the sweeps, and knows which
// sample must be where.
type ledger struct {
	t    testing.TB
	st   *Store
	w    *Writer[sample]
	now  int64
	skew int64 // wall − boot, seconds
	want map[string][]int64

	writing string             // the row whose last sample may be there or not
	hidden  map[string][]int64 // what was there before the clock was set back
}

const ledgerStep = 10

func newLedger(t testing.TB, o Options) *ledger {
	st := open(t, o)
	return &ledger{
		t: t, st: st, w: NewWriter[sample](st, ShardOptions{Step: ledgerStep * time.Second}),
		now: 1_700_000_000 - 1_700_000_000%(bigSlots*ledgerStep), want: map[string][]int64{}, hidden: map[string][]int64{},
	}
}

// sweep writes the next slot of the rows.
func (l *ledger) sweep(names ...string) {
	tick := At(l.now)
	tick.Wall = tick.Wall.Add(time.Duration(l.skew) * time.Second)
	l.w.Begin(tick)
	for _, n := range names {
		r := metric.Blank[sample]()
		r.Name, r.Size = n, float64(len(l.want[n]))
		t := l.now + l.skew
		l.want[n] = append(l.want[n], t)
		l.writing = n
		l.w.Put(&r)
		l.writing = ""
	}
	l.w.End()
	l.now += ledgerStep
}

// back sets the clock back: once there is a sample, what was written since is
// no longer read.
func (l *ledger) back(seconds int64, names ...string) {
	l.skew -= seconds
	for _, n := range names {
		l.hidden[n] = slices.Clone(l.want[n])
		l.want[n] = slices.DeleteFunc(l.want[n], func(t int64) bool { return t >= l.now+l.skew })
	}
}

// read finds the samples of all rows of that name.
func (l *ledger) read(name string) (got []int64) {
	sh := l.st.Shard("sample")
	seen := map[uint32]bool{}
	for _, r := range slices.Concat(sh.Rows(), sh.Departed(0, forever)) {
		if r.values[0] == name && !seen[r.id] {
			seen[r.id] = true
			var p Points
			r.Read(fSize, 0, forever, &p)
			got = append(got, p.T...)
		}
	}
	return got
}

// differ says how samples differ from those that must be there before and
// after something happened; "" when they are in between.
func differ(got, before, after []int64) string {
	must := slices.DeleteFunc(slices.Clone(before), func(t int64) bool { return !slices.Contains(after, t) })
	return outside(got, must, slices.Concat(before, after))
}

// outside says whether samples lack one that must be there or have one that
// may not.
func outside(got, must, may []int64) string {
	if !slices.IsSorted(got) {
		return fmt.Sprintf("not ascending: %v", got)
	}
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		return fmt.Sprintf("something twice: %v", got)
	}
	for _, t := range must {
		if !slices.Contains(got, t) {
			return fmt.Sprintf("%d is missing; %d samples of %d to %d", t, len(got), len(must), len(may))
		}
	}
	for _, t := range got {
		if !slices.Contains(may, t) {
			return fmt.Sprintf("%d should not be there", t)
		}
	}
	return ""
}

// TestReaderAtEveryPoint lets a reader run between each two steps of
// everything that a writer publishes.
func TestReaderAtEveryPoint(t *testing.T) {
	l := newLedger(t, Options{})
	hit := map[string]int{}
	names := []string{"a", "b", "c"}
	at(t, func(point string) {
		hit[point]++
		if hit[point] > 40 && len(l.want["a"])%29 > 1 {
			return // the same again: enough
		}
		for _, n := range names {
			want := l.want[n]
			must, may := want, want
			if n == l.writing {
				must = want[:len(want)-1]
			}
			if hit["epoch.cut"] == 0 {
				may = slices.Concat(want, l.hidden[n])
			}
			if d := outside(l.read(n), must, may); d != "" {
				t.Fatalf("at %s, slot %d, row %q: %s", point, (l.now-ledgerStep)/ledgerStep, n, d)
			}
		}
	})
	for range 2*bigSlots + 10 {
		l.sweep("a", "b")
	}
	l.sweep("a", "b", "c")
	for range 100 { // c leaves
		l.sweep("a", "b")
	}
	l.back(500, names...)
	hit["epoch.cut"] = 0 // the first epoch's
	for range bigSlots {
		l.sweep("a", "b")
	}
	for _, p := range []string{
		"open.published", "write.head", "write.filled", "write.published", "seal.encoded", "seal.published",
		"seal.forgotten", "merge.queued", "merge.published", "epoch.cut", "leave.published",
	} {
		if hit[p] == 0 {
			t.Errorf("fail point %s was never passed", p)
		}
	}
}

// TestWriterWhileReading lets a writer run between the loads of a reader:
// within an extent, over the end of a small and a big one, over a clock step,
// and while a row leaves.
func TestWriterWhileReading(t *testing.T) {
	for _, before := range []int{1, 5, smallSlots - 1, smallSlots, bigSlots - 1, bigSlots, bigSlots + 7} {
		for _, during := range []int{1, 2, smallSlots, bigSlots, 2 * bigSlots} {
			t.Run(fmt.Sprintf("%d then %d", before, during), func(t *testing.T) {
				l := newLedger(t, Options{})
				for range before {
					l.sweep("a", "b")
				}
				l.during(t, "read.between", func() {
					for range during {
						l.sweep("a", "b")
					}
				}, "a", "b")
			})
		}
	}
	t.Run("clock step", func(t *testing.T) {
		l := newLedger(t, Options{})
		for range 50 {
			l.sweep("a")
		}
		got := l.readDuring(t, "read.between", "a", func() {
			l.back(200, "a")
			l.sweep("a")
		})
		// The old sample of the new one's time is hidden already.
		want := l.want["a"]
		if d := outside(got, want[:len(want)-1], slices.Concat(want, l.hidden["a"])); d != "" {
			t.Error(d)
		}
	})
	for _, point := range []string{"read.between", "departed.between"} {
		t.Run("row leaves at "+point, func(t *testing.T) {
			l := newLedger(t, Options{})
			for range 10 {
				l.sweep("a", "b")
			}
			for range 85 {
				l.sweep("a")
			}
			for i := range 40 { // at one of these b leaves, at another its block is sealed
				l.during(t, point, func() { l.sweep("a") }, "a", "b")
				if i == 39 && len(l.st.Shard("sample").Rows()) != 1 {
					t.Error("b has not left")
				}
			}
		})
	}
}

// during checks what is read while f happens at a fail point.
func (l *ledger) during(t *testing.T, point string, f func(), names ...string) {
	for _, n := range names {
		before := slices.Clone(l.want[n])
		got := l.readDuring(t, point, n, f)
		if d := differ(got, before, l.want[n]); d != "" {
			t.Errorf("row %q: %s", n, d)
		}
	}
}

func (l *ledger) readDuring(t *testing.T, point, name string, f func()) []int64 {
	done := false
	at(t, func(p string) {
		if p == point && !done {
			done = true
			f()
		}
	})
	got := l.read(name)
	failpoints.Store(nil)
	if !done {
		t.Fatalf("fail point %s was never passed", point)
	}
	return got
}

// TestWriterDuringSnapshot lets a writer run while the journal's goroutine
// makes a snapshot, and then kills the store: at once when the old journals
// are removed, and later.
func TestWriterDuringSnapshot(t *testing.T) {
	for _, before := range []int{1, smallSlots - 1, smallSlots + 3, bigSlots - 1, bigSlots + 50} {
		for _, during := range []int{1, smallSlots, bigSlots, 2*bigSlots + 5} {
			bubble(t, fmt.Sprintf("%d then %d", before, during), func(t *testing.T) {
				l := newLedger(t, Options{Dir: fastDir(t)})
				for range before {
					l.sweep("a", "b")
				}
				synctest.Wait()
				done := false
				early := fastDir(t)
				before := map[string][]int64{"a": slices.Clone(l.want["a"]), "b": slices.Clone(l.want["b"])}
				at(t, func(p string) {
					switch {
					case p == "snapshot.between" && !done:
						done = true
						for range during {
							l.sweep("a", "b")
						}
					case p == "rotate.removed":
						if err := os.CopyFS(early, os.DirFS(l.st.opt.Dir)); err != nil {
							t.Error(err)
						}
					}
				})
				l.st.disk.since = time.Time{} // old enough for a snapshot
				l.st.disk.nudge()
				synctest.Wait()
				failpoints.Store(nil)
				if !done {
					t.Fatal("no snapshot was made")
				}
				later := &ledger{st: open(t, Options{Dir: killed(t, l.st)})}
				atOnce := &ledger{st: open(t, Options{Dir: early})}
				for _, n := range []string{"a", "b"} {
					if diff := outside(later.read(n), l.want[n], l.want[n]); diff != "" {
						t.Errorf("row %q: %s", n, diff)
					}
					if diff := outside(atOnce.read(n), before[n], l.want[n]); diff != "" {
						t.Errorf("row %q, killed at once: %s", n, diff)
					}
				}
			})
		}
	}
}
