package persist

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

const (
	flushAfter = 5 * time.Second // after the full minute: the last sweeps are in by then
	retryAfter = 2 * time.Second // after a flush that failed (K28)
	maxReplans = 3               // of one flush, when marks move meanwhile
)

// Options of a Persister.
type Options struct {
	Store     *store.Store
	DB        *db.DB
	Retention Retention

	// Heartbeat, when set, describes the agent for its row in the table
	// heartbeat; Time is filled in. The row is updated with the flush, at
	// most every HeartbeatEvery: SQLite does not wake up for it alone (K31).
	Heartbeat      func() db.Heartbeat
	HeartbeatEvery time.Duration

	Log   zerolog.Logger
	State *state.Part // of the backlog; may be nil
	Size  *state.Part // of the database's bound; may be nil
}

// Persister moves readings from the store to the database. All methods may
// be called concurrently.
type Persister struct {
	o    Options
	do   func(context.Context, func(*db.Tx) error) error      // o.DB.Do; tests let it fail
	read func(context.Context, func(*db.Querier) error) error // o.DB.Read
	now  func() store.Tick
	rest func(context.Context, time.Duration) bool // false: the context ended

	// What follows belongs to the flush; turn holds one token for it.
	turn       chan struct{}
	clock      clock
	rows       int // bound of one transaction, adapted to how long they take
	tables     map[string]bool
	bad        map[string]bool // readings that the database refuses
	scratch    scratch
	beaten     time.Duration // boot time of the last heartbeat
	cleanAt    time.Duration // boot time of the next retention run
	refusedErr error         // of a reading whose every row is refused
	gap        gap
	share      float64 // of the retention that is kept; see squeeze

	began int64 // Unix second of New

	mu         sync.Mutex
	keep       Retention
	marks      map[string]marks // as last seen in the database
	stats      Stats
	sinceClean uint64 // rows written since the last retention run
}

// New returns a Persister that has not begun to work: call [Persister.Run].
func New(o Options) *Persister {
	p := &Persister{
		o: o, do: o.DB.Do, read: o.DB.Read, now: store.Now, rest: sleep,
		turn: make(chan struct{}, 1), rows: maxRows,
		tables: map[string]bool{}, bad: map[string]bool{},
		keep: o.Retention, marks: map[string]marks{}, share: 1, stats: Stats{Share: 1},
	}
	p.clock.look(p.now())
	p.began, p.cleanAt = p.clock.since, p.clock.last.Boot+firstClean
	return p
}

// SetRetention changes the retention; the next hourly run uses it.
func (p *Persister) SetRetention(r Retention) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep = r
}

// Run flushes now and then five seconds after each full minute, and deletes
// old rows hourly, until ctx ends. What is far behind is caught up at a
// quarter of one core.
func (p *Persister) Run(ctx context.Context) {
	for {
		if !p.rest(ctx, p.wait(p.flush(ctx, true))) {
			return
		}
	}
}

// wait is the time until the next flush.
func (p *Persister) wait(err error) time.Duration {
	now := p.now().Wall
	next := now.Truncate(time.Minute).Add(time.Minute + flushAfter).Sub(now)
	if temporary(err) {
		next = min(next, retryAfter)
	}
	return next
}

// Flush writes all full minutes, as fast as it can, until ctx ends: for the
// shutdown, when the collectors have stopped. What it does not reach waits in
// the store's journal for the next start.
func (p *Persister) Flush(ctx context.Context) error { return p.flush(ctx, false) }

func (p *Persister) flush(ctx context.Context, gentle bool) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	start := p.now()
	if p.clock.look(start) {
		p.cleanAt = max(p.cleanAt, start.Boot+cleanEvery) // do not delete by a clock that may be wrong
	}
	var err error
	for range maxReplans {
		if err = p.pass(ctx, gentle); !errors.Is(err, errMoved) {
			break
		}
	}
	p.ended(start, err)
	return err
}

// pass brings every tier up to date once.
func (p *Persister) pass(ctx context.Context, gentle bool) error {
	clear(p.bad)
	p.refusedErr = nil
	if err := p.ensureTables(ctx); err != nil {
		return err
	}
	if err := p.readMarks(ctx); err != nil {
		return err
	}
	w := &writer{p: p, ctx: ctx, gentle: gentle}
	if err := p.minutes(w); err != nil {
		return err
	}
	w.beat = p.beatDue()
	if err := w.commit(); err != nil {
		return err
	}
	if err := p.rollUp(w, db.Minute, db.Hourly); err != nil {
		return err
	}
	if err := p.rollUp(w, db.Hourly, db.Daily); err != nil {
		return err
	}
	if gentle {
		if err := p.clean(ctx); err != nil {
			return err
		}
	}
	return p.refusedErr
}

func (p *Persister) beatDue() bool {
	return p.o.Heartbeat != nil && (p.beaten == 0 || p.now().Boot-p.beaten >= p.o.HeartbeatEvery)
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
