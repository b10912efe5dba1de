package collect

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// stopWithin is how long the collectors get to end when the agent stops or a
// reload changes them. A run that is slower is waited for in the background.
const stopWithin = 4 * time.Second

// Runner runs the collectors. Its methods may be called concurrently.
type Runner struct {
	env Env
	reg *state.Registry
	now func() store.Tick

	mu      sync.Mutex // held by Apply and Stop, also while they wait
	ctx     context.Context
	wanted  map[string]Source // of the last Apply
	tasks   map[string]*running
	stopped bool

	statsMu sync.Mutex
	stats   map[string]*Stats // kept over reloads: counters never fall
}

type running struct {
	*task
	cancel context.CancelFunc
}

// NewRunner returns a runner without collectors; env is what they are built
// with.
func NewRunner(env Env, reg *state.Registry) *Runner {
	return &Runner{env: env, reg: reg, now: store.Now, tasks: map[string]*running{}, stats: map[string]*Stats{}}
}

// Apply makes the running collectors those of sources: it starts what is new,
// stops what is gone or switched off, and builds anew what changed or was off
// for good. A collector that is in a slow or hanging run is replaced when that
// run has returned, since a shard has one writer. The collectors end with ctx
// or with Stop.
func (r *Runner) Apply(ctx context.Context, sources []Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	r.ctx, r.wanted = ctx, map[string]Source{}
	for _, s := range sources {
		r.wanted[s.Name] = s
	}
	var ending []*running
	for _, t := range r.tasks {
		if w, ok := r.wanted[t.src.Name]; !ok || !w.Enabled || w.Interval != t.src.Interval || w.Key != t.src.Key || t.ended() {
			t.cancel()
			ending = append(ending, t)
		}
	}
	deadline := time.Now().Add(stopWithin)
	for _, t := range ending {
		if !t.wait(deadline) {
			t.part.Degraded("is in a run that does not return; it changes when that has ended", "look for a dead network mount or disk")
			go r.replaceLater(t)
			continue
		}
		r.remove(t)
	}
	for _, s := range sources {
		if r.tasks[s.Name] == nil {
			r.start(s)
		}
	}
}

// replaceLater does for one collector what Apply could not.
func (r *Runner) replaceLater(t *running) {
	<-t.stopped
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.tasks[t.src.Name] != t {
		return
	}
	r.remove(t)
	if w, ok := r.wanted[t.src.Name]; ok {
		r.start(w)
	}
}

func (r *Runner) remove(t *running) {
	delete(r.tasks, t.src.Name)
	if _, ok := r.wanted[t.src.Name]; !ok {
		r.reg.Remove(state.Collector, t.src.Name)
	}
}

func (r *Runner) start(s Source) {
	part := r.reg.Part(state.Collector, s.Name)
	if !s.Enabled {
		part.Off("switched off in the configuration", fmt.Sprintf("set collect.%s.enabled = true and reload", s.Name))
		return
	}
	env := r.env
	env.Log = env.Log.With().Str("collector", s.Name).Logger()
	ctx, cancel := context.WithCancel(r.ctx)
	t := newTask(s, env, part, r.statsOf(s.Name), r.now)
	r.tasks[s.Name] = &running{t, cancel}
	go t.run(ctx)
}

func (r *Runner) statsOf(name string) *Stats {
	r.statsMu.Lock()
	defer r.statsMu.Unlock()
	st := r.stats[name]
	if st == nil {
		st = &Stats{}
		r.stats[name] = st
	}
	return st
}

func (t *running) ended() bool {
	select {
	case <-t.stopped:
		return true
	default:
		return false
	}
}

// wait waits for the task to end; false when it has not by the deadline.
func (t *running) wait(deadline time.Time) bool {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-t.stopped:
		return true
	case <-timer.C:
		return t.ended()
	}
}

// Stop ends all collectors for good and reports those whose run has not
// returned in time; they may still write.
func (r *Runner) Stop() (hanging []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for _, t := range r.tasks {
		t.cancel()
	}
	deadline := time.Now().Add(stopWithin)
	for _, name := range slices.Sorted(maps.Keys(r.tasks)) {
		if !r.tasks[name].wait(deadline) {
			hanging = append(hanging, name)
		}
	}
	return hanging
}

// Each calls f with every collector's counters, in the order of names.
func (r *Runner) Each(f func(name string, s *Stats)) {
	r.statsMu.Lock()
	defer r.statsMu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(r.stats)) {
		f(name, r.stats[name])
	}
}
