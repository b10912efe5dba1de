package persist

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// TestKilledBetweenTransactions fails each transaction of a long catch-up in
// turn, in each way, starts anew, and finds every row exactly once.
func TestKilledBetweenTransactions(t *testing.T) {
	h := newHost(t, midnight-2*3600)
	m := &model{}
	for range 3 * 360 {
		for _, name := range []string{"a", "b"} {
			r := sampleAt(name, h.boot)
			m.put(h.wall, r)
		}
		h.sweep(sampleAt("a", h.boot), sampleAt("b", h.boot))
		h.pass(10)
	}
	h.pass(200)
	h.watchRewrites()
	minutes := m.minutes(h.wall)
	hours := rollUp(minutes, db.Hourly, floor(h.wall, 3600))
	for mode, name := range map[int]string{1: "not begun", 2: "rolled back", 3: "committed unseen"} {
		t.Run(name, func(t *testing.T) {
			for kill := 0; ; kill++ {
				h.empty()
				h.exec(`DELETE FROM rewritten`)
				h.newPersister()
				h.p.rows = 100
				calls := 0
				h.p.do = faulty(h.d.Do, func() int {
					if calls++; calls > kill {
						return mode
					}
					return 0
				})
				err := h.p.Flush(context.Background())
				if err == nil { // it ended before it was killed
					if kill < 5 {
						t.Fatalf("only %d transactions", kill)
					}
					return
				}
				if !errors.Is(err, errInjected) {
					t.Fatal(err)
				}
				h.newPersister()
				h.flush()
				same(t, "minutes", h.table(t, db.Minute), minutes)
				same(t, "hours", h.table(t, db.Hourly), hours)
				same(t, "days", h.table(t, db.Daily), rollUp(hours, db.Daily, midnight))
				if n := h.rewritten(); n != 0 {
					t.Fatalf("killed at transaction %d: %d rows were written twice", kill, n)
				}
			}
		})
	}
}

// TestDatabaseAwayForHours loses the file for three hours; what was written
// is gone with it, the rest is caught up.
func TestDatabaseAwayForHours(t *testing.T) {
	h := newHost(t, midnight)
	h.run("a", 3600, true)
	h.d.Close()
	for range 3 {
		h.run("a", 3600, false)
		if err := h.p.Flush(context.Background()); !errors.Is(err, db.ErrUnavailable) {
			t.Fatalf("a closed database gives %v", err)
		}
	}
	st := h.p.Stats()
	if st.Backlog != 180 || !strings.Contains(st.LastError, "not available") || st.Lost != 0 {
		t.Errorf("stats while away: %+v", st)
	}
	if s := h.partState(); s.State != state.Degraded || !strings.Contains(s.Reason, "wait in memory") {
		t.Errorf("state while away: %+v", s)
	}
	h.openDB()
	h.newPersister()
	h.settle()
	if n, hours := len(h.table(t, db.Minute)), len(h.table(t, db.Hourly)); n != 240 || hours != 4 {
		t.Errorf("%d minutes and %d hours, want 240 and 4", n, hours)
	}
	if st := h.p.Stats(); st.Backlog != 0 || st.LastError != "" || st.Lost != 0 {
		t.Errorf("stats when back: %+v", st)
	}
	if s := h.partState(); s.State != state.Active {
		t.Errorf("state when back: %+v", s)
	}
}

func (h *host) partState() state.Status { return h.reg.Part(state.Database, "persist").Get() }

// TestFreshDatabase swaps the file for an empty one while the persister runs:
// ids and marks are others, and everything in memory is written again.
func TestFreshDatabase(t *testing.T) {
	h := newHost(t, midnight)
	h.run("a", 1800, true)
	h.d.Close()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(h.path + suffix)
	}
	h.openDB()
	h.p.o.DB, h.p.do, h.p.read = h.d, h.d.Do, h.d.Read
	h.run("a", 600, true)
	h.settle()
	if n := len(h.table(t, db.Minute)); n != 40 {
		t.Errorf("%d minutes in the fresh database, want 40", n)
	}
}

// TestMarkMovedMeanwhile plans for marks that another writer moves.
func TestMarkMovedMeanwhile(t *testing.T) {
	h := newHost(t, midnight)
	h.run("a", 600, false)
	do, once := h.p.do, true
	h.p.do = func(ctx context.Context, fn func(*db.Tx) error) error {
		if once {
			once = false
			if err := do(ctx, func(tx *db.Tx) error { return tx.SetMark("probe", db.Minute, midnight+300) }); err != nil {
				return err
			}
		}
		return do(ctx, fn)
	}
	h.settle()
	if n := len(h.table(t, db.Minute)); n != 5 {
		t.Errorf("%d minutes, want the 5 behind the new mark", n)
	}
}

