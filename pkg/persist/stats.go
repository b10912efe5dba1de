package persist

import (
	"context"
	"errors"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/store"
)

// Stats tells how the copying goes. Counters are since the start.
type Stats struct {
	Flushes uint64  // transactions that wrote rows or moved marks
	Rows    uint64  // rows written: minutes, hours and days
	Skipped uint64  // rows left out because the database refused them
	Lost    uint64  // minutes of readings that left the memory unwritten
	Deleted uint64  // rows deleted by the retention
	Share   float64 // of the retention that is kept; below 1 the database is at its bound
	Backlog int64   // minutes that the reading furthest behind waits for

	LastFlush   time.Time // end of the last flush that succeeded
	LastTook    time.Duration
	LastError   string // of the last flush; empty when it succeeded
	LastErrorAt time.Time

	Readings []ReadingStats // in the order of the store
}

// ReadingStats is how far one reading is. Marks are Unix seconds, 0 when
// nothing was stored yet: everything before them is in the database.
type ReadingStats struct {
	Reading               string
	Minute, Hourly, Daily int64
	Backlog               int64 // full minutes that wait
}

// Stats returns the counters and the backlog now.
func (p *Persister) Stats() Stats {
	now := p.now().Wall
	shards := p.o.Store.Shards()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Readings = make([]ReadingStats, 0, len(shards))
	for _, sh := range shards {
		m := p.marks[sh.Schema().Name]
		r := ReadingStats{
			Reading: sh.Schema().Name, Minute: m.minute.ts, Hourly: m.hourly.ts, Daily: m.daily.ts,
			Backlog: backlog(sh, m.minute, now),
		}
		s.Backlog = max(s.Backlog, r.Backlog)
		s.Readings = append(s.Readings, r)
	}
	return s
}

func backlog(sh *store.Shard, m mark, now time.Time) int64 {
	from := sh.Oldest()
	if from == 0 || !m.had && empty(sh) {
		return 0
	}
	if m.had {
		from = max(from, m.ts)
	}
	return max(0, (horizon(sh, now)-floor(from, 60))/60)
}

// wrote counts a committed batch and remembers its marks.
func (p *Persister) wrote(b *batch) {
	p.tellRefused(b.refused)
	if b.beat {
		p.beaten = p.now().Boot
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rows := 0
	for _, pt := range b.parts {
		rows += len(pt.rows)
		if !pt.last || b.isRefused(pt) {
			continue
		}
		m := p.marks[pt.schema.Name]
		*m.of(pt.tier) = mark{pt.to, true}
		p.marks[pt.schema.Name] = m
		if pt.tier == db.Minute && pt.was.had && pt.from > pt.was.ts && p.behind(pt.from) {
			p.gap.add(pt.was.ts, pt.from)
			p.stats.Lost += uint64(max(0, (pt.from-max(pt.was.ts, floor(p.began, 60)))/60))
		}
	}
	for _, r := range b.refused {
		rows -= r.rows
	}
	p.stats.Rows += uint64(rows)
	p.sinceClean += uint64(rows)
	if len(b.parts) > 0 {
		p.stats.Flushes++
	}
}

// behind reports whether a gap that ends at from can be one of samples: after
// a flush that succeeded, until shortly before from, no reading had any that
// waited. Then its collector did not run. p.mu is held.
func (p *Persister) behind(from int64) bool {
	return p.stats.LastFlush.IsZero() || from > p.stats.LastFlush.Unix()+lateFrom*60
}

// gap is the time between mark and memory that no reading has any more.
type gap struct {
	readings int
	from, to int64
}

func (g *gap) add(from, to int64) {
	if g.readings == 0 {
		g.from, g.to = from, to
	}
	g.readings++
	g.from, g.to = min(g.from, from), max(g.to, to)
}

// ended notes the outcome of a flush: counters, state, and a log line when it
// changed.
func (p *Persister) ended(start store.Tick, err error) {
	end := p.now()
	p.tellGap()
	p.mu.Lock()
	was := p.stats.LastError
	p.stats.LastTook = end.Boot - start.Boot
	if err == nil {
		p.stats.LastFlush, p.stats.LastError = end.Wall, ""
	} else {
		p.stats.LastError, p.stats.LastErrorAt = err.Error(), end.Wall
	}
	p.mu.Unlock()
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, db.ErrUnavailable): // the end; or the database tells of itself
	case err != nil && was != err.Error():
		p.o.Log.Warn().Err(err).Msg("readings wait in memory for the database")
	case err == nil && was != "":
		p.o.Log.Info().Msg("the database has caught up with the memory")
	}
	p.report(err)
}

func (p *Persister) tellGap() {
	g := p.gap
	if g.readings == 0 {
		return
	}
	p.gap = gap{}
	p.o.Log.Warn().Int("readings", g.readings).
		Time("from", time.Unix(g.from, 0).UTC()).Time("to", time.Unix(g.to, 0).UTC()).
		Msg("the database has a hole: the agent was not running, or the database was away for longer than the memory reaches")
}

// lateFrom is the backlog, in minutes, from which the state says so.
const lateFrom = 5

func (p *Persister) report(err error) {
	if p.o.State == nil {
		return
	}
	switch late := p.Stats().Backlog >= lateFrom; {
	case err == nil:
		p.o.State.Active()
	case late:
		p.o.State.Degraded("readings wait in memory for the database: "+err.Error(),
			"see the state of the database; they are written as soon as it is back, as far as the memory reaches")
	}
}
