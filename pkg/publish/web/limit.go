package web

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// refusal is what a connection beyond the cap is told.
const refusal = "HTTP/1.1 503 Service Unavailable\r\nServer: " + serverName +
	"\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" +
	`{"error":"too many connections","hint":"close some, or raise publish.max_connections"}` + "\n"

// limiter is a listener that keeps the number of its connections bounded and
// counts their bytes.
type limiter struct {
	net.Listener
	max     int
	traffic *traffic

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func newLimiter(ln net.Listener, limit int, t *traffic) *limiter {
	return &limiter{Listener: ln, max: limit, traffic: t, conns: map[*conn]struct{}{}}
}

// Accept returns the next connection within the cap. Those beyond are told so
// and closed at once: a client that waits in the backlog would learn nothing.
func (l *limiter) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if kept := l.keep(c); kept != nil {
			return kept, nil
		}
		l.traffic.refusedConns.Add(1)
		// A new socket's buffer is empty, so this does not wait; whoever is
		// too fast to read it sees a reset.
		_ = c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		_, _ = c.Write([]byte(refusal))
		_ = c.Close()
	}
}

func (l *limiter) keep(c net.Conn) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.max {
		return nil
	}
	kept := &conn{Conn: c, l: l}
	l.conns[kept] = struct{}{}
	l.traffic.openConns.Add(1)
	return kept
}

// closeSilent closes the connections that have never sent a request;
// http.Server.Shutdown would wait for them for five seconds.
func (l *limiter) closeSilent() {
	l.mu.Lock()
	var silent []*conn
	for c := range l.conns {
		if !c.spoke.Load() {
			silent = append(silent, c)
		}
	}
	l.mu.Unlock()
	for _, c := range silent {
		_ = c.Close()
	}
}

// conn counts its bytes and leaves its listener's set when it is closed.
type conn struct {
	net.Conn
	l     *limiter
	spoke atomic.Bool // a request has begun
	gone  sync.Once
}

// noteState is the server's hook.
func noteState(c net.Conn, s http.ConnState) {
	if c, ok := c.(*conn); ok && s != http.StateNew {
		c.spoke.Store(true)
	}
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.l.traffic.bytesIn.Add(uint64(n))
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.l.traffic.bytesOut.Add(uint64(n))
	return n, err
}

func (c *conn) Close() error {
	c.gone.Do(func() {
		c.l.mu.Lock()
		delete(c.l.conns, c)
		c.l.mu.Unlock()
		c.l.traffic.openConns.Add(-1)
	})
	return c.Conn.Close()
}

// traffic is what [Server.Traffic] reports.
type traffic struct {
	bytesIn, bytesOut, requests             atomic.Uint64
	refusedConns, refusedRequests, panicked atomic.Uint64
	openConns                               atomic.Int64
}

// Traffic is what the server has done since it was made. All but
// OpenConnections only grow.
type Traffic struct {
	BytesIn            uint64 // with headers
	BytesOut           uint64 // with headers
	Requests           uint64
	RefusedConnections uint64 // beyond the cap
	RefusedRequests    uint64 // by Host, origin, token, method or body
	Panics             uint64 // caught while answering
	OpenConnections    int
}

// Traffic returns the counts now.
func (s *Server) Traffic() Traffic {
	t := &s.traffic
	return Traffic{
		BytesIn: t.bytesIn.Load(), BytesOut: t.bytesOut.Load(), Requests: t.requests.Load(),
		RefusedConnections: t.refusedConns.Load(), RefusedRequests: t.refusedRequests.Load(),
		Panics: t.panicked.Load(), OpenConnections: int(t.openConns.Load()),
	}
}
