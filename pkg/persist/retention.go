package persist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
)

// Retention is how long each tier is kept, in days; 0 keeps nothing. MaxBytes
// bounds the database: above it all tiers are kept shorter by the same share,
// until it fits. 0 is no bound.
type Retention struct {
	MinuteDays, HourlyDays, DailyDays int
	MaxBytes                          int64
}

const (
	cleanEvery  = time.Hour
	firstClean  = 15 * time.Minute // after the start: the clock is right by then
	deleteRows  = 1000             // in one transaction
	beatsKept   = 24 * time.Hour   // PER-45; of other hosts, this one's is renewed
	vacuumPages = 1000             // in one transaction: 4 MB
	shrinkFrom  = 10_000           // rows deleted beyond twice those written

	squeezeBy  = 0.8   // the share of the retention that is left after one step
	squeezeMin = 0.001 // of 30 days, 43 minutes
	relaxBelow = 0.7   // of MaxBytes: then an hour later a little more is kept
	relaxBy    = 1.05
)

func (p *Persister) keeping() Retention {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keep
}

// clean deletes what is older than its retention, once an hour by the boot
// clock. After the wall clock was set by more than a minute it waits an hour,
// so that a wrong year does not delete everything.
func (p *Persister) clean(ctx context.Context) error {
	now := p.now()
	if now.Boot < p.cleanAt {
		return nil
	}
	c := cleaner{p: p, ctx: ctx, now: now.Wall.Unix()}
	if err := c.run(); err != nil {
		return fmt.Errorf("delete what is older than the retention: %w", err)
	}
	p.cleanAt = now.Boot + cleanEvery
	return nil
}

// cleaner is one run of the retention.
type cleaner struct {
	p       *Persister
	ctx     context.Context
	now     int64
	deleted [4]int64 // minute, hourly, daily rows; reading rows
}

// run deletes by age, and then, while the database is still too large, by a
// shorter and shorter age.
func (c *cleaner) run() error {
	keep := c.p.keeping()
	for {
		if err := c.tiers(keep); err != nil {
			return err
		}
		again, err := c.squeeze(keep)
		if err != nil || !again {
			return errors.Join(err, c.finish())
		}
	}
}

// squeeze compares what the database holds with its bound, and reports
// whether more must go at once.
func (c *cleaner) squeeze(keep Retention) (again bool, err error) {
	p := c.p
	if keep.MaxBytes <= 0 {
		p.setShare(1, keep, 0)
		return false, nil
	}
	var size int64
	if err := p.read(c.ctx, func(q *db.Querier) (err error) { size, err = q.LiveBytes(); return err }); err != nil {
		return false, err
	}
	share := p.share
	switch {
	case size > keep.MaxBytes && share*squeezeBy >= squeezeMin:
		p.setShare(share*squeezeBy, keep, size)
		return true, nil
	case float64(size) < relaxBelow*float64(keep.MaxBytes) && share < 1:
		share = min(1, share*relaxBy)
	}
	p.setShare(share, keep, size)
	return false, nil
}

// setShare changes the share of the retention that is kept, and tells.
func (p *Persister) setShare(share float64, keep Retention, size int64) {
	if share < p.share {
		p.o.Log.Warn().Int64("bytes", size).Int64("max_bytes", keep.MaxBytes).Float64("share_kept", share).
			Msg("the database is larger than persist.max_bytes; all history is kept shorter")
	}
	p.share = share
	p.mu.Lock()
	p.stats.Share = share
	p.mu.Unlock()
	if p.o.Size == nil {
		return
	}
	if share < 1 {
		p.o.Size.Degraded(fmt.Sprintf("the database reached persist.max_bytes: all history is kept for %.0f %% of its retention", 100*share),
			"raise persist.max_bytes, or shorten the retention yourself")
		return
	}
	p.o.Size.Active()
}

// keep is how long a tier is kept now, in seconds.
func (c *cleaner) keep(r Retention, t db.Tier) int64 { return int64(float64(r.of(t)) * c.p.share) }

func (c *cleaner) tiers(keep Retention) error {
	var failed error
	for _, sh := range c.p.o.Store.Shards() {
		err := c.reading(sh.Schema(), keep)
		if temporary(err) {
			return err
		}
		failed = errors.Join(failed, err)
	}
	longest := max(c.keep(keep, db.Minute), c.keep(keep, db.Hourly), c.keep(keep, db.Daily))
	err := c.repeat(&c.deleted[3], func(tx *db.Tx) (int64, error) { return tx.DeleteRows(c.now-longest, deleteRows) })
	if err != nil {
		return err
	}
	err = c.p.do(c.ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(`DELETE FROM heartbeat WHERE ts < $1`, c.now-int64(beatsKept/time.Second))
		return err
	})
	if err != nil {
		return fmt.Errorf("delete old heartbeats: %w", err)
	}
	return failed
}

func (c *cleaner) reading(s *metric.Schema, keep Retention) error {
	if !c.p.tables[s.Name] {
		return nil
	}
	for i, t := range db.Tiers {
		o := outdated{table: db.Table(s.Name, t), reading: s.Name, before: c.now - c.keep(keep, t)}
		for {
			err := c.p.read(c.ctx, o.find)
			if err != nil {
				return err
			}
			if len(o.rows) == 0 {
				break
			}
			if err := c.once(&c.deleted[i], o.delete); err != nil {
				return err
			}
		}
	}
	return nil
}

// repeat calls del in transactions of their own until it deletes less than it
// may.
func (c *cleaner) repeat(total *int64, del func(*db.Tx) (int64, error)) error {
	for {
		before := *total
		if err := c.once(total, del); err != nil || *total-before < deleteRows {
			return err
		}
	}
}

// once calls del in a transaction and leaves the writer to others for a while.
func (c *cleaner) once(total *int64, del func(*db.Tx) (int64, error)) error {
	var n int64
	start := time.Now()
	err := c.p.do(c.ctx, func(tx *db.Tx) (err error) {
		n, err = del(tx)
		return err
	})
	if err != nil {
		return err
	}
	*total += n
	if n > 0 && !c.p.rest(c.ctx, 3*time.Since(start)) {
		return c.ctx.Err()
	}
	return nil
}

// finish counts, logs and, when the retention was shortened, makes the file
// smaller. As a rule the room is used again within the hour.
func (c *cleaner) finish() error {
	p, d := c.p, c.deleted
	rows := d[0] + d[1] + d[2]
	p.mu.Lock()
	p.stats.Deleted += uint64(rows)
	written := int64(p.sinceClean)
	p.sinceClean = 0
	p.mu.Unlock()
	if rows+d[3] > 0 {
		p.o.Log.Info().Int64("minutes", d[0]).Int64("hours", d[1]).Int64("days", d[2]).Int64("rows", d[3]).
			Msg("deleted what is older than its retention")
	}
	surplus := rows - 2*written
	for ; surplus > shrinkFrom; surplus -= shrinkFrom {
		if err := p.o.DB.Vacuum(c.ctx, vacuumPages); err != nil {
			return fmt.Errorf("make the file smaller: %w", err)
		}
		if !p.rest(c.ctx, slow) {
			return c.ctx.Err()
		}
	}
	return nil
}
