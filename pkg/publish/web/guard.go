package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

func isTimeout(err error) bool { return errors.Is(err, context.DeadlineExceeded) }

// chunk is how much of an answer has to be taken at a time, in bytes.
const chunk = 32 << 10

// answer notes whether anything was written, so that a panic afterwards does
// not append an error to half an answer. Whoever does not take it chunk by
// chunk is hung up on: what he does not read is memory.
type answer struct {
	http.ResponseWriter
	wrote    bool
	progress time.Duration // for a chunk
	end      time.Time     // for all
}

func (a *answer) WriteHeader(code int) {
	a.wrote = true
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(b []byte) (int, error) {
	a.wrote = true
	for n := 0; ; {
		if err := a.extend(); err != nil {
			return n, err
		}
		m, err := a.ResponseWriter.Write(b[n:min(len(b), n+chunk)])
		if n += m; err != nil || n == len(b) {
			return n, err
		}
	}
}

// extend gives the next chunk its time.
func (a *answer) extend() error {
	deadline := time.Now().Add(a.progress)
	if deadline.After(a.end) {
		deadline = a.end
	}
	err := http.NewResponseController(a.ResponseWriter).SetWriteDeadline(deadline)
	if errors.Is(err, http.ErrNotSupported) { // not a connection
		return nil
	}
	return err
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// refuse answers with an error and counts it.
func (s *Server) refuse(w http.ResponseWriter, status int, message, hint string) {
	s.traffic.refusedRequests.Add(1)
	s.writeError(w, &Error{Status: status, Message: message, Hint: hint})
}

// shield is what every request passes, whichever door it came in by: headers
// that tell a browser to run and frame nothing, a bound on the body, no
// writing across origins, and a panic that costs its request only.
func (s *Server) shield(next http.Handler) http.Handler {
	// Nothing writes yet. The check is here so that whatever will, starts
	// protected.
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.traffic.requests.Add(1)
		w := &answer{ResponseWriter: rw, progress: s.lim.progress, end: time.Now().Add(s.lim.write)}
		defer s.recover(w, r)
		h := w.Header()
		h.Set("Server", serverName)
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if err := origin.Check(r); err != nil {
			s.refuse(w, http.StatusForbidden, "requests from other web pages may not change anything", "call the API directly")
			return
		}
		if r.ContentLength > s.lim.body {
			s.refuse(w, http.StatusRequestEntityTooLarge, "the request's body is too large", "send none: no path needs a body")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, s.lim.body)
		next.ServeHTTP(w, r)
	})
}

// recover turns a panic into an answer, or, when one has begun, into a
// connection that breaks off, so that nobody takes the half for the whole.
func (s *Server) recover(w *answer, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // it is compared by net/http like this, too
		panic(p)
	}
	s.traffic.panicked.Add(1)
	s.log.Error().Str("path", r.URL.Path).Interface("panic", p).Bytes("stack", debug.Stack()).Msg("a request failed by a bug of the agent")
	if w.wrote {
		panic(http.ErrAbortHandler)
	}
	s.writeError(w, &Error{Status: http.StatusInternalServerError, Message: "a bug in the agent broke this request", Hint: "the agent's log has the details"})
}

// guard is the shield for the door that browsers and other hosts may reach.
func (s *Server) guard(next http.Handler) http.Handler {
	hosts := s.knownHosts()
	token := s.cfg.BearerToken
	want := sha256.Sum256([]byte(token.Reveal()))
	return s.shield(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !hostAllowed(r.Host, hosts) {
			s.refuse(w, http.StatusMisdirectedRequest, "this agent is not called by the name in the Host header", "use its address, or add the name to publish.allowed_hosts")
			return
		}
		if token.IsSet() && !open(r.URL.Path) && !tokenMatches(r.Header.Get("Authorization"), want) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.refuse(w, http.StatusUnauthorized, "the bearer token is missing or wrong", `send the header "Authorization: Bearer TOKEN" with the token of publish.bearer_token`)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// open are the paths that need no token: a load balancer or a supervisor asks
// them, and they tell no more than counts.
func open(path string) bool {
	switch path {
	case "/healthz", "/readyz", "/-/healthy", "/-/ready":
		return true
	}
	return false
}

// tokenMatches compares in a time that depends on neither token.
func tokenMatches(header string, want [sha256.Size]byte) bool {
	scheme, token, _ := strings.Cut(header, " ")
	got := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

// knownHosts are the names by which this agent may be called.
func (s *Server) knownHosts() map[string]bool {
	known := map[string]bool{"localhost": true}
	listen, _, _ := net.SplitHostPort(s.cfg.Listen)
	for _, name := range append([]string{listen, s.deps.Agent.Hostname}, s.cfg.AllowedHosts...) {
		if name = canonicalHost(name); name != "" {
			known[name] = true
		}
	}
	return known
}

// hostAllowed reports whether the Host header names this agent. An address
// always does: a page that makes its own name resolve to this host (DNS
// rebinding) sends that name. So does no header at all, which no browser
// sends.
func hostAllowed(header string, known map[string]bool) bool {
	if header == "" {
		return true
	}
	name := header
	if host, port, err := net.SplitHostPort(header); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		name = host
	}
	// A zone is no part of an address that a Host header may have, and may
	// hold any text.
	if addr, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil && addr.Zone() == "" {
		return true
	}
	return known[canonicalHost(name)]
}

func canonicalHost(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }
