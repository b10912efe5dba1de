// Package proctable knows all processes of the host: the newest reading of
// each and one hour of it, minute by minute, because a process that leaks need
// not be among the top ten until it is too late. A process that ends is
// remembered for an hour more, so that the evidence survives it.
//
// The table is fed by sweeps over all processes, from /proc or from a BPF
// iterator alike:
//
//	t.Begin(wall, boot)
//	for … { t.Observe(&sample) }
//	t.End()
//
// One goroutine feeds it; any number read at the same time. A reader during a
// sweep sees some processes as of this sweep and some as of the last, each
// whole.
//
// A process costs about 1 KB (measured by BenchmarkMemory); the number of
// processes is bounded, and what does not fit is counted.
package proctable

import (
	"math"
	"sync"
	"time"
)

// Defaults of [Options].
const (
	DefaultMaxLive = 32768
	DefaultMaxDead = 4096
)

// defaultMaxGap is in force until [Table.SetMaxGap] is called.
const defaultMaxGap = 5 * time.Minute

// Options are the bounds of the table; zero values mean the defaults.
type Options struct {
	MaxLive int // living processes; more are counted and ignored
	MaxDead int // ended processes; the one that ended first makes room
}

// Table holds the processes.
type Table struct {
	opt Options

	mu     sync.RWMutex
	live   map[uint32]*entry // by pid
	dead   []*entry          // in the order of their end
	sweep  sweep
	totals Totals
	stats  Stats
}

// sweep is where the feeding goroutine stands.
type sweep struct {
	number   uint32
	wall     time.Time     // at Begin
	boot     time.Duration // at Begin
	lastBoot time.Duration // at the Begin before; 0 = none
	refused  int
	maxGap   time.Duration
}

// Totals sum up one complete sweep.
type Totals struct {
	At            time.Time // beginning of the sweep; zero before the first
	Processes     int       // all that were seen, those refused included
	KernelThreads int
	Threads       uint64
	FDs           uint64 // of processes whose number is known
	ByState       [nStates]int
	Refused       int // seen, but the table is full
}

// In returns the number of processes in state s.
func (t *Totals) In(s State) int { return t.ByState[s] }

// Stats tell how full the table is and what it let go.
type Stats struct {
	Live, Dead int    // now
	Started    uint64 // appeared since the agent's start, first sweep excluded
	Exited     uint64 // ended
	Refused    uint64 // observations of processes that found the table full
	Evicted    uint64 // ended processes forgotten before their hour was over
}

// New returns an empty table.
func New(o Options) *Table {
	if o.MaxLive <= 0 {
		o.MaxLive = DefaultMaxLive
	}
	if o.MaxDead <= 0 {
		o.MaxDead = DefaultMaxDead
	}
	return &Table{opt: o, live: map[uint32]*entry{}, sweep: sweep{maxGap: defaultMaxGap}}
}

// SetMaxGap sets the time between two observations over which CPU use is still
// averaged: beyond, the host slept or sweeps were missed. It depends on how
// often the sweeps come, which who feeds the table knows.
func (t *Table) SetMaxGap(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep.maxGap = d
}

// Begin starts a sweep. boot is CLOCK_BOOTTIME, which nobody can step; wall
// is what people call that moment.
func (t *Table) Begin(wall time.Time, boot time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.sweep
	s.lastBoot = s.boot
	s.number++
	s.wall, s.boot, s.refused = wall, boot, 0
}

// Observe takes over what a sweep saw of one process. Groups that the sample
// does not have keep what was known. It may be called again for the same
// process within a sweep, to add groups that were read later. It does not
// allocate for a known process.
//
// It returns the groups that are known now; ok is false when the table is
// full. A new name means exec, perhaps with other limits, user and cgroup:
// these are then no longer known.
func (t *Table) Observe(s *Sample) (known Parts, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.live[s.PID]
	if e != nil && e.latest.Start != s.Start {
		t.bury(s.PID, e) // the pid was given again
		e = nil
	}
	if e == nil {
		if e = t.admit(s); e == nil {
			return 0, false
		}
	}
	e.observe(s, &t.sweep)
	return e.latest.Parts, true
}

// admit opens an entry for a process seen for the first time; nil when the
// table is full.
func (t *Table) admit(s *Sample) *entry {
	if len(t.live) >= t.opt.MaxLive {
		t.sweep.refused++
		t.stats.Refused++
		return nil
	}
	e := newEntry(s, &t.sweep)
	t.live[s.PID] = e
	if t.sweep.lastBoot != 0 {
		t.stats.Started++
	}
	return e
}

// Keep notes that the process with that pid is there although it could not be
// read, so that it does not count as ended.
func (t *Table) Keep(pid uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.live[pid]; e != nil {
		e.sweep = t.sweep.number
	}
}

