package db

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestJSON(t *testing.T) {
	for name, c := range map[string]struct {
		names, values []string
		want          string
	}{
		"none":    {nil, nil, `{}`},
		"one":     {[]string{"a"}, []string{"1"}, `{"a":"1"}`},
		"sorted":  {[]string{"b", "a"}, []string{"1", "2"}, `{"a":"2","b":"1"}`},
		"escaped": {[]string{"a"}, []string{"\"\\\n\x00 <é>"}, `{"a":"\"\\\n\u0000 \u003cé\u003e"}`},
	} {
		if got := JSON(c.names, c.values); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Equal label sets give equal texts, different ones different texts.
func TestJSONIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.MapOf(rapid.StringMatching(`[a-z]{1,3}`), rapid.String()).Draw(t, "set")
		names := rapid.Permutation(slices.Sorted(maps.Keys(set))).Draw(t, "order")
		values := make([]string, len(names))
		for i, n := range names {
			values[i] = set[n]
		}
		text := JSON(names, values)
		slices.Reverse(names)
		slices.Reverse(values)
		if other := JSON(names, values); other != text {
			t.Fatalf("%s and %s", text, other)
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(text), &back); err != nil || !maps.Equal(back, set) {
			t.Fatalf("%s gives %q, want %q (%v)", text, back, set, err)
		}
	})
}

func rowInfos(t *testing.T, d *testDB, reading string) (all []RowInfo) {
	t.Helper()
	d.read(t, func(q *Querier) error {
		return q.Rows(reading, func(r *RowInfo) error { all = append(all, *r); return nil })
	})
	return all
}

func TestRowID(t *testing.T) {
	d := open(t, Options{})
	get := func(labels, attrs string, at int64) (id int64) {
		t.Helper()
		d.do(t, func(tx *Tx) (err error) { id, err = tx.RowID("thing", labels, attrs, at); return err })
		return id
	}
	a := get(`{"id":"a"}`, `{}`, 1000)
	b := get(`{"id":"b"}`, `{}`, 2000)
	if a == b || get(`{"id":"a"}`, `{}`, 1060) != a {
		t.Fatalf("ids %d, %d", a, b)
	}
	want := []RowInfo{{a, `{"id":"a"}`, `{}`, 1000, 1000}, {b, `{"id":"b"}`, `{}`, 2000, 2000}}
	if diff := cmp.Diff(want, rowInfos(t, d, "thing")); diff != "" {
		t.Errorf("seen a minute later is not written: %s", diff)
	}
	get(`{"id":"a"}`, `{}`, 1000+seenEvery)
	get(`{"id":"b"}`, `{"x":"1"}`, 1500) // other attributes, seen earlier: the clock was set back
	want[0].LastSeen, want[1].Attrs, want[1].FirstSeen = 1000+seenEvery, `{"x":"1"}`, 1500
	if diff := cmp.Diff(want, rowInfos(t, d, "thing")); diff != "" {
		t.Error(diff)
	}
	if got := rowInfos(t, d, "other"); len(got) != 0 {
		t.Errorf("rows of another reading: %v", got)
	}
}

func TestRowIDsAreKnownAfterTheCommitOnly(t *testing.T) {
	d := open(t, Options{})
	var id, again int64
	err := d.Do(t.Context(), func(tx *Tx) (err error) {
		if id, err = tx.RowID("thing", "{}", "{}", 1); err != nil {
			return err
		}
		if again, err = tx.RowID("thing", "{}", "{}", 1); err != nil {
			return err
		}
		return fmt.Errorf("rolled back")
	})
	if err == nil || id != again {
		t.Fatalf("%v, ids %d and %d in one transaction", err, id, again)
	}
	if len(d.s.known) != 0 {
		t.Error("a rolled back row is known")
	}
	d.do(t, func(tx *Tx) (err error) { _, err = tx.RowID("thing", "{}", "{}", 1); return err })
	if len(d.s.known) != 1 || len(rowInfos(t, d, "thing")) != 1 {
		t.Error("a committed row is not known")
	}
}

func TestKnownRowsAreBounded(t *testing.T) {
	s := &session{known: map[rowKey]knownRow{}}
	for round := range 5 {
		tx := &Tx{fresh: map[rowKey]knownRow{}}
		for i := range maxKnown / 3 {
			tx.fresh[rowKey{"thing", fmt.Sprint(round, ".", i)}] = knownRow{id: int64(i)}
		}
		s.learn(tx)
		if len(s.known) > maxKnown {
			t.Fatalf("%d rows are remembered", len(s.known))
		}
		if r, ok := s.known[rowKey{"thing", fmt.Sprint(round, ".7")}]; !ok || r.id != 7 {
			t.Error("the newest are forgotten")
		}
	}
}

