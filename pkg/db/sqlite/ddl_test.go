package sqlite

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadingTables(t *testing.T) {
	d := mustOpen(t, t.TempDir()+"/test.db", 1)
	d.mustExec(t, CreateReadings("order_minute", []string{"select", "b"}))
	d.mustExec(t, CreateReadings("order_minute", []string{"select", "b"})) // there already
	d.mustExec(t, AddColumn("order_minute", "group"))
	all, err := Columns(t.Context(), d.Writer)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"host": true, "row": true, "ts": true, "n": true, "select": true, "b": true, "group": true}
	if diff := cmp.Diff(want, all["order_minute"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]bool{"a": true, "b": true}, all["one"]); diff != "" {
		t.Error(diff)
	}
	d.mustExec(t, `INSERT INTO order_minute VALUES (1, 2, 3, 4, 5.0, 5.5, 'x')`)
	var kinds string
	err = d.Writer.QueryRowContext(t.Context(), `SELECT typeof("select") || typeof(b) FROM order_minute`).Scan(&kinds)
	if err != nil || kinds != "integerreal" {
		t.Errorf("stored as %s (%v): whole numbers must be integers, they take less", kinds, err)
	}
	if _, err := d.Writer.ExecContext(t.Context(), `INSERT INTO order_minute VALUES (1, 2, 3, 4, 5, 6, 7)`); err == nil || FaultOf(err) != None {
		t.Errorf("the same key twice: %v", err)
	}
}