// End closes a sweep that saw every process: those it did not see have ended.
func (t *Table) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	tot := Totals{At: t.sweep.wall, Refused: t.sweep.refused, Processes: t.sweep.refused}
	for pid, e := range t.live {
		if e.sweep != t.sweep.number {
			t.bury(pid, e)
			continue
		}
		tot.add(&e.latest)
	}
	t.totals = tot
	t.forget()
}

// Abort closes a sweep that was cut short: nothing follows from what it did
// not see.
func (t *Table) Abort() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.live {
		e.sweep = t.sweep.number
	}
}

func (t *Totals) add(s *Sample) {
	t.Processes++
	t.Threads += uint64(s.Threads)
	t.ByState[min(s.State, nStates-1)]++
	if s.Kernel {
		t.KernelThreads++
	}
	if s.Parts&HasFDs != 0 {
		t.FDs += uint64(s.FDs)
	}
}

func (t *Table) bury(pid uint32, e *entry) {
	delete(t.live, pid)
	t.stats.Exited++
	t.dead = append(t.dead, e)
}

// forget lets go of the dead whose hour is over, and of the oldest when there
// are too many.
func (t *Table) forget() {
	n := 0
	for n < len(t.dead) && t.sweep.boot-t.dead[n].seen > minutes*time.Minute {
		n++
	}
	if over := len(t.dead) - n - t.opt.MaxDead; over > 0 {
		n += over
		t.stats.Evicted += uint64(over)
	}
	kept := copy(t.dead, t.dead[n:])
	clear(t.dead[kept:])
	t.dead = t.dead[:kept]
}

// entry is one process: its newest reading and its hour.
type entry struct {
	latest Sample
	cpu    float64       // percent at the newest observation, NaN = unknown
	seen   time.Duration // boot time of it
	used   uint64        // CPU at it; none when from is negative
	from   time.Duration // boot time since which latest.CPU counts

	minute   int64         // boot minute of the newest slot of hist
	slotUsed uint64        // CPU before that minute's first observation
	slotFrom time.Duration // boot time of it; negative = unknown

	sweep uint32
	hist  [minutes]slot
}

// newEntry is the process before its first observation: when it started after
// the last sweep all its CPU time belongs to the time since then, else
// nothing is known of how its CPU time came about.
func newEntry(s *Sample, sw *sweep) *entry {
	e := &entry{from: -1, minute: -1}
	if sw.lastBoot != 0 && s.StartedAt() >= sw.lastBoot {
		e.from = sw.lastBoot
	}
	for i := range minutes {
		e.hist[i] = unknown
	}
	return e
}

func (e *entry) observe(s *Sample, sw *sweep) {
	if e.sweep != sw.number {
		e.advance(s, sw)
		e.sweep = sw.number
	}
	e.merge(s)
	e.hist[e.minute%minutes].put(s)
}

// advance moves the entry on to an observation in a sweep: CPU use since the
// last one, and the slot of the minute.
func (e *entry) advance(s *Sample, sw *sweep) {
	now, boot := s.CPU(), sw.boot
	e.cpu = sw.percent(e.used, now, e.from)
	if m := int64(boot / time.Minute); m != e.minute {
		e.open(m)
	}
	e.hist[e.minute%minutes].cpu = packCPU(sw.percent(e.slotUsed, now, e.slotFrom))
	if e.slotFrom < 0 {
		e.slotUsed, e.slotFrom = now, boot
	}
	e.used, e.from, e.seen = now, boot, boot
}

// open begins the slot of minute m and forgets those that were skipped.
func (e *entry) open(m int64) {
	if e.minute >= 0 {
		for i := max(e.minute+1, m-minutes+1); i <= m; i++ {
			e.hist[i%minutes] = unknown
		}
	}
	e.minute, e.slotUsed, e.slotFrom = m, e.used, e.from
}

// percent is CPU time over the time from then to the sweep, of one core; NaN
// when unknown.
func (sw *sweep) percent(before, now uint64, from time.Duration) float64 {
	elapsed := sw.boot - from
	if from < 0 || elapsed <= 0 || elapsed > sw.maxGap || now < before {
		return math.NaN()
	}
	return float64(now-before) * float64(time.Microsecond) / float64(elapsed) * 100
}

func (e *entry) merge(s *Sample) {
	l := &e.latest
	if l.Name != s.Name {
		l.Parts &^= HasStatus | HasLimits | HasCgroup
	}
	l.ID, l.Basic = s.ID, s.Basic
	l.Parts |= s.Parts
	if s.Parts&HasFDs != 0 {
		l.FDs = s.FDs
	}
	if s.Parts&HasStatus != 0 {
		l.Status = s.Status
	}
	if s.Parts&HasIO != 0 {
		l.IO = s.IO
	}
	if s.Parts&HasLimits != 0 {
		l.FDLimit = s.FDLimit
	}
	if s.Parts&HasCgroup != 0 {
		l.Cgroup = s.Cgroup
	}
}
