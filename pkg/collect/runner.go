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

// Runner runs the collectors. Its methods may be called concurrently.
type Runner struct {
	env Env
	reg *state.Registry
	now func() store.Tick

	mu    sync.Mutex
	tasks map[string]*running
	stats map[string]*Stats // kept over reloads: counters never fall
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
// for good. A collector that hangs is not replaced before it returns, since a
// shard has one writer: then Apply says so in its state and leaves it.
func (r *Runner) Apply(ctx context.Context, sources []Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := map[string]Source{}
	for _, s := range sources {
		wanted[s.Name] = s
	}
	for name, t := range r.tasks {
		w, ok := wanted[name]
		if ok && w.Enabled && w.Interval == t.src.Interval && w.Key == t.src.Key && !t.ended() {
			continue
		}
		if !t.stop() {
			t.part.Degraded("hangs, and cannot be changed before it returns", "reload again later")
			delete(wanted, name)
			continue
		}
		delete(r.tasks, name)
		if !ok {
			r.reg.Remove(state.Collector, name)
		}
	}
	for _, s := range sources {
		if w, ok := wanted[s.Name]; ok && r.tasks[s.Name] == nil {
			r.start(ctx, w)
		}
	}
}

func (r *Runner) start(ctx context.Context, s Source) {
	part := r.reg.Part(state.Collector, s.Name)
	if !s.Enabled {
		part.Off("switched off in the configuration", fmt.Sprintf("set collect.%s.enabled = true and reload", s.Name))
		return
	}
	st := r.stats[s.Name]
	if st == nil {
		st = &Stats{}
		r.stats[s.Name] = st
	}
	env := r.env
	env.Log = env.Log.With().Str("collector", s.Name).Logger()
	ctx, cancel := context.WithCancel(ctx)
	t := newTask(s, env, part, st, r.now)
	r.tasks[s.Name] = &running{t, cancel}
	go t.run(ctx)
}

func (t *running) ended() bool {
	select {
	case <-t.stopped:
		return true
	default:
		return false
	}
}

// stop ends the task; false when a run hangs and may still write.
func (t *running) stop() bool {
	t.cancel()
	timer := time.NewTimer(2 * time.Second)
	defer timer.Stop()
	select {
	case <-t.stopped:
	case <-timer.C:
		return false
	}
	if t.pending == nil {
		return true
	}
	select {
	case err := <-t.pending:
		t.pending = nil
		t.env.Log.Debug().AnErr("result", err).Msg("the hanging run has returned")
		return true
	default:
		return false
	}
}

// Stop ends all collectors and reports those that still hang. After it no
// other collector writes.
func (r *Runner) Stop() (hanging []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tasks {
		t.cancel()
	}
	for _, name := range slices.Sorted(maps.Keys(r.tasks)) {
		if r.tasks[name].stop() {
			r.env.Log.Debug().Str("collector", name).Msg("collector stopped")
		} else {
			hanging = append(hanging, name)
		}
	}
	return hanging
}

// Each calls f with every collector's counters, in the order of names.
func (r *Runner) Each(f func(name string, s *Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(r.stats)) {
		f(name, r.stats[name])
	}
}
