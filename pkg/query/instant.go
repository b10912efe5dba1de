package query

import (
	"context"
	"fmt"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// Instant is the newest value of each row of one metric.
type Instant struct {
	Host      string  `json:"host"`
	Metric    string  `json:"metric"`
	Page      string  `json:"page_name"`
	Kind      string  `json:"kind"` // gauge or counter
	Unit      string  `json:"unit"`
	Series    []Value `json:"series"`
	Truncated bool    `json:"truncated"` // more rows matched than the limit
}

// Value is the newest value of one row.
type Value struct {
	Labels map[string]string `json:"labels"` // with attributes
	Time   int64             `json:"t"`      // Unix seconds: the beginning of its slot
	Value  float64           `json:"v"`      // of a counter the total since its source began
	Rate   *float64          `json:"rate"`   // of a counter, per second over its last increment; nil when there was none
}

// minFresh is how long a row is told of at least after it was last written,
// however short its step is.
const minFresh = time.Minute

// Instant returns the newest value of each matching row that was written in
// the last three steps (at least a minute) and whose value is present. It
// asks the store only, for at most limit rows: 0 is MaxSeries, the most is
// MaxRows. Errors are as with [Engine.Range].
func (e *Engine) Instant(ctx context.Context, name string, matchers []Matcher, limit int) (*Instant, error) {
	if limit <= 0 {
		limit = MaxSeries
	}
	limit = min(limit, MaxRows)
	s, field, err := e.Resolve(name)
	if err != nil {
		return nil, err
	}
	where, err := compile(s, matchers)
	if err != nil {
		return nil, err
	}
	f := &s.Fields[field]
	out := &Instant{Host: e.host, Metric: f.Name, Page: f.Page, Kind: f.Kind.String(), Unit: string(f.Unit), Series: []Value{}}
	sh := e.st.Shard(s.Name)
	if sh == nil {
		return out, nil
	}
	now := e.now()
	var p store.Points
	for _, r := range sh.Rows() {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("query %s: %w", name, err)
		}
		at, raw, ok := r.Latest()
		if !ok || !fresh(at, now, sh.Step()) || !where.match(r.Labels()) || !finite(f.Value(raw[field])) {
			continue
		}
		if len(out.Series) == limit {
			out.Truncated = true
			break
		}
		v := Value{Labels: map[string]string{}, Time: at.Unix(), Value: f.Value(raw[field])}
		for i, text := range r.Labels() {
			v.Labels[s.Labels[i].Name] = text
		}
		if f.Kind == metric.Counter {
			v.Rate = rate(r, field, at.Unix(), sh.Step(), &p)
		}
		out.Series = append(out.Series, v)
	}
	return out, nil
}

// rate returns what a counter's increment at t was per second.
func rate(r *store.Row, field int, t, step int64, p *store.Points) *float64 {
	p.Reset()
	r.Read(field, t-2*(store.MaxGap+1)*step, t+1, p)
	n := len(p.T)
	if n == 0 || p.T[n-1] != t {
		return nil
	}
	v := p.V[n-1] / float64(took(p.T, n-1, step))
	return &v
}

// fresh reports whether a slot that began at at is still news. One in the
// future is not: the clock was set back, and nothing was written since.
func fresh(at, now time.Time, step int64) bool {
	s := time.Duration(step) * time.Second
	age := now.Sub(at)
	return age >= -s && age <= max(3*s, minFresh)
}
