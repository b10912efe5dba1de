package query

import (
	"context"
	"fmt"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// Range answers a request. Errors wrap [ErrBadRequest] when the request is at
// fault, or are those of ctx. When the database cannot answer, the store does
// alone and a note says so.
func (e *Engine) Range(ctx context.Context, r Request) (*Result, error) {
	a, err := e.ask(r)
	if err != nil {
		return nil, err
	}
	beyond, err := a.beyond(ctx)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", r.Metric, err)
	}
	if e.d != nil && beyond {
		err = e.d.Read(ctx, func(q *db.Querier) error {
			a.reset()
			return a.collect(q.Context(), q)
		})
		if err == nil {
			return a.res, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("query %s: %w", r.Metric, ctx.Err())
		}
		a.reset()
		a.note("only the memory answers: %v", err)
	}
	if err := a.collect(ctx, nil); err != nil {
		return nil, fmt.Errorf("query %s: %w", r.Metric, err)
	}
	return a.res, nil
}

// ask is one request being answered.
type ask struct {
	schema   *metric.Schema
	field    int
	where    conditions
	from, to int64
	step     int64
	limit    int
	native   int64        // step of the store's grid
	shard    *store.Shard // may be nil
	res      *Result
	known    map[string]bool // identities in memory

	total  int // points so far
	g      gather
	points store.Points
	slots  store.Matrix
	marks  [3]int64 // of minute, hourly, daily; only with a database
	wider  bool     // a point stands for more than a step
	broken int      // rows of the database whose labels cannot be read
	tiers  map[Tier]bool
}

func (e *Engine) ask(r Request) (*ask, error) {
	s, field, err := e.Resolve(r.Metric)
	if err != nil {
		return nil, err
	}
	a := &ask{schema: s, field: field, limit: r.Limit, native: 1, shard: e.st.Shard(s.Name)}
	if a.limit <= 0 || a.limit > MaxSeries {
		a.limit = MaxSeries
	}
	if a.where, err = compile(s, r.Matchers); err != nil {
		return nil, err
	}
	if a.shard != nil {
		a.native = max(a.shard.Step(), 1)
	}
	if a.from, a.to, a.step, err = r.window(a.native); err != nil {
		return nil, err
	}
	f := &s.Fields[field]
	step := time.Duration(a.step) * time.Second
	a.res = &Result{
		Host: e.host, Metric: f.Name, Page: f.Page, Kind: f.Kind.String(), Unit: string(f.Unit),
		Step: step, StepSecs: step.Seconds(), Notes: []string{},
	}
	a.reset()
	return a, nil
}

// reset forgets what was collected.
func (a *ask) reset() {
	a.res.Series, a.res.Tiers, a.res.Truncated = []Series{}, []Tier{}, false
	a.total, a.wider, a.broken, a.tiers = 0, false, 0, map[Tier]bool{}
	a.g = gather{step: a.step}
}

func (a *ask) note(format string, args ...any) {
	a.res.Notes = append(a.res.Notes, fmt.Sprintf(format, args...))
}

// beyond reports whether the range begins before the memory does: only then
// the database may have more.
func (a *ask) beyond(ctx context.Context) (bool, error) {
	if a.shard == nil {
		return true, nil
	}
	for _, r := range a.shard.Rows() {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if !a.where.match(r.Labels()) {
			continue
		}
		a.points.Reset()
		if r.Read(a.field, a.from, a.from+2*a.native, &a.points); len(a.points.T) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// collect gathers all series, with the database unless q is nil.
func (a *ask) collect(ctx context.Context, q *db.Querier) error {
	if err := a.readMarks(q); err != nil {
		return err
	}
	mem, known := inMemory(a.shard, a.from, a.to)
	a.known = known
	for i := range mem {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !a.where.match(mem[i].values) {
			continue
		}
		if err := a.find(q, &mem[i]); err != nil {
			return err
		}
		if more, err := a.series(q, &mem[i]); !more || err != nil {
			return a.finish(err)
		}
	}
	return a.finish(a.departed(ctx, q))
}

// departed gathers the series that are in the database only.
func (a *ask) departed(ctx context.Context, q *db.Querier) error {
	if q == nil || a.marks[0] == 0 {
		return nil
	}
	for after := int64(0); ; {
		page, err := storedPage(q, a.schema.Name, a.from, a.to, after)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := ctx.Err(); err != nil {
				return err
			}
			r := &page[i]
			after = r.id
			if a.known[r.labels] {
				continue
			}
			values, ok := r.values(a.schema)
			if !ok {
				a.broken++
				continue
			}
			if !a.where.match(values) {
				continue
			}
			if more, err := a.series(q, &series{values: values, stored: r.id, first: r.first}); !more || err != nil {
				return err
			}
		}
	}
}

// series adds one series to the result, unless it has no points. It is false
// when there is no room for more.
func (a *ask) series(q *db.Querier, s *series) (bool, error) {
	if err := a.gather(q, s); err != nil {
		return false, err
	}
	points := a.g.take()
	if len(points) == 0 {
		return true, nil
	}
	if a.total += len(points); len(a.res.Series) >= a.limit || a.total > MaxTotal {
		a.res.Truncated = true
		return false, nil
	}
	labels := make(map[string]string, len(s.values))
	for i, v := range s.values {
		labels[a.schema.Labels[i].Name] = v
	}
	a.res.Series = append(a.res.Series, Series{Labels: labels, Points: points})
	return true, nil
}

// gather collects the points of one series, the older ones from the database.
func (a *ask) gather(q *db.Querier, s *series) error {
	kind := a.schema.Fields[a.field].Kind
	p := &a.points
	first := a.read(s, p)
	seam, err := a.seam(q, s, p, first)
	if err != nil {
		return err
	}
	if q != nil && s.stored != 0 && seam > a.from {
		t := tiered{a: a, q: q, s: s, seam: seam}
		if err := t.span(t.best(), a.from, seam); err != nil {
			return err
		}
		for first < len(p.T) && p.T[first] < t.until {
			first++
		}
	}
	if first < len(p.T) {
		a.tiers[TierMemory] = true
		a.g.memory(p, first, kind, a.native)
	}
	return nil
}

// read reads what the store has of a series, and returns the number of the
// first sample in the range; those before tell how long the first increment
// of a counter took.
func (a *ask) read(s *series, p *store.Points) int {
	p.Reset()
	from := a.from
	if a.schema.Fields[a.field].Kind == metric.Counter {
		from -= 2 * (store.MaxGap + 1) * a.native
	}
	for _, r := range s.rows {
		if n := len(p.T); n > 0 { // a row that died and came back
			from = max(from, p.T[n-1]+1)
		}
		r.Read(a.field, from, a.to, p)
	}
	for i, t := range p.T {
		if t >= a.from {
			return i
		}
	}
	return len(p.T)
}

// finish completes the result.
func (a *ask) finish(err error) error {
	if err != nil {
		return err
	}
	for _, t := range []Tier{TierMemory, TierMinute, TierHourly, TierDaily} {
		if a.tiers[t] {
			a.res.Tiers = append(a.res.Tiers, t)
		}
	}
	if a.wider {
		a.note("older points stand for more than a step: nothing finer is kept of that time")
	}
	if a.res.Truncated && a.total > MaxTotal {
		a.note("only the first %d series: more would be over %d points; widen the step or name labels", len(a.res.Series), MaxTotal)
	}
	if a.broken > 0 {
		a.note("%d rows of the database are left out: their labels cannot be read", a.broken)
	}
	return nil
}
