package db

import "testing"

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

func TestVacuumShrinksTheFile(t *testing.T) {
	d := open(t, Options{})
	fillThings(t, d, 20, 500)
	d.checkpoint(t)
	full := d.Stats().FileBytes
	d.do(t, func(tx *Tx) error {
		_, err := tx.Exec("DELETE FROM thing_minute")
		return err
	})
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
