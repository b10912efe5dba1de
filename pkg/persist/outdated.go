package persist

import (
	"fmt"

	"sysops-agent/pkg/db"
)

// outdated finds and deletes what a table has before a time. It looks for the
// rows concerned in a reading transaction, for which nobody waits, since
// there may be many, most of them without anything to delete; only deleting
// holds the writer.
type outdated struct {
	table, reading string
	before         int64 // Unix seconds
	rows           []tableRow
}

// tableRow is what a reading row has in the table.
type tableRow struct{ host, id int64 }

const findRows = 200 // at a time

// find looks for the next rows that have something to delete.
func (o *outdated) find(q *db.Querier) error {
	after := int64(0)
	if n := len(o.rows); n > 0 {
		after = o.rows[n-1].id - 1 // of the last one something may be left
	}
	o.rows = o.rows[:0]
	rows, err := q.Query(fmt.Sprintf(`SELECT r.host, r.id FROM reading_row r
		WHERE r.id > $1 AND r.reading = $2 AND r.first_seen < $3
		AND EXISTS (SELECT 1 FROM %q t WHERE t."host" = r.host AND t."row" = r.id AND t."ts" < $3)
		ORDER BY r.id LIMIT $4`, o.table), after, o.reading, o.before, findRows)
	if err != nil {
		return fmt.Errorf("look for old rows in table %s: %w", o.table, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r tableRow
		if err := rows.Scan(&r.host, &r.id); err != nil {
			return fmt.Errorf("look for old rows in table %s: %w", o.table, err)
		}
		o.rows = append(o.rows, r)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("look for old rows in table %s: %w", o.table, err)
	}
	return nil
}

// delete deletes up to deleteRows of what was found, and keeps in o.rows how
// far it came.
func (o *outdated) delete(tx *db.Tx) (int64, error) {
	query := fmt.Sprintf(`DELETE FROM %q WHERE "host" = $1 AND "row" = $2 AND "ts" IN
		(SELECT "ts" FROM %[1]q WHERE "host" = $1 AND "row" = $2 AND "ts" < $3 ORDER BY "ts" LIMIT $4)`, o.table)
	total := int64(0)
	for i, r := range o.rows {
		n, err := tx.Exec(query, r.host, r.id, o.before, deleteRows-total)
		if err != nil {
			return 0, fmt.Errorf("delete old rows from table %s: %w", o.table, err)
		}
		if total += n; total == deleteRows {
			o.rows = o.rows[:i+1]
			break
		}
	}
	return total, nil
}
