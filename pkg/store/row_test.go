package store

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sysops-agent/pkg/metric"
)

func sweepOf(w *Writer[sample], at int64, names ...string) {
	w.Begin(At(at))
	for _, n := range names {
		w.Put(&sample{Name: n, Size: float64(at)})
	}
	w.End()
}

func timesOf(r *Row) []int64 {
	var p Points
	r.Read(fSize, 0, forever, &p)
	return p.T
}

// TestHandleOfDepartedRow: whoever kept the handle of a row that has left
// writes into its successor.
func TestHandleOfDepartedRow(t *testing.T) {
	st := open(t, Options{})
	w := NewWriter[sample](st, ShardOptions{Step: 60 * time.Second})
	at := int64(1_700_000_040)
	sweepOf(w, at, "a", "b")
	old := w.Row(&sample{Name: "b"})
	for range 20 {
		at += 60
		sweepOf(w, at, "a")
	}
	sh := st.Shard("sample")
	if len(sh.Rows()) != 1 {
		t.Fatalf("%d rows", len(sh.Rows()))
	}
	for range 3 {
		at += 60
		w.Begin(At(at))
		w.Write(old, &sample{Name: "b", Size: 5})
		w.End()
	}
	now := w.Row(&sample{Name: "b"})
	if now == old || now.ID() == old.ID() || len(sh.Rows()) != 2 {
		t.Fatalf("rows %v", sh.Rows())
	}
	if got := timesOf(now); !slices.Equal(got, []int64{at - 120, at - 60, at}) {
		t.Errorf("the successor has %v", got)
	}
	if got := timesOf(old); len(got) != 1 {
		t.Errorf("the old row has %v", got)
	}
	if gone := sh.Departed(0, forever); len(gone) != 1 || gone[0].ID() != old.ID() || gone[0].Labels()[0] != "b" {
		t.Errorf("departed are %v", gone)
	}
	if gone := sh.Departed(at-300, forever); len(gone) != 0 {
		t.Errorf("departed with samples of the last minutes: %v", gone)
	}
}

// TestRowsOutliveAGap: after a suspend, or a collector's rest, of any length
// rows go on as themselves if they are there in the first sweep; others leave.
func TestRowsOutliveAGap(t *testing.T) {
	for name, restart := range map[string]bool{"running": false, "restarted": true} {
		bubble(t, name, func(t *testing.T) {
			dir := fastDir(t)
			st := open(t, Options{Dir: dir})
			w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
			sweepOf(w, 1_700_000_000, "a", "b")
			a, b := w.Row(&sample{Name: "a"}).ID(), w.Row(&sample{Name: "b"}).ID()
			if restart {
				st = open(t, Options{Dir: killed(t, st)})
				w = NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
			}
			const later = 1_700_000_000 + 8*3600
			for i := range int64(100) {
				sweepOf(w, later+10*i, "a")
			}
			rows := st.Shard("sample").Rows()
			if len(rows) != 1 || rows[0].ID() != a {
				t.Fatalf("rows are %v", rows)
			}
			if gone := st.Shard("sample").Departed(0, forever); len(gone) != 1 || gone[0].ID() != b {
				t.Errorf("departed are %v", gone)
			}
		})
	}
}

// TestRowOpenedBetweenSweeps: a handle taken outside of a sweep is as good as
// one from within, also after a crash.
func TestRowOpenedBetweenSweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := open(t, Options{Dir: fastDir(t)})
		w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
		early := w.Row(&sample{Name: "early"})
		sweepOf(w, 1_700_000_000, "a")
		synctest.Wait()
		late := w.Row(&sample{Name: "late"})
		for i := range int64(3) {
			w.Begin(At(1_700_000_010 + 10*i))
			w.Write(early, &sample{Name: "early", Size: 1})
			w.Write(late, &sample{Name: "late", Size: 1})
			w.End()
			synctest.Wait()
		}
		again := open(t, Options{Dir: killed(t, st)})
		for _, n := range []string{"early", "late"} {
			i := slices.IndexFunc(again.Shard("sample").Rows(), func(r *Row) bool { return r.Labels()[0] == n })
			if i < 0 {
				t.Errorf("row %q is lost", n)
			} else if got := timesOf(again.Shard("sample").Rows()[i]); len(got) != 3 {
				t.Errorf("row %q has %v", n, got)
			}
		}
	})
}

// TestSweepWithoutEnd: what a collector wrote before it panicked is kept.
func TestSweepWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := open(t, Options{Dir: fastDir(t)})
		w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
		w.Begin(At(1_700_000_000))
		w.Put(&sample{Name: "a", Size: 1})
		sweepOf(w, 1_700_000_010, "a") // begins without the end
		again := open(t, Options{Dir: killed(t, st)})
		if got := timesOf(again.Shard("sample").Rows()[0]); len(got) != 2 {
			t.Errorf("restored are %v", got)
		}
	})
}

// TestIDsAreNeverReused: not even that of the newest row once nothing of it is
// left.
func TestIDsAreNeverReused(t *testing.T) {
	dir := fastDir(t)
	o := Options{Dir: dir, Retention: time.Hour, Schemas: []*metric.Schema{metric.Of[sample]()}}
	st := Open(o)
	w := NewWriter[sample](st, ShardOptions{Step: 60 * time.Second})
	at := int64(1_700_000_040)
	sweepOf(w, at, "a", "b")
	used := w.Row(&sample{Name: "b"}).ID()
	for range 24 * 60 {
		at += 60
		sweepOf(w, at, "a")
	}
	if len(st.Shard("sample").Departed(0, forever)) != 0 {
		t.Fatal("something is left of b")
	}
	for range 2 {
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		st = Open(o)
	}
	w = NewWriter[sample](st, ShardOptions{Step: 60 * time.Second})
	if id := w.Row(&sample{Name: "c"}).ID(); id <= used {
		t.Errorf("the new row has id %d, %d were used", id, used)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLookUps: unknown readings are nil, sizes add up.
func TestLookUps(t *testing.T) {
	st := open(t, Options{})
	if st.Shard("nothing") != nil || len(st.Shards()) != 1 || st.Disk() != nil || st.Restored().Blocks != 0 {
		t.Error("there is something in an empty store")
	}
	sh := st.Shard("sample")
	if sh.Newest() != 0 || sh.Oldest() != 0 || len(sh.Rows()) != 0 || len(sh.Departed(0, forever)) != 0 {
		t.Error("an empty shard is not empty")
	}
	w := NewWriter[whole](st, ShardOptions{Step: 10 * time.Second}) // not among the schemas
	if st.Shard("whole") != w.Shard() || len(st.Shards()) != 2 {
		t.Error("the new shard is not there")
	}
	ws := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
	for i := range int64(bigSlots + smallSlots + 5) {
		sweepOf(ws, damageStart+10*i, "a", "b")
	}
	z := st.Size()
	if z.Blocks != 2 || z.Rows != 2 || z.Series != 8 || z.HeadBytes < 2*4*5*8 || z.BlockBytes < 400 {
		t.Errorf("size %+v", z)
	}
	at, raw, ok := sh.Rows()[1].Latest()
	if !ok || at.Unix() != sh.Newest() || len(raw) != 4 || sh.schema.Fields[fSize].Value(raw[fSize]) != float64(at.Unix()) {
		t.Errorf("latest is %v %v %v", at, raw, ok)
	}
	if _, _, ok := (&Row{shard: sh}).Latest(); ok {
		t.Error("a row without a head has a latest slot")
	}
}
