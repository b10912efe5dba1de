package db

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sysops-agent/pkg/metric"
)

var update = flag.Bool("update", false, "write the golden files anew")

// gauges makes a schema at run time, as plugins do.
func gauges(reading string, columns ...string) *metric.Schema {
	s := &metric.Schema{Name: reading, Help: "Made up."}
	for _, c := range columns {
		s.Fields = append(s.Fields, metric.Field{Name: reading + "." + c, Column: c, Res: 1})
	}
	return s
}

func TestSchemaGolden(t *testing.T) {
	got, err := Schema([]*metric.Schema{things, gauges("another", "level")})
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/schema.sql"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the schema changed; run with -update when that is meant\n%s", diff)
	}
}

// What Schema prints is SQL and makes the tables that the agent makes.
func TestSchemaIsWhatIsMade(t *testing.T) {
	text, err := Schema([]*metric.Schema{things})
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, Options{})
	printed, err := sql.Open("sqlite", t.TempDir()+"/printed.db")
	if err != nil {
		t.Fatal(err)
	}
	defer printed.Close()
	if _, err := printed.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	const list = `SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'`
	read := func(query func(string, ...any) (*sql.Rows, error)) map[string]string {
		t.Helper()
		rows, err := query(list)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		all := map[string]string{}
		for rows.Next() {
			var name, sql string
			if err := rows.Scan(&name, &sql); err != nil {
				t.Fatal(err)
			}
			all[name] = sql
		}
		if rows.Err() != nil || len(all) < 7 {
			t.Fatalf("%v, tables %v", rows.Err(), all)
		}
		return all
	}
	want := read(printed.Query)
	d.read(t, func(q *Querier) error {
		if diff := cmp.Diff(want, read(q.Query)); diff != "" {
			t.Error(diff)
		}
		return nil
	})
}

func (d *testDB) columns(t *testing.T, table string) (all []string) {
	t.Helper()
	d.read(t, func(q *Querier) error {
		rows, err := q.Query("SELECT name FROM pragma_table_info($1)", table)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n string
			if err := rows.Scan(&n); err != nil {
				return err
			}
			all = append(all, n)
		}
		return rows.Err()
	})
	return all
}

func TestEnsureTablesAddsAndNeverTakes(t *testing.T) {
	d := open(t, Options{})
	v1 := gauges("plugin", "a", "b")
	v2 := gauges("plugin", "b", "c")
	write := func(s *metric.Schema, ts int64) {
		t.Helper()
		d.do(t, func(tx *Tx) error {
			return tx.UpsertReadings(s, Minute, []ReadingRow{{Row: 1, Time: ts, Val: []float64{1, 2}, Max: []float64{3, 4}}})
		})
	}
	for range 2 { // again changes nothing
		if err := d.EnsureTables(t.Context(), []*metric.Schema{v1}); err != nil {
			t.Fatal(err)
		}
	}
	write(v1, 60)
	if err := d.EnsureTables(t.Context(), []*metric.Schema{v2}); err != nil {
		t.Fatal(err)
	}
	write(v2, 120)
	want := []string{"host", "row", "ts", "n", "a", "a_min", "a_max", "b", "b_min", "b_max", "c", "c_min", "c_max"}
	for _, tier := range Tiers {
		equal(t, want, d.columns(t, Table("plugin", tier)))
	}
	all := gauges("plugin", "a", "b", "c")
	got := readAll(t, d, Selection{all, Minute, []int{0, 1, 2}, []int64{1}, 0, 1000})
	equal(t, []ReadingRow{
		{Row: 1, Time: 60, Val: []float64{1, 2, nan}, Min: []float64{1, 2, nan}, Max: []float64{3, 4, nan}},
		{Row: 1, Time: 120, Val: []float64{nan, 1, 2}, Min: []float64{nan, 1, 2}, Max: []float64{nan, 3, 4}},
	}, got)
}

