package web

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/query"
	"sysops-agent/pkg/store"
)

// Instant is the answer of /api/v1/query: the newest value of each row.
type Instant struct {
	Metric    string          `json:"metric"`
	Page      string          `json:"page_name"`
	Kind      string          `json:"kind"` // values of a counter are cumulative
	Unit      string          `json:"unit"`
	Series    []InstantSeries `json:"series"`
	Truncated bool            `json:"truncated"` // more rows matched than the limit
}

// InstantSeries is one row's newest value.
type InstantSeries struct {
	Labels map[string]string `json:"labels"`
	Time   int64             `json:"t"` // Unix seconds: the beginning of its slot
	Value  float64           `json:"v"`
}

// Bounds of the rows of an instant query.
const (
	defaultRows = 1000
	maxRows     = 5000
)

func (s *Server) instant(r *http.Request) (any, error) {
	p, err := parseParams(r, "metric", "match[]", "limit")
	if err != nil {
		return nil, err
	}
	name, matchers, err := p.selector()
	if err != nil {
		return nil, err
	}
	limit, err := p.number("limit", defaultRows, 1, maxRows)
	if err != nil {
		return nil, err
	}
	sh, i := find(s.deps.Store.Shards(), name)
	if sh == nil {
		return nil, unknownMetric(s.deps.Store.Shards(), name)
	}
	rows, err := newRowMatch(sh.Schema(), matchers)
	if err != nil {
		return nil, err
	}
	return newest(sh, i, rows, limit), nil
}

// newest collects the newest present values of field i.
func newest(sh *store.Shard, i int, rows rowMatch, limit int) Instant {
	sch := sh.Schema()
	f := &sch.Fields[i]
	out := Instant{Metric: f.Name, Page: f.Page, Kind: f.Kind.String(), Unit: string(f.Unit), Series: []InstantSeries{}}
	for _, row := range sh.Rows() {
		at, raw, ok := row.Latest()
		if !ok || !rows.match(row.Labels()) {
			continue
		}
		v := f.Value(raw[i])
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		if len(out.Series) == limit {
			out.Truncated = true
			break
		}
		out.Series = append(out.Series, InstantSeries{labelMap(sch, row.Labels()), at.Unix(), v})
	}
	return out
}

func labelMap(sch *metric.Schema, values []string) map[string]string {
	m := make(map[string]string, len(values))
	for i := range sch.Labels {
		m[sch.Labels[i].Name] = values[i]
	}
	return m
}

// find returns the shard and field of a metric by any of its names.
func find(shards []*store.Shard, name string) (*store.Shard, int) {
	for _, sh := range shards {
		sch := sh.Schema()
		for i := range sch.Fields {
			f := &sch.Fields[i]
			if name == f.Name || name == f.Page || name == secondName(sch, f) {
				return sh, i
			}
		}
	}
	return nil, 0
}

// maxSuggestions is how many metrics an error names.
const maxSuggestions = 5

func unknownMetric(shards []*store.Shard, name string) error {
	last := name[strings.LastIndexByte(name, '.')+1:]
	var like []string
	for _, sh := range shards {
		for i := range sh.Schema().Fields {
			n := sh.Schema().Fields[i].Name
			if len(like) < maxSuggestions && last != "" && strings.Contains(n, last) {
				like = append(like, n)
			}
		}
	}
	hint := "/api/v1/metrics lists all"
	if len(like) > 0 {
		hint = "similar are: " + strings.Join(like, ", ") + "; " + hint
	}
	return &Error{Status: http.StatusNotFound, Message: fmt.Sprintf("there is no metric %.100q", name), Hint: hint}
}

// rowMatch is a list of conditions on the labels of one reading.
type rowMatch []labelMatch

type labelMatch struct {
	at   int // index of the label
	not  bool
	text string
	re   *regexp.Regexp // nil: compare with text
}

func newRowMatch(sch *metric.Schema, matchers []query.Matcher) (rowMatch, error) {
	var list rowMatch
	for _, m := range matchers {
		at := slices.IndexFunc(sch.Labels, func(l metric.Label) bool { return l.Name == m.Label })
		if at < 0 {
			var names []string
			for i := range sch.Labels {
				names = append(names, sch.Labels[i].Name)
			}
			hint := "it has no labels"
			if len(names) > 0 {
				hint = "its labels are: " + strings.Join(names, ", ")
			}
			return nil, badRequest(hint, "the metric has no label %.64q", m.Label)
		}
		l := labelMatch{at: at, not: m.Op == query.NotEqual || m.Op == query.NoMatch, text: m.Value}
		if m.Op == query.Match || m.Op == query.NoMatch {
			re, err := regexp.Compile(anchored(m.Value))
			if err != nil {
				return nil, badRequest("", "the regular expression of label %s: %v", m.Label, err)
			}
			l.re = re
		}
		list = append(list, l)
	}
	return list, nil
}

func (r rowMatch) match(values []string) bool {
	for _, l := range r {
		v := values[l.at]
		is := v == l.text
		if l.re != nil {
			is = l.re.MatchString(v)
		}
		if is == l.not {
			return false
		}
	}
	return true
}
