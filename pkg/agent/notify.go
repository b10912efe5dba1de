package agent

import (
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// notify speaks sd_notify(3); without systemd it does nothing.
type notify struct{ log zerolog.Logger }

func (n notify) send(text string) {
	if _, err := daemon.SdNotify(false, text); err != nil {
		n.log.Warn().Err(err).Msg("systemd could not be notified")
	}
}

func (n notify) ready(status string) { n.send(daemon.SdNotifyReady + "\nSTATUS=" + status) }

// reloading must carry the monotonic time, or a unit of Type=notify-reload
// does not believe it.
func (n notify) reloading() {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	n.send(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, ts.Nano()/1000))
}

func (n notify) stopping() { n.send(daemon.SdNotifyStopping) }

// watchdog returns a ticker for the unit's WatchdogSec at a third of its
// time, or nil channel and no-op when there is none.
func (n notify) watchdog() (<-chan time.Time, func()) {
	d, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn().Err(err).Msg("the watchdog's time cannot be read")
	}
	if d <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(d / 3)
	return t.C, t.Stop
}

func (n notify) alive() { n.send(daemon.SdNotifyWatchdog) }
