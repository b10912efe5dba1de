package persist

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
)

var errInjected = errors.New("injected")

// faulty lets transactions fail as drawn: not begun, rolled back at the end,
// or committed while the caller is told otherwise.
func faulty(do func(context.Context, func(*db.Tx) error) error, draw func() int) func(context.Context, func(*db.Tx) error) error {
	unavailable := func() error { return fmt.Errorf("%w: %w", db.ErrUnavailable, errInjected) }
	return func(ctx context.Context, fn func(*db.Tx) error) error {
		switch draw() {
		case 1:
			return unavailable()
		case 2:
			return do(ctx, func(tx *db.Tx) error {
				if err := fn(tx); err != nil {
					return err
				}
				return unavailable()
			})
		case 3:
			if err := do(ctx, fn); err != nil {
				return err
			}
			return unavailable()
		}
		return do(ctx, fn)
	}
}

// TestTablesAreWhatTheSamplesSay runs random hosts (gaps, absent values,
// resets, rows that die and come back) over midnight, with a database that
// fails now and then and agents that restart, and compares all three tiers
// with the model.
func TestTablesAreWhatTheSamplesSay(t *testing.T) {
	h := newHost(t, midnight)
	rapid.Check(t, func(rt *rapid.T) {
		h.empty()
		h.wall = midnight - rapid.Int64Range(100, 2*3600).Draw(rt, "before midnight")
		h.boot = 100
		h.startAgent()
		h.newPersister()
		h.p.rows = rapid.SampledFrom([]int{1, 7, 60, maxRows}).Draw(rt, "rows of a transaction")
		m := drive(rt, h)
		h.p.do = h.d.Do
		h.settle()

		now := floor(h.wall-grace, 60) // the last sweep is older
		minutes := m.minutes(now)
		same(rt, "minutes", h.table(rt, db.Minute), minutes)
		hours := rollUp(minutes, db.Hourly, floor(now, 3600))
		same(rt, "hours", h.table(rt, db.Hourly), hours)
		same(rt, "days", h.table(rt, db.Daily), rollUp(hours, db.Daily, floor(now, 86400)))
	})
}

// drive lets a host live for some hours.
func drive(rt *rapid.T, h *host) *model {
	m := &model{}
	names := []string{"a", "b", "c"}
	fault := rapid.SampledFrom([]int{0, 0, 3, 10}).Draw(rt, "one in so many transactions succeeds not")
	seed := rapid.Uint64().Draw(rt, "seed")
	next := func(n int) int { // a cheap generator: rapid's is slow for thousands of values
		seed = seed*6364136223846793005 + 1442695040888963407
		return int(seed>>33) % n
	}
	h.p.do = faulty(h.d.Do, func() int {
		if fault == 0 || next(fault) > 0 {
			return 0
		}
		return 1 + next(3)
	})
	var counters [3][2]uint64
	for range rapid.IntRange(1, 25).Draw(rt, "spells") {
		present := next(8)
		slots := 1 + next(150)
		silent := next(6) == 0
		for range slots {
			h.pass(10)
			if silent || next(20) == 0 {
				continue
			}
			var all []probe
			for i, name := range names {
				if present>>i&1 == 0 {
					continue
				}
				r := metric.Blank[probe]()
				r.Name, r.Note = name, fmt.Sprint(present)
				if next(5) > 0 {
					r.Load = float64(next(1000)-300) / 100
				}
				if next(3) > 0 {
					r.Size = math.Trunc(float64(next(1e6)) * float64(next(1e6)))
				}
				for c := range counters[i] {
					counters[i][c] += uint64(next(1000))
					if next(100) == 0 {
						counters[i][c] = uint64(next(5)) // the source began anew
					}
				}
				if next(6) > 0 {
					r.Ops = metric.Count(counters[i][0])
				}
				if next(6) > 0 {
					r.Busy = metric.Count(counters[i][1])
				}
				m.put(floor(h.wall, 10), r)
				all = append(all, r)
			}
			h.sweep(all...)
			if h.wall%60 < 10 || next(100) == 0 {
				_ = h.p.Flush(context.Background())
			}
		}
		if next(5) == 0 { // another agent over the same history
			do, rows := h.p.do, h.p.rows
			h.newPersister()
			h.p.do, h.p.rows = do, rows
		}
	}
	return m
}
