package proctable

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"time"
)

// Process is a copy of what the table knows of one process.
type Process struct {
	Sample                   // the newest of each group; Parts says which are known
	CPUPercent float64       // since the sweep before, 100 = one core; NaN = unknown
	Seen       time.Time     // of the newest observation
	SeenBoot   time.Duration // the same as time since boot
	Started    time.Time     // by today's wall clock
	Ended      bool          // it is gone; Seen is when it was seen last
}

// Point is one minute of a process. What is not known is NaN.
type Point struct {
	Time       time.Time // beginning of the minute
	RSS        float64   // bytes, greatest of the minute
	FDs        float64   // greatest of the minute
	Threads    float64   // greatest of the minute
	CPUPercent float64   // mean of the minute, 100 = one core
}

// Order is what a list is sorted by.
type Order uint8

// The orders; the greatest comes first, equals by pid.
const (
	ByRSS Order = iota
	ByCPU       // unknown CPU use counts as none
	ByFDs       // unknown fds count as none
	ByThreads
)

func (o Order) key(e *entry) float64 {
	switch {
	case o == ByCPU && e.cpu > 0:
		return e.cpu
	case o == ByRSS:
		return float64(e.latest.RSS)
	case o == ByFDs && e.latest.Parts&HasFDs != 0:
		return float64(e.latest.FDs)
	case o == ByThreads:
		return float64(e.latest.Threads)
	}
	return 0
}

// List appends the first limit living processes in that order to dst, all of
// them when limit is 0.
func (t *Table) List(dst []Process, o Order, limit int) []Process {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if limit <= 0 || limit > len(t.live) {
		limit = len(t.live)
	}
	best := make(ranks, 0, limit)
	for pid, e := range t.live {
		best.offer(rank{o.key(e), pid, e})
	}
	slices.SortFunc(best, func(a, b rank) int { return b.compare(a) })
	for _, r := range best {
		dst = append(dst, t.process(r.e))
	}
	return dst
}

// rank is a candidate of a list; ranks is a heap with the least on top, which
// leaves when a better one comes.
type rank struct {
	key float64
	pid uint32
	e   *entry
}

func (a rank) compare(b rank) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(b.pid, a.pid))
}

type ranks []rank

func (r ranks) Len() int           { return len(r) }
func (r ranks) Less(i, j int) bool { return r[i].compare(r[j]) < 0 }
func (r ranks) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

// Push and Pop are demanded by the interface; the heap never changes its size
// through it, which spares an allocation for each element.
func (r *ranks) Push(any) { panic("proctable: the heap of a list has a fixed size") }
func (r *ranks) Pop() any { panic("proctable: the heap of a list has a fixed size") }

func (r *ranks) offer(c rank) {
	switch {
	case len(*r) < cap(*r):
		*r = append(*r, c)
		if len(*r) == cap(*r) {
			heap.Init(r)
		}
	case cap(*r) > 0 && c.compare((*r)[0]) > 0:
		(*r)[0] = c
		heap.Fix(r, 0)
	}
}

// Get returns the process with that identity, living or remembered.
func (t *Table) Get(id ID) (Process, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.find(id)
	if e == nil {
		return Process{}, false
	}
	return t.process(e), true
}

// Live returns the living process with that pid.
func (t *Table) Live(pid uint32) (Process, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.live[pid]
	if e == nil {
		return Process{}, false
	}
	return t.process(e), true
}

// Dead appends the remembered processes that have ended to dst, the last to
// end first.
func (t *Table) Dead(dst []Process) []Process {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, e := range slices.Backward(t.dead) {
		dst = append(dst, t.process(e))
	}
	return dst
}

// History appends the hour of the process, oldest minute first, to dst.
// Minutes in which it was not seen are left out.
func (t *Table) History(dst []Point, id ID) []Point {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.find(id)
	if e == nil {
		return dst
	}
	for m := max(0, e.minute-minutes+1); m <= e.minute; m++ {
		at := &e.hist[m%minutes]
		if *at == unknown {
			continue
		}
		dst = append(dst, Point{
			Time:       t.wall(time.Duration(m) * time.Minute),
			RSS:        unpackRSS(at.rss),
			FDs:        unpack32(at.fds),
			Threads:    unpack16(at.threads),
			CPUPercent: unpackCPU(at.cpu),
		})
	}
	return dst
}

// Totals returns the sums of the last complete sweep.
func (t *Table) Totals() Totals {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.totals
}

// Stats returns how full the table is and what it let go.
func (t *Table) Stats() Stats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.stats
	s.Live, s.Dead = len(t.live), len(t.dead)
	return s
}

func (t *Table) find(id ID) *entry {
	if e := t.live[id.PID]; e != nil && e.latest.Start == id.Start {
		return e
	}
	for _, e := range slices.Backward(t.dead) {
		if e.latest.ID == id {
			return e
		}
	}
	return nil
}

func (t *Table) process(e *entry) Process {
	return Process{
		Sample:     e.latest,
		CPUPercent: e.cpu,
		Seen:       t.wall(e.seen),
		SeenBoot:   e.seen,
		Started:    t.wall(e.latest.StartedAt()),
		Ended:      t.live[e.latest.PID] != e,
	}
}

// wall translates a boot time by the clocks of the newest sweep.
func (t *Table) wall(boot time.Duration) time.Time { return t.sweep.wall.Add(boot - t.sweep.boot) }

// Uptime is how long the process had been running when it was seen last.
func (p *Process) Uptime() time.Duration { return max(0, p.SeenBoot-p.StartedAt()) }

// FDUsedPercent is the share of the soft limit that open fds take; NaN when
// either is unknown or there is no limit.
func (p *Process) FDUsedPercent() float64 {
	const both = HasFDs | HasLimits
	if p.Parts&both != both || p.FDLimit == Unlimited || p.FDLimit == 0 {
		return math.NaN()
	}
	return float64(p.FDs) / float64(p.FDLimit) * 100
}
