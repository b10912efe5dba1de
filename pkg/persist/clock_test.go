package persist

import (
	"testing"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/store"
)

func TestClockSteps(t *testing.T) {
	at := func(wall, boot int64) store.Tick {
		return store.Tick{Wall: time.Unix(wall, 0), Boot: time.Duration(boot) * time.Second}
	}
	for _, c := range []struct {
		name  string
		next  store.Tick
		big   bool
		since int64
	}{
		{"runs", at(1060, 60), false, 1000},
		{"suspended", at(9000, 8000), false, 1000},
		{"slewed", store.Tick{Wall: time.Unix(1059, 5e8), Boot: time.Minute}, false, 1000},
		{"back a little", at(1050, 60), false, 990},
		{"back much", at(160, 60), true, 100},
		{"forward much", at(5000, 60), true, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			var k clock
			k.look(at(1000, 0))
			if big := k.look(c.next); big != c.big || k.since != c.since {
				t.Errorf("big %v, since %d; want %v, %d", big, k.since, c.big, c.since)
			}
		})
	}
}

// The clock goes back by half an hour: the minutes that are lived again
// replace the earlier ones, none is written beside them, and hours follow.
func TestClockGoesBack(t *testing.T) {
	h := newHost(t, midnight+1800)
	h.run("a", 3600+600, true) // 00:30 to 01:40
	h.wall -= 1800             // 01:10 again
	h.run("a", 3600, true)     // to 02:10
	h.settle()
	got := h.table(t, db.Minute)
	if len(got) != 100 {
		t.Errorf("%d minutes between 00:30 and 02:10", len(got))
	}
	hours := h.table(t, db.Hourly)
	want := rollUp(got, db.Hourly, midnight+2*3600)
	same(t, "hours", hours, want)
	if l := got[key{"a", midnight + 4200 + 600}]; l.min[1] < 1000+3600+600 {
		t.Errorf("01:20 is still that of the first time: %+v", l)
	}
	if st := h.p.Stats(); st.Backlog != 0 || st.Lost != 0 {
		t.Errorf("stats %+v", st)
	}
}

// A small step back does not write the minute at the seam again.
func TestClockGoesBackALittle(t *testing.T) {
	h := newHost(t, midnight)
	h.watchRewrites()
	h.run("a", 600, true)
	h.wall -= 40
	h.run("a", 600, true)
	h.settle()
	if n := h.rewritten(); n != 0 {
		t.Errorf("%d rows were written again", n)
	}
	if n := len(h.table(t, db.Minute)); n != 20 {
		t.Errorf("%d minutes, want 20", n)
	}
}

// The clock was years ahead for a while, also over a restart: history goes on
// when it is right again, and the retention does not delete by a wrong clock.
func TestClockWasYearsAhead(t *testing.T) {
	const year = 365 * 86400
	h := newHost(t, midnight)
	h.run("a", 7200, true)
	h.wall += year
	h.run("a", 300, true)
	h.clean()
	if n := len(h.table(t, db.Minute)); n < 120 {
		t.Fatalf("only %d minutes: the retention believed the wrong clock", n)
	}
	h.wall -= year
	h.startAgent()
	h.newPersister()
	h.run("a", 7200, true)
	h.settle()
	minutes, hours := 0, 0
	for k := range h.table(t, db.Minute) {
		if k.t < midnight+year/2 {
			minutes++
		}
	}
	for k := range h.table(t, db.Hourly) {
		if k.t < midnight+year/2 {
			hours++
		}
	}
	if minutes != 240 || hours != 4 {
		t.Errorf("%d minutes and %d hours, want 240 and 4", minutes, hours)
	}
}

// A host whose clock is ahead when it first writes: rows are known from the
// future, and found all the same when the clock is right.
func TestClockWasAheadAtFirst(t *testing.T) {
	h := newHost(t, midnight+90*86400)
	h.run("a", 600, true)
	h.wall -= 90 * 86400
	h.run("a", 7200, true)
	h.settle()
	n := 0
	for k := range h.table(t, db.Hourly) {
		if k.t <= midnight+7200 {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d hours, want 2", n)
	}
}
