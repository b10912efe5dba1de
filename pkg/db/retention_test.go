package db

import (
	"fmt"
	"strings"
	"testing"
)

// fill writes minutes of rows that begin and end at different times.
func fillThings(t *testing.T, d *testDB, rows, minutes int) {
	t.Helper()
	d.do(t, func(tx *Tx) error {
		var all []ReadingRow
		for r := range rows {
			for m := range minutes {
				all = append(all, ReadingRow{Row: int64(r + 1), Time: int64(m * 60), N: 6, Val: []float64{0.5, 1.5, float64(m)}})
			}
		}
		return tx.UpsertReadings(things, Minute, all)
	})
}

func (d *testDB) deleteBefore(t *testing.T, ts int64, limit int) (n int64) {
	t.Helper()
	d.do(t, func(tx *Tx) (err error) { n, err = tx.DeleteBefore(things, Minute, ts, limit); return err })
	return n
}

func TestDeleteBefore(t *testing.T) {
	d := open(t, Options{})
	fillThings(t, d, 5, 10)
	d.do(t, func(tx *Tx) error { // another host, with a name that we do not know
		_, err := tx.Exec("INSERT INTO thing_minute (host, row, ts, n) VALUES (-3, 1, 0, 1), (77, 1, 0, 1), (77, 1, 6000, 1)")
		return err
	})
	for i, c := range []struct {
		ts    int64
		limit int
		want  int64
	}{
		{0, 100, 0},     // nothing is so old
		{60, 0, 0},      // no limit, no deed
		{180, 4, 4},     // stops in the middle of the second row
		{180, 13, 13},   // the other 11 of this host and 2 of the others
		{180, 100, 0},   // done
		{9000, 7, 7},    //
		{9000, 100, 29}, // 35 of this host left, and one of the other, less 7
		{9000, 100, 0},  //
	} {
		if n := d.deleteBefore(t, c.ts, c.limit); n != c.want {
			t.Errorf("call %d: before %d, at most %d: %d deleted, want %d", i, c.ts, c.limit, n, c.want)
		}
	}
	if n := d.count(t, "thing_minute"); n != 0 {
		t.Errorf("%d rows left", n)
	}
}

// Retention must not read what stays: only the key is searched.
func TestDeleteBeforeSearchesByKey(t *testing.T) {
	d := open(t, Options{})
	for _, sql := range []string{
		fmt.Sprintf(nextRowSQL, "thing_minute"),
		fmt.Sprintf(deleteSQL, "thing_minute"),
	} {
		d.read(t, func(q *Querier) error {
			rows, err := q.Query("EXPLAIN QUERY PLAN "+sql, 1, 1, 1, 1)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var a, b, c any
				var plan string
				if err := rows.Scan(&a, &b, &c, &plan); err != nil {
					return err
				}
				if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("%s: %s", sql, plan)
				}
			}
			return rows.Err()
		})
	}
}

func TestVacuumShrinksTheFile(t *testing.T) {
	d := open(t, Options{})
	fillThings(t, d, 20, 500)
	d.checkpoint(t)
	full := d.Stats().FileBytes
	if n := d.deleteBefore(t, 1e9, 1e6); n != 20*500 {
		t.Fatalf("%d deleted", n)
	}
	d.checkpoint(t)
	if s := d.Stats(); s.FileBytes != full {
		t.Fatalf("the file has %d bytes, had %d: deleting shrinks by itself now?", s.FileBytes, full)
	}
	if err := d.Vacuum(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	d.checkpoint(t)
	if s := d.Stats(); s.FileBytes != full-10*4096 {
		t.Errorf("the file has %d bytes, want ten pages less than %d", s.FileBytes, full)
	}
	if err := d.Vacuum(t.Context(), 1e6); err != nil {
		t.Fatal(err)
	}
	d.checkpoint(t)
	if s := d.Stats(); s.FileBytes > full/2 {
		t.Errorf("the file has %d bytes of %d after all was deleted", s.FileBytes, full)
	}
}
