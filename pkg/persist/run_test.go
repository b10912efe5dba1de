package persist

import (
	"context"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/db"
)

// Run flushes five seconds after each minute, retries a failed flush after
// two seconds, and ends with its context.
func TestRun(t *testing.T) {
	h := newHost(t, midnight+30)
	h.sweep(sampleAt("a", h.boot))
	fail := false
	h.p.do = faulty(h.d.Do, func() int {
		if fail {
			return 1
		}
		return 0
	})
	ctx, cancel := context.WithCancel(context.Background())
	var at []int64
	h.p.rest = func(ctx context.Context, d time.Duration) bool {
		for end := h.wall + int64(d/time.Second); h.wall < end; {
			h.pass(min(10-h.wall%10, end-h.wall))
			if h.wall%10 == 0 {
				h.sweep(sampleAt("a", h.boot))
			}
		}
		at = append(at, h.wall-midnight)
		fail = len(at) == 2 || len(at) == 3
		if len(at) == 6 {
			cancel()
		}
		return ctx.Err() == nil
	}
	h.p.Run(ctx)
	want := []int64{65, 125, 127, 129, 185, 245}
	for i := range want {
		if at[i] != want[i] {
			t.Fatalf("flushes at %v, want %v", at, want)
		}
	}
	if n := len(h.table(t, db.Minute)); n != 3 {
		t.Errorf("%d minutes until 03:05", n)
	}
}

// Catching up a day leaves the machine to others; at the shutdown it does not
// wait.
func TestCatchingUpIsGentle(t *testing.T) {
	h := newHost(t, midnight)
	h.run("a", 12*3600, false)
	h.p.rows = 100
	h.pass(200)
	if err := h.p.flush(context.Background(), true); err != nil {
		t.Fatal(err)
	}
	if len(h.rests) < 3 {
		t.Errorf("%d pauses", len(h.rests))
	}
	h.rests = nil
	h.run("a", 12*3600, false)
	h.settle()
	if len(h.rests) != 0 {
		t.Errorf("%d pauses at the shutdown", len(h.rests))
	}
	if n := len(h.table(t, db.Minute)); n != 1441 { // the second half began within a minute
		t.Errorf("%d minutes", n)
	}
}

func TestHeartbeat(t *testing.T) {
	h := newHost(t, midnight)
	h.p.o.Heartbeat = func() db.Heartbeat { return db.Heartbeat{PID: 42, Version: "v", Uptime: h.boot, Health: "healthy"} }
	h.p.o.HeartbeatEvery = 2 * time.Minute
	beat := func() db.Heartbeat {
		var b db.Heartbeat
		err := h.d.Read(context.Background(), func(q *db.Querier) (err error) {
			b, _, err = q.LastBeat()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	h.flush() // nothing else to write
	if b := beat(); b.Time != midnight || b.PID != 42 || b.Uptime != 1000 {
		t.Fatalf("got %+v", b)
	}
	h.pass(60)
	h.flush()
	if b := beat(); b.Time != midnight {
		t.Error("too early")
	}
	h.pass(60)
	h.flush()
	if b := beat(); b.Time != midnight+120 {
		t.Error("too late")
	}
}

func TestStats(t *testing.T) {
	h := newHost(t, midnight)
	if st := h.p.Stats(); st.Backlog != 0 || len(st.Readings) != 2 {
		t.Errorf("an empty host: %+v", st)
	}
	h.run("a", 7200, false)
	if st := h.p.Stats(); st.Backlog != 120 || st.Readings[0].Backlog != 120 || st.Readings[1].Backlog != 0 {
		t.Errorf("before the first flush: %+v", st)
	}
	h.settle()
	st := h.p.Stats()
	if st.Rows != 122 || st.Flushes == 0 || !st.LastFlush.Equal(time.Unix(h.wall, 0)) || st.LastError != "" {
		t.Errorf("after it: %+v", st)
	}
	if r := st.Readings[0]; r.Reading != "probe" || r.Minute != midnight+7200+60 || r.Hourly != midnight+7200 || r.Daily != midnight {
		t.Errorf("marks: %+v", r)
	}
	h.exec(`DROP TABLE mark`)
	if err := h.p.Flush(context.Background()); err == nil {
		t.Fatal("no marks, no error")
	}
	if err := h.p.Flush(context.Background()); err == nil {
		t.Fatal("no marks, no error")
	}
	if st := h.p.Stats(); !strings.Contains(st.LastError, "no such table: mark") || st.LastErrorAt.IsZero() {
		t.Errorf("after an error: %+v", st)
	}
	if n := strings.Count(h.log.String(), "readings wait in memory"); n != 1 {
		t.Errorf("the same error was logged %d times", n)
	}
}

// As New makes it, with the real clocks.
func TestNew(t *testing.T) {
	h := newHost(t, time.Now().Unix()-600)
	for range 30 {
		h.sweep(sampleAt("a", h.boot))
		h.pass(10)
	}
	h.p = New(Options{Store: h.st, DB: h.d, Retention: Retention{MinuteDays: 30, HourlyDays: 90, DailyDays: 365}})
	h.flush()
	if n := len(h.table(t, db.Minute)); n < 5 {
		t.Errorf("%d minutes", n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if !sleep(ctx, time.Nanosecond) {
		t.Error("slept as if the context had ended")
	}
	cancel()
	if sleep(ctx, time.Hour) {
		t.Error("slept although the context had ended")
	}
	h.p.Run(ctx) // returns
}
