package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/query"
	"sysops-agent/pkg/state"
)

const getAgent = "GET /api/v1/agent HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

func TestBothDoors(t *testing.T) {
	r := newRig(t).start()
	for _, network := range []string{"tcp", "unix"} {
		if got := r.raw(network, getAgent); !strings.HasPrefix(got, "HTTP/1.1 200") || !strings.Contains(got, `"version":"1.2.3"`) {
			t.Errorf("%s: %s", network, got)
		}
	}
	if tr := r.Traffic(); tr.Requests != 2 || tr.BytesIn != 2*uint64(len(getAgent)) || tr.BytesOut < 500 {
		t.Errorf("traffic: %+v", tr)
	}
}

func TestPortTakenThenFreed(t *testing.T) {
	squatter, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = squatter.Close() }()
	r := newRig(t)
	r.cfg.Listen = squatter.Addr().String()
	r.start()
	st := r.deps.State.Part(state.Publisher, "http").Get()
	if st.State != state.Degraded || !st.Fault || !strings.Contains(st.Reason, "another program has the port") || !strings.Contains(st.EnableHint, "publish.listen") {
		t.Errorf("state: %+v", st)
	}
	if r.Addr() != "" {
		t.Errorf("address %q without listening", r.Addr())
	}
	if got := r.raw("unix", getAgent); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("the socket does not work meanwhile: %s", got)
	}
	_ = squatter.Close()
	waitFor(t, r.deps.State, "http", func(s state.Status) bool { return s.State == state.Active })
	if got := r.raw("tcp", getAgent); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("after the port was freed: %s", got)
	}
}

func TestListenErrors(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1:9100": "no such address", "127.0.0.1:http-nonsense": "cannot listen on",
	} {
		_, err := listenTCP(t.Context(), addr)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestListenOff(t *testing.T) {
	r := newRig(t)
	r.cfg.Listen = "off"
	r.start()
	if st := r.deps.State.Part(state.Publisher, "http").Get(); st.State != state.Off || st.Fault {
		t.Errorf("state: %+v", st)
	}
	if got := r.raw("unix", getAgent); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("socket: %s", got)
	}
}

func TestListenerThatFailsIsOpenedAgain(t *testing.T) {
	r := newRig(t).start()
	r.tcp.mu.Lock()
	l := r.tcp.ln
	r.tcp.mu.Unlock()
	_ = l.Close()
	waitFor(t, r.deps.State, "http", func(s state.Status) bool {
		return s.State == state.Active && r.Addr() != "" && r.Addr() != l.Addr().String()
	})
}

func TestSocketIsItsOwnersOnly(t *testing.T) {
	r := newRig(t).start()
	fi, err := os.Stat(r.cfg.Socket)
	if err != nil || fi.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
}

func TestSocketIsRemovedAtTheEnd(t *testing.T) {
	r := newRig(t).start()
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(r.cfg.Socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// leftover makes the socket of an agent that was killed.
func leftover(t *testing.T, path string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = ln.Close()
}

func TestSocketPath(t *testing.T) {
	tests := []struct {
		name  string
		setup func(t *testing.T, path string)
		want  string // in the reason; "" = it works
	}{
		{"nothing there", func(*testing.T, string) {}, ""},
		{"left by a killed agent", leftover, ""},
		{"another process listens", func(t *testing.T, path string) {
			ln, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ln.Close() })
		}, "another process listens there"},
		{"a file", func(t *testing.T, path string) { write(t, path) }, "not a socket"},
		{"a link to a socket", func(t *testing.T, path string) {
			leftover(t, path+".other")
			link(t, path+".other", path)
		}, "not a socket"},
		{"others may write to the directory", func(t *testing.T, path string) {
			if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
		}, "others may write"},
		{"no directory", func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			tt.setup(t, r.cfg.Socket)
			r.start()
			st := r.deps.State.Part(state.Publisher, "socket").Get()
			if tt.want == "" && st.State != state.Active || !strings.Contains(st.Reason, tt.want) || tt.want != "" && st.EnableHint == "" {
				t.Errorf("state: %+v", st)
			}
			if got := r.raw("tcp", getAgent); !strings.HasPrefix(got, "HTTP/1.1 200") {
				t.Errorf("the other door does not work: %s", got)
			}
			if _, err := os.Lstat(r.cfg.Socket); tt.want != "" && tt.want != "no such file" && tt.want != "others may write" && err != nil {
				t.Errorf("what was there is gone: %v", err)
			}
		})
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func TestForeignDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	r := newRig(t)
	if err := os.Chown(filepath.Dir(r.cfg.Socket), 12345, 12345); err != nil {
		t.Fatal(err)
	}
	_, err := listenSocket(t.Context(), r.cfg.Socket)
	if err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
		t.Errorf("error: %v", err)
	}
}

