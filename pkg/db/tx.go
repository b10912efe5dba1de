package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"sysops-agent/pkg/db/sqlite"
)

// Querier asks the database within one [DB.Read] or [DB.Do]. It is used by
// one goroutine and not after that call. Parameters are $1, $2, …; texts and
// numbers never become part of a statement.
type Querier struct {
	ctx    context.Context
	c      *sql.Conn
	host   int64
	broken error // the first error after which the transaction is over
}

// Context returns the context of the transaction, with its deadline.
func (q *Querier) Context() context.Context { return q.ctx }

// Host returns the id of this host in the database.
func (q *Querier) Host() int64 { return q.host }

// Query runs a statement that returns rows. Close them before fn returns.
func (q *Querier) Query(query string, args ...any) (*sql.Rows, error) {
	if q.broken != nil {
		return nil, q.broken
	}
	rows, err := q.c.QueryContext(q.ctx, query, args...)
	return rows, q.note(err)
}

// QueryRow scans the only row of a statement into dest. It returns
// [sql.ErrNoRows] when there is none.
func (q *Querier) QueryRow(query string, args []any, dest ...any) error {
	if q.broken != nil {
		return q.broken
	}
	return q.note(q.c.QueryRowContext(q.ctx, query, args...).Scan(dest...))
}

// note remembers an error after which the database may have rolled the
// transaction back by itself. What a careless caller ran after that would be
// committed statement by statement, so nothing runs any more.
func (q *Querier) note(err error) error {
	if q.broken == nil && err != nil && (sqlite.RollsBack(err) || q.ctx.Err() != nil) {
		q.broken = err
	}
	return err
}

// because returns the error of a transaction: that of fn, in which the fault
// of the database must be found even when fn did not pass it on.
func (q *Querier) because(err error) error {
	switch {
	case q.broken == nil || errors.Is(err, q.broken):
		return err
	case err == nil:
		return q.broken
	}
	return errors.Join(err, q.broken)
}

// Tx is one writing transaction: a [Querier] that sees its own changes, and
// writes.
type Tx struct {
	Querier
	s     *session
	rows  int                 // reading rows upserted
	fresh map[rowKey]knownRow // row ids learnt here, good for all after the commit
	purge bool                // rows were deleted: forget all ids after the commit
}

// Exec runs a statement that returns no rows and tells how many it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	if tx.broken != nil {
		return 0, tx.broken
	}
	res, err := tx.c.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, tx.note(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("count the changed rows: %w", err)
	}
	return n, nil
}
