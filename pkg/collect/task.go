package collect

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// The circuit breaker and retries of OPS-88 to OPS-95.
const (
	breakAfter  = 5                // failures in a row open the circuit
	breakRest   = 60 * time.Second // it stays open that long, then tries
	breakCloses = 3                // successes in a row close it again
	retryAfter  = 5 * time.Second  // after a failure, when the next slot is further off
)

// errNoReturn is what a Collect that ended its goroutine without returning
// (runtime.Goexit) reports.
var errNoReturn = errors.New("the collector ended without a result")

type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panicked: %v", e.value) }

// stack returns the panicking goroutine's stack, bounded.
func stack() []byte {
	s := debug.Stack()
	return s[:min(len(s), 4096)]
}

// Stats are one collector's counters. All grow only, except the last two.
type Stats struct {
	Runs, Failures, Timeouts, Panics, Skipped atomic.Uint64

	LastNanos atomic.Int64 // duration of the last run
	Up        atomic.Bool  // the last run brought something
}

// task runs one collector until its context ends.
type task struct {
	src     Source
	env     Env
	part    *state.Part
	stats   *Stats
	now     func() store.Tick
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	stopped chan struct{}

	col     Collector
	pending <-chan error // of a run that passed its deadline and still hangs
	since   time.Time    // when it began
	last    time.Time    // when it ran last
	failed  int          // failures in a row, for the state's text
}

func newTask(src Source, env Env, part *state.Part, stats *Stats, now func() store.Tick) *task {
	t := &task{src: src, env: env, part: part, stats: stats, now: now, stopped: make(chan struct{})}
	t.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: src.Name, MaxRequests: breakCloses, Timeout: breakRest,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakAfter },
	})
	return t
}

