package store

import (
	"time"

	"golang.org/x/sys/unix"
)

// Tick is one reading of both clocks, taken at the beginning of a sweep.
type Tick struct {
	Wall time.Time     // what people call the time; may be stepped
	Boot time.Duration // CLOCK_BOOTTIME: never stepped, runs on during suspend
}

// Now reads both clocks.
func Now() Tick {
	var ts unix.Timespec
	// CLOCK_BOOTTIME exists since Linux 2.6.39; the call cannot fail on a
	// kernel that runs Go.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return Tick{Wall: time.Now(), Boot: time.Duration(ts.Nano())}
}

// At returns the tick of a host that booted at the Unix epoch and whose clock
// was never stepped: for tests and replays.
func At(unixSeconds int64) Tick {
	return Tick{Wall: time.Unix(unixSeconds, 0), Boot: time.Duration(unixSeconds) * time.Second}
}

// offset is what wall and boot clock are apart; it changes only when the wall
// clock is set.
func (t Tick) offset() time.Duration { return time.Duration(t.Wall.UnixNano()) - t.Boot }
