package client

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"sysops-agent/pkg/config"
	"sysops-agent/pkg/event"
	"sysops-agent/pkg/overview"
	"sysops-agent/pkg/publish/web"
	"sysops-agent/pkg/query"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type thing struct {
	_     struct{} `reading:"test_thing" domain:"test" help:"A thing."`
	C     string   `label:"c"`
	Value float64  `metric:"a.b" help:"A value."`
}

// agent is a running server of the real kind, with two things measured now.
func agent(t *testing.T, token string) (*web.Server, config.Publish) {
	t.Helper()
	dir, err := os.MkdirTemp("", "cl") // short: a socket's path is limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cfg := config.Publish{Listen: "127.0.0.1:0", Socket: filepath.Join(dir, "s"), MaxConnections: 8, BearerToken: config.NewSecret(token)}
	st := store.Open(store.Options{})
	t.Cleanup(func() { _ = st.Close() })
	w := store.NewWriter[thing](st, store.ShardOptions{Step: 10 * time.Second})
	w.Begin(store.At(time.Now().Unix() / 10 * 10))
	w.Put(&thing{C: "d e", Value: 2})
	w.Put(&thing{C: "f", Value: 3})
	w.End()
	bus := event.NewBus()
	bus.Publish(event.Event{Kind: event.ConfigReloaded, Text: "hi"})
	s := web.New(cfg, web.Deps{
		Agent: web.AgentInfo{Version: "1.2.3"},
		Query: query.New(st, nil, nil, "web01"), State: state.New(), Events: bus,
		Metrics: http.NotFoundHandler(), Ready: func() (bool, string) { return true, "" },
		Processes: func(sort string, limit int) any { return []any{sort, limit} },
		Topology:  func() any { return map[string]int{"sockets": 2} },
		Overview: func() overview.Overview {
			return overview.Overview{Host: "web01", CPU: overview.CPU{Usage: overview.Of(12.5), Steal: overview.Of(math.NaN())}}
		},
	}, zerolog.Nop())
	s.Start(t.Context())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s, cfg
}

func newClient(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestEverythingOverBothDoors(t *testing.T) {
	s, cfg := agent(t, "hunter2")
	for name, o := range map[string]Options{
		"socket": {Socket: cfg.Socket},
		"tcp":    {Server: "http://" + s.Addr() + "/", Token: cfg.BearerToken},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, o)
			ctx := t.Context()
			if a, err := c.Agent(ctx); err != nil || a.Version != "1.2.3" || a.PID != os.Getpid() {
				t.Errorf("%+v, %v", a, err)
			}
			if st, err := c.Status(ctx); err != nil || len(st) != 2 || st[0].Name != "http" || st[0].State != state.Active {
				t.Errorf("%+v, %v", st, err)
			}
			if m, err := c.Metrics(ctx); err != nil || len(m) != 1 || m[0].Name != "a.b" || m[0].Labels[0].Name != "c" {
				t.Errorf("%+v, %v", m, err)
			}
			if ev, err := c.Events(ctx, 0); err != nil || len(ev) != 1 || ev[0].Text != "hi" {
				t.Errorf("%+v, %v", ev, err)
			}
			r, err := c.QueryRange(ctx, Range{Selector: `a.b{c="d e"}`, Since: "1h", Step: "20s", Limit: 3})
			if err != nil || r.Step != 20*time.Second || len(r.Series) != 1 || r.Series[0].Points[0].Value != 2 {
				t.Errorf("%+v, %v", r, err)
			}
			if r, err := c.QueryRange(ctx, Range{Selector: "a.b", From: "2d", To: "1d", Limit: 1}); err != nil || len(r.Series) != 0 || r.Metric != "a.b" {
				t.Errorf("yesterday: %+v, %v", r, err)
			}
			if i, err := c.Query(ctx, "a.b", 1); err != nil || len(i.Series) != 1 || i.Series[0].Value != 2 || !i.Truncated {
				t.Errorf("%+v, %v", i, err)
			}
			var list []any
			if err := c.Processes(ctx, "rss", 7, &list); err != nil || list[0] != "rss" || list[1] != 7.0 {
				t.Errorf("%v, %v", list, err)
			}
			var topo map[string]int
			if err := c.Topology(ctx, &topo); err != nil || topo["sockets"] != 2 {
				t.Errorf("%v, %v", topo, err)
			}
			o, err := c.Overview(ctx)
			if err != nil || o.Host != "web01" || o.CPU.Usage.Value() != 12.5 || !math.IsNaN(o.CPU.Steal.Value()) {
				t.Errorf("%+v, %v", o, err)
			}
			var e *web.Error
			if _, err := c.Query(ctx, "no.such", 5); !errors.As(err, &e) || e.Status != 404 || !strings.Contains(err.Error(), "no.such") {
				t.Errorf("%v", err)
			}
		})
	}
	var e *web.Error
	if _, err := newClient(t, Options{Server: s.Addr()}).Agent(t.Context()); !errors.As(err, &e) || e.Status != 401 || !strings.Contains(err.Error(), "publish.bearer_token") {
		t.Errorf("without a token: %v", err)
	}
}

