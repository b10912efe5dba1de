package web

import (
	"context"
	"net/http"
	"sync"

	"sysops-agent/pkg/query"
)

// turn waits until a query may be worked on; done is the end of that work.
func (s *Server) turn(ctx context.Context) (done func(), err error) {
	select {
	case s.queries <- struct{}{}:
		return func() { <-s.queries }, nil
	case <-ctx.Done():
		return nil, &Error{Status: http.StatusServiceUnavailable, Message: "too many queries at one time", Hint: "try again"}
	}
}

// room bounds how many points are held while they are sent: the client, not
// we, decides how long that takes.
type room struct {
	size int

	mu    sync.Mutex
	free  int
	freed chan struct{} // closed, and replaced, when there is more
}

func newRoom(points int) *room { return &room{size: points, free: points, freed: make(chan struct{})} }

// take waits for room for n points until ctx ends; then it is false.
func (r *room) take(ctx context.Context, n int) bool {
	for {
		r.mu.Lock()
		if n <= r.free {
			r.free -= n
			r.mu.Unlock()
			return true
		}
		freed := r.freed
		r.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return false
		}
	}
}

func (r *room) give(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free += n
	close(r.freed)
	r.freed = make(chan struct{})
}

// held is the room that one answer has; nil has none.
type held struct {
	room   *room
	points int
}

// hold takes room for an answer. One of about a full series needs none: the
// number of connections bounds those, and a slow reader of much does not keep
// others from a little.
func (s *Server) hold(ctx context.Context, res *query.Result) (*held, error) {
	n := 0
	for i := range res.Series {
		n += len(res.Series[i].Points)
	}
	if n <= query.MaxPoints {
		return nil, nil
	}
	n = min(n, s.room.size)
	ctx, cancel := context.WithTimeout(ctx, s.lim.room)
	defer cancel()
	if !s.room.take(ctx, n) {
		return nil, &Error{
			Status: http.StatusServiceUnavailable, Message: "other large answers are still being sent",
			Hint: "try again, or ask for less: a shorter time, a larger step, fewer series",
		}
	}
	return &held{s.room, n}, nil
}

// drop gives back the room of up to n points.
func (h *held) drop(n int) {
	if h == nil {
		return
	}
	n = min(n, h.points)
	h.points -= n
	h.room.give(n)
}

// free gives back what is left.
func (h *held) free() {
	if h != nil {
		h.drop(h.points)
	}
}
