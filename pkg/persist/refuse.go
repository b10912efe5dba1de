package persist

import (
	"fmt"
	"slices"
	"time"

	"sysops-agent/pkg/db"
)

// refusal tells of rows that the database does not take, for what is in them.
type refusal struct {
	pt     *part
	labels string
	time   int64
	rows   int
	whole  bool // nothing of the part was taken: its mark stays
	err    error
}

// carefully writes one part row by row and leaves out what is refused. When
// everything is, the fault is not in the rows: the mark stays, and other
// readings go on.
func (b *batch) carefully(tx *db.Tx, pt *part) error {
	taken, first := 0, len(b.refused)
	for i := range pt.owners {
		rows := pt.owned(i)
		refuse := func(n int, at int64, err error) {
			b.refused = append(b.refused, refusal{pt: pt, labels: pt.owners[i].labels, time: at, rows: n, err: err})
		}
		bad, err := protected(tx, func() error { return pt.own(tx, i) })
		if err != nil {
			return err
		}
		if bad != nil {
			refuse(len(rows), rows[0].Time, bad)
			continue
		}
		for k := range rows {
			bad, err := protected(tx, func() error { return tx.UpsertReadings(pt.schema, pt.tier, rows[k:k+1]) })
			if err != nil {
				return err
			}
			if bad != nil {
				refuse(1, rows[k].Time, bad)
				continue
			}
			taken++
		}
	}
	if taken == 0 && len(b.refused) > first {
		for i := range b.refused[first:] {
			b.refused[first+i].whole = true
		}
		return nil
	}
	if !pt.last {
		return nil
	}
	return tx.SetMark(pt.schema.Name, pt.tier, pt.to)
}

// protected runs fn so that its failure undoes nothing else of the
// transaction. The second error is of the transaction itself.
func protected(tx *db.Tx, fn func() error) (refused, err error) {
	if _, err := tx.Exec("SAVEPOINT careful"); err != nil {
		return nil, fmt.Errorf("set a savepoint: %w", err)
	}
	refused = fn()
	if refused != nil {
		if _, err := tx.Exec("ROLLBACK TO SAVEPOINT careful"); err != nil {
			return nil, fmt.Errorf("roll back to a savepoint after %w: %w", refused, err)
		}
	}
	if _, err := tx.Exec("RELEASE SAVEPOINT careful"); err != nil {
		return nil, fmt.Errorf("release a savepoint: %w", err)
	}
	return refused, nil
}

// isRefused reports whether the reading of pt is one whose mark stays.
func (b *batch) isRefused(pt *part) bool {
	return b.p.bad[pt.schema.Name] || slices.ContainsFunc(b.refused, func(r refusal) bool {
		return r.whole && r.pt.schema == pt.schema && r.pt.tier == pt.tier
	})
}

// maxRefusalLines bounds what is logged of one batch.
const maxRefusalLines = 5

// tellRefused counts and logs what was refused of a committed batch.
func (p *Persister) tellRefused(all []refusal) {
	skipped := 0
	for i, r := range all {
		if r.whole {
			p.bad[r.pt.schema.Name] = true
			p.refusedErr = fmt.Errorf("the database refuses every row of reading %s, so its history waits in memory; see whether somebody changed table %s: %w",
				r.pt.schema.Name, db.Table(r.pt.schema.Name, r.pt.tier), r.err)
			continue
		}
		skipped += r.rows
		if i < maxRefusalLines {
			p.o.Log.Error().Err(r.err).Str("reading", r.pt.schema.Name).Str("labels", r.labels).
				Time("from", time.Unix(r.time, 0).UTC()).Int("rows", r.rows).
				Msg("the database refused rows; they are left out so that the others are not held up")
		}
	}
	p.mu.Lock()
	p.stats.Skipped += uint64(skipped)
	p.mu.Unlock()
}
