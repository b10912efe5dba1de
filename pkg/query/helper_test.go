package query

import (
	"context"
	"flag"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", "30") // twelve times, unless the flag says otherwise
	flag.Parse()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { os.Exit(code) }))
}

// probe has a gauge and a counter.
type probe struct {
	_    struct{}     `reading:"probe" domain:"test" help:"A probe."`
	Name string       `label:"name"`
	Kind string       `attr:"kind"`
	Load float64      `metric:"probe.load_percent" unit:"percent" max:"inf" col:"load" help:"A gauge."`
	Ops  metric.Count `metric:"probe.ops" unit:"count" help:"A counter."`
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

// sample is one slot of one probe.
type sample struct {
	t    int64
	load float64
	ops  metric.Count
}

// world is a store, a database and what both were made of.
type world struct {
	t   testing.TB
	st  *store.Store
	w   *store.Writer[probe]
	d   *db.DB
	e   *Engine
	raw map[string][]sample
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, raw: map[string][]sample{}}
	w.d = db.Open(db.Options{Path: t.TempDir() + "/test.db", Host: "h", Schemas: both, Timeout: time.Minute}, state.New())
	t.Cleanup(w.d.Close)
	if err := w.d.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.forget()
	return w
}

// forget begins with an empty memory.
func (w *world) forget() {
	w.st = store.Open(store.Options{Schemas: both, MaxBytes: 1 << 30, Retention: 1000 * time.Hour})
	w.w = store.NewWriter[probe](w.st, store.ShardOptions{Step: 10 * time.Second})
	w.e = New(w.st, w.d, both, "h")
}

// remember writes the raw samples of [from, to) to the store.
func (w *world) remember(from, to int64) {
	at := map[string]int{}
	for t := floor(from, 10); t < to; t += 10 {
		begun := false
		for _, name := range w.names() {
			all := w.raw[name]
			for at[name] < len(all) && all[at[name]].t < t {
				at[name]++
			}
			if i := at[name]; i < len(all) && all[i].t == t {
				if !begun {
					w.w.Begin(store.At(t))
					begun = true
				}
				w.w.Put(&probe{Name: name, Kind: "k-" + name, Load: all[i].load, Ops: all[i].ops})
			}
		}
		if begun {
			w.w.End()
		}
	}
}

func (w *world) names() []string {
	var names []string
	for n := range w.raw {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// cell is a sum in progress.
type cell struct {
	n               int64
	sum, lo, hi     float64
	ops             float64
	rising, present bool
}

func (c *cell) load(sum float64, n int64, lo, hi float64) {
	if !c.present {
		c.lo, c.hi, c.present = lo, hi, true
	}
	c.n += n
	c.sum += sum
	c.lo, c.hi = math.Min(c.lo, lo), math.Max(c.hi, hi)
}

func (c *cell) rise(ops float64) { c.ops, c.rising = c.ops+ops, true }

// fold sums raw samples up by spans of step seconds.
func fold(all []sample, step int64) map[int64]*cell {
	cells := map[int64]*cell{}
	for i, s := range all {
		k := floor(s.t, step)
		if cells[k] == nil {
			cells[k] = &cell{}
		}
		cells[k].load(s.load, 1, s.load, s.load)
		if i > 0 && s.ops >= all[i-1].ops && s.t-all[i-1].t <= (store.MaxGap+1)*10 {
			cells[k].rise(float64(s.ops - all[i-1].ops))
		}
	}
	return cells
}

// keep writes all tiers of the raw samples up to the marks to the database.
func (w *world) keep(marks map[db.Tier]int64) {
	w.t.Helper()
	err := w.d.Do(context.Background(), func(tx *db.Tx) error {
		for _, name := range w.names() {
			// The oldest first, as the agent does.
			if _, err := tx.RowID("probe", `{"name":"`+name+`"}`, `{"kind":"k-`+name+`"}`, floor(w.raw[name][0].t, 60)); err != nil {
				return err
			}
			for _, tier := range db.Tiers {
				var rows []db.ReadingRow
				for at, c := range fold(w.raw[name], tier.Step()) {
					if at >= marks[tier] {
						continue
					}
					id, err := tx.RowID("probe", `{"name":"`+name+`"}`, `{"kind":"k-`+name+`"}`, at)
					if err != nil {
						return err
					}
					r := db.ReadingRow{
						Row: id, Time: at, N: c.n, Val: []float64{c.sum / float64(c.n), math.NaN()},
						Min: []float64{c.lo, math.NaN()}, Max: []float64{c.hi, math.NaN()},
					}
					if c.rising {
						r.Val[1] = c.ops
					}
					rows = append(rows, r)
				}
				if err := tx.UpsertReadings(probes, tier, rows); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mark(marks)
}

func (w *world) mark(marks map[db.Tier]int64) {
	w.t.Helper()
	err := w.d.Do(context.Background(), func(tx *db.Tx) error {
		for tier, ts := range marks {
			if err := tx.SetMark("probe", tier, ts); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// cut deletes what one tier holds before ts, as the retention does.
func (w *world) cut(tier db.Tier, ts int64) {
	w.t.Helper()
	err := w.d.Do(context.Background(), func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM "+db.Table(probes.Name, tier)+" WHERE ts < $1", ts)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// ask asks from the engine's world; times are Unix seconds.
func (w *world) ask(t fataler, name string, from, to, step int64, m ...Matcher) *Result {
	t.Helper()
	r, err := w.e.Range(context.Background(), request(name, from, to, step, m...))
	if err != nil {
		t.Fatalf("%s from %d to %d by %d: %v", name, from, to, step, err)
	}
	return r
}

func request(name string, from, to, step int64, m ...Matcher) Request {
	return Request{
		Metric: name, Matchers: m, From: time.Unix(from, 0), To: time.Unix(to, 0), Step: time.Duration(step) * time.Second,
	}
}

// fataler is what helpers need of a test; rapid's is one.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// steady makes n samples every ten seconds from t on; load is linear, ops
// rise by one a second.
func steady(t, n int64) []sample {
	var all []sample
	for i := range n {
		all = append(all, sample{t + 10*i, float64(i), metric.Count(10 * i)})
	}
	return all
}

func near(a, b float64) bool {
	return math.Abs(a-b) <= 1e-9*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}
