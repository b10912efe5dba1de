package query

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// FuzzRange asks anything: the answer is a bad request, or sound.
func FuzzRange(f *testing.F) {
	w := newWorld(f)
	w.raw["a"] = steady(midnight, 8640)
	w.raw["b"] = steady(midnight+7, 300)
	w.keep(map[db.Tier]int64{db.Minute: midnight + 80_000, db.Hourly: midnight + 72_000, db.Daily: midnight})
	w.remember(midnight+60_000, midnight+86_400)
	f.Add("probe.ops", "name", "=~", "a|b", midnight, midnight+86400, int64(60), 10)
	f.Add("sysops_probe_load_ratio", "kind", "!=", "k-a", midnight+5, midnight+99, int64(0), 0)
	f.Add("tide.level", "", "", "", int64(-1), int64(math.MaxInt64), int64(-5), -1)
	f.Add("probe.load_percent", "name", "!~", "(", int64(0), int64(latest), int64(1), 1)
	f.Fuzz(func(t *testing.T, name, label, op, value string, from, to, step int64, limit int) {
		r := request(name, from, to, step)
		r.Limit = limit
		if label != "" {
			r.Matchers = []Matcher{{label, Op(op), value}}
		}
		res, err := w.e.Range(context.Background(), r)
		if err != nil {
			if !errors.Is(err, ErrBadRequest) {
				t.Fatal(err)
			}
			return
		}
		sound(t, res, r)
	})
}

// sound checks what every answer keeps to.
func sound(t *testing.T, res *Result, r Request) {
	t.Helper()
	step := int64(res.Step / time.Second)
	from, to := floor(r.From.Unix(), step), ceil(r.To.Unix()+1, step)
	if step < 1 || res.Notes == nil || res.Tiers == nil {
		t.Fatalf("%+v", res)
	}
	for _, s := range res.Series {
		if len(s.Points) == 0 || len(s.Points) > MaxPoints+1 {
			t.Fatalf("%d points", len(s.Points))
		}
		last := int64(math.MinInt64)
		for _, p := range s.Points {
			if p.Time <= last || p.Time%step != 0 || p.Time < from || p.Time >= to || !(p.Min <= p.Value && p.Value <= p.Max) {
				t.Fatalf("%+v after %d in [%d, %d) by %d", p, last, from, to, step)
			}
			last = p.Time
		}
	}
}

// TestBesideTheWriters asks while sweeps go on and the database fills; each
// value is its own time, so that a torn or misplaced one shows.
func TestBesideTheWriters(t *testing.T) {
	w := newWorld(t)
	pw := store.NewWriter[probe](w.st, store.ShardOptions{Step: time.Second})
	var now atomic.Int64
	now.Store(midnight)
	w.e.now = func() time.Time { return time.Unix(now.Load(), 0) }
	const last = midnight + 20_000
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	writers.Go(func() {
		for at := midnight; at < last; at++ {
			pw.Begin(store.At(at))
			pw.Put(&probe{Name: "a", Load: float64(at - midnight), Ops: metric.Count(at)})
			if at%3000 < 1000 { // comes and goes
				pw.Put(&probe{Name: "b", Load: float64(at - midnight), Ops: metric.Count(at)})
			}
			pw.End()
			now.Store(at)
		}
	})
	writers.Go(func() {
		for minute := midnight; minute < last; minute += 600 {
			for now.Load() < min(minute+600, last-1) {
				time.Sleep(time.Millisecond)
			}
			if err := storeMinutes(w.d, minute, minute+600); err != nil {
				t.Error(err)
			}
		}
	})
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				besides(t, w, now.Load())
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

func storeMinutes(d *db.DB, from, to int64) error {
	return d.Do(context.Background(), func(tx *db.Tx) error {
		id, err := tx.RowID("probe", `{"name":"a"}`, `{"kind":""}`, from)
		if err != nil {
			return err
		}
		var rows []db.ReadingRow
		for at := from; at < to; at += 60 {
			lo := float64(at - midnight)
			rows = append(rows, db.ReadingRow{
				Row: id, Time: at, N: 60, Val: []float64{lo + 29.5, 60}, Min: []float64{lo, 0}, Max: []float64{lo + 59, 0},
			})
		}
		if err := tx.UpsertReadings(probes, db.Minute, rows); err != nil {
			return err
		}
		return tx.SetMark("probe", db.Minute, to)
	})
}

func besides(t *testing.T, w *world, now int64) {
	ctx := context.Background()
	r := request("probe.load_percent", midnight-60, now+1, 60)
	res, err := w.e.Range(ctx, r)
	if err != nil {
		t.Error(err)
		return
	}
	for _, s := range res.Series {
		for i, p := range s.Points {
			at := float64(p.Time - midnight)
			if p.Min < at || p.Max > at+59 {
				t.Errorf("a value of another time: %+v", p)
			}
			if i > 0 && s.Labels["name"] == "a" && p.Time != s.Points[i-1].Time+60 {
				t.Errorf("a hole before %d", p.Time)
			}
		}
	}
	inst, err := w.e.Instant(ctx, "probe.ops", nil, 0)
	if err != nil {
		t.Error(err)
		return
	}
	for _, v := range inst.Series {
		if int64(v.Value) != v.Time {
			t.Errorf("%+v", v)
		}
	}
	if len(w.e.Catalog()) != 4 {
		t.Error("the catalogue changed")
	}
}
