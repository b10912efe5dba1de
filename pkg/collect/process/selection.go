package process

import "sysops-agent/pkg/proctable"

// selection decides which processes have rows. Its size is bounded by what it
// is told: three lists and the watched.
type selection struct {
	enter, leave int
	sweep        uint32
	tracks       map[proctable.ID]*track
	fresh        []proctable.ID // got their row in this sweep
	watching     int            // watched in this sweep
	overflow     int            // watched beyond the bound
}

// track is one process that has a row or may come to have one.
type track struct {
	mark    uint32 // last sweep in which it was among the top, or watched
	in, out int    // sweeps in a row inside and outside
	row     bool
	renames int
	comm    proctable.Name // of which name is the readable form
	name    string
}

func (s *selection) begin() {
	s.sweep++
	s.fresh = s.fresh[:0]
	s.watching, s.overflow = 0, 0
}

// has reports whether the process has a row.
func (s *selection) has(id proctable.ID) bool {
	t := s.tracks[id]
	return t != nil && t.row
}

// watched notes a process with a watched name: it has a row at once.
func (s *selection) watched(id proctable.ID) {
	if s.watching == maxWatched {
		s.overflow++
		return
	}
	s.watching++
	s.open(id, s.mark(id))
}

// top notes a process among the top.
func (s *selection) top(id proctable.ID) {
	if t := s.mark(id); t.in >= s.enter {
		s.open(id, t)
	}
}

func (s *selection) mark(id proctable.ID) *track {
	t := s.tracks[id]
	if t == nil {
		t = &track{}
		s.tracks[id] = t
	}
	if t.mark != s.sweep {
		t.mark, t.out = s.sweep, 0
		t.in++
	}
	return t
}

func (s *selection) open(id proctable.ID, t *track) {
	if !t.row {
		t.row = true
		s.fresh = append(s.fresh, id)
	}
}

// end closes the sweep: who was not noted counts as outside. It returns those
// that got their row in this sweep, valid until the next.
func (s *selection) end() []proctable.ID {
	for id, t := range s.tracks {
		if t.mark == s.sweep {
			continue
		}
		t.in = 0
		t.out++
		if !t.row || t.out >= s.leave {
			delete(s.tracks, id)
		}
	}
	return s.fresh
}

// maxRenames bounds how often a process may change the name of its row: each
// name is a row of its own, and a process can call itself something new with
// every breath.
const maxRenames = 16

// label returns the name of the process's row.
func (t *track) label(comm proctable.Name) string {
	if t.comm != comm && t.renames < maxRenames {
		t.comm, t.name = comm, comm.String()
		t.renames++
	}
	return t.name
}
