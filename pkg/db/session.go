package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"sysops-agent/migrations"
	"sysops-agent/pkg/db/sqlite"
)

// lockWait is how long the begin of a transaction takes only when another
// process holds the write lock.
const lockWait = 100 * time.Millisecond

// session is one opening of the database file. Host and row ids belong to it:
// after a corrupt file was replaced, they are others.
type session struct {
	f       *sqlite.DB
	host    int64
	known   map[rowKey]knownRow // ids of rows; used by the holder of the turn only
	readers sync.WaitGroup      // running Reads; Add only while it is d.s
	damaged bool                // set when it is lost because it is corrupt
	aside   string              // newest corrupt file beside it
	asideAt time.Time
}

func openSession(ctx context.Context, o Options, damage sqlite.Damage) (*session, error) {
	files, err := fs.Sub(migrations.SQLite, "sqlite")
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	f, err := sqlite.Open(ctx, o.Path, files, damage)
	if err != nil {
		return nil, err
	}
	s := &session{f: f, known: map[rowKey]knownRow{}}
	if old := sqlite.Aside(o.Path); len(old) > 0 {
		s.aside = old[len(old)-1]
		s.asideAt, _ = sqlite.AsideTime(s.aside)
	}
	return s, nil
}

func (s *session) close() error { return s.f.Close() }

// write runs fn in a transaction on the writing connection. The caller holds
// the turn.
func (s *session) write(ctx context.Context, fn func(*Tx) error) (tx *Tx, err error) {
	if err := s.f.Replaced(); err != nil {
		return nil, err
	}
	w := s.f.Writer
	start := time.Now()
	if _, err := w.ExecContext(ctx, sqlite.Begin); err != nil {
		if errors.Is(err, context.DeadlineExceeded) && time.Since(start) > lockWait {
			err = s.f.LockedBy(err)
		}
		return nil, fmt.Errorf("begin: %w", err)
	}
	// Neither end is interrupted: whether an interrupted commit happened
	// could not be told.
	endless := context.WithoutCancel(ctx)
	tx = &Tx{Querier: Querier{ctx: ctx, c: w, host: s.host}, s: s}
	ended := false
	defer func() { // also when fn panics
		if ended {
			return
		}
		if _, rerr := w.ExecContext(endless, "ROLLBACK"); rerr != nil && err != nil && sqlite.FaultOf(rerr) != sqlite.None {
			err = errors.Join(err, fmt.Errorf("roll back: %w", rerr))
		}
	}()
	if err := tx.because(fn(tx)); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("write to the database: %w", err)
	}
	if _, err := w.ExecContext(endless, "COMMIT"); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	ended = true
	s.learn(tx)
	return tx, nil
}

// read runs fn in a transaction on one of the reading connections.
func (s *session) read(ctx context.Context, fn func(*Querier) error) error {
	c, err := s.f.Readers.Conn(ctx)
	if err != nil {
		return fmt.Errorf("wait for a reading connection: %w", err)
	}
	defer c.Close()
	tx, err := c.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	q := &Querier{ctx: ctx, c: c, host: s.host}
	return q.because(fn(q))
}