func TestShutdownWithoutStart(t *testing.T) {
	r := newRig(t).build()
	for range 2 {
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	r.Start(t.Context()) // too late
	if r.Addr() != "" {
		t.Error("it listens after Shutdown")
	}
}

// slowRange makes range queries wait until released, or until their context
// ends.
func (r *rig) slowRange() (began, release chan struct{}) {
	began, release = make(chan struct{}, 8), make(chan struct{})
	r.answer = func(ctx context.Context, _ query.Request) (*query.Result, error) {
		began <- struct{}{}
		select {
		case <-release:
			return &query.Result{Metric: "done"}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return began, release
}

const getRange = "GET /api/v1/query_range?metric=a.b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

func TestShutdownLetsRequestsFinish(t *testing.T) {
	r := newRig(t)
	began, release := r.slowRange()
	r.start()
	got := make(chan string)
	go func() { got <- r.raw("tcp", getRange) }()
	<-began
	done := make(chan error)
	go func() { done <- r.Shutdown(context.Background()) }()
	// Once the listener is closed Shutdown is under way.
	for {
		c, err := net.Dial("tcp", r.tcp.last())
		if err != nil {
			break
		}
		_ = c.Close()
	}
	close(release)
	if s := <-got; !strings.Contains(s, `"metric":"done"`) {
		t.Errorf("the request was cut off: %s", s)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// last is the address even after the listener was closed.
func (e *endpoint) last() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ln.Addr().String()
}

func TestShutdownIsBounded(t *testing.T) {
	r := newRig(t)
	began, _ := r.slowRange()
	r.build().Start(context.Background())
	got := make(chan string)
	go func() { got <- r.raw("tcp", getRange) }()
	<-began
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("error: %v", err)
	}
	if s := <-got; s != "" {
		t.Errorf("answer after the cut: %s", s)
	}
}

// However long the caller allows.
func TestShutdownIsQuick(t *testing.T) {
	r := newRig(t)
	r.lim.work, r.lim.drain = time.Hour, 10*time.Millisecond
	began, _ := r.slowRange()
	r.build().Start(context.Background())
	got := make(chan string)
	go func() { got <- r.raw("tcp", getRange) }()
	<-began
	done := make(chan error)
	go func() { done <- r.Shutdown(context.Background()) }()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("error: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it waits for a request that never ends")
	}
	if s := <-got; s != "" {
		t.Errorf("answer after the cut: %s", s)
	}
}

func TestShutdownDoesNotWaitForTheSilent(t *testing.T) {
	r := newRig(t).start()
	c := r.dial("tcp")
	// Connections are accepted in order: when this is answered, c is known.
	r.raw("tcp", getAgent)
	// net/http gives such connections five seconds, which would end ctx.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the silent connection is still open")
	}
}

func TestTooManyConnections(t *testing.T) {
	r := newRig(t)
	r.cfg.MaxConnections = 2
	r.start()
	a := r.dial("tcp")
	fmt.Fprint(a, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(a), nil); err != nil {
		t.Fatal(err)
	}
	b := r.dial("tcp")
	fmt.Fprint(b, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(b), nil); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r.dial("tcp"))
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 503") {
		t.Errorf("the third is told %q, %v", got, err)
	}
	_, body, _ := strings.Cut(string(got), "\r\n\r\n")
	wantError(t, body, "too many connections", "publish.max_connections")
	if tr := r.Traffic(); tr.RefusedConnections != 1 || tr.OpenConnections != 2 {
		t.Errorf("traffic: %+v", tr)
	}
	if s := r.raw("unix", getAgent); !strings.HasPrefix(s, "HTTP/1.1 200") {
		t.Errorf("the commands are locked out: %s", s)
	}
}

func TestSlowRequests(t *testing.T) {
	for name, begin := range map[string]string{
		"header": "GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
		"body":   "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc",
		"idle":   "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"silent": "",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.lim.readHeader, r.lim.read, r.lim.idle = 20*time.Millisecond, 30*time.Millisecond, 20*time.Millisecond
			r.start()
			c := r.dial("tcp")
			fmt.Fprint(c, begin)
			if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the server does not hang up: %v", err)
			}
		})
	}
}

func TestSlowReader(t *testing.T) {
	r := newRig(t)
	r.lim.write = 20 * time.Millisecond
	ended := make(chan error, 1)
	r.deps.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<16); ; {
			if _, err := w.Write(chunk); err != nil {
				ended <- err
				return
			}
		}
	})
	r.start()
	fmt.Fprint(r.dial("tcp"), "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("a client that reads nothing holds its handler for ever")
	}
}

// Who reads nothing is hung up on long before the time for a whole answer.
func TestNoProgress(t *testing.T) {
	r := newRig(t)
	r.lim.write, r.lim.progress = time.Hour, 20*time.Millisecond
	ended := make(chan error, 1)
	r.deps.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20))
		ended <- err
	})
	r.start()
	fmt.Fprint(r.dial("tcp"), "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("written: %v", err)
		}
	case <-time.After(patience):
		t.Error("a client that reads nothing holds its answer for an hour")
	}
}

func TestGarbage(t *testing.T) {
	r := newRig(t).start()
	for name, tt := range map[string]struct{ send, want string }{
		"noise":              {"\x00\xff\x17\x03\x01\r\n\r\n", "HTTP/1.1 400"},
		"TLS":                {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "HTTP/1.1 400"},
		"no version":         {"GET /\r\n\r\n", "HTTP/1.1 400"},
		"no host":            {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
		"two hosts":          {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400"},
		"HTTP/1.0, no host":  {"GET /healthz HTTP/1.0\r\n\r\n", "HTTP/1.0 200"},
		"HTTP/2 preface":     {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400"},
		"unknown method":     {"BREW / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 405"},
		"huge header":        {"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "HTTP/1.1 431"},
		"huge path":          {"GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 431"},
		"huge body":          {"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n", "HTTP/1.1 413"},
		"bad chunk":          {"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n", "HTTP/1.1 200"},
		"control characters": {"GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400"},
		"path tricks":        {"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 "},
		"absolute URL":       {"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 421"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := r.raw("tcp", tt.send); got != "" && !strings.HasPrefix(got, tt.want) || strings.Contains(got, "root:") {
				t.Errorf("answer %.200q", got)
			}
		})
	}
	if got := r.raw("tcp", getAgent); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("after all that: %s", got)
	}
}
