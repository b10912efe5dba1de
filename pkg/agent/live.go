package agent

import (
	"fmt"
	"io"
	"time"
)

// Live prints the overview for somebody who watches `run --live`: first as
// soon as there is something to see, then every ten seconds.
type live struct {
	w    io.Writer
	a    *agent
	next time.Time
}

const (
	liveFirst = 3 * time.Second
	liveEvery = 10 * time.Second
	liveRows  = 10
)

func newLive(w io.Writer, a *agent) *live { return &live{w, a, a.began.Add(liveFirst)} }

func (l *live) tick(now time.Time) {
	if l.w == nil || now.Before(l.next) {
		return
	}
	// Two seconds behind the middle of a slot, when the sweeps are done.
	l.next = now.Truncate(liveEvery).Add(liveEvery + 7*time.Second)
	o := l.a.overview()
	fmt.Fprintln(l.w)
	_ = o.Render(l.w, liveRows) // nobody watches any more: the agent goes on
	fmt.Fprintf(l.w, "page  %s  metrics: %smetrics  (stop with Ctrl-C)\n", l.a.page(), l.a.page())
}
