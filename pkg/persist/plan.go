package persist

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

const (
	grace = 90 // seconds, at least, that a sweep may be late
	// reach is how far back the store can hold samples that count: its
	// longest retention and an hour.
	reach = 73 * 3600
)

// mark is a high-water mark: everything before ts is stored.
type mark struct {
	ts  int64
	had bool // false: nothing was ever stored
}

// marks are those of one reading.
type marks struct{ minute, hourly, daily mark }

func (m *marks) of(t db.Tier) *mark {
	switch t {
	case db.Hourly:
		return &m.hourly
	case db.Daily:
		return &m.daily
	default:
		return &m.minute
	}
}

// ensureTables makes tables for readings that came to the store after the
// database was opened. A reading that cannot have any is left out, said once.
func (p *Persister) ensureTables(ctx context.Context) error {
	for _, sh := range p.o.Store.Shards() {
		s := sh.Schema()
		if ok, known := p.tables[s.Name]; known {
			p.bad[s.Name] = !ok
			continue
		}
		err := p.o.DB.EnsureTables(ctx, []*metric.Schema{s})
		if temporary(err) {
			return err
		}
		p.tables[s.Name] = err == nil
		p.bad[s.Name] = err != nil
		if err != nil {
			p.o.Log.Error().Err(err).Str("reading", s.Name).Msg("this reading is kept in memory only: its tables cannot be made")
		}
	}
	return nil
}

// temporary reports whether an error says nothing about what was written.
func temporary(err error) bool {
	return errors.Is(err, db.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// readMarks reads the marks of all readings.
func (p *Persister) readMarks(ctx context.Context) error {
	all := map[string]marks{}
	err := p.read(ctx, func(q *db.Querier) error {
		for _, sh := range p.o.Store.Shards() {
			name := sh.Schema().Name
			var m marks
			for _, t := range db.Tiers {
				ts, had, err := q.Mark(name, t)
				if err != nil {
					return err
				}
				*m.of(t) = mark{ts, had}
			}
			all[name] = m
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read where the database stands: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marks = all
	return nil
}

func (p *Persister) markOf(reading string, t db.Tier) mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.marks[reading]
	return *m.of(t)
}

// horizon is the second before which all minutes of the shard are complete.
func horizon(sh *store.Shard, now time.Time) int64 {
	step := sh.Step()
	// A sweep of now's slot can still come, nothing of earlier ones after the grace.
	h := floor(now.Unix()-max(2*step, grace), 60)
	if n := sh.Newest(); n > 0 {
		h = max(h, floor(n+step, 60))
	}
	return min(h, floor(now.Unix(), 60))
}

// job is what the database lacks of one reading: the minutes of [from, to).
type job struct {
	sh       *store.Shard
	stored   mark // as the database has it
	from, to int64
}

// plan returns the job of a shard; false when there is nothing to do.
func (p *Persister) plan(sh *store.Shard) (job, bool) {
	now := p.now().Wall
	j := job{sh: sh, stored: p.markOf(sh.Schema().Name, db.Minute), to: horizon(sh, now)}
	oldest := sh.Oldest()
	j.from = floor(max(oldest, now.Unix()-reach), 60)
	switch {
	case !j.stored.had:
		return j, oldest != 0 && !empty(sh) && j.from < j.to
	case j.stored.ts > floor(now.Unix(), 60)+60: // the clock went back
		j.from = floor(min(p.clock.since, now.Unix()), 60)
	case j.stored.ts > j.from, empty(sh):
		j.from = j.stored.ts
	}
	return j, j.from < j.to
}

// empty reports whether a shard has never had a row as far as the memory
// reaches: sweeps that found nothing. Where nothing is, nothing is missing.
func empty(sh *store.Shard) bool {
	return len(sh.Rows()) == 0 && len(sh.Departed(0, math.MaxInt64)) == 0
}
