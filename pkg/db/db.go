// Package db is the agent's database: one writer, everything else asks it.
// Nobody else opens the file. It is never fatal: [Open] returns at once, a
// goroutine of its own opens, migrates and, when the database is lost,
// reopens it, and until then every call fails at once with [ErrUnavailable].
// Callers keep their data and try again.
//
//	persist, outbox, … ── Do(ctx, func(*Tx) error) ──▶ one writing connection
//	query, commands   ── Read(ctx, func(*Querier) error) ─▶ two reading ones
//
// The fixed tables are in migrations/; the wide tables of readings are
// derived from the schemas of package metric (see [Schema] and
// [DB.EnsureTables]).
//
// What is particular to SQLite is in package db/sqlite, called as plain
// functions: opening, faults of errors, DDL, a few statements. All SQL here is
// written so that PostgreSQL understands it too ($1 parameters, ON CONFLICT);
// a second kind of database makes of those functions an interface.
//
// # What happens when
//
//   - locked by another process, disk full: writing pauses, reading goes on;
//     one write per retry interval is let through as a trial
//   - read-only, I/O error, file deleted or replaced: closed and reopened
//   - corrupt: the file is renamed, never deleted, and a fresh one begins; the
//     state stays degraded for a day and names the old file, also over
//     restarts. With three such files the database stays off
//   - made by a newer version, another program's, a symbolic link: not
//     touched, looked at again every minute
package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sysops-agent/pkg/db/sqlite"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
)

// ErrUnavailable is what [DB.Do] and [DB.Read] wrap, with the reason, when
// the database cannot serve now. Nothing was written; try again later.
var ErrUnavailable = errors.New("the database is not available")

// DefaultTimeout bounds one Do or Read (SEC-39).
const DefaultTimeout = 10 * time.Second

// Options of a database.
type Options struct {
	Path    string           // of the SQLite file: absolute, ending in .db
	Host    string           // this host's name, part of every key
	BootID  string           // of the running kernel; may be empty
	Schemas []*metric.Schema // readings whose tables must be there after every open
	Timeout time.Duration    // of one Do or Read; 0 means DefaultTimeout

	retry time.Duration // between attempts to open; tests shorten it
}

// DB is the database. All methods may be called concurrently.
type DB struct {
	o    Options
	part *state.Part
	turn chan struct{} // holds one token: the right to use the writer

	mu      sync.Mutex
	s       *session  // nil while the database is away
	why     error     // why it is away, or why writing pauses; wraps ErrUnavailable
	until   time.Time // writing pauses until then, when s and why are set
	ready   chan struct{}
	schemas map[string]*metric.Schema
	stats   Stats

	lost chan *session // to the supervisor: close this one and reopen
	stop context.CancelFunc
	done chan struct{}
}

// Open returns the database and begins to open it in the background. The
// state is reported as the part "sqlite" of kind database; what listens to
// that ([state.Registry.OnChange]) must not call the database.
func Open(o Options, reg *state.Registry) *DB {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.retry <= 0 {
		o.retry = 5 * time.Second // K28
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &DB{
		o: o, part: reg.Part(state.Database, "sqlite"),
		turn: make(chan struct{}, 1), ready: make(chan struct{}),
		why:     fmt.Errorf("%w: it is still being opened", ErrUnavailable),
		schemas: map[string]*metric.Schema{},
		lost:    make(chan *session, 1), stop: stop, done: make(chan struct{}),
	}
	for _, s := range o.Schemas {
		d.schemas[s.Name] = s
	}
	go d.supervise(ctx)
	return d
}

// Close waits for the transactions in progress, each bounded by its deadline,
// and closes the database. Later calls fail with [ErrUnavailable]. It is
// idempotent.
func (d *DB) Close() {
	d.stop()
	<-d.done
}

// Wait returns when the database is open, or at the end of ctx with the
// reason why it is not.
func (d *DB) Wait(ctx context.Context) error {
	for {
		d.mu.Lock()
		open, why, ready := d.s != nil, d.why, d.ready
		d.mu.Unlock()
		if open {
			return nil
		}
		select {
		case <-ready:
		case <-d.done:
			return errClosed
		case <-ctx.Done():
			return why
		}
	}
}

var errClosed = fmt.Errorf("%w: it was closed", ErrUnavailable)

// Do runs fn in a writing transaction of its own, after all that came before
// it, and commits. When fn or the commit fails, nothing of it stays. The
// deadline ([Options.Timeout]) covers waiting and running; statements that
// hit it are interrupted. An error of fn is returned as it is, unless it shows
// that the database is at fault: then it wraps [ErrUnavailable] too.
// fn must not call Do or Read and must end soon after its context does. A row
// that the database refuses is the caller's business.
func (d *DB) Do(ctx context.Context, fn func(*Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	if _, err := d.writable(); err != nil {
		return err
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return d.failed(nil, fmt.Errorf("wait for another write to end: %w", ctx.Err()))
	}
	s, err := d.writable()
	if err != nil {
		return err
	}
	start := time.Now()
	tx, err := s.write(ctx, fn)
	if err != nil {
		return d.failed(s, err)
	}
	d.succeeded(tx, time.Since(start))
	return nil
}

// Read runs fn in a reading transaction: everything it asks is of one moment,
// and no write waits for it. At most two run at a time; the deadline covers
// waiting and running. Errors are as with [DB.Do].
func (d *DB) Read(ctx context.Context, fn func(*Querier) error) error {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	d.mu.Lock()
	s, why := d.s, d.why
	if s == nil {
		d.stats.Refused++
		d.mu.Unlock()
		return why
	}
	s.readers.Add(1)
	d.mu.Unlock()
	defer s.readers.Done()
	err := s.read(ctx, fn)
	switch {
	case err == nil:
		return nil
	case sqlite.FaultOf(err) == sqlite.ReadOnly: // a reading connection always is
		return d.failed(nil, fmt.Errorf("a reading transaction tried to write: %s", err.Error()))
	}
	return d.failed(s, err)
}

// writable returns the session unless the database is away or writing pauses.
func (d *DB) writable() (*session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.s == nil || d.why != nil && time.Now().Before(d.until) {
		d.stats.Refused++
		return nil, d.why
	}
	return d.s, nil
}

// failed counts the error of a transaction and, when the database is at
// fault, pauses it or has it reopened.
func (d *DB) failed(s *session, err error) error {
	f := sqlite.FaultOf(err)
	if f != sqlite.None {
		err = unavailable(sqlite.Explain(d.o.Path, err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.failed(err)
	if f == sqlite.None || s == nil || d.s != s {
		return err
	}
	d.why = err
	switch f {
	case sqlite.Locked, sqlite.DiskFull:
		d.until = time.Now().Add(d.o.retry)
	default:
		s.damaged = f == sqlite.Corrupt
		d.drop(err)
		d.lost <- s // room for one, and this happens once in a session
	}
	d.report(err)
	return err
}

// drop takes the session out of use. d.mu is held.
func (d *DB) drop(why error) {
	d.s, d.why, d.ready = nil, why, make(chan struct{})
}

func (d *DB) succeeded(tx *Tx, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.wrote(tx.rows, took)
	if d.s != nil {
		d.why = nil
		d.reportOpen()
	}
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }
