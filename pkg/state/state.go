// Package state keeps one truth about every part of the agent: is it active,
// and if not, why, and what would enable it. Parts are collectors, sensors,
// the store, the database, publishers. The status command, the JSON API, the
// page and the agent's health all read it.
package state

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// State of one part.
type State string

// The states.
const (
	Starting State = "starting" // not yet known
	Active   State = "active"   // does its whole work
	Degraded State = "degraded" // does part of its work, or failed lately
	Fallback State = "fallback" // does its work in a second-best way
	Off      State = "off"      // does nothing until reload or restart
)

// Kind groups parts.
type Kind string

// The kinds of part.
const (
	Collector Kind = "collector"
	Sensor    Kind = "sensor"
	Store     Kind = "store"
	Database  Kind = "database"
	Publisher Kind = "publisher"
	Channel   Kind = "channel"
	Agent     Kind = "agent" // the agent's own conditions: budgets, configuration
)

// Status is what is known of a part.
type Status struct {
	Name       string    `json:"name"`
	Kind       Kind      `json:"kind"`
	State      State     `json:"state"`
	Reason     string    `json:"reason"`      // why it is not active; empty when it is
	Since      time.Time `json:"since"`       // of State; a new reason does not move it
	EnableHint string    `json:"enable_hint"` // what a person can do; may be empty
	Fault      bool      `json:"fault"`       // not by choice: counts against health
	Circuit    bool      `json:"circuit_open"`
}

// Registry holds the parts. All methods may be called concurrently.
type Registry struct {
	mu       sync.Mutex
	parts    []*Part
	onChange []func(old, cur Status)
}

// New returns an empty registry.
func New() *Registry { return &Registry{} }

// OnChange calls f after each change of a part's status, in the goroutine that
// made the change; f must be quick and must not change a state. When two
// goroutines change one part at the same time, f may hear of the second change
// first.
func (r *Registry) OnChange(f func(old, cur Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onChange = append(r.onChange, f)
}

// Part returns the part of that kind and name, adding it as Starting.
func (r *Registry) Part(kind Kind, name string) *Part {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.parts {
		if p.st.Kind == kind && p.st.Name == name {
			return p
		}
	}
	p := &Part{reg: r, st: Status{Name: name, Kind: kind, State: Starting, Since: time.Now()}}
	r.parts = append(r.parts, p)
	return p
}

// Remove forgets a part that no longer exists, after a reload for example. What
// its handle reports from then on is not heard.
func (r *Registry) Remove(kind Kind, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = slices.DeleteFunc(r.parts, func(p *Part) bool {
		gone := p.st.Kind == kind && p.st.Name == name
		p.gone = p.gone || gone
		return gone
	})
}

// All returns every part's status, by kind and name.
func (r *Registry) All() []Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Status, len(r.parts))
	for i, p := range r.parts {
		out[i] = p.st
	}
	slices.SortFunc(out, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// Part is the handle with which a part reports its own state.
type Part struct {
	reg  *Registry
	st   Status
	gone bool // removed
}

// Active reports that the part does its whole work.
func (p *Part) Active() { p.Set(Status{State: Active}) }

// Degraded reports a fault that the part lives with.
func (p *Part) Degraded(reason, hint string) {
	p.Set(Status{State: Degraded, Reason: reason, EnableHint: hint, Fault: true})
}

// Off reports that the part does nothing, by choice or because the host has
// nothing for it: no fault.
func (p *Part) Off(reason, hint string) {
	p.Set(Status{State: Off, Reason: reason, EnableHint: hint})
}

// Refused reports that the part is off because something that should be
// there is missing, a permission for example: a fault.
func (p *Part) Refused(reason, hint string) {
	p.Set(Status{State: Off, Reason: reason, EnableHint: hint, Fault: true})
}

// Set reports a status; Name, Kind and Since are filled in. Setting what is
// already set changes nothing.
func (p *Part) Set(s Status) {
	r := p.reg
	r.mu.Lock()
	old := p.st
	s.Name, s.Kind, s.Since = old.Name, old.Kind, old.Since
	if s == old || p.gone {
		r.mu.Unlock()
		return
	}
	if s.State != old.State {
		s.Since = time.Now()
	}
	p.st = s
	hooks := r.onChange
	r.mu.Unlock()
	for _, f := range hooks {
		f(old, s)
	}
}

// Get returns the part's status.
func (p *Part) Get() Status {
	p.reg.mu.Lock()
	defer p.reg.mu.Unlock()
	return p.st
}

// Level is the agent's own health.
type Level string

// The levels (OPS-101).
const (
	Healthy  Level = "healthy"  // nothing at fault
	Impaired Level = "degraded" // something at fault or resting after failures
	Critical Level = "critical" // no collector works
)

// Health sums the parts up.
type Health struct {
	Level        Level `json:"level"`
	Collectors   int   `json:"collectors"`    // wanted: all but those off by choice
	Failed       int   `json:"failed"`        // of them, not working
	OpenCircuits int   `json:"open_circuits"` // of them, resting after failures
	Faults       int   `json:"faults"`        // parts of any kind at fault
}

// Health returns the agent's health now. The agent is alive while at least
// one collector works (OPS-99); one that failed lately but is still tried
// works, and so do those that have not run yet. An agent whose collectors are
// all off by choice does what it was told.
func (r *Registry) Health() Health {
	h := Health{Level: Healthy}
	for _, s := range r.All() {
		if s.Fault {
			h.Faults++
		}
		if s.Kind != Collector || (s.State == Off && !s.Fault) {
			continue
		}
		h.Collectors++
		if s.State == Off || s.Circuit {
			h.Failed++
		}
		if s.Circuit {
			h.OpenCircuits++
		}
	}
	switch {
	case h.Collectors > 0 && h.Failed == h.Collectors:
		h.Level = Critical
	case h.Faults > 0 || h.OpenCircuits > 0:
		h.Level = Impaired
	}
	return h
}
