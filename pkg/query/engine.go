package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// Engine answers queries. All methods may be called concurrently, beside the
// writers of the store and of the database.
type Engine struct {
	st      *store.Store
	d       *db.DB // nil: memory only
	schemas []*metric.Schema
	host    string
	now     func() time.Time
}

// New returns an engine over the store and, unless it is nil, the database.
// schemas are the readings that may be asked for before the store has them;
// host is named in the answers.
func New(st *store.Store, d *db.DB, schemas []*metric.Schema, host string) *Engine {
	return &Engine{st: st, d: d, schemas: schemas, host: host, now: time.Now}
}

// readings returns the schemas of the store and, after them, the others.
func (e *Engine) readings() []*metric.Schema {
	var all []*metric.Schema
	for _, sh := range e.st.Shards() {
		all = append(all, sh.Schema())
	}
	for _, s := range e.schemas {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Resolve finds a metric by its dotted name, its second name
// ("domain.column") or its name on the page, in this order, and returns its
// reading and the index of its field. An error wraps [ErrBadRequest] and
// [ErrNoMetric] and names what is similar.
func (e *Engine) Resolve(name string) (*metric.Schema, int, error) {
	all := e.readings()
	for _, is := range []func(*metric.Schema, *metric.Field) bool{
		func(_ *metric.Schema, f *metric.Field) bool { return f.Name == name },
		func(s *metric.Schema, f *metric.Field) bool { return secondName(s, f) == name },
		func(_ *metric.Schema, f *metric.Field) bool { return f.Page == name },
	} {
		for _, s := range all {
			for i := range s.Fields {
				if is(s, &s.Fields[i]) {
					return s, i, nil
				}
			}
		}
	}
	hint := "and none is similar"
	if like := similar(all, name); len(like) > 0 {
		hint = "similar are " + strings.Join(like, ", ")
	}
	return nil, 0, fmt.Errorf("%w: %w %.100q; %s", ErrBadRequest, ErrNoMetric, name, hint)
}

func secondName(s *metric.Schema, f *metric.Field) string { return s.Domain + "." + f.Column }

const (
	maxSimilar  = 5
	maxDistance = 3   // edits between a name and one that is similar
	maxName     = 100 // bytes; longer names have no similar ones
)

// similar returns the metrics whose names are nearest: few edits away, or
// with the words asked for in them.
func similar(all []*metric.Schema, name string) []string {
	name = strings.ToLower(name)
	if len(name) > maxName || name == "" {
		return nil
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	near := map[string]int{}
	for _, s := range all {
		for i := range s.Fields {
			f := &s.Fields[i]
			for _, n := range []string{f.Name, secondName(s, f), f.Page} {
				d := distance(name, n)
				if n != f.Page && (strings.Contains(n, name) || last != "" && strings.Contains(n, last)) {
					d = min(d, maxDistance)
				}
				if old, ok := near[f.Name]; d <= maxDistance && (!ok || d < old) {
					near[f.Name] = d
				}
			}
		}
	}
	out := make([]string, 0, len(near))
	for n := range near {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(near[a]-near[b], strings.Compare(a, b)) })
	return out[:min(len(out), maxSimilar)]
}

// distance is the number of bytes to insert, delete or replace to make b of a
// (Levenshtein, one row of the table at a time); more than maxDistance when
// the lengths alone say so.
func distance(a, b string) int {
	if d := len(a) - len(b); d > maxDistance || -d > maxDistance {
		return maxDistance + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// MetricInfo describes one metric.
type MetricInfo struct {
	Name     string        `json:"name"`
	Second   string        `json:"second_name"` // domain.column
	Page     string        `json:"page_name"`
	Reading  string        `json:"reading"`
	Kind     string        `json:"kind"`
	Unit     string        `json:"unit"`
	Res      float64       `json:"resolution"`
	Help     string        `json:"help"`
	Labels   []LabelInfo   `json:"labels"`
	Rows     int           `json:"rows"` // alive now
	Step     time.Duration `json:"-"`    // of the store's grid; 0 while nothing writes it
	StepSecs float64       `json:"step_seconds"`
}

// LabelInfo describes a label.
type LabelInfo struct {
	Name string `json:"name"`
	Help string `json:"help"`
	Attr bool   `json:"descriptive"` // shown, but not part of a row's identity
}

// Catalog lists all metrics by name.
func (e *Engine) Catalog() []MetricInfo {
	list := []MetricInfo{}
	for _, s := range e.readings() {
		rows, step := 0, time.Duration(0)
		if sh := e.st.Shard(s.Name); sh != nil {
			rows = len(sh.Rows())
			if sh.Newest() != 0 {
				step = time.Duration(sh.Step()) * time.Second
			}
		}
		labels := make([]LabelInfo, len(s.Labels))
		for i, l := range s.Labels {
			labels[i] = LabelInfo{l.Name, l.Help, l.Attr}
		}
		for i := range s.Fields {
			f := &s.Fields[i]
			list = append(list, MetricInfo{
				Name: f.Name, Second: secondName(s, f), Page: f.Page, Reading: s.Name, Kind: f.Kind.String(),
				Unit: string(f.Unit), Res: f.Res, Help: f.Help, Labels: labels,
				Rows: rows, Step: step, StepSecs: step.Seconds(),
			})
		}
	}
	slices.SortFunc(list, func(a, b MetricInfo) int { return strings.Compare(a.Name, b.Name) })
	return list
}