func TestDeleteRows(t *testing.T) {
	d := open(t, Options{})
	day := int64(86400)
	var old, id int64
	d.do(t, func(tx *Tx) (err error) {
		for i := range 5 {
			if old, err = tx.RowID("thing", fmt.Sprint(i), "{}", day); err != nil {
				return err
			}
		}
		_, err = tx.RowID("thing", "young", "{}", 10*day)
		return err
	})
	for i, want := range []int64{3, 2, 0} {
		d.do(t, func(tx *Tx) error {
			n, err := tx.DeleteRows(5*day, 3)
			if n != want {
				t.Errorf("call %d deleted %d, want %d", i, n, want)
			}
			return err
		})
	}
	// What was deleted is made anew, under an id that was never used.
	d.do(t, func(tx *Tx) (err error) { id, err = tx.RowID("thing", "4", "{}", day); return err })
	if id <= old {
		t.Errorf("id %d was used again (after %d)", id, old)
	}
	if got := rowInfos(t, d, "thing"); len(got) != 2 {
		t.Errorf("left: %v", got)
	}
}

func TestDeletedRowsAreForgottenWithinTheTransaction(t *testing.T) {
	d := open(t, Options{})
	d.do(t, func(tx *Tx) error { _, err := tx.RowID("thing", "a", "{}", 10); return err })
	d.do(t, func(tx *Tx) error {
		if _, err := tx.DeleteRows(math.MaxInt32, 10); err != nil {
			return err
		}
		_, err := tx.RowID("thing", "a", "{}", 20)
		return err
	})
	if got := rowInfos(t, d, "thing"); len(got) != 1 || got[0].FirstSeen != 20 {
		t.Errorf("got %v", got)
	}
}

func TestMarks(t *testing.T) {
	d := open(t, Options{})
	mark := func(reading string, tier Tier) (ts int64, ok bool) {
		t.Helper()
		d.read(t, func(q *Querier) (err error) { ts, ok, err = q.Mark(reading, tier); return err })
		return ts, ok
	}
	if _, ok := mark("thing", Minute); ok {
		t.Error("a mark from nowhere")
	}
	d.do(t, func(tx *Tx) error {
		for i, tier := range Tiers {
			if err := tx.SetMark("thing", tier, int64(i+1)*100); err != nil {
				return err
			}
		}
		return tx.SetMark("thing", Minute, 50) // also backwards: a clock that was wrong
	})
	for tier, want := range map[Tier]int64{Minute: 50, Hourly: 200, Daily: 300} {
		if ts, ok := mark("thing", tier); !ok || ts != want {
			t.Errorf("%s: %d, %v, want %d", tier, ts, ok, want)
		}
	}
	if _, ok := mark("other", Minute); ok {
		t.Error("another reading has the mark")
	}
}

func TestHeartbeatIsOneRow(t *testing.T) {
	d := open(t, Options{})
	d.read(t, func(q *Querier) error {
		if _, ok, err := q.LastBeat(); ok || err != nil {
			t.Errorf("a heartbeat from nowhere (%v)", err)
		}
		return nil
	})
	var want Heartbeat
	for i := range int64(3) {
		want = Heartbeat{Time: 100 + i, PID: 7, Version: "1.2", Uptime: i, Health: "healthy"}
		d.do(t, func(tx *Tx) error { return tx.Beat(want) })
	}
	d.read(t, func(q *Querier) error {
		got, ok, err := q.LastBeat()
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Error(ok, diff)
		}
		return err
	})
	if n := d.count(t, "heartbeat"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestTwoHostsKeepApart(t *testing.T) {
	d := open(t, Options{})
	d.do(t, put("a", 60))
	d.do(t, func(tx *Tx) error { return tx.SetMark("thing", Minute, 120) })
	d.Close()
	d.o.Host = "other"
	reg := d.reg
	other := &testDB{DB: Open(Options{Path: d.path, Host: "other", BootID: "b"}, reg), path: d.path, reg: reg}
	defer other.Close()
	other.await(t)
	if got := rowInfos(t, other, "thing"); len(got) != 0 {
		t.Errorf("the other host sees %v", got)
	}
	other.read(t, func(q *Querier) error {
		if _, ok, err := q.Mark("thing", Minute); ok || err != nil {
			t.Errorf("the other host sees a mark (%v)", err)
		}
		if q.Host() == 1 {
			t.Error("the hosts share an id")
		}
		return nil
	})
	other.do(t, put("a", 60))
	if n := other.count(t, "thing_minute"); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// Texts that are hostile to SQL are texts.
func TestHostileTexts(t *testing.T) {
	d := open(t, Options{})
	for _, text := range []string{`'; DROP TABLE host; --`, "a\x00b", "\xff\xfe", strings.Repeat("x", 100_000), `"`, "$1"} {
		d.do(t, func(tx *Tx) error { _, err := tx.RowID(text, text, text, 1); return err })
		if got := rowInfos(t, d, text); len(got) != 1 || got[0].Labels != text || got[0].Attrs != text {
			t.Errorf("%.20q came back as %.60v", text, got)
		}
	}
	if n := d.count(t, "host"); n != 1 {
		t.Errorf("%d hosts", n)
	}
}
