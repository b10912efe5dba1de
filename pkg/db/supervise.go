package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"sysops-agent/pkg/db/sqlite"
	"sysops-agent/pkg/metric"
)

const (
	openTimeout = 2 * time.Minute  // check, migrations, tables
	offRetry    = 12               // retries are so much rarer when a person must act
	asideNote   = 24 * time.Hour   // how long the state tells of a corrupt file
	suspectTime = 10 * time.Minute // corruption seen twice in this time is believed without a check
)

// supervise keeps the database open until ctx ends.
func (d *DB) supervise(ctx context.Context) {
	defer close(d.done)
	var lastDamage time.Time
	damage := sqlite.Sound
	for {
		s, err := d.connect(ctx, damage)
		if err != nil {
			if ctx.Err() != nil || !d.rest(ctx, d.away(err)) {
				d.shut()
				return
			}
			continue
		}
		d.install(s)
		select {
		case <-d.lost:
		case <-ctx.Done():
			d.retire(s)
			return
		}
		d.retire(s)
		damage = sqlite.Sound
		if s.damaged {
			damage = sqlite.Suspect
			if time.Since(lastDamage) < suspectTime {
				damage = sqlite.Condemned
			}
			lastDamage = time.Now()
		}
	}
}

// connect opens the database and makes it ready: tables there, host known.
func (d *DB) connect(ctx context.Context, damage sqlite.Damage) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := openSession(ctx, d.o, damage)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	all := make([]*metric.Schema, 0, len(d.schemas))
	for _, sc := range d.schemas {
		all = append(all, sc)
	}
	d.mu.Unlock()
	_, err = s.write(ctx, func(tx *Tx) error {
		if err := tx.registerHost(d.o.Host, d.o.BootID, time.Now().Unix()); err != nil {
			return err
		}
		return tx.ensureTables(all)
	})
	if err != nil {
		_ = s.close()
		return nil, sqlite.Explain(d.o.Path, err)
	}
	return s, nil
}

// install takes a session into use. After a loss the state stays as it was
// until a write succeeds: a device that fails with every flush must not be
// told as working in between.
func (d *DB) install(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.s, d.why = s, nil
	d.stats.Opens++
	close(d.ready)
	if d.stats.Opens == 1 || s.noted() {
		d.reportOpen()
	}
}

// noted tells whether the state must name a corrupt file.
func (s *session) noted() bool { return s.aside != "" && time.Since(s.asideAt) < asideNote }

// retire takes the session out of use, waits for those who use it, and closes
// it. Its readers and its writer end by their own deadlines.
func (d *DB) retire(s *session) {
	d.mu.Lock()
	if d.s == s {
		d.drop(errClosed)
	}
	d.mu.Unlock()
	d.turn <- struct{}{}
	s.readers.Wait()
	if err := s.close(); err != nil {
		d.mu.Lock()
		d.stats.failed(fmt.Errorf("close the database: %w", err))
		d.mu.Unlock()
	}
	select { // a failure that was reported while the session was already retiring
	case <-d.lost:
	default:
	}
	<-d.turn
}

// away notes why the database could not be opened.
func (d *DB) away(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.why = unavailable(err)
	d.stats.failed(d.why)
	d.report(d.why)
	return err
}

// shut notes that there will be no further attempt.
func (d *DB) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.why = errClosed
}

// rest waits until the next attempt; false when the database is to close.
func (d *DB) rest(ctx context.Context, err error) bool {
	wait := d.o.retry
	if needsPerson(err) {
		wait *= offRetry
	}
	jitter := time.Duration((rand.Float64() - 0.5) * 0.4 * float64(wait)) //nolint:gosec // spreads load, guards nothing
	t := time.NewTimer(wait + jitter)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func needsPerson(err error) bool {
	switch sqlite.FaultOf(err) {
	case sqlite.Newer, sqlite.Foreign, sqlite.Refused:
		return true
	default:
		return errors.Is(err, sqlite.ErrTooManyAside)
	}
}

// report tells the state of a database that is away or does not take writes.
func (d *DB) report(why error) {
	reason, hint := why.Error(), "see the reason; the agent tries again by itself"
	if own := (*sqlite.Error)(nil); errors.As(why, &own) {
		reason = own.Fault.String() + ": " + own.Error()
		if own.Hint != "" {
			hint = own.Hint
		}
	}
	if needsPerson(why) {
		d.part.Refused(reason, hint)
		return
	}
	d.part.Degraded(reason, hint)
}

// reportOpen tells that the database works, or, for a day, that an earlier
// file was corrupt.
func (d *DB) reportOpen() {
	if d.s.noted() {
		d.part.Degraded(
			fmt.Sprintf("corrupt: the database was damaged and was moved to %s; a fresh one is in use", d.s.aside),
			"recover it with sqlite3's .recover if its history is needed, then delete it; check the disk")
		return
	}
	d.part.Active()
}
