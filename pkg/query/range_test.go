package query

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// three days of one row: the last eight hours in memory, all but the last
// minutes in the database.
func threeDays(t *testing.T) (w *world, end int64) {
	t.Helper()
	end = midnight + 2*86400
	w = newWorld(t)
	w.raw["a"] = steady(midnight-86400, 3*8640)
	w.keep(map[db.Tier]int64{db.Minute: end - 600, db.Hourly: end - 3600, db.Daily: end - 86400})
	w.remember(end-8*3600, end)
	return w, end
}

func TestTiersOfAnAnswer(t *testing.T) {
	w, end := threeDays(t)
	for _, c := range []struct {
		name       string
		from, step int64
		tiers      []Tier
		points     int
	}{
		{"a minute of memory", end - 60, 0, []Tier{TierMemory}, 6},
		{"an hour of memory by minutes", end - 3600, 60, []Tier{TierMemory}, 60},
		{"ten hours by minutes", end - 10*3600, 60, []Tier{TierMemory, TierMinute}, 600},
		{"two days by hours", end - 2*86400, 3600, []Tier{TierMemory, TierHourly}, 48},
		{"three days by days", end - 3*86400, 86400, []Tier{TierMemory, TierHourly, TierDaily}, 3},
		{"three days by 90 minutes", end - 3*86400, 5400, []Tier{TierMemory, TierMinute}, 48},
		{"a year, as fine as it can be", end - 365*86400, 0, []Tier{TierMemory, TierHourly}, 72},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.ask(t, "probe.load_percent", c.from, end, c.step)
			if len(r.Series) != 1 || !slices.Equal(r.Tiers, c.tiers) || len(r.Series[0].Points) != c.points {
				t.Fatalf("tiers %v, points %v of %d series by %v; want %v, %d", r.Tiers, points(r), len(r.Series), r.Step, c.tiers, c.points)
			}
			if len(r.Notes) != 0 || r.Truncated || r.Host != "h" || r.Metric != "probe.load_percent" || r.Kind != "gauge" || r.Unit != "percent" {
				t.Errorf("%+v", r)
			}
			if want := map[string]string{"name": "a", "kind": "k-a"}; !maps.Equal(r.Series[0].Labels, want) {
				t.Errorf("labels %v", r.Series[0].Labels)
			}
		})
	}
}

func points(r *Result) []int {
	var n []int
	for _, s := range r.Series {
		n = append(n, len(s.Points))
	}
	return n
}

// Where finer rows are deleted coarser ones stand in, one point each, and a
// note says so.
func TestOlderPointsAreWider(t *testing.T) {
	w, end := threeDays(t)
	w.cut(db.Minute, midnight+1800)
	r := w.ask(t, "probe.load_percent", midnight-7200, midnight+7200, 600)
	var at []int64
	for _, p := range r.Series[0].Points {
		at = append(at, (p.Time-midnight)/60)
	}
	want := []int64{-120, -60, 0, 60, 70, 80, 90, 100, 110}
	if !slices.Equal(at, want) {
		t.Errorf("points at minutes %v, want %v", at, want)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "more than a step") {
		t.Errorf("notes %q", r.Notes)
	}
	w.cut(db.Hourly, midnight+86400)
	r = w.ask(t, "probe.load_percent", midnight-86400, end, 3600)
	if n := len(r.Series[0].Points); n != 1+1+24 || !slices.Contains(r.Tiers, TierDaily) {
		t.Errorf("%d points of %v, want two days and 24 hours", n, r.Tiers)
	}
}

// A row that was born late, or whose host was off, has nothing older: its
// first hours are not made of wider points.
func TestBornLate(t *testing.T) {
	w, end := threeDays(t)
	w.raw["b"] = steady(midnight+86400+1234*10, 2000)
	w.keep(map[db.Tier]int64{db.Minute: end, db.Hourly: end, db.Daily: end})
	w.forget()
	r := w.ask(t, "probe.load_percent", midnight, end, 60, Matcher{"name", Equal, "b"})
	if len(r.Notes) != 0 || !slices.Equal(r.Tiers, []Tier{TierMinute}) {
		t.Errorf("tiers %v, notes %v", r.Tiers, r.Notes)
	}
	if first := r.Series[0].Points[0].Time; first != floor(midnight+86400+12340, 60) {
		t.Errorf("first point at %d", first)
	}
}

