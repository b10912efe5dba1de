package db

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sysops-agent/pkg/metric"
)

var nan = math.NaN()

// readAll returns the selected readings as copies.
func readAll(t *testing.T, d *testDB, sel Selection) (all []ReadingRow) {
	t.Helper()
	d.read(t, func(q *Querier) error {
		return q.Readings(sel, func(r *ReadingRow) error {
			c := *r
			c.Val, c.Min, c.Max = append([]float64(nil), r.Val...), append([]float64(nil), r.Min...), append([]float64(nil), r.Max...)
			all = append(all, c)
			return nil
		})
	})
	return all
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func upsertAll(t *testing.T, d *testDB, tier Tier, rows ...ReadingRow) {
	t.Helper()
	d.do(t, func(tx *Tx) error { return tx.UpsertReadings(things, tier, rows) })
}

// stored returns a column of the minute table as SQLite has it.
func stored(t *testing.T, d *testDB, column string) (v any) {
	t.Helper()
	d.read(t, func(q *Querier) error {
		return q.QueryRow(`SELECT "`+column+`" FROM thing_minute`, nil, &v)
	})
	return v
}

func TestValuesInAndOut(t *testing.T) {
	inf := math.Inf(1)
	for name, c := range map[string]struct {
		val, min, max             []float64
		wantVal, wantMin, wantMax []float64
	}{
		"averages with extremes": {
			val: []float64{1.25, 10, 7}, min: []float64{1, 5, nan}, max: []float64{2, 20, nan},
			wantVal: []float64{1.25, 10, 7}, wantMin: []float64{1, 5, 7}, wantMax: []float64{2, 20, 7},
		},
		"extremes as the average": {
			val: []float64{1.25, 10, 7}, min: []float64{1.25, 10, 7}, max: []float64{1.25, 10, 7},
			wantVal: []float64{1.25, 10, 7}, wantMin: []float64{1.25, 10, 7}, wantMax: []float64{1.25, 10, 7},
		},
		"no extremes": {
			val:     []float64{-1.25, 0, 0},
			wantVal: []float64{-1.25, 0, 0}, wantMin: []float64{-1.25, 0, 0}, wantMax: []float64{-1.25, 0, 0},
		},
		"one extreme": {
			val: []float64{5, 5, 5}, min: []float64{4, nan, nan}, max: []float64{nan, 6, nan},
			wantVal: []float64{5, 5, 5}, wantMin: []float64{4, 5, 5}, wantMax: []float64{5, 6, 5},
		},
		"absent": {
			val: []float64{nan, nan, nan}, min: []float64{1, nan, nan}, max: []float64{nan, 2, nan},
			wantVal: []float64{nan, nan, nan}, wantMin: []float64{nan, nan, nan}, wantMax: []float64{nan, nan, nan},
		},
		"infinite is absent": {
			val: []float64{inf, -inf, inf}, wantVal: []float64{nan, nan, nan}, wantMin: []float64{nan, nan, nan}, wantMax: []float64{nan, nan, nan},
		},
		"infinite extremes": {
			val: []float64{1, 1, 1}, min: []float64{-inf, 1, 1}, max: []float64{inf, 1, 1},
			wantVal: []float64{1, 1, 1}, wantMin: []float64{1, 1, 1}, wantMax: []float64{1, 1, 1},
		},
		"beyond a petabyte": {
			val:     []float64{1e15 + 1, 1e300, 9007199254740992},
			wantVal: []float64{1e15 + 1, 1e300, 9007199254740992}, wantMin: []float64{1e15 + 1, 1e300, 9007199254740992}, wantMax: []float64{1e15 + 1, 1e300, 9007199254740992},
		},
		"averages of large whole numbers are whole": {
			val: []float64{123456.75, 123456.75, 123456.75}, min: []float64{123456, 123456, nan}, max: []float64{123457, 123457, nan},
			wantVal: []float64{123456.75, 123457, 123456.75}, wantMin: []float64{123456, 123456, 123456.75}, wantMax: []float64{123457, 123457, 123456.75},
		},
		"averages of small whole numbers are not": {
			val:     []float64{0.5, 999.5, 0.5},
			wantVal: []float64{0.5, 999.5, 0.5}, wantMin: []float64{0.5, 999.5, 0.5}, wantMax: []float64{0.5, 999.5, 0.5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, Options{})
			upsertAll(t, d, Minute, ReadingRow{Row: 1, Time: 60, N: 6, Val: c.val, Min: c.min, Max: c.max})
			got := readAll(t, d, Selection{Schema: things, Tier: Minute, Fields: []int{0, 1, 2}, Rows: []int64{1}, To: 100})
			equal(t, []ReadingRow{{Row: 1, Time: 60, N: 6, Val: c.wantVal, Min: c.wantMin, Max: c.wantMax}}, got)
		})
	}
}

// The size on disk depends on these forms.
func TestStoredForm(t *testing.T) {
	d := open(t, Options{})
	upsertAll(t, d, Minute, ReadingRow{
		Row: 1, Time: 60, N: 6,
		Val: []float64{50, 4096.25, 3}, Min: []float64{50, 4096, 0}, Max: []float64{50.5, 4096, 9},
	})
	for column, want := range map[string]any{
		"thing_load": int64(50), "thing_load_min": nil, "thing_load_max": 50.5,
		"thing_size_bytes": int64(4096), "thing_size_bytes_min": nil, "thing_size_bytes_max": nil,
		"thing_moved_bytes": int64(3),
	} {
		if got := stored(t, d, column); got != want {
			t.Errorf("%s is stored as %T %v, want %T %v", column, got, got, want, want)
		}
	}
}