// TestAgentDownForHours restarts without memory: the hole is told once, the
// hours around it are right, and nothing is invented.
func TestAgentDownForHours(t *testing.T) {
	h := newHost(t, midnight)
	h.run("a", 5400, true)
	h.pass(5 * 3600)
	h.startAgent()
	h.newPersister()
	h.run("a", 5400, true)
	h.settle()
	if n := len(h.table(t, db.Minute)); n != 180 {
		t.Errorf("%d minutes, want 180", n)
	}
	for k, l := range h.table(t, db.Hourly) {
		if l.n != 360 && l.n != 180 {
			t.Errorf("the hour %d has %d samples", k.t, l.n)
		}
	}
	if n := strings.Count(h.log.String(), "has a hole"); n != 1 {
		t.Errorf("the hole was told %d times: %s", n, h.log)
	}
	if lost := h.p.Stats().Lost; lost != 0 {
		t.Errorf("%d minutes are called lost, which nobody measured", lost)
	}
}

// TestLongerThanTheMemory keeps the database away until the store has
// dropped what was not written: counted, told once, and the rest is there.
func TestLongerThanTheMemory(t *testing.T) {
	h := newHost(t, midnight)
	h.run("a", 600, true)
	h.p.do = faulty(h.d.Do, func() int { return 1 })
	h.run("a", 30*3600, false)
	h.p.do = h.d.Do
	h.settle()
	oldest := h.st.Shard("probe").Oldest()
	want := (floor(oldest, 60) - (midnight + 600)) / 60
	if st := h.p.Stats(); st.Lost != uint64(want) || want < 5*60 {
		t.Errorf("%d minutes lost, want %d", st.Lost, want)
	}
	if n := strings.Count(h.log.String(), "has a hole"); n != 1 {
		t.Errorf("the hole was told %d times", n)
	}
	if n := int64(len(h.table(t, db.Minute))); n != 10+30*60-want {
		t.Errorf("%d minutes, want %d", n, 10+30*60-want)
	}
}

// TestNothingToMeasureIsNoHole lets collectors that find nothing, or that were
// switched off for longer than the memory reaches, sweep again where an extent
// of the store begins: of a reading that was not there nothing is lost.
func TestNothingToMeasureIsNoHole(t *testing.T) {
	for name, c := range map[string]struct{ rows, off int64 }{"never anything": {0, 3600}, "switched off for long": {1, 2 * 86400}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, midnight)
			for _, after := range []int64{c.off, 600} {
				w := store.NewWriter[tide](h.st, store.ShardOptions{Step: time.Minute})
				w.Begin(h.tick())
				for range c.rows {
					w.Put(&tide{Level: 1})
				}
				w.End()
				h.run("a", after, true)
			}
			if st := h.p.Stats(); st.Lost != 0 || st.Backlog > 1 || strings.Contains(h.log.String(), "has a hole") {
				t.Errorf("%d minutes lost, %d wait; told: %s", st.Lost, st.Backlog, h.log)
			}
			if n := h.number(`SELECT count(*) FROM tide_minute`); n != 2*c.rows {
				t.Errorf("%d minutes of the reading", n)
			}
		})
	}
}

// A mark that an older agent left for an empty reading makes no hole either.
func TestMarkOfAnEmptyReadingIsNoHole(t *testing.T) {
	h := newHost(t, midnight)
	if err := h.d.Do(t.Context(), func(tx *db.Tx) error { return tx.SetMark("tide", db.Minute, midnight-86400) }); err != nil {
		t.Fatal(err)
	}
	w := store.NewWriter[tide](h.st, store.ShardOptions{Step: time.Minute})
	w.Begin(h.tick())
	w.End()
	h.settle()
	if st := h.p.Stats(); st.Lost != 0 || st.Backlog != 0 || strings.Contains(h.log.String(), "has a hole") {
		t.Errorf("%+v; told: %s", st, h.log)
	}
}

// TestSlowDatabase takes smaller transactions when they take long.
func TestSlowDatabase(t *testing.T) {
	h := newHost(t, midnight)
	p := h.p
	for range 10 {
		p.adapt(p.rows, slow+1, nil)
	}
	if p.rows != minRows {
		t.Errorf("%d rows after slow transactions", p.rows)
	}
	p.adapt(3, time.Millisecond, nil)
	if p.rows != minRows {
		t.Error("a small quick transaction proves nothing")
	}
	for range 10 {
		p.adapt(p.rows, time.Millisecond, nil)
	}
	if p.rows != maxRows {
		t.Errorf("%d rows after quick transactions", p.rows)
	}
	p.adapt(400, time.Millisecond, fmt.Errorf("late: %w", context.DeadlineExceeded))
	if p.rows != 200 {
		t.Errorf("%d rows after a deadline", p.rows)
	}
}

// TestFlushEndsWithItsContext at once, also while another flush runs.
func TestFlushEndsWithItsContext(t *testing.T) {
	h := newHost(t, midnight)
	h.run("a", 600, false)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.p.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	h.p.turn <- struct{}{}
	if err := h.p.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("behind another flush: %v", err)
	}
	<-h.p.turn
	h.flush()
}
