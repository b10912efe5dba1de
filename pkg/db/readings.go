package db

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"

	"sysops-agent/pkg/metric"
)

// ReadingRow is one row of a wide table: one minute, hour or day of one
// reading row. The slices are parallel to the fields they are about, all of
// the schema's when writing, those asked for when reading. NaN is absent.
type ReadingRow struct {
	Row  int64     // reading_row.id, from [Tx.RowID]
	Time int64     // seconds since 1970: the beginning of the span
	N    int64     // samples in the span
	Val  []float64 // gauges: average; counters: increase in the span
	Min  []float64 // gauges: lowest sample; nil or NaN means: as Val
	Max  []float64 // gauges: highest sample; nil or NaN means: as Val
}

// UpsertReadings writes rows of one tier of a reading, replacing those of the
// same row and time. Each row's Val must be as long as s.Fields; Min and Max
// too, or nil. Values are in the units that the caller chose; a gauge's
// average that is large against its resolution is rounded to it, because a
// whole number takes half the space. NaN and infinities are stored as NULL
// (SEC-21), extremes only where they differ from the average.
func (tx *Tx) UpsertReadings(s *metric.Schema, tier Tier, rows []ReadingRow) error {
	if len(rows) == 0 {
		return nil
	}
	columns, err := valueColumns(s)
	if err != nil {
		return err
	}
	if tx.broken != nil {
		return tx.broken
	}
	table := Table(s.Name, tier)
	stmt, err := tx.c.PrepareContext(tx.ctx, upsert(table, columns))
	if err != nil {
		return fmt.Errorf("prepare to write to table %s: %w", table, tx.note(err))
	}
	defer stmt.Close()
	// One row cannot wait for anything but the disk, so the deadline is
	// looked at between rows; a context per row would cost a goroutine each.
	endless := context.WithoutCancel(tx.ctx)
	args := make([]any, 0, len(keyColumns)+len(columns))
	for i := range rows {
		if err := tx.ctx.Err(); err != nil {
			return fmt.Errorf("write to table %s: %w", table, err)
		}
		if args, err = tx.args(args[:0], s, &rows[i]); err != nil {
			return fmt.Errorf("write to table %s: %w", table, err)
		}
		if _, err := stmt.ExecContext(endless, args...); err != nil {
			return fmt.Errorf("write to table %s: %w", table, tx.note(err))
		}
	}
	tx.rows += len(rows)
	return nil
}

func upsert(table string, columns []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `INSERT INTO %q ("host", "row", "ts", "n"`, table)
	for _, c := range columns {
		fmt.Fprintf(&b, ", %q", c)
	}
	b.WriteString(") VALUES ($1")
	for i := range len(keyColumns) + len(columns) - 1 {
		fmt.Fprintf(&b, ", $%d", i+2)
	}
	b.WriteString(`) ON CONFLICT ("host", "row", "ts") DO UPDATE SET "n" = excluded."n"`)
	for _, c := range columns {
		fmt.Fprintf(&b, ", %q = excluded.%q", c, c)
	}
	return b.String()
}

// args appends the parameters of one row in the order of its columns.
func (tx *Tx) args(to []any, s *metric.Schema, r *ReadingRow) ([]any, error) {
	n := len(s.Fields)
	if len(r.Val) != n || r.Min != nil && len(r.Min) != n || r.Max != nil && len(r.Max) != n {
		return nil, fmt.Errorf("a row with %d values, %d lowest and %d highest for the %d fields of reading %s",
			len(r.Val), len(r.Min), len(r.Max), n, s.Name)
	}
	to = append(to, tx.host, r.Row, r.Time, r.N)
	for i := range s.Fields {
		f := &s.Fields[i]
		v := r.Val[i]
		if f.Kind == metric.Gauge {
			v = rounded(v, f.Res)
		}
		to = append(to, value(v))
		if f.Kind == metric.Gauge {
			to = append(to, extreme(r.Min, i, v), extreme(r.Max, i, v))
		}
	}
	return to, nil
}

// rounded drops from an average of whole samples the fraction that nobody
// sees: at most one part in two thousand.
func rounded(v, res float64) float64 {
	if res < 1 || math.Abs(v) < 1000*res {
		return v
	}
	return math.Round(v/res) * res
}