// A database begun anew has the tables of plugins too.
func TestEnsuredTablesSurviveTheFile(t *testing.T) {
	d := open(t, Options{})
	s := gauges("plugin", "a")
	if err := d.EnsureTables(t.Context(), []*metric.Schema{s}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(d.path); err != nil {
		t.Fatal(err)
	}
	d.persistently(t, func(tx *Tx) error {
		return tx.UpsertReadings(s, Minute, []ReadingRow{{Val: []float64{1}}})
	})
	if d.Stats().Opens != 2 {
		t.Errorf("opened %d times", d.Stats().Opens)
	}
}

func TestImpossibleTables(t *testing.T) {
	long := strings.Repeat("x", maxIdentifier-len(minSuffix))
	d := open(t, Options{})
	for name, s := range map[string]*metric.Schema{
		"quote in the reading":    gauges(`x"y`, "a"),
		"capitals in the reading": gauges("Xy", "a"),
		"SQLite's own":            gauges("sqlite_x", "a"),
		"too many columns":        gauges("x", manyNames(maxFields+1)...),
		"empty reading":           gauges("", "a"),
		"long reading":            gauges(strings.Repeat("x", 57), "a"),
		"injection":               gauges("x", `a" REAL); DROP TABLE host; --`),
		"empty column":            gauges("x", ""),
		"long column":             gauges("x", long+"x"),
		"a key's name":            gauges("x", "ts"),
		"twice":                   gauges("x", "a", "a"),
		"an extreme's name":       gauges("x", "a", "a_min"),
		"unicode":                 gauges("x", "ä"),
		"line break":              gauges("x", "a\n"),
	} {
		t.Run(name, func(t *testing.T) {
			bad := []*metric.Schema{gauges("fine", "a"), s}
			if err := d.EnsureTables(t.Context(), bad); err == nil {
				t.Error("EnsureTables took it")
			}
			if _, err := Schema(bad); err == nil {
				t.Error("Schema took it")
			}
		})
	}
	if got := d.columns(t, "fine_minute"); len(got) != 0 {
		t.Errorf("half of it was made: %v", got)
	}
	if err := d.EnsureTables(t.Context(), []*metric.Schema{gauges("x", long), gauges("wide", manyNames(maxFields)...)}); err != nil {
		t.Errorf("the longest possible name and the widest table: %v", err)
	}
	d.do(t, func(tx *Tx) error {
		return tx.UpsertReadings(gauges("wide", manyNames(maxFields)...), Minute, []ReadingRow{{Val: make([]float64, maxFields)}})
	})
}

func manyNames(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("c", i))
	}
	return all
}

func TestSchemaCommentsCannotEnd(t *testing.T) {
	s := gauges("x", "a")
	s.Help = "one\nDROP TABLE host;\r\n-- two"
	text, err := Schema([]*metric.Schema{s})
	if err != nil || !strings.Contains(text, "-- x: one DROP TABLE host; -- two\n") {
		t.Errorf("%v\n%s", err, text)
	}
}

// Whatever a plugin calls its things: it is refused, or it is a table.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"a", "select", "a\x00", `a"b`, "a]b", "a'b", "order", "_a", "9", "a_max", "rowid", "n"} {
		f.Add("reading", s)
		f.Add(s, "column")
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	f.Fuzz(func(t *testing.T, reading, column string) {
		s := gauges(reading, column)
		columns, err := valueColumns(s)
		if err != nil {
			return
		}
		text, err := Schema([]*metric.Schema{s})
		if err != nil {
			t.Fatal(err)
		}
		_, ddl, _ := strings.Cut(text, "-- "+reading+": ")
		_, ddl, _ = strings.Cut(ddl, "\n")
		if _, err := db.ExecContext(t.Context(), "BEGIN;"+ddl); err != nil {
			t.Fatalf("%v\n%s", err, ddl)
		}
		var n int
		err = db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE type = 'table'").Scan(&n)
		if err != nil || n != len(Tiers) {
			t.Errorf("%d tables (%v)\n%s", n, err, ddl)
		}
		if _, err := db.ExecContext(t.Context(), upsert(Table(reading, Minute), columns), 1, 2, 3, 4, 5, 6, 7); err != nil {
			t.Error(err)
		}
		if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTiers(t *testing.T) {
	for tier, want := range map[Tier]int64{Minute: 60, Hourly: 3600, Daily: 86400, "weekly": 0} {
		if got := tier.Step(); got != want {
			t.Errorf("%s steps %d seconds, want %d", tier, got, want)
		}
	}
	if got := fmt.Sprint(Tiers); got != "[minute hourly daily]" {
		t.Error(got)
	}
}
