package persist

import (
	"fmt"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
)

// seenSlack is how much too early last_seen of a reading row may be, in
// seconds.
const seenSlack = 3600

// rollUp brings a tier of every reading up to date from the next finer one.
func (p *Persister) rollUp(w *writer, fine, coarse db.Tier) error {
	for _, sh := range p.o.Store.Shards() {
		s := sh.Schema()
		if p.bad[s.Name] {
			continue
		}
		if err := p.rollUpOne(w, s, fine, coarse); err != nil {
			return fmt.Errorf("roll %s up: %w", db.Table(s.Name, coarse), err)
		}
	}
	return w.commit()
}

func (p *Persister) rollUpOne(w *writer, s *metric.Schema, fine, coarse db.Tier) error {
	done, stored, step := p.markOf(s.Name, fine), p.markOf(s.Name, coarse), coarse.Step()
	if !done.had {
		return nil
	}
	end := floor(done.ts, step)
	from := stored.ts
	if !stored.had {
		first, some, err := p.oldest(w, s.Name, fine)
		if err != nil {
			return err
		}
		if from = end; some {
			from = min(floor(first, step), end)
		}
	}
	// What is older than the finer tier is kept cannot be there any more.
	from = max(from, end-floor(p.keeping().of(fine), step))
	if from > end { // the clock went back
		from = end
	}
	for ; from < end && !p.bad[s.Name]; from += step {
		some, err := p.span(w, part{schema: s, tier: coarse, was: stored, from: from, to: from + step}, fine)
		if err != nil {
			return err
		}
		if some {
			stored = mark{from + step, true}
		}
	}
	if stored.ts == end || p.bad[s.Name] {
		return nil
	}
	return w.end(w.begin(s, coarse, stored, end), end) // the rest was empty, or the clock went back
}

// span writes one hour or day, from its finer rows. It is false when there
// are none.
func (p *Persister) span(w *writer, o part, fine db.Tier) (bool, error) {
	ids, err := p.seen(w, o.schema.Name, o.from, o.to)
	if err != nil {
		return false, err
	}
	var pt *part
	for len(ids) > 0 {
		n := min(len(ids), p.rows)
		rows, err := p.foldStored(w, db.Selection{
			Schema: o.schema, Tier: fine, Fields: allFields(o.schema), Rows: ids[:n], From: o.from, To: o.to,
		})
		if err != nil {
			return false, err
		}
		for i := range rows {
			rows[i].Time = o.from
			if pt == nil {
				pt = w.begin(o.schema, o.tier, o.was, o.from)
			}
			if pt, err = w.add(pt, owner{id: rows[i].Row}, rows[i:i+1]); err != nil {
				return false, err
			}
		}
		ids = ids[n:]
	}
	if pt == nil {
		return false, nil
	}
	return true, w.end(pt, o.to)
}

// foldStored sums the selected rows up, one row for each reading row.
func (p *Persister) foldStored(w *writer, sel db.Selection) ([]db.ReadingRow, error) {
	var out []db.ReadingRow
	f := &p.scratch.f
	last := int64(0)
	take := func() {
		if last == 0 {
			return
		}
		r := w.row(len(sel.Fields))
		if r.Row = last; f.into(&r) {
			out = append(out, r)
		}
	}
	err := p.read(w.ctx, func(q *db.Querier) error {
		out, last = nil, 0
		return q.Readings(sel, func(r *db.ReadingRow) error {
			if r.Row != last {
				take()
				f.begin(sel.Schema.Fields)
				last = r.Row
			}
			f.row(r)
			return nil
		})
	})
	take()
	return out, err
}

// seen returns the ids of the reading rows that may have samples of
// [from, to).
func (p *Persister) seen(w *writer, reading string, from, to int64) ([]int64, error) {
	var ids []int64
	err := p.read(w.ctx, func(q *db.Querier) error {
		ids = ids[:0]
		rows, err := q.Query(`SELECT id FROM reading_row
			WHERE host = $1 AND reading = $2 AND last_seen > $3 AND first_seen < $4 ORDER BY id`,
			q.Host(), reading, from-seenSlack, to)
		if err != nil {
			return fmt.Errorf("list the rows of reading %s: %w", reading, err)
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return fmt.Errorf("list the rows of reading %s: %w", reading, err)
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}

// oldest returns the time of the oldest row of a tier. It looks through the
// table: it is asked once, before the first rollup.
func (p *Persister) oldest(w *writer, reading string, tier db.Tier) (first int64, some bool, err error) {
	table := db.Table(reading, tier)
	err = p.read(w.ctx, func(q *db.Querier) error {
		var ts *int64
		if err := q.QueryRow(fmt.Sprintf(`SELECT min("ts") FROM %q WHERE "host" = $1`, table), []any{q.Host()}, &ts); err != nil {
			return fmt.Errorf("look for the oldest row of table %s: %w", table, err)
		}
		if some = ts != nil; some {
			first = *ts
		}
		return nil
	})
	return first, some, err
}

func allFields(s *metric.Schema) []int {
	all := make([]int, len(s.Fields))
	for i := range all {
		all[i] = i
	}
	return all
}

// of returns the seconds that a tier is kept.
func (r Retention) of(t db.Tier) int64 {
	days := map[db.Tier]int{db.Minute: r.MinuteDays, db.Hourly: r.HourlyDays, db.Daily: r.DailyDays}[t]
	return int64(days) * int64(24*time.Hour/time.Second)
}
