package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"sysops-agent/pkg/db/sqlite"
	"sysops-agent/pkg/metric"
)

const (
	nextRowSQL = `SELECT "host", "row", "ts" FROM %q WHERE ("host", "row") > ($1, $2)
		ORDER BY "host", "row", "ts" LIMIT 1`
	deleteSQL = `DELETE FROM %q WHERE "host" = $1 AND "row" = $2 AND "ts" IN
		(SELECT "ts" FROM %[1]q WHERE "host" = $1 AND "row" = $2 AND "ts" < $3 ORDER BY "ts" LIMIT $4)`
)

// DeleteBefore deletes up to limit rows of one tier of a reading, of all
// hosts, whose time is before ts, and tells how many. Fewer than limit means
// that it is done; otherwise call it again in another transaction. It goes
// from row to row by the key, so that what stays is not read.
func (tx *Tx) DeleteBefore(s *metric.Schema, tier Tier, ts int64, limit int) (int64, error) {
	if _, err := valueColumns(s); err != nil {
		return 0, err
	}
	table := Table(s.Name, tier)
	var total, host, row int64
	host = math.MinInt64
	for total < int64(limit) {
		first, err := tx.nextRow(table, &host, &row)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return total, fmt.Errorf("look for old rows in table %s: %w", table, err)
		}
		if first >= ts {
			continue
		}
		n, err := tx.Exec(fmt.Sprintf(deleteSQL, table),
			host, row, ts, int64(limit)-total)
		total += n
		if err != nil {
			return total, fmt.Errorf("delete old rows from table %s: %w", table, err)
		}
	}
	return total, nil
}

// nextRow moves (host, row) to the next reading row in the table and returns
// the first time it has there.
func (tx *Tx) nextRow(table string, host, row *int64) (first int64, err error) {
	err = tx.QueryRow(fmt.Sprintf(nextRowSQL, table), []any{*host, *row}, host, row, &first)
	return first, err
}

// Vacuum gives up to pages free pages (of 4 KiB) at the end of the file back
// to the file system, in a transaction of its own: what was deleted leaves
// free pages, which are used again but do not shrink the file by themselves.
func (d *DB) Vacuum(ctx context.Context, pages int) error {
	return d.Do(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(sqlite.Vacuum(pages)); err != nil {
			return fmt.Errorf("give free pages back: %w", err)
		}
		return nil
	})
}
