package agent

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/event"
)

// clockWatch turns what the shards notice about the clock into one event.
type clockWatch struct {
	bus  *event.Bus
	mu   sync.Mutex
	last time.Time // of the last step told
	by   time.Duration
	idle time.Duration // boot − monotonic clock: time asleep since boot
}

// stepped is told by every shard of the same step; it is published once.
func (c *clockWatch) stepped(_ string, by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now() // its monotonic part is not stepped
	if same := (by - c.by).Abs() < time.Second; same && now.Sub(c.last) < time.Minute {
		return
	}
	c.last, c.by = now, by
	c.bus.Publish(event.Event{
		Kind: event.ClockStepped,
		Text: fmt.Sprintf("the wall clock was set by %s; a new epoch begins and no rate is taken across", by.Round(time.Millisecond)),
	})
}

// asleep compares the two clocks that differ only by suspend, and publishes
// an event when the host slept since the last call.
func (c *clockWatch) asleep() {
	var boot, mono unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono)
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	idle := time.Duration(boot.Nano() - mono.Nano())
	slept := idle - c.idle
	first := c.idle == 0
	c.idle = max(idle, 1)
	if !first && slept > time.Second {
		c.bus.Publish(event.Event{
			Kind: event.HostResumed,
			Text: fmt.Sprintf("the host slept for %s; a gap lies behind", slept.Round(time.Second)),
		})
	}
}
