package query

import (
	"context"
	"slices"
	"testing"

	"sysops-agent/pkg/db"
)

// Where the memory begins within a minute.
func TestSeamWithinAMinute(t *testing.T) {
	const begun = midnight + 20
	for _, c := range []struct {
		name   string
		first  int64 // sample ever, in the database's minutes
		memory int64 // first sample in memory
		metric string
		tiers  []Tier
		times  []int64 // of the first points, since midnight
	}{
		{"the first start", begun, begun, "probe.load_percent", []Tier{TierMemory}, []int64{20, 30, 40, 50, 60}},
		{"the first start, a counter", begun, begun, "probe.ops", []Tier{TierMemory}, []int64{30, 40, 50, 60}},
		{"its minute began before", midnight, begun, "probe.load_percent", []Tier{TierMemory, TierMinute}, []int64{0, 60, 70}},
		{"its minute began before, a counter", midnight, begun, "probe.ops", []Tier{TierMemory, TierMinute}, []int64{0, 60, 70}},
		{"one increase came before", midnight - 10, midnight, "probe.ops", []Tier{TierMemory, TierMinute}, []int64{-60, 0, 60, 70}},
		{"on the minute", midnight - 10, midnight, "probe.load_percent", []Tier{TierMemory, TierMinute}, []int64{-60, 0, 10}},
		{"older minutes remain", midnight - 600, midnight + 120, "probe.load_percent", []Tier{TierMemory, TierMinute}, []int64{-60, 0, 60, 120, 130}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.raw["a"] = steady(c.first, (midnight+600-c.first)/10)
			w.keep(map[db.Tier]int64{db.Minute: midnight + 540, db.Hourly: 0, db.Daily: 0})
			w.remember(c.memory, midnight+600)
			r := w.ask(t, c.metric, midnight-60, midnight+600, 10)
			var at []int64
			for _, p := range r.Series[0].Points[:len(c.times)] {
				at = append(at, p.Time-midnight)
			}
			// A counter's increase of the very first minute has no row.
			want := slices.DeleteFunc(slices.Clone(c.times), func(t int64) bool { return c.metric == "probe.ops" && t == -60 })
			if !slices.Equal(at[:len(want)], want) || !slices.Equal(r.Tiers, c.tiers) {
				t.Errorf("points at %v of %v, want %v of %v", at, r.Tiers, want, c.tiers)
			}
			if wider := slices.Contains(r.Tiers, TierMinute); wider != (len(r.Notes) == 1) {
				t.Errorf("notes %q", r.Notes)
			}
		})
	}
}

// An absent value in the first slots, as of what is a difference, does not
// make the memory lose.
func TestSeamWithAbsentValues(t *testing.T) {
	w := newWorld(t)
	w.raw["a"] = steady(midnight+20, 58)
	w.keep(map[db.Tier]int64{db.Minute: midnight + 540, db.Hourly: 0, db.Daily: 0})
	w.remember(midnight+20, midnight+600)
	err := w.d.Do(context.Background(), func(tx *db.Tx) error { // as if ops were rising from the start
		id, err := tx.RowID("probe", `{"name":"a"}`, `{"kind":"k-a"}`, midnight)
		if err != nil {
			return err
		}
		return tx.UpsertReadings(probes, db.Minute, []db.ReadingRow{{Row: id, Time: midnight, N: 4, Val: []float64{1.5, 30}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	// Four slots, three increments.
	if r := w.ask(t, "probe.ops", midnight-60, midnight+600, 10); len(r.Notes) != 0 || r.Series[0].Points[0].Time != midnight+30 {
		t.Errorf("%q, %+v", r.Notes, r.Series[0].Points[0])
	}
}
