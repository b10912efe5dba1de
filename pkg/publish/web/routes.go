package web

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/pprof"
	"strings"
)

// api answers a request with a value for JSON.
type api func(r *http.Request) (any, error)

// streamed is an answer that writes itself, for those that are too large to
// be held twice.
type streamed interface {
	stream(w http.ResponseWriter) error
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, h http.Handler) { mux.Handle(path, s.readOnly(h)) }
	handle("/{$}", http.HandlerFunc(s.index))
	handle("/metrics", s.deadline(s.deps.Metrics))
	for _, p := range []string{"/healthz", "/-/healthy"} {
		handle(p, http.HandlerFunc(s.healthz))
	}
	for _, p := range []string{"/readyz", "/-/ready"} {
		handle(p, http.HandlerFunc(s.readyz))
	}
	for path, h := range map[string]api{
		"agent": s.agent, "status": s.status, "metrics": s.catalogue,
		"query": s.instant, "query_range": s.queryRange,
		"processes": s.processes, "events": s.events, "topology": s.topology, "overview": s.overview,
	} {
		handle("/api/v1/"+path, s.deadline(s.json(h)))
	}
	if s.cfg.Pprof {
		// Not the command line, which net/http/pprof would show, too.
		handle("/debug/pprof/", http.HandlerFunc(pprof.Index))
		handle("/debug/pprof/profile", http.HandlerFunc(pprof.Profile))
		handle("/debug/pprof/trace", http.HandlerFunc(pprof.Trace))
		handle("/debug/pprof/cmdline", http.HandlerFunc(s.notFound))
	}
	mux.HandleFunc("/", s.notFound)
	return mux
}

// readOnly lets only GET and HEAD through.
func (s *Server) readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			s.refuse(w, http.StatusMethodNotAllowed, fmt.Sprintf("method %.20q is not allowed", r.Method), "use GET: everything here is read-only")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// deadline bounds the work on an answer.
func (s *Server) deadline(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.lim.work)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (s *Server) json(h api) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := h(r)
		if err != nil {
			s.writeError(w, errorOf(err))
			return
		}
		if v, ok := v.(streamed); ok {
			w.Header().Set("Content-Type", "application/json")
			if err := v.stream(w); err != nil {
				s.log.Debug().Err(err).Str("path", r.URL.Path).Msg("an answer broke off")
				panic(http.ErrAbortHandler)
			}
			return
		}
		s.writeJSON(w, http.StatusOK, v)
	})
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.writeError(w, &Error{Status: http.StatusNotFound, Message: fmt.Sprintf("there is no %.100q", r.URL.Path), Hint: "/ lists the paths"})
}

func (s *Server) writeError(w http.ResponseWriter, e *Error) { s.writeJSON(w, e.Status, e) }

func (s *Server) writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		s.log.Error().Err(err).Msg("an answer cannot be written as JSON")
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON","hint":"the agent's log has the details"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // when it fails, the client is gone
}

// links are the paths that the index shows.
var links = []struct{ path, what string }{
	{"/metrics", "the page for Prometheus"},
	{"/healthz", "health: 200 while a collector works"},
	{"/readyz", "readiness: 200 when history is restored and a first sweep is done"},
	{"/api/v1/agent", "version, uptime, health, paths"},
	{"/api/v1/status", "every part of the agent: what it does, and if not, why"},
	{"/api/v1/overview", "the host on one screen"},
	{"/api/v1/metrics", "every metric: names, unit, labels"},
	{"/api/v1/query?metric=cpu.total_percent", "the newest values of a metric"},
	{"/api/v1/query_range?metric=cpu.total_percent&since=1h", "the history of a metric"},
	{"/api/v1/processes?sort=cpu&limit=20", "processes now, by cpu, rss or fds"},
	{"/api/v1/events", "what happened lately"},
	{"/api/v1/topology", "processors and memory nodes"},
}

func (s *Server) index(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	title := html.EscapeString("sysops-agent on " + s.deps.Agent.Hostname)
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>%s</title>\n<h1>%s</h1>\n<p>Version %s. This agent watches this host.</p>\n<ul>\n",
		title, title, html.EscapeString(s.deps.Agent.Version))
	for _, l := range links {
		p := html.EscapeString(l.path)
		fmt.Fprintf(&b, "<li><a href=\"%s\">%s</a>: %s</li>\n", p, p, html.EscapeString(l.what))
	}
	b.WriteString("</ul>\n</html>\n")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(b.String())) // when it fails, the client is gone
}
