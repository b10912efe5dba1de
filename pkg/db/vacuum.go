package db

import (
	"context"
	"fmt"

	"sysops-agent/pkg/db/sqlite"
)

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

// LiveBytes is the size of the database without its free pages and its log:
// what its rows take.
func (q *Querier) LiveBytes() (int64, error) {
	var n int64
	if err := q.QueryRow(sqlite.LiveBytes, nil, &n); err != nil {
		return 0, fmt.Errorf("measure the database: %w", err)
	}
	return n, nil
}
