package store

import (
	"testing"
	"testing/synctest"
	"time"

	"sysops-agent/pkg/metric"
)

// sampleNext is how a later agent may declare the reading: a field and a label
// more, one each less, another order, another resolution, a counter with
// another unit.
type sampleNext struct {
	_     struct{}     `reading:"sample" domain:"test" help:"A test reading."`
	Zone  string       `label:"zone"`
	Name  string       `label:"name"`
	Fresh float64      `metric:"sample.fresh" help:"New."`
	Temp  float64      `metric:"sample.temp_celsius" unit:"celsius" res:"1" min:"-inf" help:"Signed."`
	Busy  metric.Count `metric:"sample.busy_seconds" unit:"seconds" scale:"1e-9" help:"Nanoseconds."`
	Ratio float64      `metric:"sample.ratio" res:"0.01" help:"Hundredths."`
}

// TestUpgrade: after a clean stop and after a kill alike a new agent reads what
// the old one wrote, field by field and label by label, and never misreads.
func TestUpgrade(t *testing.T) {
	const slots = bigSlots + 2*smallSlots + 9
	for name, stop := range map[string]func(*testing.T, *Store) string{
		"kill": func(t *testing.T, st *Store) string {
			dir := killed(t, st)
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			return dir
		},
		"stop": func(t *testing.T, st *Store) string {
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			return st.opt.Dir
		},
	} {
		bubble(t, name, func(t *testing.T) {
			st := Open(Options{Dir: fastDir(t), Schemas: []*metric.Schema{metric.Of[sample]()}})
			w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
			for i := range int64(slots) {
				if i == slots-12 { // a snapshot, then frames
					synctest.Wait()
					st.disk.since = time.Time{}
					st.disk.nudge()
					synctest.Wait()
				}
				w.Begin(At(1_700_000_400 + 10*i))
				w.Put(&sample{Name: "a", Note: "n", Ratio: float64(i) / 100, Size: 7, Temp: float64(i) + 0.4, Busy: metric.Count(i)})
				w.End()
			}
			dir := stop(t, st)
			o := Options{Dir: dir, Retention: forever, Schemas: []*metric.Schema{metric.Of[sampleNext]()}}
			st = Open(o)
			if r := st.Restored(); r.Damaged != 0 {
				t.Fatalf("restored %+v", r)
			}
			wn := NewWriter[sampleNext](st, ShardOptions{Step: 10 * time.Second})
			for i := range int64(bigSlots) { // on until old and new are merged
				wn.Begin(At(1_700_000_400 + 10*(slots+i)))
				wn.Put(&sampleNext{Name: "a", Ratio: float64(slots+i) / 100, Fresh: 1, Temp: float64(slots + i), Busy: metric.Count(i)})
				wn.End()
			}
			checkUpgraded(t, st, slots, slots+bigSlots)
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			st = Open(o)
			checkUpgraded(t, st, slots, slots+bigSlots)
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func checkUpgraded(t *testing.T, st *Store, old, all int) {
	t.Helper()
	sh := st.Shard("sample")
	if len(sh.Rows()) != 1 {
		t.Fatalf("%d rows", len(sh.Rows()))
	}
	row := sh.Rows()[0]
	if l := row.Labels(); len(l) != 2 || l[0] != "" || l[1] != "a" {
		t.Errorf("labels %q", l)
	}
	for _, f := range []struct {
		name  string
		count int
		value func(i int) float64
	}{
		{"sample.ratio", all, func(i int) float64 { return float64(i) / 100 }},
		{"sample.temp_celsius", all, func(i int) float64 { return float64(i) }},
		{"sample.fresh", all - old, func(int) float64 { return 1 }},
		{"sample.busy_seconds", all - old - 1, func(int) float64 { return 1e-9 }},
	} {
		var p Points
		row.Read(sh.schema.Field(f.name), 0, forever, &p)
		if len(p.T) != f.count {
			t.Errorf("%s: %d samples, want %d", f.name, len(p.T), f.count)
			continue
		}
		for k, at := range p.T {
			i := int(at-1_700_000_400) / 10
			if d := p.V[k] - f.value(i); d < -0.5 || d > 0.5 || f.name != "sample.temp_celsius" && d != 0 {
				t.Fatalf("%s: %g at slot %d, want %g", f.name, p.V[k], i, f.value(i))
			}
		}
	}
	var m Matrix
	sameAsRead(t, row, 0, forever, &m)
}