// serve runs f for one connection on a free port.
func serve(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			f(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return ln.Addr().String()
}

func reply(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096)) // the request; what it says does not matter
		_, _ = io.WriteString(c, text)
	}
}

func TestWhoAnswers(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := gone.Addr().String()
	_ = gone.Close()

	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "nginx")
		_, _ = io.WriteString(w, "{}")
	}))
	defer other.Close()
	redirects := httptest.NewServer(http.RedirectHandler("http://"+refused, http.StatusFound))
	defer redirects.Close()
	full := serve(t, reply("HTTP/1.1 503 Service Unavailable\r\nServer: sysops-agent\r\nConnection: close\r\n\r\n"+`{"error":"too many connections","hint":"wait"}`))

	tests := []struct {
		name  string
		opt   Options
		is    error
		words string
	}{
		{"no socket", Options{Socket: filepath.Join(t.TempDir(), "none")}, ErrNoAgent, "sysops-agent run"},
		{"nobody listens", Options{Server: refused}, ErrNoAgent, "--server"},
		{"a web server", Options{Server: other.Listener.Addr().String()}, ErrNotOurs, "nginx"},
		{"redirected", Options{Server: redirects.Listener.Addr().String()}, ErrNotOurs, "unnamed"},
		{"a mail server", Options{Server: serve(t, reply("220 mail ESMTP\r\n"))}, ErrNotOurs, "does not speak HTTP"},
		{"hangs up", Options{Server: serve(t, reply(""))}, ErrNotOurs, "hangs up"},
		{"says nothing", Options{Server: serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), Timeout: 20 * time.Millisecond}, ErrTimeout, "overloaded"},
		{"no such host", Options{Server: "no-such-host.invalid:9100"}, ErrNoAgent, "no-such-host.invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newClient(t, tt.opt).Agent(t.Context())
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("%v", err)
			}
		})
	}
	var e *web.Error
	if _, err := newClient(t, Options{Server: full}).Agent(t.Context()); !errors.As(err, &e) || e.Message != "too many connections" {
		t.Errorf("full: %v", err)
	}
}

// Beyond its cap the agent says so and hangs up, before or while it is asked.
func TestTooManyConnections(t *testing.T) {
	_, cfg := agent(t, "")
	for range cfg.MaxConnections {
		c, err := net.Dial("unix", cfg.Socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	for range 100 {
		_, err := newClient(t, Options{Socket: cfg.Socket}).Agent(t.Context())
		var e *web.Error
		if !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable || e.Message != "too many connections" {
			t.Fatalf("%v", err)
		}
	}
}

// A word of the agent is lost when the connection is reset.
func TestHungUp(t *testing.T) {
	for name, cause := range map[string]error{"reset": syscall.ECONNRESET, "broken pipe": syscall.EPIPE, "end": io.EOF} {
		for o, want := range map[Options]error{{Socket: "/x/agent.sock"}: ErrBusy, {Server: "host:1"}: ErrNotOurs} {
			err := newClient(t, o).explain(&url.Error{Op: "Get", Err: &net.OpError{Op: "write", Err: cause}})
			if !errors.Is(err, want) || errors.Is(err, ErrNoAgent) {
				t.Errorf("%s, %+v: %v", name, o, err)
			}
		}
	}
}

// A connection on which nothing is asked can be closed.
func TestUnusedConnection(t *testing.T) {
	_, cfg := agent(t, "")
	c, err := dial(t.Context(), "unix", cfg.Socket)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	_ = c.Close()
	if err := <-read; err == nil {
		t.Error("something was read")
	}
}

func TestBrokenAnswers(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nServer: sysops-agent\r\nContent-Length: 100\r\n\r\n"
	for name, text := range map[string]string{
		"cut off":  head + `{"version":"1`,
		"no JSON":  strings.Replace(head, "100", "5", 1) + "hello",
		"no error": "HTTP/1.1 500 X\r\nServer: sysops-agent\r\nContent-Length: 2\r\n\r\n{}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, Options{Server: serve(t, reply(text))}).Agent(t.Context())
			if err == nil || !strings.Contains(err.Error(), "agent") {
				t.Errorf("%v", err)
			}
		})
	}
}

// As root no file refuses us, so the case is made by hand.
func TestForeignSocket(t *testing.T) {
	c := newClient(t, Options{Socket: "/x/agent.sock"})
	err := c.explain(&url.Error{Op: "Get", Err: &net.OpError{Op: "dial", Err: &os.SyscallError{Syscall: "connect", Err: syscall.EACCES}}})
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "/x/agent.sock") || errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
}

func TestCancelled(t *testing.T) {
	_, cfg := agent(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newClient(t, Options{Socket: cfg.Socket}).Agent(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestServerFlag(t *testing.T) {
	for _, bad := range []string{"host", "host:", ":9100", "host:99999", "host:0", "https://host:1", "a/b:1", "user@host:1", "host:http"} {
		if _, err := New(Options{Server: bad}); err == nil || !strings.Contains(err.Error(), "HOST:PORT") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"host:9100", "127.0.0.1:1", "[::1]:9100", "http://host:9100/"} {
		if _, err := New(Options{Server: good}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}
