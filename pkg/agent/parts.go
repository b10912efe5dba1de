package agent

import (
	"context"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// parts is the collector of what only the assembly sees: the collectors'
// runs, the queues, the database and the HTTP server.
type parts struct {
	a    *agent
	runs *collect.Runs
	db   *store.Writer[reading.Database]
	http *store.Writer[reading.HTTP]
}

func newParts(e collect.Env, a *agent) (*parts, error) {
	runs, err := collect.NewRuns(e, a.runner, a.queues)
	if err != nil {
		return nil, err
	}
	return &parts{
		a: a, runs: runs,
		db:   store.NewWriter[reading.Database](e.Store, e.Shard()),
		http: store.NewWriter[reading.HTTP](e.Store, e.Shard()),
	}, nil
}

// Collect implements [collect.Collector].
func (p *parts) Collect(ctx context.Context, t store.Tick) error {
	p.database(t)
	p.server(t)
	return p.runs.Collect(ctx, t)
}

func (p *parts) database(t store.Tick) {
	if p.a.db == nil {
		return
	}
	s, m := p.a.db.Stats(), p.a.persist.Stats()
	r := metric.Blank[reading.Database]()
	r.Up = 0
	if p.a.reg.Part(state.Database, "sqlite").Get().State == state.Active {
		r.Up = 1
	}
	r.Flushes, r.Rows = metric.Count(s.Flushes), metric.Count(s.RowsWritten)
	r.Failures, r.Refused = metric.Count(s.Failures), metric.Count(s.Refused)
	r.WriteTime = metric.Count(s.WriteTime)
	r.File, r.Log = float64(s.FileBytes), float64(s.WALBytes)
	r.Backlog = float64(m.Backlog * 60)
	r.Skipped, r.Deleted = metric.Count(m.Skipped), metric.Count(m.Deleted)
	p.db.Begin(t)
	p.db.Put(&r)
	p.db.End()
}

func (p *parts) server(t store.Tick) {
	n := p.a.web.Traffic()
	r := metric.Blank[reading.HTTP]()
	r.Requests = metric.Count(n.Requests)
	r.RefusedConnections, r.RefusedRequests = metric.Count(n.RefusedConnections), metric.Count(n.RefusedRequests)
	r.Panics, r.Connections = metric.Count(n.Panics), float64(n.OpenConnections)
	p.http.Begin(t)
	p.http.Put(&r)
	p.http.End()
}
