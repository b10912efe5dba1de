package web

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/config"
	"sysops-agent/pkg/event"
	"sysops-agent/pkg/overview"
	"sysops-agent/pkg/query"
	"sysops-agent/pkg/state"
)

// serverName is in the Server header of every answer; by it the commands tell
// an agent from whoever else has the port.
const serverName = "sysops-agent"

// AgentInfo is what does not change while the agent runs.
type AgentInfo struct {
	Version   string    `json:"version"`
	Revision  string    `json:"revision"`
	GoVersion string    `json:"go_version"`
	Hostname  string    `json:"hostname"`
	Config    string    `json:"config_file"` // empty: defaults
	DataDir   string    `json:"data_dir"`
	Started   time.Time `json:"started"`
}

// Deps is what the server shows. All but the funcs below Ready are needed;
// where one of those is nil its path says that the part is not there.
type Deps struct {
	Agent   AgentInfo
	Query   *query.Engine
	State   *state.Registry
	Events  *event.Bus
	Metrics http.Handler // the page for Prometheus

	// Ready says whether history is restored and a first sweep is done, and
	// if not, what is missing.
	Ready func() (ready bool, reason string)
	// Processes returns the first limit processes by "cpu", "rss" or "fds",
	// for JSON; nil when there is no process table.
	Processes func(sort string, limit int) any
	// Topology returns processors and memory nodes, for JSON; nil when they
	// are not known.
	Topology func() any
	// Overview returns the host on one screen.
	Overview func() overview.Overview
}

// limits are the bounds that no configuration has; tests choose their own.
type limits struct {
	readHeader time.Duration // until a request's header is there
	read       time.Duration // until its body is there
	write      time.Duration // until the answer is taken
	progress   time.Duration // until 32 KiB of the answer are taken
	idle       time.Duration // between two requests of a connection
	work       time.Duration // on the answer
	room       time.Duration // until a large answer may be sent
	drain      time.Duration // for running requests at the end
	retry      time.Duration // between two attempts to listen
	headers    int           // bytes
	body       int64         // bytes; no path needs one
	queries    int           // at work at one time
	held       int           // points of large answers that are being sent
}

func defaultLimits() limits {
	return limits{
		readHeader: 5 * time.Second, read: 10 * time.Second, write: 30 * time.Second, progress: 5 * time.Second, idle: 60 * time.Second,
		work: 20 * time.Second, room: 2 * time.Second, drain: 4 * time.Second, retry: 30 * time.Second,
		headers: 16 << 10, body: 64 << 10, queries: 2, held: query.MaxTotal,
	}
}

// Server is the HTTP server. Its methods may be called concurrently.
type Server struct {
	cfg     config.Publish
	deps    Deps
	log     zerolog.Logger
	lim     limits
	now     func() time.Time
	traffic traffic
	queries chan struct{} // one token per query at work
	room    *room         // for large answers that are being sent
	history func(context.Context, query.Request) (*query.Result, error)

	tcp, socket *endpoint

	mu      sync.Mutex
	started bool
	stopped bool
	cancel  context.CancelFunc
	loops   sync.WaitGroup
}

// New returns a server that does not listen yet.
func New(cfg config.Publish, deps Deps, log zerolog.Logger) *Server {
	return newServer(cfg, deps, log, defaultLimits())
}

func newServer(cfg config.Publish, deps Deps, log zerolog.Logger, lim limits) *Server {
	s := &Server{
		cfg: cfg, deps: deps, log: log, lim: lim, now: time.Now,
		queries: make(chan struct{}, lim.queries), room: newRoom(lim.held), history: deps.Query.Range,
	}
	routes := s.routes()
	s.tcp = s.endpoint("http", s.guard(routes), func(ctx context.Context) (net.Listener, error) { return listenTCP(ctx, cfg.Listen) })
	s.socket = s.endpoint("socket", s.shield(routes), func(ctx context.Context) (net.Listener, error) { return listenSocket(ctx, cfg.Socket) })
	return s
}

// Start begins to listen and returns. What cannot be listened on is reported
// in the state and the log and tried again every 30 seconds, until Shutdown
// or until ctx ends; requests that run when ctx ends are finished.
func (s *Server) Start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.stopped {
		return
	}
	s.started = true
	ctx, s.cancel = context.WithCancel(ctx)
	if s.cfg.Listen == "off" {
		s.tcp.part.Off(`publish.listen is "off"`, "set publish.listen to an address such as 127.0.0.1:9100")
	} else {
		s.start(ctx, s.tcp)
	}
	s.start(ctx, s.socket)
}