func TestCounterRates(t *testing.T) {
	w := newWorld(t)
	for i := range int64(720) {
		if i%100 >= 50 && i%100 < 53 || i >= 360 && i < 420 { // missing samples, and ten minutes off
			continue
		}
		v := metric.Count(i * 50)
		if i >= 600 {
			v = metric.Count((i - 600) * 50) // the source began anew
		}
		w.raw["a"] = append(w.raw["a"], sample{midnight + 10*i, 0, v})
	}
	w.remember(midnight, midnight+7200)
	for _, step := range []int64{10, 30, 60, 3600} {
		for _, p := range w.ask(t, "probe.ops", midnight, midnight+7200, step).Series[0].Points {
			// Where the source began anew the first increment seems to have
			// taken two slots: half the rate, never more.
			if half := p.Time <= midnight+6010 && p.Time+step > midnight+6010; !half && !near(p.Min, 5) ||
				!near(p.Max, 5) && step > 10 || p.Min < 2.5 || p.Max > 5+1e-9 {
				t.Errorf("step %d: %+v, want a rate of 5", step, p)
			}
		}
	}
	r := w.ask(t, "probe.ops", midnight, midnight+7200, 10)
	// A range that begins behind missing samples.
	if p := w.ask(t, "probe.ops", midnight+530, midnight+560, 10).Series[0].Points; len(p) != 3 || !near(p[0].Value, 5) {
		t.Errorf("behind a gap: %+v", p)
	}
	// Of 720 slots 60 are off and 7 × 3 more missing; the first sample, the
	// first after the gap and the first of the new source have no increment.
	if n := len(r.Series[0].Points); n != 720-60-7*3-3 {
		t.Errorf("%d points", n)
	}
	for _, p := range r.Series[0].Points {
		if p.Time >= midnight+3600 && p.Time <= midnight+4200 {
			t.Errorf("a rate in, or across, the gap: %+v", p)
		}
	}
}

