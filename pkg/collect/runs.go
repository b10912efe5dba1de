package collect

import (
	"context"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Queue is what is known of a bounded queue now; the units are the queue's
// own (entries), except Bytes.
type Queue struct {
	Name            string
	Depth, Capacity float64 // NaN where it does not apply
	Bytes           float64
	Dropped         uint64
}

// Runs is the collector that watches the collectors and the queues between
// the parts of the agent.
type Runs struct {
	runner *Runner
	queues func() []Queue
	runs   *store.Writer[reading.CollectorRun]
	queue  *store.Writer[reading.Queue]
}

// NewRuns returns the collector of r's own counters and of queues.
func NewRuns(env Env, r *Runner, queues func() []Queue) (*Runs, error) {
	return &Runs{
		runner: r, queues: queues,
		runs:  store.NewWriter[reading.CollectorRun](env.Store, env.Shard()),
		queue: store.NewWriter[reading.Queue](env.Store, env.Shard()),
	}, nil
}

// Collect implements [Collector].
func (c *Runs) Collect(_ context.Context, t store.Tick) error {
	c.runs.Begin(t)
	c.runner.Each(func(name string, s *Stats) {
		r := metric.Blank[reading.CollectorRun]()
		r.Collector = name
		r.Up = 0
		if s.Up.Load() {
			r.Up = 1
		}
		if s.Runs.Load() > 0 {
			r.Duration = float64(s.LastNanos.Load()) / 1e9
		}
		r.Runs = metric.Count(s.Runs.Load())
		r.Failures = metric.Count(s.Failures.Load())
		r.Timeouts = metric.Count(s.Timeouts.Load())
		r.Panics = metric.Count(s.Panics.Load())
		r.Skipped = metric.Count(s.Skipped.Load())
		c.runs.Put(&r)
	})
	c.runs.End()
	c.queue.Begin(t)
	for _, q := range c.queues() {
		r := metric.Blank[reading.Queue]()
		r.Queue, r.Depth, r.Capacity, r.Size = q.Name, q.Depth, q.Capacity, q.Bytes
		r.Dropped = metric.Count(q.Dropped)
		c.queue.Put(&r)
	}
	c.queue.End()
	return nil
}
