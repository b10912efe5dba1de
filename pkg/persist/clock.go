package persist

import (
	"time"

	"sysops-agent/pkg/store"
)

// clock notices steps of the wall clock between two looks.
type clock struct {
	last  store.Tick
	since int64 // Unix second at which the wall clock, as it runs now, was first seen
}

const (
	backStep = time.Second // less is slewing
	bigStep  = time.Minute
)

// look tells whether the clock was set by more than a minute since the last
// look. When it went back, since is the time it showed, as it runs now, at
// the last look.
func (c *clock) look(t store.Tick) bool {
	last := c.last
	c.last = t
	if last.Wall.IsZero() {
		c.since = t.Wall.Unix()
		return false
	}
	passed := t.Boot - last.Boot
	moved := t.Wall.Round(0).Sub(last.Wall.Round(0)) - passed
	if moved < -backStep {
		c.since = t.Wall.Add(-passed).Unix()
	}
	return moved < -bigStep || moved > bigStep
}

// floor is t rounded down to a multiple of step.
func floor(t, step int64) int64 { return t - t%step }
