package db

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sysops-agent/migrations"
	"sysops-agent/pkg/db/sqlite"
	"sysops-agent/pkg/metric"
)

// Tier is a step of time in which readings are stored. Each tier of each
// reading has a table of its own.
type Tier string

// The tiers.
const (
	Minute Tier = "minute"
	Hourly Tier = "hourly"
	Daily  Tier = "daily"
)

// Tiers lists them, finest first.
var Tiers = []Tier{Minute, Hourly, Daily}

// Step returns the seconds of one row of the tier.
func (t Tier) Step() int64 {
	switch t {
	case Minute:
		return 60
	case Hourly:
		return 3600
	case Daily:
		return 86400
	}
	return 0
}

// Table returns the name of the table of a reading's tier.
func Table(reading string, tier Tier) string { return reading + "_" + string(tier) }

// Suffixes of the columns that hold the extremes of a gauge.
const (
	minSuffix = "_min"
	maxSuffix = "_max"
)

// maxIdentifier is PostgreSQL's limit (NAMEDATALEN), which cuts longer names
// silently; both databases carry the same tables.
const maxIdentifier = 63

// maxFields keeps a table below PostgreSQL's 1,600 columns and SQLite's 2,000.
const maxFields = 500

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// keyColumns are in every table of readings.
var keyColumns = []string{"host", "row", "ts", "n"}

// valueColumns returns the value columns of a schema's tables: for a counter
// its increase, for a gauge the average and its extremes. It refuses names
// that cannot be columns or that appear twice.
func valueColumns(s *metric.Schema) ([]string, error) {
	if !identifier.MatchString(s.Name) || len(Table(s.Name, Minute)) > maxIdentifier || strings.HasPrefix(s.Name, "sqlite_") {
		return nil, fmt.Errorf("reading %q cannot be a table: its name must be of the form a_b with at most %d bytes, and not begin with sqlite_",
			s.Name, maxIdentifier-len(Minute)-1)
	}
	if len(s.Fields) > maxFields {
		return nil, fmt.Errorf("reading %s cannot be a table: it has %d metrics, at most %d fit", s.Name, len(s.Fields), maxFields)
	}
	seen := map[string]bool{}
	for _, k := range keyColumns {
		seen[k] = true
	}
	var all []string
	for i := range s.Fields {
		f := &s.Fields[i]
		names := []string{f.Column}
		if f.Kind == metric.Gauge {
			names = append(names, f.Column+minSuffix, f.Column+maxSuffix)
		}
		for _, n := range names {
			if !identifier.MatchString(n) || len(n) > maxIdentifier {
				return nil, fmt.Errorf("metric %s of reading %s: column %q is not of the form a_b with at most %d bytes; shorten it with col",
					f.Name, s.Name, n, maxIdentifier)
			}
			if seen[n] {
				return nil, fmt.Errorf("metric %s of reading %s: column %q is there twice; rename it with col", f.Name, s.Name, n)
			}
			seen[n] = true
		}
		all = append(all, names...)
	}
	return all, nil
}

// Schema returns all statements that make the database of these readings: the
// migrations and the generated tables. It is what `db schema` prints.
func Schema(schemas []*metric.Schema) (string, error) {
	var b strings.Builder
	names, err := fs.Glob(migrations.SQLite, "sqlite/*.sql")
	if err != nil {
		return "", fmt.Errorf("list the migrations: %w", err)
	}
	for _, n := range names {
		text, err := fs.ReadFile(migrations.SQLite, n)
		if err != nil {
			return "", fmt.Errorf("read migration %s: %w", n, err)
		}
		fmt.Fprintf(&b, "-- migrations/%s\n\n%s\n", n, text)
	}
	for _, s := range sorted(schemas) {
		columns, err := valueColumns(s)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "-- %s: %s\n\n", s.Name, strings.Join(strings.Fields(s.Help), " ")) // one line, whatever a plugin says
		for _, t := range Tiers {
			fmt.Fprintf(&b, "%s;\n\n", sqlite.CreateReadings(Table(s.Name, t), columns))
		}
	}
	return b.String(), nil
}

// EnsureTables makes the tables of these readings and adds the columns that
// are missing, in one transaction; from then on also in every database begun
// anew. What no schema has any more stays as it is. Readings known from
// [Options] need no call. A schema that cannot be a table is refused before
// anything is written; after [ErrUnavailable] try again.
func (d *DB) EnsureTables(ctx context.Context, schemas []*metric.Schema) error {
	for _, s := range schemas {
		if _, err := valueColumns(s); err != nil {
			return err
		}
	}
	d.mu.Lock()
	for _, s := range schemas {
		d.schemas[s.Name] = s
	}
	d.mu.Unlock()
	return d.Do(ctx, func(tx *Tx) error { return tx.ensureTables(schemas) })
}

func (tx *Tx) ensureTables(schemas []*metric.Schema) error {
	have, err := sqlite.Columns(tx.ctx, tx.c)
	if err != nil {
		return tx.note(err)
	}
	for _, s := range sorted(schemas) {
		columns, err := valueColumns(s)
		if err != nil {
			return err
		}
		for _, t := range Tiers {
			if err := tx.ensureTable(Table(s.Name, t), columns, have); err != nil {
				return err
			}
		}
	}
	return nil
}

func (tx *Tx) ensureTable(table string, columns []string, have map[string]map[string]bool) error {
	if have[table] == nil {
		if _, err := tx.Exec(sqlite.CreateReadings(table, columns)); err != nil {
			return fmt.Errorf("make table %s: %w", table, err)
		}
		return nil
	}
	for _, c := range columns {
		if have[table][c] {
			continue
		}
		if _, err := tx.Exec(sqlite.AddColumn(table, c)); err != nil {
			return fmt.Errorf("add column %s to table %s: %w", c, table, err)
		}
	}
	return nil
}

func sorted(schemas []*metric.Schema) []*metric.Schema {
	byName := map[string]*metric.Schema{}
	for _, s := range schemas {
		byName[s.Name] = s
	}
	out := make([]*metric.Schema, 0, len(byName))
	for _, n := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[n])
	}
	return out
}