func (s *Server) start(ctx context.Context, e *endpoint) {
	ln := e.listen(ctx) // at once, so that the address is known when Start returns
	s.loops.Go(func() { e.loop(ctx, ln) })
}

// Shutdown stops listening, lets running requests finish for four seconds or
// until ctx ends, cuts off the rest, and says so: whatever the caller allows
// for all parts together, others need it more. It is safe without Start and
// more than once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	started, cancel := s.started, s.cancel
	s.mu.Unlock()
	if !started {
		return nil
	}
	cancel()
	ctx, release := context.WithTimeout(ctx, s.lim.drain)
	defer release()
	errs := make(chan error, 2)
	for _, e := range []*endpoint{s.tcp, s.socket} {
		go func() { errs <- e.shutdown(ctx) }()
	}
	err := errors.Join(<-errs, <-errs)
	s.loops.Wait()
	return err
}

// Addr returns the TCP address that the server listens on now, "" when none.
func (s *Server) Addr() string { return s.tcp.addr() }

// endpoint is one door: a listener that is opened again when it fails, and
// the server behind it.
type endpoint struct {
	name string
	part *state.Part
	log  zerolog.Logger
	open func(context.Context) (net.Listener, error)
	srv  *http.Server
	s    *Server

	mu sync.Mutex
	ln *limiter // nil while not listening
}

func (s *Server) endpoint(name string, h http.Handler, open func(context.Context) (net.Listener, error)) *endpoint {
	e := &endpoint{
		name: name, part: s.deps.State.Part(state.Publisher, name), open: open, s: s,
		log: s.log.With().Str("publisher", name).Logger(),
	}
	e.srv = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: s.lim.readHeader, ReadTimeout: s.lim.read,
		WriteTimeout: s.lim.write, IdleTimeout: s.lim.idle,
		MaxHeaderBytes: s.lim.headers,
		ConnState:      noteState,
		// What it says is about single connections: garbage, broken off.
		ErrorLog: log.New(debugLog{e.log}, "", 0),
	}
	return e
}

// debugLog turns the lines of http.Server into messages.
type debugLog struct{ log zerolog.Logger }

func (d debugLog) Write(p []byte) (int, error) {
	d.log.Debug().Msg(strings.TrimSpace(string(p)))
	return len(p), nil
}

// listen opens the listener and reports how it went; nil when it failed.
func (e *endpoint) listen(ctx context.Context) *limiter {
	ln, err := e.open(ctx)
	if err != nil {
		e.failed(err)
		return nil
	}
	l := newLimiter(ln, e.s.cfg.MaxConnections, &e.s.traffic)
	e.mu.Lock()
	e.ln = l
	e.mu.Unlock()
	e.part.Active()
	e.log.Info().Stringer("address", ln.Addr()).Msg("listening")
	return l
}

// failed reports a failure. Who listens to the states writes it to the log.
func (e *endpoint) failed(err error) {
	hint := "look at the log"
	var le *listenError
	if errors.As(err, &le) {
		hint = le.hint
	}
	reason := fmt.Sprintf("%v; trying again every %v", err, e.s.lim.retry)
	e.mu.Lock()
	e.ln = nil
	e.mu.Unlock()
	e.part.Degraded(reason, hint)
}

// loop serves, and listens again after a while when that fails.
func (e *endpoint) loop(ctx context.Context, l *limiter) {
	for {
		if l != nil {
			err := e.srv.Serve(l)
			if errors.Is(err, http.ErrServerClosed) {
				return
			}
			_ = l.Close() // it failed already
			e.failed(fmt.Errorf("no longer listening on %s: %w", l.Addr(), err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(e.s.lim.retry):
		}
		l = e.listen(ctx)
	}
}

func (e *endpoint) shutdown(ctx context.Context) error {
	e.mu.Lock()
	l := e.ln
	e.mu.Unlock()
	if l != nil {
		l.closeSilent()
	}
	err := e.srv.Shutdown(ctx)
	if err != nil {
		_ = e.srv.Close() // the listener is closed; what is left is cut off
		return fmt.Errorf("requests by %s were cut off at shutdown: %w", e.name, err)
	}
	return nil
}

func (e *endpoint) addr() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ln == nil {
		return ""
	}
	return e.ln.Addr().String()
}