func TestUpsertReplaces(t *testing.T) {
	d := open(t, Options{})
	upsertAll(t, d, Minute, ReadingRow{Row: 1, Time: 60, N: 6, Val: []float64{1, 1, 1}, Max: []float64{2, 2, 2}})
	upsertAll(t, d, Minute, ReadingRow{Row: 1, Time: 60, N: 3, Val: []float64{nan, 5, 5}})
	upsertAll(t, d, Hourly, ReadingRow{Row: 1, Time: 60, N: 9, Val: []float64{9, 9, 9}})
	upsertAll(t, d, Daily)
	got := readAll(t, d, Selection{Schema: things, Tier: Minute, Fields: []int{0, 1}, Rows: []int64{1}, To: 100})
	equal(t, []ReadingRow{{Row: 1, Time: 60, N: 3, Val: []float64{nan, 5}, Min: []float64{nan, 5}, Max: []float64{nan, 5}}}, got)
}

func TestSelection(t *testing.T) {
	d := open(t, Options{})
	var rows []ReadingRow
	for row := int64(1); row <= 3; row++ {
		for ts := int64(0); ts < 300; ts += 60 {
			rows = append(rows, ReadingRow{Row: row, Time: ts, N: 1, Val: []float64{float64(row), float64(ts), 0}})
		}
	}
	upsertAll(t, d, Minute, rows...)
	type point struct{ Row, Time int64 }
	for name, c := range map[string]struct {
		rows     []int64
		from, to int64
		want     []point
	}{
		"half open":       {[]int64{2}, 60, 180, []point{{2, 60}, {2, 120}}},
		"order of rows":   {[]int64{3, 1}, 240, 1000, []point{{3, 240}, {1, 240}}},
		"no such row":     {[]int64{9}, 0, 1000, nil},
		"no rows":         {nil, 0, 1000, nil},
		"empty span":      {[]int64{1}, 60, 60, nil},
		"backwards":       {[]int64{1}, 180, 60, nil},
		"before all time": {[]int64{1}, math.MinInt64, 1, []point{{1, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []point
			for _, r := range readAll(t, d, Selection{things, Minute, []int{1}, c.rows, c.from, c.to}) {
				got = append(got, point{r.Row, r.Time})
				if r.Val[0] != float64(r.Time) {
					t.Errorf("row %d at %d has %v", r.Row, r.Time, r.Val)
				}
			}
			equal(t, c.want, got)
		})
	}
}

func TestReadingsStopAtAnError(t *testing.T) {
	d := open(t, Options{})
	upsertAll(t, d, Minute, ReadingRow{Row: 1, Val: []float64{1, 1, 1}}, ReadingRow{Row: 1, Time: 60, Val: []float64{1, 1, 1}})
	stop, calls := errors.New("stop"), 0
	err := d.Read(t.Context(), func(q *Querier) error {
		return q.Readings(Selection{things, Minute, nil, []int64{1}, 0, 100}, func(*ReadingRow) error { calls++; return stop })
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestWrongShapes(t *testing.T) {
	d := open(t, Options{})
	three := []float64{1, 2, 3}
	unknown := &metric.Schema{Name: "unknown", Fields: things.Fields}
	for name, fn := range map[string]func(*Tx) error{
		"too few":  func(tx *Tx) error { return tx.UpsertReadings(things, Minute, []ReadingRow{{Val: three[:2]}}) },
		"too many": func(tx *Tx) error { return tx.UpsertReadings(things, Minute, []ReadingRow{{Val: append(three, 4)}}) },
		"few extremes": func(tx *Tx) error {
			return tx.UpsertReadings(things, Minute, []ReadingRow{{Val: three, Min: three[:1]}})
		},
		"no table": func(tx *Tx) error { return tx.UpsertReadings(unknown, Minute, []ReadingRow{{Val: three}}) },
		"no field": func(tx *Tx) error {
			return tx.Readings(Selection{Schema: things, Tier: Minute, Fields: []int{3}}, func(*ReadingRow) error { return nil })
		},
		"negative field": func(tx *Tx) error {
			return tx.Readings(Selection{Schema: things, Tier: Minute, Fields: []int{-1}}, func(*ReadingRow) error { return nil })
		},
		"read no table": func(tx *Tx) error {
			return tx.Readings(Selection{Schema: unknown, Tier: Minute, Rows: []int64{1}}, func(*ReadingRow) error { return nil })
		},
	} {
		if err := d.Do(t.Context(), fn); err == nil || errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.do(t, put("a", 60)) // none of it was the database's fault
}

// Readings and writes mix in one transaction: that is how rollups are made.
func TestRollUpInOneTransaction(t *testing.T) {
	d := open(t, Options{})
	for m := range int64(60) {
		upsertAll(t, d, Minute, ReadingRow{Row: 1, Time: m * 60, N: 6, Val: []float64{float64(m), 1, 10}})
	}
	d.do(t, func(tx *Tx) error {
		sum := ReadingRow{Row: 1, Val: make([]float64, 3)}
		err := tx.Readings(Selection{things, Minute, []int{0, 1, 2}, []int64{1}, 0, 3600}, func(r *ReadingRow) error {
			sum.N += r.N
			sum.Val[2] += r.Val[2]
			return nil
		})
		if err != nil {
			return err
		}
		return tx.UpsertReadings(things, Hourly, []ReadingRow{sum})
	})
	got := readAll(t, d, Selection{things, Hourly, []int{2}, []int64{1}, 0, 1})
	equal(t, []ReadingRow{{Row: 1, N: 360, Val: []float64{600}, Min: []float64{600}, Max: []float64{600}}}, got)
}
