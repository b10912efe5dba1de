package web

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"sysops-agent/pkg/config"
	"sysops-agent/pkg/event"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/query"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; it is never slept.
const patience = 10 * time.Second

type disk struct {
	_      struct{}     `reading:"test_disk" domain:"sys" help:"A disk."`
	Device string       `label:"device" help:"Name."`
	Model  string       `attr:"model" help:"What it is."`
	Util   float64      `metric:"disk.util_percent" unit:"percent" col:"util" help:"Busy share."`
	Read   metric.Count `metric:"disk.read_bytes" unit:"bytes" help:"Bytes read."`
}

const noon = 1_800_000_000

// rig is a server with everything behind it; a test changes it before start.
type rig struct {
	t    testing.TB
	cfg  config.Publish
	deps Deps
	lim  limits
	disk *store.Writer[disk]
	// answer stands for the engine's Range where a test needs a strange one.
	answer func(context.Context, query.Request) (*query.Result, error)
	*Server
}

func newRig(t testing.TB) *rig {
	t.Helper()
	st := store.Open(store.Options{Schemas: []*metric.Schema{metric.Of[disk]()}})
	t.Cleanup(func() { _ = st.Close() })
	w := store.NewWriter[disk](st, store.ShardOptions{Step: 10 * time.Second})
	w.Begin(store.At(noon))
	w.Put(&disk{Device: "sda", Model: "Fast", Util: 12.5, Read: 1000})
	w.Put(&disk{Device: "sdb", Util: metric.NaN, Read: 7})
	w.Put(&disk{Device: "nvme0", Util: 50, Read: metric.NoCount})
	w.End()
	dir, err := os.MkdirTemp("", "web") // short: a socket's path is limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	lim := defaultLimits()
	lim.retry = 5 * time.Millisecond
	return &rig{
		t:    t,
		disk: w,
		cfg:  config.Publish{Listen: "127.0.0.1:0", Socket: filepath.Join(dir, "agent.sock"), MaxConnections: 16},
		deps: Deps{
			Agent:   AgentInfo{Version: "1.2.3", Hostname: "web01", Started: time.Unix(noon, 0)},
			Query:   query.New(st, nil, []*metric.Schema{metric.Of[disk]()}, "web01"),
			State:   state.New(),
			Events:  event.NewBus(),
			Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sysops_x 1\n") }),
			Ready:   func() (bool, string) { return true, "" },
		},
		lim: lim,
	}
}

// build makes the server without listening.
func (r *rig) build() *rig {
	r.Server = newServer(r.cfg, r.deps, zerolog.Nop(), r.lim)
	r.now = func() time.Time { return time.Unix(noon+5, 0) }
	if r.answer != nil {
		r.history = func(ctx context.Context, req query.Request) (*query.Result, error) { return r.answer(ctx, req) }
	}
	return r
}

// start makes the server listen until the test ends.
func (r *rig) start() *rig {
	r.t.Helper()
	r.build().Start(context.Background())
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Shutdown(ctx); err != nil {
			r.t.Errorf("shutdown: %v", err)
		}
	})
	return r
}

// dial opens a connection to a door: "tcp" or "unix".
func (r *rig) dial(network string) net.Conn {
	r.t.Helper()
	addr := r.cfg.Socket
	if network == "tcp" {
		addr = r.Addr()
	}
	c, err := net.Dial(network, addr)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// raw sends bytes and returns all that comes back until the end.
func (r *rig) raw(network, request string) string {
	r.t.Helper()
	c := r.dial(network)
	_, _ = io.WriteString(c, request) // the server may hang up in the middle
	b, _ := io.ReadAll(c)             // as above
	return string(b)
}

// get asks by TCP.
func (r *rig) get(path string, header ...string) (int, string, http.Header) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+r.Addr()+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	return r.do(req)
}

func (r *rig) do(req *http.Request) (int, string, http.Header) {
	r.t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := c.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// wantError checks that body is an error in the API's form that mentions all
// words.
func wantError(t testing.TB, body string, words ...string) {
	t.Helper()
	var e map[string]string
	if err := json.Unmarshal([]byte(body), &e); err != nil || e["error"] == "" || len(e) != 2 {
		t.Errorf("not an error of the API (%v): %s", err, body)
		return
	}
	for _, w := range words {
		if !strings.Contains(e["error"]+" "+e["hint"], w) {
			t.Errorf("%q is not in %q, %q", w, e["error"], e["hint"])
		}
	}
}

// waitFor waits until the part's state satisfies ok.
func waitFor(t testing.TB, reg *state.Registry, name string, ok func(state.Status) bool) state.Status {
	t.Helper()
	changed := make(chan struct{}, 1)
	reg.OnChange(func(_, _ state.Status) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	timeout := time.After(patience)
	for {
		st := reg.Part(state.Publisher, name).Get()
		if ok(st) {
			return st
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s stays %+v", name, st)
		}
	}
}
