package agent

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"
)

// stack holds what runs, in the order in which it was started, and stops it
// in the reverse order, so that nothing loses what it feeds. Each part has its
// own time to stop, so that a slow one takes nothing from those that save
// data; the sum is about half a minute (systemd waits for 90 s).
type stack struct {
	log   zerolog.Logger
	parts []part
}

type part struct {
	name  string
	limit time.Duration
	stop  func(context.Context) error
}

func (s *stack) started(name string, limit time.Duration, stop func(context.Context) error) {
	s.log.Debug().Str("part", name).Msg("started")
	s.parts = append(s.parts, part{name, limit, stop})
}

// within makes a stop that knows no deadline one that is given up at its end.
func within(stop func() error) func(context.Context) error {
	return func(ctx context.Context) error {
		done := make(chan error, 1)
		go func() { done <- stop() }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return errSlow
		}
	}
}

var errSlow = errors.New("did not end in time and is left behind")

// goes starts f in its own goroutine; to stop it its context is ended and
// waited for. A panic in f is logged and f starts again after a pause: one
// part failing never takes another down.
func (s *stack) goes(ctx context.Context, name string, f func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil && !s.guarded(ctx, name, f) {
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Second):
			}
		}
	}()
	s.started(name, 2*time.Second, func(limit context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-limit.Done():
			return errSlow
		}
	})
}

// guarded runs f and reports whether it returned by itself.
func (s *stack) guarded(ctx context.Context, name string, f func(context.Context)) (returned bool) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error().Str("part", name).Interface("panic", r).Msg("a part of the agent panicked; it is started again")
		}
	}()
	f(ctx)
	return true
}

// stop stops everything, newest first.
func (s *stack) stop() {
	for i := len(s.parts) - 1; i >= 0; i-- {
		p := s.parts[i]
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), p.limit)
		err := p.stop(ctx)
		cancel()
		e := s.log.Debug()
		if err != nil {
			e = s.log.Warn().Err(err)
		}
		e.Str("part", p.name).Dur("took", time.Since(began)).Msg("stopped")
	}
}
