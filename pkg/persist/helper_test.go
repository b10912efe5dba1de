package persist

import (
	"bytes"
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// probe has one field of each kind that matters.
type probe struct {
	_    struct{}     `reading:"probe" domain:"test" help:"A probe."`
	Name string       `label:"name"`
	Note string       `attr:"note"`
	Load float64      `metric:"probe.load" res:"0.01" min:"-inf" help:"A gauge."`
	Size float64      `metric:"probe.size_bytes" unit:"bytes" help:"Another."`
	Ops  metric.Count `metric:"probe.ops" unit:"count" help:"A counter."`
	Busy metric.Count `metric:"probe.busy_seconds" unit:"seconds" scale:"1e-6" help:"A counter of microseconds."`
}

// tide is a reading that comes every five minutes.
type tide struct {
	_     struct{}     `reading:"tide" domain:"test" help:"A slow reading."`
	Level float64      `metric:"tide.level" help:"A gauge."`
	Waves metric.Count `metric:"tide.waves" unit:"count" help:"A counter."`
}

var (
	probes = metric.Of[probe]()
	tides  = metric.Of[tide]()
	both   = []*metric.Schema{probes, tides}
)

// midnight is 00:00 UTC of some day.
const midnight = int64(1_700_006_400)

// host is a machine with a clock that only the test moves.
type host struct {
	t     testing.TB
	path  string
	st    *store.Store
	d     *db.DB
	reg   *state.Registry
	p     *Persister
	w     *store.Writer[probe]
	wall  int64 // Unix seconds
	boot  int64
	log   *logBuffer
	rests []time.Duration
}

// logBuffer takes the lines of loggers in several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fataler is what helpers need of a test; rapid's is one.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func newHost(t testing.TB, now int64) *host {
	t.Helper()
	h := &host{t: t, path: t.TempDir() + "/test.db", wall: now, boot: 1000, reg: state.New(), log: &logBuffer{}}
	h.startAgent()
	h.openDB()
	h.newPersister()
	return h
}

// startAgent begins with an empty memory.
func (h *host) startAgent() {
	h.st = store.Open(store.Options{Schemas: both, MaxBytes: 1 << 30})
	h.w = store.NewWriter[probe](h.st, store.ShardOptions{Step: 10 * time.Second})
}

func (h *host) openDB() {
	h.t.Helper()
	h.d = db.Open(db.Options{Path: h.path, Host: "h", Schemas: both, Timeout: time.Minute}, h.reg)
	h.t.Cleanup(h.d.Close)
	if err := h.d.Wait(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) newPersister() {
	h.p = New(Options{
		Store: h.st, DB: h.d, Retention: Retention{MinuteDays: 30, HourlyDays: 90, DailyDays: 365}, Log: zerolog.New(h.log),
		State: h.reg.Part(state.Database, "persist"),
	})
	h.p.now = h.tick
	h.p.rest = func(ctx context.Context, d time.Duration) bool {
		h.rests = append(h.rests, d)
		return ctx.Err() == nil
	}
	h.p.clock = clock{}
	h.p.clock.look(h.tick())
	h.p.began, h.p.cleanAt = h.wall, h.p.clock.last.Boot+firstClean
}

func (h *host) tick() store.Tick {
	return store.Tick{Wall: time.Unix(h.wall, 0), Boot: time.Duration(h.boot) * time.Second}
}

// pass lets time go by.
func (h *host) pass(seconds int64) {
	h.wall += seconds
	h.boot += seconds
}

// sweep writes probes at the current time.
func (h *host) sweep(all ...probe) {
	h.w.Begin(h.tick())
	for i := range all {
		h.w.Put(&all[i])
	}
	h.w.End()
}

// run sweeps one row named name every ten seconds for so long, flushing after
// each minute; load, size and ops grow with time.
func (h *host) run(name string, seconds int64, flush bool) {
	h.t.Helper()
	for end := h.wall + seconds; h.wall < end; h.pass(10) {
		h.sweep(sampleAt(name, h.boot))
		if flush && h.wall%60 == 50 {
			h.pass(15) // the next minute's fifth second
			h.flush()
			h.pass(-15)
		}
	}
}

func sampleAt(name string, boot int64) probe {
	r := metric.Blank[probe]()
	r.Name, r.Note = name, "n"
	r.Load, r.Size = float64(boot%70)/10, float64(boot)
	r.Ops, r.Busy = metric.Count(boot*3), metric.Count(boot*1000)
	return r
}

func (h *host) flush() {
	h.t.Helper()
	if err := h.p.Flush(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// settle flushes when everything is complete.
func (h *host) settle() {
	h.t.Helper()
	h.pass(200)
	h.flush()
}

// key is one row of a tier.
type key struct {
	name string
	t    int64
}

type line struct {
	n             int64
	val, min, max [4]float64 // of probe's fields
}

// table reads a whole tier of probe.
func (h *host) table(t fataler, tier db.Tier) map[key]line {
	t.Helper()
	out := map[key]line{}
	err := h.d.Read(context.Background(), func(q *db.Querier) error {
		names := map[int64]string{}
		err := q.Rows("probe", func(r *db.RowInfo) error {
			names[r.ID] = r.Labels[len(`{"name":"`) : len(r.Labels)-len(`"}`)]
			return nil
		})
		if err != nil {
			return err
		}
		for id, name := range names {
			sel := db.Selection{Schema: probes, Tier: tier, Fields: allFields(probes), Rows: []int64{id}, From: -1, To: math.MaxInt64}
			err := q.Readings(sel, func(r *db.ReadingRow) error {
				l := line{n: r.N}
				copy(l.val[:], r.Val)
				copy(l.min[:], r.Min)
				copy(l.max[:], r.Max)
				out[key{name, r.Time}] = l
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// number asks for one number.
func (h *host) number(query string, args ...any) int64 {
	h.t.Helper()
	var n int64
	err := h.d.Read(context.Background(), func(q *db.Querier) error { return q.QueryRow(query, args, &n) })
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *host) exec(query string, args ...any) {
	h.t.Helper()
	err := h.d.Do(context.Background(), func(tx *db.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// watchRewrites counts rows that are replaced by something else.
func (h *host) watchRewrites() {
	h.t.Helper()
	h.exec(`CREATE TABLE rewritten (ts INTEGER)`)
	h.exec(`CREATE TRIGGER rewriting BEFORE UPDATE ON probe_minute BEGIN INSERT INTO rewritten VALUES (OLD.ts); END`)
}

func (h *host) rewritten() int64 {
	h.t.Helper()
	return h.number(`SELECT count(*) FROM rewritten`)
}

// empty forgets everything that is stored.
func (h *host) empty() {
	h.t.Helper()
	err := h.d.Do(context.Background(), func(tx *db.Tx) error {
		for _, s := range both {
			for _, tier := range db.Tiers {
				if _, err := tx.Exec("DELETE FROM " + db.Table(s.Name, tier)); err != nil {
					return err
				}
			}
		}
		if _, err := tx.Exec(`DELETE FROM mark`); err != nil {
			return err
		}
		_, err := tx.DeleteRows(math.MaxInt64, math.MaxInt32)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}