// A grid of five minutes: the rate is per second of five minutes, from
// memory and from the minute rows alike.
func TestSlowCounter(t *testing.T) {
	w := newWorld(t)
	tw := store.NewWriter[tide](w.st, store.ShardOptions{Step: 5 * time.Minute})
	var rows []db.ReadingRow
	for i := range int64(24) {
		at := midnight + 300*i
		r := metric.Blank[tide]()
		r.Level, r.Waves = float64(i), metric.Count(600*i)
		tw.Begin(store.At(at))
		tw.Put(&r)
		tw.End()
		rows = append(rows, db.ReadingRow{Time: at, N: 1, Val: []float64{float64(i), 600}})
	}
	check := func(from string) {
		t.Helper()
		for _, step := range []int64{60, 300, 900} {
			r := w.ask(t, "tide.waves", midnight+600, midnight+7200, step)
			if len(r.Series) != 1 || len(r.Series[0].Points) == 0 || !slices.Equal(r.Tiers, []Tier{Tier(from)}) {
				t.Fatalf("from %s: %+v", from, r)
			}
			for _, p := range r.Series[0].Points {
				if !near(p.Value, 2) {
					t.Errorf("from %s by %d: %+v, want a rate of 2", from, step, p)
				}
			}
		}
	}
	check("memory")
	err := w.d.Do(context.Background(), func(tx *db.Tx) error {
		id, err := tx.RowID("tide", "{}", "{}", midnight)
		if err != nil {
			return err
		}
		if _, err = tx.RowID("tide", "{}", "{}", midnight+7200); err != nil {
			return err
		}
		for i := range rows {
			rows[i].Row = id
		}
		if err := tx.UpsertReadings(tides, db.Minute, rows); err != nil {
			return err
		}
		return tx.SetMark("tide", db.Minute, midnight+7200)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.forget()
	store.NewWriter[tide](w.st, store.ShardOptions{Step: 5 * time.Minute})
	check("minute")
}

// Rows that died are found wherever they are: in memory, under the same
// labels as a living one, or in the database only.
func TestDeadRows(t *testing.T) {
	w := newWorld(t)
	w.raw["gone"] = steady(midnight-7200, 60)
	w.raw["back"] = append(steady(midnight, 30), steady(midnight+3000, 300)...)
	w.raw["dead"] = steady(midnight, 30)
	w.raw["alive"] = steady(midnight-7200, 1300)
	w.keep(map[db.Tier]int64{db.Minute: midnight + 600, db.Hourly: midnight, db.Daily: midnight})
	w.remember(midnight, midnight+6000)
	if live := len(w.st.Shard("probe").Rows()); live != 2 {
		t.Fatalf("%d live rows", live)
	}
	got := map[string]int{}
	for _, s := range w.ask(t, "probe.load_percent", midnight-7200, midnight+6000, 60).Series {
		got[s.Labels["name"]] += len(s.Points)
	}
	want := map[string]int{"gone": 10, "back": 5 + 50, "dead": 5, "alive": 217}
	if !maps.Equal(got, want) {
		t.Errorf("points %v, want %v", got, want)
	}
	one := w.ask(t, "probe.load_percent", midnight-7200, midnight+6000, 60, Matcher{"kind", Equal, "k-gone"})
	if len(one.Series) != 1 || one.Series[0].Labels["kind"] != "k-gone" {
		t.Errorf("by attribute: %+v", one.Series)
	}
}

func TestDatabaseAway(t *testing.T) {
	w, end := threeDays(t)
	w.d.Close()
	r := w.ask(t, "probe.load_percent", end-86400, end, 3600)
	if len(r.Series[0].Points) != 8 || !slices.Equal(r.Tiers, []Tier{TierMemory}) {
		t.Errorf("%v of %v", points(r), r.Tiers)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "only the memory answers") {
		t.Errorf("notes %q", r.Notes)
	}
	if r := w.ask(t, "probe.load_percent", end-3600, end, 60); len(r.Notes) != 0 {
		t.Errorf("a note though the memory has it all: %q", r.Notes)
	}
	w.e = New(w.st, nil, both, "h") // as configured without a database
	if r := w.ask(t, "probe.load_percent", end-86400, end, 3600); len(r.Notes) != 0 || len(r.Series[0].Points) != 8 {
		t.Errorf("without a database: %+v", r)
	}
}

func TestContext(t *testing.T) {
	w, end := threeDays(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, from := range map[string]int64{"memory": end - 3600, "database": end - 86400} {
		if _, err := w.e.Range(ctx, request("probe.ops", from, end, 60)); !errors.Is(err, context.Canceled) || errors.Is(err, ErrBadRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.e.Instant(ctx, "probe.ops", nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("instant: %v", err)
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	for i := range 1100 {
		w.raw[fmt.Sprintf("%04d", i)] = steady(midnight, 3)
	}
	w.remember(midnight, midnight+30)
	r := w.ask(t, "probe.ops", midnight, midnight+60, 10)
	if len(r.Series) != MaxSeries || !r.Truncated {
		t.Errorf("%d series, truncated %v", len(r.Series), r.Truncated)
	}
	q := request("probe.ops", midnight, midnight+60, 10, Matcher{"name", Match, "00.."})
	q.Limit = 100
	if r, err := w.e.Range(context.Background(), q); err != nil || len(r.Series) != 100 || r.Truncated {
		t.Errorf("exactly the limit: %v", err)
	}
	q.Limit = 99
	if r, err := w.e.Range(context.Background(), q); err != nil || len(r.Series) != 99 || !r.Truncated {
		t.Errorf("one above the limit: %v", err)
	}

	w = newWorld(t)
	for i := range 60 {
		w.raw[fmt.Sprint(i)] = steady(midnight, 10_000)
	}
	w.remember(midnight, midnight+100_000)
	r = w.ask(t, "probe.load_percent", midnight, midnight+100_000, 0)
	total := 0
	for _, n := range points(r) {
		total += n
	}
	if total > MaxTotal || total < MaxTotal*9/10 || !r.Truncated || len(r.Notes) != 1 {
		t.Errorf("%d points, truncated %v, notes %q", total, r.Truncated, r.Notes)
	}
}

// Rows of the database whose labels are damaged are left out, and told of.
func TestBrokenLabels(t *testing.T) {
	w, end := threeDays(t)
	err := w.d.Do(context.Background(), func(tx *db.Tx) error {
		_, err := tx.RowID("probe", `{"name":`, `{}`, midnight)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r := w.ask(t, "probe.ops", end-2*86400, end, 3600)
	if len(r.Series) != 1 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "cannot be read") {
		t.Errorf("%d series, notes %q", len(r.Series), r.Notes)
	}
}

// More rows than one page of the list hold.
func TestManyStoredRows(t *testing.T) {
	w := newWorld(t)
	for i := range 2*pageRows + 10 {
		w.raw[fmt.Sprint(i)] = steady(midnight, 6)
	}
	w.keep(map[db.Tier]int64{db.Minute: midnight + 3600, db.Hourly: midnight, db.Daily: midnight})
	r := w.ask(t, "probe.load_percent", midnight, midnight+3600, 60)
	if len(r.Series) != 2*pageRows+10 {
		t.Errorf("%d series", len(r.Series))
	}
}

func TestEmptyAnswerIsNotNil(t *testing.T) {
	w := newWorld(t)
	r := w.ask(t, "tide.level", 0, 60, 0)
	if r.Series == nil || r.Tiers == nil || r.Notes == nil || len(r.Series) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestRoundingStaysBetweenTheExtremes(t *testing.T) {
	g := gather{step: 60}
	for i := range int64(6) {
		g.add(i*10, 0.1, 1, 0.1, 0.1)
	}
	g.add(60, math.MaxFloat64, 2, math.MaxFloat64, math.MaxFloat64)
	p := g.take()
	if len(p) != 2 || p[0].Value != 0.1 || p[1].Value != math.MaxFloat64 {
		t.Errorf("%+v", p)
	}
}
