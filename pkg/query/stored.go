package query

import (
	"database/sql"
	"errors"
	"fmt"
	"math"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
)

// names are the tiers of the database as answers call them, finest first, as
// [db.Tiers].
var names = [...]Tier{TierMinute, TierHourly, TierDaily}

// readMarks reads up to where each tier reaches.
func (a *ask) readMarks(q *db.Querier) error {
	a.marks = [3]int64{}
	if q == nil {
		return nil
	}
	for i, t := range db.Tiers {
		ts, _, err := q.Mark(a.schema.Name, t)
		if err != nil {
			return err
		}
		a.marks[i] = ts
	}
	return nil
}

// find looks a series of the store up in the database.
func (a *ask) find(q *db.Querier, s *series) error {
	if q == nil {
		return nil
	}
	err := q.QueryRow(`SELECT id, first_seen FROM reading_row WHERE host = $1 AND reading = $2 AND labels = $3`,
		[]any{q.Host(), a.schema.Name, identity(a.schema, s.values)}, &s.stored, &s.first)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("look for a row of reading %s: %w", a.schema.Name, err)
	}
	return nil
}

// tiered reads one series out of the tiers of the database, before seam.
type tiered struct {
	a    *ask
	q    *db.Querier
	s    *series
	seam int64

	until int64 // end of the last row that had a value
	prev  int64 // time of the last minute read, 0 = none
}

// best returns the coarsest tier that serves the step.
func (t *tiered) best() int {
	for i := len(db.Tiers) - 1; i > 0; i-- {
		if t.a.step%db.Tiers[i].Step() == 0 {
			return i
		}
	}
	return 0
}

// end is where tier i ends for this series.
func (t *tiered) end(i int) int64 {
	return min(floor(t.seam, db.Tiers[i].Step()), t.a.marks[i])
}

// span reads [from, to), with tier i where it has it: finer tiers go on where
// it ends, coarser ones tell of the time whose rows were deleted.
func (t *tiered) span(i int, from, to int64) error {
	end := min(to, max(from, t.end(i)))
	if err := t.older(i, from, end); err != nil {
		return err
	}
	if i == 0 || end >= to {
		return nil
	}
	return t.span(i-1, end, to)
}

// older reads [from, to) of tier i and, where its rows were deleted, of
// coarser ones.
func (t *tiered) older(i int, from, to int64) error {
	if from >= to {
		return nil
	}
	if i < len(db.Tiers)-1 && t.s.first < to {
		oldest, err := t.oldest(i, to)
		if err != nil {
			return err
		}
		coarse := db.Tiers[i+1].Step()
		if upTo := min(ceil(oldest, coarse), floor(to, coarse), t.end(i+1)); oldest > max(from, t.s.first) && upTo > from {
			if err := t.older(i+1, from, upTo); err != nil {
				return err
			}
			from = upTo
		}
	}
	return t.read(i, from, to)
}

// oldest returns the time of the first row that tier i has of the series, or
// to.
func (t *tiered) oldest(i int, to int64) (int64, error) {
	table := db.Table(t.a.schema.Name, db.Tiers[i])
	var ts int64
	err := t.q.QueryRow(fmt.Sprintf(`SELECT "ts" FROM %q WHERE "host" = $1 AND "row" = $2 ORDER BY "ts" LIMIT 1`, table),
		[]any{t.q.Host(), t.s.stored}, &ts)
	if errors.Is(err, sql.ErrNoRows) {
		return to, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for the oldest row in table %s: %w", table, err)
	}
	return min(ts, to), nil
}

// read adds the rows of tier i of [from, to).
func (t *tiered) read(i int, from, to int64) error {
	tier, kind := db.Tiers[i], t.a.schema.Fields[t.a.field].Kind
	return t.q.Readings(db.Selection{
		Schema: t.a.schema, Tier: tier, Fields: []int{t.a.field}, Rows: []int64{t.s.stored}, From: from, To: to,
	}, func(r *db.ReadingRow) error {
		width := t.width(tier, r)
		if math.IsNaN(r.Val[0]) {
			return nil
		}
		t.until = r.Time + tier.Step()
		t.a.tiers[names[i]] = true
		t.a.wider = t.a.wider || tier.Step() > t.a.step
		if kind == metric.Gauge {
			t.a.g.add(r.Time, r.Val[0], float64(max(r.N, 1)), r.Min[0], r.Max[0])
			return nil
		}
		rate := r.Val[0] / float64(width)
		t.a.g.add(r.Time, rate, float64(width), rate, rate)
		return nil
	})
}

// maxWidth is the longest time of one increment: the longest interval of a
// collector, MaxGap times missed.
const maxWidth = 7 * 3600

// width is the time, in seconds, in which a counter's increase of a row
// happened. On a grid coarser than a minute, a minute's row holds what
// happened since the one before.
func (t *tiered) width(tier db.Tier, r *db.ReadingRow) int64 {
	if tier != db.Minute {
		return max(tier.Step(), t.a.native)
	}
	prev := t.prev
	t.prev = r.Time
	switch {
	case r.N > 1:
		return 60
	case prev == 0:
		return max(60, t.a.native)
	}
	return max(60, min(r.Time-prev, maxWidth))
}
