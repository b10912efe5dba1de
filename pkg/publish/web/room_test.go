package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/query"
)

// reader is a client that takes nothing until told how to go on.
type reader struct {
	*httptest.ResponseRecorder
	began chan struct{} // closed at the first write
	goOn  chan error    // nil: it takes everything
	err   error
}

func newReader() *reader {
	return &reader{ResponseRecorder: httptest.NewRecorder(), began: make(chan struct{}), goOn: make(chan error, 1)}
}

func (r *reader) Write(b []byte) (int, error) {
	select {
	case <-r.began:
	default:
		close(r.began)
		r.err = <-r.goOn
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.ResponseRecorder.Write(b)
}

// large makes answers of that many points in series of a thousand.
func large(points int) func(context.Context, query.Request) (*query.Result, error) {
	return func(context.Context, query.Request) (*query.Result, error) {
		res := &query.Result{Metric: "large"}
		for range points / 1000 {
			res.Series = append(res.Series, query.Series{Points: make([]query.Point, 1000)})
		}
		return res, nil
	}
}

// read asks in the background; done is closed when the handler has returned.
func (r *rig) read(to *reader) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // an answer that broke off
		r.tcp.srv.Handler.ServeHTTP(to, httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/query_range?metric=a.b", nil))
	}()
	<-to.began
	return done
}

// Who reads slowly holds memory, which is bounded, but nobody's turn.
func TestSlowReadersHoldNoTurn(t *testing.T) {
	for name, end := range map[string]error{"reads at last": nil, "goes away": errors.New("connection reset")} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.lim.queries, r.lim.held, r.lim.room = 1, 40_000, time.Millisecond
			r.answer = large(30_000)
			r.build()
			slow := newReader()
			done := r.read(slow)

			r.answer = large(5000)
			if code, body := r.ask("/api/v1/query_range?metric=a.b"); code != http.StatusOK {
				t.Errorf("a little beside a slow reader: %d %.200s", code, body)
			}
			if code, body := r.ask("/api/v1/query?metric=disk.util_percent"); code != http.StatusOK {
				t.Errorf("values now beside a slow reader: %d %.200s", code, body)
			}
			r.answer = large(20_000)
			code, body := r.ask("/api/v1/query_range?metric=a.b")
			if code != http.StatusServiceUnavailable {
				t.Errorf("much beside a slow reader: %d", code)
			}
			wantError(t, body, "still being sent", "ask for less")

			slow.goOn <- end
			<-done
			if end == nil && (slow.Code != http.StatusOK || strings.Count(slow.Body.String(), `"points"`) != 30) {
				t.Errorf("the slow reader got %d, %d bytes", slow.Code, slow.Body.Len())
			}
			if code, _ := r.ask("/api/v1/query_range?metric=a.b"); code != http.StatusOK || r.room.free != r.room.size || len(r.queries) != 0 {
				t.Errorf("afterwards: %d, room %d of %d, %d at work", code, r.room.free, r.room.size, len(r.queries))
			}
		})
	}
}

// What is more than there is room for is sent alone.
func TestLargerThanTheRoom(t *testing.T) {
	r := newRig(t)
	r.lim.held = 20_000
	r.answer = large(50_000)
	r.build()
	if code, _ := r.ask("/api/v1/query_range?metric=a.b"); code != http.StatusOK || r.room.free != r.room.size {
		t.Errorf("%d, room %d", code, r.room.free)
	}
}

func TestRoom(t *testing.T) {
	r := newRoom(10)
	ctx, cancel := context.WithCancel(t.Context())
	if !r.take(ctx, 6) || !r.take(ctx, 4) {
		t.Fatal("no room for 10 of 10")
	}
	got := make(chan bool)
	go func() { got <- r.take(t.Context(), 5) }()
	r.give(4)
	r.give(1)
	if !<-got {
		t.Error("5 were free")
	}
	cancel()
	if r.take(ctx, 1) {
		t.Error("11 of 10")
	}
}