// run builds the collector and lets it collect, first at once, then in the
// middle of every slot. It ends only when nothing of it writes any more, which
// may be long after ctx when a run hangs in the kernel.
func (t *task) run(ctx context.Context) {
	defer close(t.stopped)
	defer t.stats.Up.Store(false)
	defer t.close()
	if !t.build(ctx) {
		return
	}
	for {
		again := t.once(ctx)
		if again < 0 {
			return
		}
		timer := time.NewTimer(again)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// build makes the collector, under the same guard as a run.
func (t *task) build(ctx context.Context) bool {
	env := t.env
	env.Interval = t.src.Interval
	var col Collector
	done := call(ctx, func(context.Context) (err error) {
		col, err = t.src.New(env)
		return err
	})
	timer := time.NewTimer(t.src.deadline())
	defer timer.Stop()
	select {
	case err := <-done:
		if err == nil {
			t.col = col
			return true
		}
		t.stats.Failures.Add(1)
		t.off(err)
	case <-timer.C:
		t.stats.Timeouts.Add(1)
		t.part.Refused(fmt.Sprintf("could not be set up within %s", t.src.deadline()), "reload to try again")
	case <-ctx.Done():
	}
	return false
}

func (t *task) close() {
	if t.pending != nil {
		if err := <-t.pending; err != nil {
			t.env.Log.Debug().Err(err).Msg("the run that hung has ended")
		}
		t.pending = nil
	}
	if c, ok := t.col.(Closer); ok {
		if err := c.Close(); err != nil {
			t.env.Log.Debug().Err(err).Msg("close")
		}
	}
}

// once runs the collector unless it hangs or rests, and returns how long to
// wait for the next time; negative to end.
func (t *task) once(ctx context.Context) time.Duration {
	if t.pending != nil && !t.returned() {
		t.stats.Skipped.Add(1)
		return t.wait(false)
	}
	report, err := t.breaker.Allow()
	if err != nil {
		t.stats.Skipped.Add(1)
		t.env.Log.Trace().Msg("circuit open, skipped")
		return t.wait(false)
	}
	err = t.collect(ctx)
	if ctx.Err() != nil {
		return -1
	}
	class := Classify(err)
	if class == Transient {
		report(err)
	} else {
		report(nil)
	}
	return t.outcome(class, err)
}

// heed is how long a run may take to end after its context did.
const heed = 100 * time.Millisecond

// collect calls the collector and waits for it up to its deadline. When the
// task is to stop, a run that is merely slow still gets its time.
func (t *task) collect(parent context.Context) error {
	began := time.Now()
	limit := t.src.deadline()
	ctx, cancel := context.WithTimeout(parent, limit)
	defer cancel()
	tick := t.now()
	t.last = tick.Wall
	t.stats.Runs.Add(1)
	done := call(ctx, func(ctx context.Context) error { return t.col.Collect(ctx, tick) })
	timer := time.NewTimer(limit + heed)
	defer timer.Stop()
	select {
	case err := <-done:
		t.stats.LastNanos.Store(int64(time.Since(began)))
		if ctx.Err() != nil && parent.Err() == nil { // it heeded its deadline
			t.stats.Timeouts.Add(1)
			return errors.Join(err, ctx.Err())
		}
		return err
	case <-timer.C:
		t.stats.Timeouts.Add(1)
		t.pending, t.since = done, began
		return fmt.Errorf("did not return within %s; it is left alone until it does", limit)
	}
}

// returned looks whether a hanging run has come back.
func (t *task) returned() bool {
	select {
	case err := <-t.pending:
		t.pending = nil
		t.env.Log.Info().AnErr("result", err).Dur("after", time.Since(t.since)).Msg("the hanging run has returned")
		return true
	default:
		t.part.Set(state.Status{
			State: state.Degraded, Fault: true,
			Reason:     fmt.Sprintf("hangs in the kernel since %s", t.since.UTC().Format(time.RFC3339)),
			EnableHint: "look for a dead network mount or disk; collection goes on when the read returns",
		})
		return false
	}
}

// outcome sets the state and says how long to wait.
func (t *task) outcome(class Class, err error) time.Duration {
	t.stats.Up.Store(class == OK || class == PartialOK)
	switch class {
	case OK:
		t.failed = 0
		t.part.Active()
	case PartialOK:
		t.failed = 0
		var p *PartialError
		errors.As(err, &p)
		t.part.Degraded(p.Reason, p.Hint)
	case Permanent, Refused:
		t.off(err)
		return -1
	case Transient:
		t.fail(err)
	}
	return t.wait(class == Transient)
}

// fail reports a failure; the warning names the collector through its logger.
func (t *task) fail(err error) {
	t.failed++
	t.stats.Failures.Add(1)
	var p *panicError
	if errors.As(err, &p) {
		t.stats.Panics.Add(1)
		t.env.Log.Error().Err(err).Str("stack", string(p.stack)).Msg("collector " + t.src.Name + " panicked")
	} else {
		t.env.Log.Debug().Err(err).Msg("collector " + t.src.Name + " failed") // its state is a warning, told once
	}
	s := state.Status{State: state.Degraded, Fault: true, Reason: fmt.Sprintf("failed %d times: %v", t.failed, err)}
	if t.failed == 1 {
		s.Reason = fmt.Sprintf("failed: %v", err)
	}
	if t.breaker.State() == gobreaker.StateOpen {
		s.Circuit = true
		s.Reason = fmt.Sprintf("rests for %s after %d failures: %v", breakRest, t.failed, err)
	}
	t.part.Set(s)
}

// off ends the collector until reload, said once.
func (t *task) off(err error) {
	var u *UnsupportedError
	switch Classify(err) {
	case Permanent:
		errors.As(err, &u)
		t.part.Off(u.Reason, u.Hint)
	case Refused:
		t.part.Refused(fmt.Sprintf("permission denied: %v", err),
			"start the agent as root, or with CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE, then reload it")
	default:
		t.part.Refused(err.Error(), "repair the cause, then reload")
	}
}

// wait returns the time to the next run; after a failure sooner, when the
// next slot is far.
func (t *task) wait(failed bool) time.Duration {
	now := time.Now()
	d := nextRun(t.last, now, t.src.Interval).Sub(now)
	if failed && t.pending == nil && t.breaker.State() == gobreaker.StateClosed {
		d = min(d, retryAfter)
	}
	return d
}