func value(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

func extreme(all []float64, i int, avg float64) any {
	if all == nil || all[i] == avg || math.IsNaN(avg) {
		return nil
	}
	return value(all[i])
}

// Selection says which readings to read.
type Selection struct {
	Schema *metric.Schema
	Tier   Tier
	Fields []int   // indices into Schema.Fields
	Rows   []int64 // reading_row ids, in the order wanted
	From   int64   // seconds since 1970, inclusive
	To     int64   // seconds since 1970, exclusive
}

// Readings calls fn for each selected row that is stored, row after row, each
// by time. *ReadingRow and its slices are reused: Val[i], Min[i] and Max[i]
// are of Fields[i]; Min and Max of counters are their Val. It stops at the
// first error and returns it.
func (q *Querier) Readings(sel Selection, fn func(*ReadingRow) error) error {
	query, scan, err := selectReadings(sel)
	if err != nil {
		return err
	}
	if q.broken != nil {
		return q.broken
	}
	table := Table(sel.Schema.Name, sel.Tier)
	stmt, err := q.c.PrepareContext(q.ctx, query)
	if err != nil {
		return fmt.Errorf("prepare to read table %s: %w", table, q.note(err))
	}
	defer stmt.Close()
	for _, id := range sel.Rows {
		scan.row.Row = id
		rows, err := stmt.QueryContext(q.ctx, q.host, id, sel.From, sel.To)
		if err == nil {
			var ours error
			if ours, err = scan.all(rows, fn); ours != nil {
				return ours
			}
		}
		if err != nil {
			return fmt.Errorf("read table %s: %w", table, q.note(err))
		}
	}
	return nil
}

// readingScan is where the columns of a row go.
type readingScan struct {
	row     ReadingRow
	dest    []any
	counter []bool // of each field
}

// all hands every row to fn. The first error is fn's, the second that of the
// database.
func (s *readingScan) all(rows *sql.Rows, fn func(*ReadingRow) error) (ours, theirs error) {
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(s.dest...); err != nil {
			return nil, err
		}
		s.finish()
		if err := fn(&s.row); err != nil {
			return err, nil
		}
	}
	return nil, rows.Err()
}

// finish fills in the extremes that are not stored.
func (s *readingScan) finish() {
	for i, v := range s.row.Val {
		if s.counter[i] || math.IsNaN(s.row.Min[i]) {
			s.row.Min[i] = v
		}
		if s.counter[i] || math.IsNaN(s.row.Max[i]) {
			s.row.Max[i] = v
		}
	}
}

// nullable scans a number, NULL as NaN.
type nullable float64

// Scan implements [database/sql.Scanner].
func (n *nullable) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*n = nullable(math.NaN())
	case float64:
		*n = nullable(v)
	case int64:
		*n = nullable(v)
	default:
		return fmt.Errorf("a %T where a number is expected", src)
	}
	return nil
}

func selectReadings(sel Selection) (string, *readingScan, error) {
	if _, err := valueColumns(sel.Schema); err != nil {
		return "", nil, err
	}
	n := len(sel.Fields)
	s := &readingScan{row: ReadingRow{Val: make([]float64, n), Min: make([]float64, n), Max: make([]float64, n)}}
	s.dest = []any{&s.row.Time, &s.row.N}
	var b strings.Builder
	b.WriteString(`SELECT "ts", "n"`)
	for i, field := range sel.Fields {
		if field < 0 || field >= len(sel.Schema.Fields) {
			return "", nil, fmt.Errorf("reading %s has no field %d", sel.Schema.Name, field)
		}
		f := &sel.Schema.Fields[field]
		s.counter = append(s.counter, f.Kind == metric.Counter)
		fmt.Fprintf(&b, ", %q", f.Column)
		s.dest = append(s.dest, (*nullable)(&s.row.Val[i]))
		if f.Kind == metric.Gauge {
			fmt.Fprintf(&b, ", %q, %q", f.Column+minSuffix, f.Column+maxSuffix)
			s.dest = append(s.dest, (*nullable)(&s.row.Min[i]), (*nullable)(&s.row.Max[i]))
		}
	}
	fmt.Fprintf(&b, ` FROM %q WHERE "host" = $1 AND "row" = $2 AND "ts" >= $3 AND "ts" < $4 ORDER BY "ts"`,
		Table(sel.Schema.Name, sel.Tier))
	return b.String(), s, nil
}
