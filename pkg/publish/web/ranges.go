package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sysops-agent/pkg/query"
)

// Bounds of a range query.
const (
	// maxAhead is how far to may lie in the future, for clocks that differ.
	maxAhead = 24 * time.Hour
	// span is how long a query looks back when it does not say.
	span = time.Hour
)

func (s *Server) queryRange(r *http.Request) (any, error) {
	p, err := parseParams(r, "metric", "match[]", "from", "to", "since", "step", "limit")
	if err != nil {
		return nil, err
	}
	req, err := p.request(s.now())
	if err != nil {
		return nil, err
	}
	done, err := s.turn(r.Context())
	if err != nil {
		return nil, err
	}
	defer done()
	res, err := s.history(r.Context(), req)
	if err != nil {
		return nil, err
	}
	// It keeps its turn until there is room: what is at work and what is
	// being sent are all that is held.
	held, err := s.hold(r.Context(), res)
	return rangeAnswer{res, held}, err
}

// request reads the parameters of a range query.
func (p params) request(now time.Time) (query.Request, error) {
	var req query.Request
	var err error
	if req.Metric, req.Matchers, err = p.selector(); err != nil {
		return req, err
	}
	if req.From, req.To, err = p.times(now); err != nil {
		return req, err
	}
	if req.Step, err = p.step(); err != nil {
		return req, err
	}
	return req, p.bound(&req)
}

func (p params) times(now time.Time) (from, to time.Time, err error) {
	to = now
	if v := p.text("to"); v != "" {
		if to, err = ParseTime(v, now); err != nil {
			return from, to, err
		}
	}
	from = to.Add(-span)
	if v := p.text("since"); v != "" {
		d, err := ParseDuration(v)
		if err != nil {
			return from, to, err
		}
		from = to.Add(-d)
	}
	if v := p.text("from"); v != "" {
		if p.text("since") != "" {
			return from, to, badRequest("give one of them", "both from and since are given")
		}
		if from, err = ParseTime(v, now); err != nil {
			return from, to, err
		}
	}
	switch {
	case !from.Before(to):
		return from, to, badRequest("", "from (%s) is not before to (%s)", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	case to.After(now.Add(maxAhead)):
		return from, to, badRequest("", "to (%s) lies in the future", to.UTC().Format(time.RFC3339))
	case from.Unix() < 0:
		return from, to, badRequest("", "from (%s) is before 1970", from.UTC().Format(time.RFC3339))
	}
	return from, to, nil
}

func (p params) step() (time.Duration, error) {
	v := p.text("step")
	if v == "" {
		return 0, nil
	}
	d, err := ParseDuration(v)
	if err != nil {
		return 0, err
	}
	if d < time.Second || d%time.Second != 0 {
		return 0, badRequest("write whole seconds, at least 1s", "step=%q is not allowed", v)
	}
	return d, nil
}

// bound sees to it that the answer is of a bearable size: points per series,
// and points of all series together.
func (p params) bound(req *query.Request) error {
	length := req.To.Sub(req.From)
	points := int64(query.MaxPoints) // what a query without step may bring
	if req.Step > 0 {
		points = int64((length + req.Step - 1) / req.Step)
	}
	if points > query.MaxPoints {
		least := (length/query.MaxPoints + time.Second - 1).Truncate(time.Second)
		return badRequest(fmt.Sprintf("make step at least %v, or the time shorter", least), "%d points per series are more than %d", points, query.MaxPoints)
	}
	points = max(1, min(points, int64(length/time.Second)+1))
	most := int(min(query.MaxSeries, max(1, query.MaxTotal/points)))
	var err error
	if req.Limit, err = p.number("limit", most, 1, query.MaxSeries); err != nil {
		return err
	}
	if req.Limit > most {
		return badRequest(fmt.Sprintf("make limit at most %d, or step larger, or the time shorter", most), "%d series of %d points are too many for one answer", req.Limit, points)
	}
	return nil
}

// rangeAnswer writes a result series by series, so that only one of them is
// held as text, and lets go of what is written.
type rangeAnswer struct {
	res  *query.Result
	held *held
}

// marker is where the series go; it cannot be inside a JSON string, whose
// quotes would be escaped.
var marker = []byte(`"series":[]`)

func (a rangeAnswer) stream(w http.ResponseWriter) error {
	defer a.held.free()
	shell := *a.res
	shell.Series = []query.Series{}
	if shell.Notes == nil {
		shell.Notes = []string{}
	}
	if shell.Tiers == nil {
		shell.Tiers = []query.Tier{}
	}
	text, err := json.Marshal(shell)
	if err != nil {
		return err
	}
	head, tail, ok := bytes.Cut(text, marker)
	if !ok {
		return errors.New("the result has no series")
	}
	if _, err := fmt.Fprintf(w, `%s"series":[`, head); err != nil {
		return err
	}
	for i := range a.res.Series {
		if err := writeSeries(w, i, a.res.Series[i]); err != nil {
			return err
		}
		a.held.drop(len(a.res.Series[i].Points))
		a.res.Series[i] = query.Series{}
	}
	_, err = fmt.Fprintf(w, "]%s\n", tail)
	return err
}

func writeSeries(w http.ResponseWriter, i int, s query.Series) error {
	if s.Points == nil {
		s.Points = []query.Point{}
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if i > 0 {
		b = append([]byte{','}, b...)
	}
	_, err = w.Write(b)
	return err
}
