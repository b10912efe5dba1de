package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// fake is a collector made of a function of its run number, from 1.
type fake struct {
	n      atomic.Int64
	f      func(ctx context.Context, n int) error
	closed atomic.Bool
}

func (c *fake) Collect(ctx context.Context, _ store.Tick) error {
	return c.f(ctx, int(c.n.Add(1)))
}

func (c *fake) Close() error {
	c.closed.Store(true)
	return nil
}

func source(name string, interval time.Duration, c *fake) Source {
	return Source{Name: name, Enabled: true, Interval: interval, New: func(Env) (Collector, error) { return c, nil }}
}

// bench is a runner on synctest's clock.
func bench(t *testing.T) (*Runner, *state.Registry) {
	t.Helper()
	reg := state.New()
	r := NewRunner(Env{Log: zerolog.Nop()}, reg)
	start := time.Now()
	r.now = func() store.Tick { return store.Tick{Wall: time.Now(), Boot: time.Since(start)} }
	return r, reg
}

func status(t *testing.T, reg *state.Registry, name string) state.Status {
	t.Helper()
	for _, s := range reg.All() {
		if s.Kind == state.Collector && s.Name == name {
			return s
		}
	}
	t.Fatalf("no collector %q", name)
	return state.Status{}
}

func TestOneFailingHangingOrPanickingNeverTouchesAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, reg := bench(t)
		release := make(chan struct{})
		good := &fake{f: func(context.Context, int) error { return nil }}
		bad := &fake{f: func(context.Context, int) error { return errors.New("no such luck") }}
		wild := &fake{f: func(context.Context, int) error { panic("wild") }}
		hung := &fake{f: func(context.Context, int) error { <-release; return nil }}
		r.Apply(t.Context(), []Source{
			source("good", 10*time.Second, good), source("bad", 10*time.Second, bad),
			source("wild", 10*time.Second, wild), source("hung", 10*time.Second, hung),
		})
		time.Sleep(44 * time.Second)
		if n := good.n.Load(); n != 4 { // at once in the first slot, then 3 more
			t.Errorf("good ran %d times, want 4", n)
		}
		if s := status(t, reg, "good"); s.State != state.Active {
			t.Errorf("good: %+v", s)
		}
		if n := hung.n.Load(); n != 1 {
			t.Errorf("hung was called %d times, want 1: never on top of itself", n)
		}
		if s := status(t, reg, "hung"); s.State != state.Degraded || !strings.Contains(s.Reason, "hangs") {
			t.Errorf("hung: %+v", s)
		}
		if s := status(t, reg, "wild"); !strings.Contains(s.Reason, "panicked: wild") {
			t.Errorf("wild: %+v", s)
		}
		if h := reg.Health(); h.Level != state.Impaired || h.Collectors != 4 {
			t.Errorf("health: %+v", h)
		}
		close(release)
		time.Sleep(20 * time.Second)
		if s := status(t, reg, "hung"); s.State != state.Active || hung.n.Load() < 2 {
			t.Errorf("hung after its return: %+v, %d runs", s, hung.n.Load())
		}
		if hanging := r.Stop(); hanging != nil {
			t.Errorf("still hanging: %v", hanging)
		}
		if !good.closed.Load() {
			t.Error("good was not closed")
		}
	})
}

func TestCircuitOpensAfterFiveRestsAMinuteClosesAfterThree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, reg := bench(t)
		var broken atomic.Bool
		broken.Store(true)
		c := &fake{f: func(context.Context, int) error {
			if broken.Load() {
				return errors.New("broken")
			}
			return nil
		}}
		r.Apply(t.Context(), []Source{source("c", time.Second, c)})
		time.Sleep(5 * time.Second)
		if n := c.n.Load(); n != 5 {
			t.Fatalf("%d runs before the circuit opened, want 5", n)
		}
		if s := status(t, reg, "c"); !s.Circuit || reg.Health().OpenCircuits != 1 || reg.Health().Level != state.Critical {
			t.Fatalf("not open: %+v, %+v", s, reg.Health())
		}
		time.Sleep(55 * time.Second)
		if n := c.n.Load(); n != 5 {
			t.Fatalf("%d runs while open, want 5", n)
		}
		time.Sleep(6 * time.Second) // half-open: one try, which fails
		if n := c.n.Load(); n != 6 {
			t.Fatalf("%d runs after the first rest, want 6", n)
		}
		broken.Store(false)
		time.Sleep(66 * time.Second)
		if s := status(t, reg, "c"); s.State != state.Active || s.Circuit {
			t.Fatalf("not closed: %+v", s)
		}
		r.Stop()
	})
}

func TestOffForGoodIsSaidOnceAndReloadTriesAgain(t *testing.T) {
	for _, tc := range []struct {
		name  string
		err   error
		fault bool
	}{
		{"unsupported", Unsupported("load the module", "no such device"), false},
		{"permission", &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, reg := bench(t)
				c := &fake{f: func(context.Context, int) error { return fmt.Errorf("read: %w", tc.err) }}
				src := []Source{source("c", 10*time.Second, c)}
				r.Apply(t.Context(), src)
				time.Sleep(time.Minute)
				if c.n.Load() != 1 {
					t.Errorf("ran %d times, want 1", c.n.Load())
				}
				if s := status(t, reg, "c"); s.State != state.Off || s.Fault != tc.fault || s.EnableHint == "" {
					t.Errorf("%+v", s)
				}
				r.Apply(t.Context(), src)
				time.Sleep(time.Second)
				if c.n.Load() != 2 {
					t.Errorf("after reload %d runs, want 2", c.n.Load())
				}
				r.Stop()
			})
		})
	}
}

func TestReloadChangesOnlyWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, reg := bench(t)
		ok := func(context.Context, int) error { return nil }
		a, b := &fake{f: ok}, &fake{f: ok}
		r.Apply(t.Context(), []Source{source("a", 10*time.Second, a), source("b", 10*time.Second, b)})
		time.Sleep(time.Second)
		off := source("b", 10*time.Second, b)
		off.Enabled = false
		r.Apply(t.Context(), []Source{source("a", 10*time.Second, a), off})
		time.Sleep(time.Minute)
		if a.n.Load() != 6 || a.closed.Load() {
			t.Errorf("a was touched: %d runs, closed %t", a.n.Load(), a.closed.Load())
		}
		if b.n.Load() != 1 || status(t, reg, "b").State != state.Off {
			t.Errorf("b still runs: %d, %+v", b.n.Load(), status(t, reg, "b"))
		}
		r.Apply(t.Context(), []Source{source("a", 5*time.Second, a)})
		synctest.Wait()
		if !a.closed.Load() {
			t.Error("a new interval did not rebuild a")
		}
		r.Stop()
	})
}

func TestAFailureIsRetriedSoonerThanALongInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := bench(t)
		c := &fake{f: func(_ context.Context, n int) error {
			if n == 1 {
				return errors.New("once")
			}
			return nil
		}}
		r.Apply(t.Context(), []Source{source("c", time.Hour, c)})
		time.Sleep(6 * time.Second)
		if c.n.Load() != 2 {
			t.Errorf("%d runs after 6 s, want 2", c.n.Load())
		}
		r.Stop()
	})
}

func TestACollectorThatHeedsItsDeadlineIsNotHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := bench(t)
		c := &fake{f: func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }}
		r.Apply(t.Context(), []Source{source("c", 20*time.Second, c)})
		time.Sleep(15 * time.Second)
		st := r.stats["c"]
		if st.Timeouts.Load() != 1 || st.Failures.Load() != 1 {
			t.Errorf("timeouts %d, failures %d", st.Timeouts.Load(), st.Failures.Load())
		}
		r.Stop()
	})
}

func TestASlowRunIsWaitedForAtStopAndReplacedAfterAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, reg := bench(t)
		slow := &fake{}
		var inRun atomic.Bool
		slow.f = func(context.Context, int) error { // heeds no context
			inRun.Store(true)
			time.Sleep(700 * time.Millisecond)
			inRun.Store(false)
			return nil
		}
		r.Apply(t.Context(), []Source{source("slow", 10*time.Second, slow)})
		time.Sleep(100 * time.Millisecond) // within the first run
		changed := source("slow", 10*time.Second, slow)
		changed.Key = "changed"
		r.Apply(t.Context(), []Source{changed})
		if inRun.Load() && slow.n.Load() == 1 {
			t.Error("Apply returned while the old collector still wrote")
		}
		time.Sleep(30 * time.Second)
		if n := slow.n.Load(); n < 4 {
			t.Errorf("%d runs: the reload killed a collector that is only slow", n)
		}
		if s := status(t, reg, "slow"); s.State != state.Active {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Until(nextRun(time.Now(), time.Now(), 10*time.Second)) + 100*time.Millisecond)
		if !inRun.Load() {
			t.Fatal("the test does not stop within a run")
		}
		if hanging := r.Stop(); hanging != nil || inRun.Load() {
			t.Errorf("hanging %v, in a run %t", hanging, inRun.Load())
		}
	})
}

func TestAHangingCollectorIsReplacedWhenItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, reg := bench(t)
		release := make(chan struct{})
		hung := &fake{f: func(context.Context, int) error { <-release; return nil }}
		fresh := &fake{f: func(context.Context, int) error { return nil }}
		r.Apply(t.Context(), []Source{source("c", 10*time.Second, hung)})
		time.Sleep(15 * time.Second)
		next := source("c", 5*time.Second, fresh)
		r.Apply(t.Context(), []Source{next})
		time.Sleep(time.Minute)
		if fresh.n.Load() != 0 {
			t.Fatal("two writers for one shard")
		}
		if s := status(t, reg, "c"); s.State != state.Degraded {
			t.Errorf("%+v", s)
		}
		close(release)
		time.Sleep(time.Second)
		if fresh.n.Load() != 1 || !hung.closed.Load() {
			t.Errorf("not replaced: %d runs of the new, old closed %t", fresh.n.Load(), hung.closed.Load())
		}
		r.Stop()
	})
}

func TestUpFallsWhenACollectorIsSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := bench(t)
		c := &fake{f: func(context.Context, int) error { return nil }}
		src := source("c", 10*time.Second, c)
		r.Apply(t.Context(), []Source{src})
		time.Sleep(time.Second)
		up := func() (up bool) {
			r.Each(func(_ string, s *Stats) { up = s.Up.Load() })
			return up
		}
		if !up() {
			t.Fatal("not up while it works")
		}
		src.Enabled = false
		r.Apply(t.Context(), []Source{src})
		if up() {
			t.Error("still up when off")
		}
		r.Stop()
	})
}

func TestNextRunIsMidSlotAndNeverTwiceInOne(t *testing.T) {
	for _, tc := range []struct {
		name            string
		last, now, want int64
		step            time.Duration
	}{
		{"before the middle", 95, 100, 105, 10 * time.Second},
		{"at the middle", 95, 105, 115, 10 * time.Second},
		{"behind the middle", 95, 109, 115, 10 * time.Second},
		{"already ran in this slot", 101, 102, 115, 10 * time.Second},
		{"a minute", 90, 119, 150, time.Minute},
		{"a step that does not divide a day", 699, 700, 703, 7 * time.Second},
		{"the clock went back", 900, 100, 105, 10 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := nextRun(time.Unix(tc.last, 0), time.Unix(tc.now, 0), tc.step).Unix(); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}
