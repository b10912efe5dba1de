package agent

import (
	"context"
	"fmt"
	"io"
	"time"
)

// live prints the overview for somebody who watches `run --live`, in a
// goroutine of its own: a terminal that is held or a pipe that nobody reads
// stops the printing, not the agent.
type live struct {
	w io.Writer
	a *agent
}

const (
	liveFirst = 12 * time.Second // no later, even when shares are not known yet
	liveEvery = 10 * time.Second
	liveRows  = 10
)

// run prints as soon as there is something to see, then every ten seconds.
func (l *live) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var next time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if now.Before(next) {
				continue
			}
			o := l.a.overview()
			// Shares need two sweeps; before, the picture is mostly dashes.
			if next.IsZero() && o.CPU.Usage.Absent() && time.Since(l.a.began) < liveFirst {
				continue
			}
			// Two seconds behind the middle of a slot, when sweeps are done.
			next = now.Truncate(liveEvery).Add(liveEvery + 7*time.Second)
			fmt.Fprintln(l.w)
			if err := o.Render(l.w, liveRows); err != nil {
				return // nobody watches any more
			}
			fmt.Fprintf(l.w, "page  %s  (stop with Ctrl-C)\n", l.a.pages())
		}
	}
}

// pages says where the page is, for people.
func (a *agent) pages() string {
	if addr := a.web.Addr(); addr != "" {
		return fmt.Sprintf("http://%s/  metrics: http://%s/metrics", addr, addr)
	}
	why := "publish.listen is off"
	if a.listen != "off" {
		why = a.listen + " cannot be listened on, see status"
	}
	return fmt.Sprintf("none: %s; curl --unix-socket %s http://agent/metrics", why, a.socket)
}
