package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// CreateReadings returns the statement that makes one wide table of readings
// with these value columns. A row is one minute, hour or day of one reading
// row; WITHOUT ROWID, because the key is the only way to it. The columns are
// NUMERIC, not REAL: so whole numbers, which most are, take zero to six bytes,
// while a REAL column of such a table takes eight for each, and the file half
// as much again (https://www.sqlite.org/datatype3.html).
func CreateReadings(table string, columns []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %q (\n", table)
	for _, key := range []string{"host", "row", "ts", "n"} {
		fmt.Fprintf(&b, "\t%q INTEGER NOT NULL,\n", key)
	}
	for _, c := range columns {
		fmt.Fprintf(&b, "\t%q NUMERIC,\n", c)
	}
	b.WriteString("\tPRIMARY KEY (\"host\", \"row\", \"ts\")\n) WITHOUT ROWID")
	return b.String()
}

// AddColumn returns the statement that adds one value column to a table of
// readings; rows that are there get NULL and are not rewritten.
func AddColumn(table, column string) string {
	return fmt.Sprintf("ALTER TABLE %q ADD COLUMN %q NUMERIC", table, column)
}

// Columns returns the columns of every table in the database.
func Columns(ctx context.Context, c *sql.Conn) (map[string]map[string]bool, error) {
	rows, err := c.QueryContext(ctx, `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'`)
	if err != nil {
		return nil, fmt.Errorf("list the columns of all tables: %w", err)
	}
	defer rows.Close()
	all := map[string]map[string]bool{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, fmt.Errorf("list the columns of all tables: %w", err)
		}
		if all[table] == nil {
			all[table] = map[string]bool{}
		}
		all[table][column] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list the columns of all tables: %w", err)
	}
	return all, nil
}

// Begin is the statement that begins a writing transaction: it takes the
// write lock at once, so that no later statement can fail for it.
const Begin = "BEGIN IMMEDIATE"

// Vacuum returns the statement that gives up to n free pages back to the file
// system. It moves pages, so n bounds the time.
func Vacuum(n int) string { return fmt.Sprintf("PRAGMA incremental_vacuum(%d)", n) }

// LiveBytes asks for the bytes of the pages in use.
const LiveBytes = `SELECT (c.page_count - f.freelist_count) * s.page_size
	FROM pragma_page_count c, pragma_freelist_count f, pragma_page_size s`
