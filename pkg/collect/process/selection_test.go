package process

import (
	"slices"
	"strconv"
	"testing"

	"sysops-agent/pkg/proctable"
)

func TestHysteresis(t *testing.T) {
	for name, c := range map[string]struct {
		enter, leave int
		sweeps       string // '+' among the top, '-' outside
		rows         string // 'r' a row after that sweep, '.' none
	}{
		"enters after two":      {2, 3, "++++", ".rrr"},
		"a flash enters never":  {2, 3, "+-+-+-", "......"},
		"leaves after three":    {2, 3, "++-----", ".rrr..."},
		"comes back in time":    {2, 3, "++--++--+", ".rrrrrrrr"},
		"starts anew":           {2, 3, "++---+-++", ".rrr....r"},
		"at once":               {1, 1, "+-+", "r.r"},
		"slow":                  {4, 2, "+++++--", "...rrr."},
		"three of four is none": {4, 2, "+++-+++-", "........"},
	} {
		t.Run(name, func(t *testing.T) {
			s := selection{enter: c.enter, leave: c.leave, tracks: map[proctable.ID]*track{}}
			id := proctable.ID{PID: 1, Start: 1}
			got := ""
			for _, in := range c.sweeps {
				s.begin()
				if in == '+' {
					s.top(id)
					s.top(id) // by another order: the same sweep
				}
				fresh := s.end()
				had := len(got) > 0 && got[len(got)-1] == 'r'
				if s.has(id) != had && s.has(id) != slices.Contains(fresh, id) {
					t.Errorf("after %q the new row is not reported", got)
				}
				if s.has(id) {
					got += "r"
				} else {
					got += "."
				}
			}
			if got != c.rows {
				t.Errorf("%s gives %s, want %s", c.sweeps, got, c.rows)
			}
		})
	}
}

func TestWatchedEnterAtOnceAndAreBounded(t *testing.T) {
	s := selection{enter: 2, leave: 3, tracks: map[proctable.ID]*track{}}
	s.begin()
	for pid := range uint32(maxWatched + 50) {
		s.watched(proctable.ID{PID: pid})
	}
	if n := len(s.end()); n != maxWatched || s.overflow != 50 || !s.has(proctable.ID{PID: 0}) {
		t.Errorf("%d rows, %d over", n, s.overflow)
	}
	s.begin()
	if s.overflow != 0 {
		t.Error("the overflow of the last sweep stays")
	}
}

func TestRowsDoNotFollowEveryName(t *testing.T) {
	var tr track
	for i := range 1000 {
		tr.label(proctable.NameOf([]byte("name" + strconv.Itoa(i))))
	}
	if got := tr.label(proctable.NameOf([]byte("last"))); got != "name"+strconv.Itoa(maxRenames-1) {
		t.Errorf("after 1,000 names the row is called %s", got)
	}
}

func TestTracksAreForgotten(t *testing.T) {
	s := selection{enter: 2, leave: 3, tracks: map[proctable.ID]*track{}}
	for i := range uint64(1000) {
		s.begin()
		s.top(proctable.ID{PID: 1, Start: i})
		s.end()
	}
	if len(s.tracks) > 2 {
		t.Errorf("%d tracks of processes that came once", len(s.tracks))
	}
}
