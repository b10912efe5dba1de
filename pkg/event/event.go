// Package event carries what happens, as opposed to what is measured: a
// collector's circuit opened, the clock was stepped, the configuration was
// reloaded. Events are never samples. Later sources (OOM kills, slow I/O,
// log matches) add their kinds here.
package event

import (
	"sync"
	"sync/atomic"
	"time"
)

// Kind names what happened, in the form noun.verb.
type Kind string

// The kinds of event.
const (
	StateChanged   Kind = "state.changed"   // a part of the agent changed its state
	ClockStepped   Kind = "clock.stepped"   // the wall clock jumped; a new epoch begins
	HostResumed    Kind = "host.resumed"    // the host slept; a gap lies behind
	ConfigReloaded Kind = "config.reloaded" // a new configuration is in force
	ConfigRefused  Kind = "config.refused"  // a bad configuration was not taken
	BudgetExceeded Kind = "budget.exceeded" // the agent uses more than it should
)

// Event is one thing that happened. It is a value; Attrs must not be changed
// after publishing.
type Event struct {
	Seq   uint64            `json:"seq"` // grows by one per event since the start
	Time  time.Time         `json:"time"`
	Kind  Kind              `json:"kind"`
	Text  string            `json:"text"` // a sentence for people
	Attrs map[string]string `json:"attrs,omitempty"`
}

// recentSize is how many events the bus remembers for people who ask later.
const recentSize = 256

// Bus hands every event to every subscriber. Publish never blocks: each
// subscriber has a bounded queue, and what does not fit is dropped and
// counted. All methods may be called concurrently.
type Bus struct {
	mu     sync.Mutex
	seq    uint64
	recent []Event // ring of the last recentSize, oldest at next once full
	next   int
	subs   []*Subscription
}

// NewBus returns an empty bus.
func NewBus() *Bus { return &Bus{} }

// Subscription is one subscriber's queue.
type Subscription struct {
	Name    string
	C       <-chan Event
	c       chan Event
	dropped atomic.Uint64
}

// Dropped says how many events did not fit into the queue.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Subscribe adds a subscriber with a queue of size events, for the life of
// the bus. It gets what is published from now on; see [Bus.Recent] for what
// was before. Drops are counted by name, so names should differ.
func (b *Bus) Subscribe(name string, size int) *Subscription {
	c := make(chan Event, size)
	s := &Subscription{Name: name, C: c, c: c}
	b.mu.Lock()
	b.subs = append(b.subs, s)
	b.mu.Unlock()
	return s
}

// Publish numbers e and hands it out, to every subscriber in the order of the
// numbers. A zero Time becomes now.
func (b *Bus) Publish(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	b.seq++
	e.Seq = b.seq
	if len(b.recent) < recentSize {
		b.recent = append(b.recent, e)
	} else {
		b.recent[b.next] = e
		b.next = (b.next + 1) % recentSize
	}
	for _, s := range b.subs {
		select {
		case s.c <- e:
		default:
			s.dropped.Add(1)
		}
	}
}

// Recent returns the last events, 256 at most, oldest first.
func (b *Bus) Recent() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Event, 0, len(b.recent))
	out = append(out, b.recent[b.next:]...)
	return append(out, b.recent[:b.next]...)
}

// Dropped returns the drops of every subscriber by name.
func (b *Bus) Dropped() map[string]uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]uint64, len(b.subs))
	for _, s := range b.subs {
		out[s.Name] += s.Dropped()
	}
	return out
}
