package persist

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// When a minute is written: with its last sweep, not before, and after the
// grace when the collector does not come back.
func TestMinuteIsWrittenWhenComplete(t *testing.T) {
	const minute = midnight
	for _, c := range []struct {
		name   string
		sweeps []int64 // seconds after the minute began
		at     int64   // when the flush comes
		rows   int
	}{
		{"nothing measured", nil, 300, 0},
		{"in progress", []int64{0, 10, 20}, 30, 0},
		{"last sweep still missing", []int64{0, 10, 20, 30, 40}, 65, 0},
		{"last sweep in", []int64{0, 10, 20, 30, 40, 50}, 60, 1},
		{"last sweep in, the minute not over", []int64{0, 10, 20, 30, 40, 50}, 59, 0},
		{"next minute begun", []int64{0, 10, 60}, 75, 1},
		{"collector gone, within the grace", []int64{0, 10}, 149, 0},
		{"collector gone, after the grace", []int64{0, 10}, 150, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, minute)
			for _, s := range c.sweeps {
				h.pass(minute + s - h.wall)
				h.sweep(sampleAt("a", h.boot))
			}
			h.pass(minute + c.at - h.wall)
			h.flush()
			got := h.table(t, db.Minute)
			if len(got) != c.rows {
				t.Fatalf("%d rows, want %d: %v", len(got), c.rows, got)
			}
		})
	}
}

func TestValuesOfAMinute(t *testing.T) {
	nan := math.NaN()
	h := newHost(t, midnight)
	loads := []float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.1}
	sizes := []float64{nan, 6, nan, 9, 3, nan}
	ops := []metric.Count{100, 107, metric.NoCount, 109, 5, 6}
	for i := range 6 {
		r := metric.Blank[probe]()
		r.Name, r.Load, r.Size, r.Ops = "a", loads[i], sizes[i], ops[i]
		h.sweep(r)
		h.pass(10)
	}
	h.flush()
	want := line{
		n:   6,
		val: [4]float64{0.1, 6, 7 + 2 + 1, nan},
		min: [4]float64{0.1, 3, 10, nan},
		max: [4]float64{0.1, 9, 10, nan},
	}
	same(t, "minute", h.table(t, db.Minute), map[key]line{{"a", midnight}: want})
	if h.number(`SELECT count(*) FROM probe_minute WHERE probe_load_min IS NULL AND probe_load_max IS NULL AND probe_load = 0.1`) != 1 {
		t.Error("a constant has extremes of its own")
	}
	if h.number(`SELECT count(*) FROM probe_minute WHERE probe_size_bytes_min = 3 AND probe_size_bytes_max = 9`) != 1 {
		t.Error("the extremes are not stored")
	}
}

// A sum that leaves float64 must not: the mean lies between its extremes.
func TestMeanOfHugeValues(t *testing.T) {
	h := newHost(t, midnight)
	for range 6 {
		r := metric.Blank[probe]()
		r.Name, r.Size = "a", math.MaxFloat64
		h.sweep(r)
		h.pass(10)
	}
	h.flush()
	if got := h.table(t, db.Minute)[key{"a", midnight}].val[1]; got != math.MaxFloat64 {
		t.Errorf("the mean is %g", got)
	}
}

func TestMinuteWithoutValuesHasNoRow(t *testing.T) {
	h := newHost(t, midnight)
	for range 6 {
		r := metric.Blank[probe]()
		r.Name = "a"
		h.sweep(r)
		h.pass(10)
	}
	h.flush()
	if got := h.table(t, db.Minute); len(got) != 0 {
		t.Errorf("rows of nothing: %v", got)
	}
	if h.p.Stats().Readings[0].Minute != midnight+60 {
		t.Errorf("the mark stayed: %+v", h.p.Stats())
	}
}

// A step above a minute: one row where each slot begins, and no row before
// its sweep, which comes in the middle of the slot, is there.
func TestSlowReading(t *testing.T) {
	h := newHost(t, midnight)
	w := store.NewWriter[tide](h.st, store.ShardOptions{Step: 5 * time.Minute})
	for i := range 12 {
		h.pass(60)
		h.flush()
		h.pass(90)
		r := metric.Blank[tide]()
		r.Level, r.Waves = float64(i), metric.Count(i*i)
		w.Begin(h.tick())
		w.Put(&r)
		w.End()
		h.flush()
		h.pass(150)
	}
	h.pass(660)
	h.flush()
	if n := h.number(`SELECT count(*) FROM tide_minute WHERE n = 1 AND ts % 300 = 0`); n != 12 {
		t.Errorf("%d rows, want 12", n)
	}
	if n := h.number(`SELECT count(*) FROM tide_hourly WHERE n = 12 AND tide_level = 5.5 AND tide_level_max = 11 AND tide_waves = 121`); n != 1 {
		t.Errorf("the hour is wrong")
	}
}

// Rows that left the catalogue are written too, and one that came back under
// the same labels stays the same row.
func TestRowsThatDieAndComeBack(t *testing.T) {
	h := newHost(t, midnight)
	h.sweep(sampleAt("dead", h.boot), sampleAt("a", h.boot))
	for range 7 * 60 { // 70 minutes of a alone: the dead row is sealed away
		h.pass(10)
		h.sweep(sampleAt("a", h.boot))
	}
	if n := len(h.st.Shard("probe").Rows()); n != 1 {
		t.Fatalf("%d live rows", n)
	}
	h.pass(10)
	r := sampleAt("dead", h.boot)
	r.Note = "new"
	h.sweep(r)
	h.settle()
	got := h.table(t, db.Minute)
	for _, at := range []int64{midnight, midnight + 4200} {
		if got[key{"dead", at}].n != 1 {
			t.Errorf("no row of the dead at %d", at)
		}
	}
	if n := h.number(`SELECT count(*) FROM reading_row WHERE labels = '{"name":"dead"}' AND attrs = '{"note":"new"}'`); n != 1 {
		t.Error("the row that came back is another, or has old attributes")
	}
}

// A minute in which a row died and came back is one row.
func TestTwoRowsOfOneMinute(t *testing.T) {
	h := newHost(t, midnight)
	w := h.p.scratchWriter()
	r := sampleAt("a", 0)
	h.sweep(r)
	row := h.st.Shard("probe").Rows()[0]
	out := h.p.fold(w, probes, []*store.Row{row, row}, 0, h.wall+60)
	if len(out) != 1 || out[0].N != 2 || out[0].Val[0] != r.Load {
		t.Errorf("got %+v", out)
	}
}

func (p *Persister) scratchWriter() *writer { return &writer{p: p, ctx: context.Background()} }

// Hostile labels arrive as they are, and do not break anything.
func TestHostileLabels(t *testing.T) {
	h := newHost(t, midnight)
	names := []string{`"; DROP TABLE probe_minute; --`, `\`, "", "a\x00b\xff", strings.Repeat("x", 10_000), "Δ\u202e"}
	for range 6 {
		var all []probe
		for _, n := range names {
			all = append(all, sampleAt(n, h.boot))
		}
		h.sweep(all...)
		h.pass(10)
	}
	h.flush()
	if n := h.number(`SELECT count(*) FROM probe_minute`); n != int64(len(names)) {
		t.Errorf("%d rows of %d names", n, len(names))
	}
}
