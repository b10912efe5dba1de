package persist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
)

// Bounds of one transaction. Its rows are halved when it took longer than
// slow, so that nobody else waits long for the writer, and doubled again when
// it took less than quick.
const (
	maxRows = 1000
	minRows = 20
	slow    = 500 * time.Millisecond
	quick   = 100 * time.Millisecond
)

// errMoved says that a mark was not where the rows were made for: another
// database, or another flush. Nothing was written; plan again.
var errMoved = errors.New("a mark moved while the rows behind it were being collected")

// part is rows of one tier of one reading, and where its mark goes when they
// are all.
type part struct {
	schema *metric.Schema
	tier   db.Tier
	was    mark  // what the rows were made for
	from   int64 // the rows begin here
	to     int64
	last   bool // the mark moves to to
	rows   []db.ReadingRow
	owners []owner
}

// owner is the reading row of the rows of a part up to end.
type owner struct {
	id            int64  // in the database; 0: find or make it by its labels
	labels, attrs string // JSON
	end           int
}

// owned returns the rows of owner i.
func (pt *part) owned(i int) []db.ReadingRow {
	from := 0
	if i > 0 {
		from = pt.owners[i-1].end
	}
	return pt.rows[from:pt.owners[i].end]
}

// own sets the id of the rows of owner i. It tells the database the first and
// the last time of the row.
func (pt *part) own(tx *db.Tx, i int) error {
	o, rows := &pt.owners[i], pt.owned(i)
	id := o.id
	if id == 0 {
		for _, at := range []int64{rows[0].Time, rows[len(rows)-1].Time} {
			var err error
			if id, err = tx.RowID(pt.schema.Name, o.labels, o.attrs, at); err != nil {
				return err
			}
		}
	}
	for k := range rows {
		rows[k].Row = id
	}
	return nil
}

// writer collects parts and writes them, a bounded number of rows at a time.
type writer struct {
	p      *Persister
	ctx    context.Context
	gentle bool
	beat   bool // write the heartbeat too
	parts  []*part
	rows   int
	chunk  []float64
}

// begin starts a part; it is written after what was begun before.
func (w *writer) begin(s *metric.Schema, t db.Tier, was mark, from int64) *part {
	pt := &part{schema: s, tier: t, was: was, from: from}
	w.parts = append(w.parts, pt)
	return pt
}

// add appends rows of one owner to pt, committing first what is there when it
// would become too much; it returns the part to go on with.
func (w *writer) add(pt *part, o owner, rows []db.ReadingRow) (*part, error) {
	if w.rows > 0 && w.rows+len(rows) > w.p.rows {
		if err := w.commit(); err != nil {
			return nil, err
		}
		pt = w.begin(pt.schema, pt.tier, pt.was, pt.from)
	}
	pt.rows = append(pt.rows, rows...)
	o.end = len(pt.rows)
	pt.owners = append(pt.owners, o)
	w.rows += len(rows)
	return pt, nil
}

// end closes a part: with its rows the mark moves to to.
func (w *writer) end(pt *part, to int64) error {
	pt.to, pt.last = to, true
	if w.rows < w.p.rows {
		return nil
	}
	return w.commit()
}

// row returns an empty row for n fields.
func (w *writer) row(n int) db.ReadingRow {
	if len(w.chunk) < 3*n {
		w.chunk = make([]float64, max(3*n, 1536))
	}
	var s [3][]float64
	for i := range s {
		s[i], w.chunk = w.chunk[:n:n], w.chunk[n:]
	}
	return db.ReadingRow{Val: s[0], Min: s[1], Max: s[2]}
}

// commit writes all parts in one transaction. When the database refuses it
// because of what is in it, it is written again row by row, without those
// that are refused.
func (w *writer) commit() error {
	if len(w.parts) == 0 && !w.beat {
		return nil
	}
	b := batch{p: w.p, parts: w.parts, beat: w.beat}
	rows := w.rows
	w.parts, w.rows, w.beat = nil, 0, false
	start := time.Now()
	err := w.p.do(w.ctx, func(tx *db.Tx) error { return b.write(tx, plainly) })
	took := time.Since(start)
	w.p.adapt(rows, took, err)
	if err != nil && !temporary(err) && !errors.Is(err, errMoved) {
		err = w.p.do(w.ctx, func(tx *db.Tx) error { return b.write(tx, b.carefully) })
	}
	if err != nil {
		return fmt.Errorf("write readings to the database: %w", err)
	}
	w.p.wrote(&b)
	if w.gentle && rows >= w.p.rows/2 { // catching up
		w.p.rest(w.ctx, 3*took)
	}
	return nil
}

func (p *Persister) adapt(rows int, took time.Duration, err error) {
	switch {
	case took > slow || errors.Is(err, context.DeadlineExceeded):
		p.rows = max(minRows, min(rows, p.rows)/2)
	case took < quick && err == nil && rows >= p.rows/2:
		p.rows = min(maxRows, p.rows*2)
	}
}

// batch is what one transaction writes.
type batch struct {
	p       *Persister
	parts   []*part
	beat    bool
	refused []refusal
}

// write is the body of the transaction.
func (b *batch) write(tx *db.Tx, how func(*db.Tx, *part) error) error {
	b.refused = nil
	for _, pt := range b.parts {
		ts, had, err := tx.Mark(pt.schema.Name, pt.tier)
		switch {
		case err != nil:
			return err
		case mark{ts, had} == pt.was:
			err = how(tx, pt)
		case !b.isRefused(pt): // then the mark is behind because it could not move
			err = errMoved
		}
		if err == nil && pt.from < pt.was.ts {
			err = seenBefore(tx, pt)
		}
		if err != nil {
			return err
		}
	}
	if !b.beat {
		return nil
	}
	h := b.p.o.Heartbeat()
	h.Time = b.p.now().Wall.Unix()
	return tx.Beat(h)
}

// seenBefore corrects when rows were first seen, for a clock that was ahead
// when they were: by it, hours and queries look for them.
func seenBefore(tx *db.Tx, pt *part) error {
	_, err := tx.Exec(`UPDATE reading_row SET first_seen = $1 WHERE host = $2 AND reading = $3 AND first_seen > $1`,
		pt.from, tx.Host(), pt.schema.Name)
	if err != nil {
		return fmt.Errorf("set back when the rows of reading %s were first seen: %w", pt.schema.Name, err)
	}
	return nil
}

// plainly writes one part as it is.
func plainly(tx *db.Tx, pt *part) error {
	for i := range pt.owners {
		if err := pt.own(tx, i); err != nil {
			return err
		}
	}
	if err := tx.UpsertReadings(pt.schema, pt.tier, pt.rows); err != nil || !pt.last {
		return err
	}
	return tx.SetMark(pt.schema.Name, pt.tier, pt.to)
}
