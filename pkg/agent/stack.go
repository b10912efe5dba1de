package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
)

// drain bounds the whole shutdown; systemd's default patience is 90 s.
const drain = 30 * time.Second

// stack holds what runs, in the order in which it was started, and stops it
// in the reverse order, so that nothing loses what it feeds.
type stack struct {
	log   zerolog.Logger
	parts []part
}

type part struct {
	name string
	stop func(context.Context) error
}

func (s *stack) started(name string, stop func(context.Context) error) {
	s.log.Debug().Str("part", name).Msg("started")
	s.parts = append(s.parts, part{name, stop})
}

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
	s.started(name, func(limit context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-limit.Done():
			return fmt.Errorf("did not end in time")
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

// stop stops everything, newest first, within drain.
func (s *stack) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	for i := len(s.parts) - 1; i >= 0; i-- {
		p := s.parts[i]
		began := time.Now()
		err := p.stop(ctx)
		e := s.log.Debug()
		if err != nil {
			e = s.log.Warn().Err(err)
		}
		e.Str("part", p.name).Dur("took", time.Since(began)).Msg("stopped")
	}
}
