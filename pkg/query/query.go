// Package query answers one question over both memories: the store (the last
// 24 h at full resolution) and the database (minutes, hours, days).
//
// # How the tiers become one
//
// What the store holds of a row comes from the store. What is older comes
// from the coarsest tier whose step divides the step asked for; where that
// tier ends (its mark) a finer one goes on, and where its retention has
// deleted it a coarser one. Seams lie on the boundaries of the coarser side,
// so that no sample counts twice and none is left out. A row of a tier that
// is wider than the step gives one point, at its beginning.
//
// The memory may begin within a minute: the agent was started, a row was
// born, old blocks were given up. It answers for the whole of that minute
// when the database knows no more of it: when its row of that minute counts no
// more samples than the memory has slots and, of a counter, no more increase.
// Otherwise the database answers for that minute and the memory from the next
// on.
//
// # Points
//
// A gauge's point is the mean over its samples, rows of a tier weighing by
// their number of samples. A counter's point is what it increased by, divided
// by the time in which it did: missing samples neither lower nor raise it.
package query

import (
	"errors"
	"time"
)

// Op is how a label must match.
type Op string

// The operators of a label match, as in PromQL.
const (
	Equal    Op = "="
	NotEqual Op = "!="
	Match    Op = "=~" // RE2, anchored at both ends
	NoMatch  Op = "!~"
)

// Matcher is a condition on one label or attribute, which the reading must
// have; one without value is empty.
type Matcher struct {
	Label string
	Op    Op
	Value string
}

// Request asks for one metric's series.
type Request struct {
	Metric   string // dotted name, second name ("domain.column") or page name
	Matchers []Matcher
	From, To time.Time     // From inclusive, To exclusive; both are widened to whole steps
	Step     time.Duration // width of a point, whole seconds; 0 = the finest that fits MaxPoints
	Limit    int           // series; 0 = MaxSeries
}

// Bounds of an answer.
const (
	MaxPoints = 11000   // per series
	MaxSeries = 1000    //
	MaxTotal  = 500_000 // points of all series together: 16 MB
	MaxRows   = 5000    // of an instant answer
)

// Tier says where points came from.
type Tier string

// The tiers, finest first.
const (
	TierMemory Tier = "memory"
	TierMinute Tier = "minute"
	TierHourly Tier = "hourly"
	TierDaily  Tier = "daily"
)

// Series is the answer for one row.
type Series struct {
	Labels map[string]string `json:"labels"` // with attributes
	Points []Point           `json:"points"` // ascending, absent points left out
}

// Point is the mean over [Time, Time+Step) of a gauge; of a counter the rate
// per second over the increments that fell into it.
type Point struct {
	Time  int64   `json:"t"` // Unix seconds, a multiple of the step
	Value float64 `json:"v"`
	Min   float64 `json:"min"` // equal to Value where the tier kept no more
	Max   float64 `json:"max"`
}

// Result is the answer to a request.
type Result struct {
	Host      string        `json:"host"`
	Metric    string        `json:"metric"`
	Page      string        `json:"page_name"`
	Kind      string        `json:"kind"` // gauge or counter; points of a counter are rates per second
	Unit      string        `json:"unit"`
	Step      time.Duration `json:"-"`
	StepSecs  float64       `json:"step_seconds"`
	Tiers     []Tier        `json:"tiers"`
	Series    []Series      `json:"series"`
	Truncated bool          `json:"truncated"` // more series matched than Limit or MaxTotal allow
	Notes     []string      `json:"notes"`     // what is missing and why: database away, for example
}

// Errors of asking. Those that wrap ErrNoMetric wrap ErrBadRequest, too.
var (
	ErrBadRequest = errors.New("bad request") // the asker is at fault
	ErrNoMetric   = errors.New("there is no metric")
)
