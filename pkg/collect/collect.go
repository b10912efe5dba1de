// Package collect runs the collectors: each on its own schedule, with its own
// deadline, circuit breaker and state, so that one that fails, hangs or
// panics never touches another. The sources themselves are the packages
// below this one, one per part of the host.
package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/store"
)

// Collector polls one part of the host and writes what it reads into the
// store, through writers that it owns. Collect is never called again before
// it returned. It should give up when ctx ends; when it cannot (a read that
// hangs in the kernel), the runner leaves it alone, says so, and goes on.
//
// What Collect returns decides the state: nil active; [Partial] degraded but
// working; [Unsupported] and permission errors off until reload; anything
// else is a failure that counts towards the circuit breaker.
type Collector interface {
	Collect(ctx context.Context, t store.Tick) error
}

// Closer is implemented by collectors that hold something open.
type Closer interface{ Close() error }

// Env is what a collector is built with.
type Env struct {
	Proc     string // root of procfs: "/proc", a fixture tree in tests
	Sys      string // root of sysfs: "/sys"
	Store    *store.Store
	Interval time.Duration // also the step of the collector's shards
	Log      zerolog.Logger
}

// Shard returns the usual options of the collector's shards.
func (e Env) Shard() store.ShardOptions { return store.ShardOptions{Step: e.Interval} }

// Elapsed returns the seconds between two ticks for rates and percentages;
// false when they are not comparable: no earlier tick, the host slept, or
// sweeps were missed, so that an average over the span would be old news.
func (e Env) Elapsed(prev, cur store.Tick) (float64, bool) {
	d := cur.Boot - prev.Boot
	if prev.Wall.IsZero() || d <= 0 || d > (store.MaxGap+1)*e.Interval {
		return 0, false
	}
	return d.Seconds(), true
}

// PartialError reports a collection that brought something but not all.
type PartialError struct{ Reason, Hint string }

func (e *PartialError) Error() string { return e.Reason }

// Partial reports that something was collected but not all: the state becomes
// degraded with this reason and hint.
func Partial(hint, format string, args ...any) error {
	return &PartialError{Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// UnsupportedError reports that the host has nothing to collect.
type UnsupportedError struct{ Reason, Hint string }

func (e *UnsupportedError) Error() string { return e.Reason }

// Unsupported reports that this host or kernel has no such thing: the
// collector is off until reload, without fault.
func Unsupported(hint, format string, args ...any) error {
	return &UnsupportedError{Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// Class sorts what a collector returned (OPS-86 to OPS-101, COL-09).
type Class uint8

// The classes of outcome.
const (
	OK        Class = iota
	PartialOK       // degraded, but data came
	Transient       // counts towards the breaker, retried
	Permanent       // off until reload: unsupported, no fault
	Refused         // off until reload: permission denied
)

// Classify sorts err.
func Classify(err error) Class {
	var p *PartialError
	var u *UnsupportedError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &p):
		return PartialOK
	case errors.As(err, &u):
		return Permanent
	case errors.Is(err, fs.ErrPermission):
		return Refused
	default:
		return Transient
	}
}
