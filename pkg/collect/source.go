package collect

import (
	"context"
	"time"
)

// Source declares a collector to the runner: what it is called, when it runs,
// how it is made. A changed Key makes the runner build it anew on reload.
type Source struct {
	Name     string
	Enabled  bool
	Interval time.Duration
	Key      string // of the options that New closes over; compared on reload
	New      func(Env) (Collector, error)
}

// deadline of one run: its interval, but no more than ten seconds.
func (s Source) deadline() time.Duration { return min(s.Interval, 10*time.Second) }

// nextRun returns when a collector of that interval, last run at last, runs
// next after now: in the middle of a slot of the grid, so that a clock that is
// a little off never moves it into the neighbour, and not twice in one slot.
func nextRun(last, now time.Time, interval time.Duration) time.Time {
	step := int64(interval / time.Second) // whole seconds, as the store's grid
	slot := now.Unix() / step
	mid := time.Unix(slot*step, 0).Add(interval / 2)
	if !mid.After(now) || last.Unix()/step == slot {
		mid = mid.Add(interval)
	}
	return mid
}

// call is one Collect in its own goroutine, so that a panic or a hang stays
// there.
func call(ctx context.Context, f func(context.Context) error) <-chan error {
	done := make(chan error, 1)
	go func() {
		err := errNoReturn
		defer func() {
			if r := recover(); r != nil {
				err = &panicError{value: r, stack: stack()}
			}
			done <- err
		}()
		err = f(ctx)
	}()
	return done
}
