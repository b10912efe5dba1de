package web

import (
	"net/http"
	"os"
	"slices"

	"sysops-agent/pkg/event"
	"sysops-agent/pkg/state"
)

// Agent is the answer of /api/v1/agent.
type Agent struct {
	AgentInfo
	PID    int          `json:"pid"`
	Uptime float64      `json:"uptime_seconds"`
	Health state.Health `json:"health"`
	Listen string       `json:"listen"` // address that is listened on now; empty: none
	Socket string       `json:"socket"`
}

func (s *Server) agent(r *http.Request) (any, error) {
	if _, err := parseParams(r); err != nil {
		return nil, err
	}
	return Agent{
		AgentInfo: s.deps.Agent, PID: os.Getpid(), Uptime: s.now().Sub(s.deps.Agent.Started).Seconds(),
		Health: s.deps.State.Health(), Listen: s.Addr(), Socket: s.cfg.Socket,
	}, nil
}

// healthz follows OPS-99: alive while at least one collector works.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	h := s.deps.State.Health()
	status := http.StatusOK
	if h.Level == state.Critical {
		status = http.StatusServiceUnavailable
	}
	s.writeJSON(w, status, h)
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready  bool   `json:"ready"`
	Reason string `json:"reason"` // what is missing
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	ready, reason := s.deps.Ready()
	status := http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	s.writeJSON(w, status, Readiness{ready, reason})
}

// status answers with a []state.Status.
func (s *Server) status(r *http.Request) (any, error) {
	if _, err := parseParams(r); err != nil {
		return nil, err
	}
	return s.deps.State.All(), nil
}

// catalogue answers with a []query.MetricInfo.
func (s *Server) catalogue(r *http.Request) (any, error) {
	if _, err := parseParams(r); err != nil {
		return nil, err
	}
	return s.deps.Query.Catalog(), nil
}

// Bounds of the process list.
const (
	defaultProcesses = 20
	maxProcesses     = 10_000
)

func (s *Server) processes(r *http.Request) (any, error) {
	p, err := parseParams(r, "sort", "limit")
	if err != nil {
		return nil, err
	}
	sort := p.text("sort")
	switch sort {
	case "":
		sort = "cpu"
	case "cpu", "rss", "fds":
	default:
		return nil, badRequest("allowed are: cpu, rss, fds", "sort=%q is not allowed", sort)
	}
	limit, err := p.number("limit", defaultProcesses, 1, maxProcesses)
	if err != nil {
		return nil, err
	}
	if s.deps.Processes == nil {
		return nil, notThere("the process table", "set collect.process.enabled = true")
	}
	return present(s.deps.Processes(sort, limit), "the process table", "set collect.process.enabled = true")
}

func (s *Server) topology(r *http.Request) (any, error) {
	if _, err := parseParams(r); err != nil {
		return nil, err
	}
	if s.deps.Topology == nil {
		return nil, notThere("the topology", "set collect.cpu.enabled = true")
	}
	return present(s.deps.Topology(), "the topology", "set collect.cpu.enabled = true")
}

// overview answers with an overview.Overview.
func (s *Server) overview(r *http.Request) (any, error) {
	if _, err := parseParams(r); err != nil {
		return nil, err
	}
	if s.deps.Overview == nil {
		return nil, notThere("the overview", "")
	}
	return s.deps.Overview(), nil
}

func notThere(what, hint string) error {
	return &Error{Status: http.StatusServiceUnavailable, Message: what + " is not there", Hint: hint}
}

func present(v any, what, hint string) (any, error) {
	if v == nil {
		return nil, notThere(what, hint)
	}
	return v, nil
}

// maxEvents is more than the bus remembers.
const maxEvents = 1000

// events answers with a []event.Event, oldest first: the last limit of those
// that match.
func (s *Server) events(r *http.Request) (any, error) {
	p, err := parseParams(r, "kind", "after", "limit")
	if err != nil {
		return nil, err
	}
	limit, err := p.number("limit", 100, 1, maxEvents)
	if err != nil {
		return nil, err
	}
	after, err := p.number("after", 0, 0, int(^uint(0)>>1))
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(s.deps.Events.Recent(), func(e event.Event) bool {
		return e.Seq <= uint64(after) || p.text("kind") != "" && string(e.Kind) != p.text("kind")
	})
	return list[max(0, len(list)-limit):], nil
}
