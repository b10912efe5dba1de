package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/state"
)

// The tests of this file run the real program as a process of its own.

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sysops-agent-test")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "sysops-agent")
	cmd := exec.Command("go", "build", "-o", bin, "sysops-agent/cmd/sysops-agent")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := buildOnce(); err == nil {
		os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// running is one agent process.
type runningAgent struct {
	t    *testing.T
	cmd  *exec.Cmd
	data string
	log  *syncBuffer
	http *http.Client
	done chan error
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// oneSecond makes the collectors that the tests look at run every second.
var oneSecond = []string{"SYSOPS_COLLECT_CPU_INTERVAL=1s", "SYSOPS_COLLECT_MEMORY_INTERVAL=1s"}

// start starts an agent on data with more arguments, without waiting.
func start(t *testing.T, data string, env []string, args ...string) *runningAgent {
	t.Helper()
	bin, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	a := &runningAgent{t: t, data: data, log: &syncBuffer{}, done: make(chan error, 1)}
	a.cmd = exec.Command(bin, append([]string{"run", "--data-dir", data}, args...)...)
	a.cmd.Env = append(append(os.Environ(), oneSecond...), env...)
	a.cmd.Stdout, a.cmd.Stderr = a.log, a.log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { a.done <- a.cmd.Wait() }()
	t.Cleanup(func() { _ = a.cmd.Process.Kill() })
	a.http = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(data, "agent.sock"))
		},
	}}
	return a
}

// dataDir is a directory whose socket path is short enough.
func testDataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sa")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "data")
}

func (a *runningAgent) get(path string, out any) error {
	resp, err := a.http.Get("http://agent" + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", path, resp.Status, b)
	}
	return json.Unmarshal(b, out)
}

// until waits until ok says yes.
func (a *runningAgent) until(what string, ok func() bool) {
	a.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			a.t.Fatalf("%s: not within a minute; the agent said:\n%s", what, a.log)
		}
		<-tick.C
	}
}

func (a *runningAgent) ready() {
	a.t.Helper()
	a.until("ready", func() bool {
		var r struct{ Ready bool }
		return a.get("/readyz", &r) == nil && r.Ready
	})
}

// wait waits for the end and returns the exit code.
func (a *runningAgent) wait() int {
	a.t.Helper()
	select {
	case err := <-a.done:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(40 * time.Second):
		a.t.Fatalf("did not end; the agent said:\n%s", a.log)
		return -1
	}
}

func (a *runningAgent) part(kind state.Kind, name string) state.Status {
	a.t.Helper()
	var all []state.Status
	if err := a.get("/api/v1/status", &all); err != nil {
		a.t.Fatal(err)
	}
	for _, s := range all {
		if s.Kind == kind && s.Name == name {
			return s
		}
	}
	return state.Status{}
}

type points struct {
	Series []struct {
		Points []struct {
			T int64   `json:"t"`
			V float64 `json:"v"`
		} `json:"points"`
	} `json:"series"`
}

func (a *runningAgent) points(metric string) map[int64]float64 {
	a.t.Helper()
	var p points
	if err := a.get("/api/v1/query_range?since=10m&step=1s&metric="+metric, &p); err != nil {
		a.t.Fatal(err)
	}
	out := map[int64]float64{}
	for _, s := range p.Series {
		for _, x := range s.Points {
			out[x.T] = x.V
		}
	}
	return out
}

func TestHistoryIsStillThereAfterKill9(t *testing.T) {
	data := testDataDir(t)
	a := start(t, data, nil, "--listen", "off")
	a.ready()
	a.until("five points", func() bool { return len(a.points("mem.used_percent")) >= 5 })
	before := a.points("mem.used_percent")
	if err := a.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	a.wait()
	b := start(t, data, nil, "--listen", "off")
	b.ready()
	after := b.points("mem.used_percent")
	missing := 0
	for at, v := range before {
		if w, ok := after[at]; !ok || w-v > 0.01 || v-w > 0.01 {
			missing++
		}
	}
	if missing > 1 { // the slot that was being written
		t.Fatalf("%d of %d points are lost or changed", missing, len(before))
	}
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := b.wait(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM:\n%s", code, b.log)
	}
}

func TestKill9DuringWritesNeverHurtsTheNextStart(t *testing.T) {
	data := testDataDir(t)
	rounds := 25 // the store's and the database's own tests kill hundreds of times
	if testing.Short() {
		rounds = 5
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range rounds {
		a := start(t, data, nil, "--listen", "off", "--log-level", "warn")
		a.until("socket", func() bool { var v any; return a.get("/api/v1/agent", &v) == nil })
		<-time.After(time.Duration(rnd.IntN(700)) * time.Millisecond)
		if err := a.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		a.wait()
		if strings.Contains(a.log.String(), "corrupt") {
			t.Fatalf("round %d: %s", i, a.log)
		}
	}
	a := start(t, data, nil, "--listen", "off")
	a.ready()
	a.until("database", func() bool { return a.part(state.Database, "sqlite").State == state.Active })
	if s := a.part(state.Store, "store"); s.State != state.Active && !strings.Contains(s.Reason, "1 damaged") {
		t.Fatalf("store: %+v", s)
	}
}

func TestASecondAgentOnTheSameDataIsRefused(t *testing.T) {
	data := testDataDir(t)
	a := start(t, data, nil, "--listen", "off")
	a.ready()
	b := start(t, data, nil, "--listen", "off")
	if code := b.wait(); code != 1 || !strings.Contains(b.log.String(), "another agent uses this data directory") {
		t.Fatalf("code %d: %s", code, b.log)
	}
	if err := a.get("/healthz", new(any)); err != nil {
		t.Fatalf("the first one suffered: %v", err)
	}
}

func TestATakenPortIsOneSentenceAndTheAgentRuns(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := start(t, testDataDir(t), nil, "--listen", l.Addr().String())
	a.ready()
	s := a.part(state.Publisher, "http")
	if s.State != state.Degraded && s.State != state.Off || !strings.Contains(s.Reason, l.Addr().String()) {
		t.Fatalf("%+v", s)
	}
}

func TestReloadTakesGoodFilesAndRefusesBadOnes(t *testing.T) {
	data := testDataDir(t)
	file := filepath.Join(filepath.Dir(data), "config.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[collect.disk]\nenabled = false\n")
	a := start(t, data, nil, "--listen", "off", "--config", file)
	a.ready()
	if s := a.part(state.Collector, "disk"); s.State != state.Off {
		t.Fatalf("disk: %+v", s)
	}
	hup := func() {
		t.Helper()
		if err := a.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	write("[collect.disk]\nenabled = 3\nwrong = 1\n")
	hup()
	a.until("refusal", func() bool { return a.part(state.Agent, "configuration").State == state.Degraded })
	if s := a.part(state.Agent, "configuration"); !strings.Contains(s.Reason, "config.toml:2") {
		t.Fatalf("the reason does not say where: %+v", s)
	}
	if s := a.part(state.Collector, "disk"); s.State != state.Off {
		t.Fatalf("a bad file changed something: %+v", s)
	}
	write("[collect.disk]\nenabled = true\n[publish]\nmax_connections = 3\n")
	hup()
	a.until("disk", func() bool { return a.part(state.Collector, "disk").State == state.Active })
	if s := a.part(state.Agent, "configuration"); !strings.Contains(s.Reason, "publish.max_connections") {
		t.Fatalf("the key that needs a restart is not named: %+v", s)
	}
	// The file alone is enough, without a signal.
	write("[agent]\nwatch_interval = \"1s\"\n")
	hup()
	a.until("good", func() bool { return a.part(state.Agent, "configuration").State == state.Active })
	write("[agent]\nwatch_interval = \"1s\"\n[collect.fd]\nenabled = false\n")
	a.until("file change", func() bool { return a.part(state.Collector, "fd").State == state.Off })
}

func TestMemoryOnly(t *testing.T) {
	data := testDataDir(t)
	a := start(t, data, []string{"SYSOPS_PERSIST_BACKEND=none", "SYSOPS_STORE_CHECKPOINT=false"}, "--listen", "off")
	a.ready()
	a.until("a point", func() bool { return len(a.points("mem.used_percent")) > 0 })
	files, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != lockName && f.Name() != "agent.sock" {
			t.Errorf("wrote %s", f.Name())
		}
	}
}

func TestAFullDiskCostsOnlyDurability(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small tmpfs needs root")
	}
	dir, err := os.MkdirTemp("", "sa")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		os.Remove(dir)
		t.Skipf("mounting a tmpfs is refused here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH); os.Remove(dir) })
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	a := start(t, data, nil, "--listen", "off")
	a.ready()
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	a.until("the store says so", func() bool { return a.part(state.Store, "store").State == state.Degraded })
	n := len(a.points("mem.used_percent"))
	a.until("collection goes on", func() bool { return len(a.points("mem.used_percent")) >= n+3 })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	a.until("recovery", func() bool { return a.part(state.Store, "store").State == state.Active })
}

func TestSystemdIsNotified(t *testing.T) {
	dir, err := os.MkdirTemp("", "sa")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	sock, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	a := start(t, testDataDir(t), []string{"NOTIFY_SOCKET=" + filepath.Join(dir, "notify"), "WATCHDOG_USEC=600000"}, "--listen", "off")
	expect := func(want string) {
		t.Helper()
		buf := make([]byte, 4096)
		_ = sock.SetReadDeadline(time.Now().Add(30 * time.Second))
		for {
			n, err := sock.Read(buf)
			if err != nil {
				t.Fatalf("no %s: %v\n%s", want, err, a.log)
			}
			if strings.Contains(string(buf[:n]), want) {
				return
			}
		}
	}
	expect("READY=1")
	expect("WATCHDOG=1")
	_ = a.cmd.Process.Signal(syscall.SIGHUP)
	expect("RELOADING=1")
	expect("READY=1")
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	expect("STOPPING=1")
	if code := a.wait(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
}

func TestSIGHUPNeverKillsNeitherAtTheStartNorAtTheEnd(t *testing.T) {
	a := start(t, testDataDir(t), nil, "--listen", "off")
	// The Go runtime needs some milliseconds until main runs; before, no
	// program can do anything about a signal.
	a.until("its lock", func() bool {
		b, err := os.ReadFile(filepath.Join(a.data, lockName))
		return err == nil && len(b) > 0
	})
	for range 20 {
		_ = a.cmd.Process.Signal(syscall.SIGHUP)
		<-time.After(5 * time.Millisecond)
	}
	a.ready()
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	for range 20 {
		_ = a.cmd.Process.Signal(syscall.SIGHUP)
		<-time.After(2 * time.Millisecond)
	}
	if code := a.wait(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, a.log)
	}
}

func TestNobodyWatchingTheLiveSummaryIsNoReasonToEnd(t *testing.T) {
	bin, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	a := &runningAgent{t: t, data: testDataDir(t), log: &syncBuffer{}, done: make(chan error, 1)}
	a.cmd = exec.Command(bin, "run", "--data-dir", a.data, "--listen", "off", "--live")
	a.cmd.Env = append(os.Environ(), oneSecond...)
	a.cmd.Stdout, a.cmd.Stderr = w, a.log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.cmd.Process.Kill() })
	go func() { a.done <- a.cmd.Wait() }()
	w.Close()
	r.Close() // like `| head` that has seen enough
	select {
	case err := <-a.done:
		t.Fatalf("ended: %v\n%s", err, a.log)
	case <-time.After(6 * time.Second):
	}
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	if code := a.wait(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, a.log)
	}
}

func TestWhatIsDoubtfulInTheConfigurationIsSaidAtTheStart(t *testing.T) {
	a := start(t, testDataDir(t), []string{"SYSOPS_COLLECT_CPU_INTERVALL=1s"}, "--listen", "off")
	a.ready()
	if !strings.Contains(a.log.String(), "SYSOPS_COLLECT_CPU_INTERVALL") {
		t.Fatalf("the misspelt variable is not named:\n%s", a.log)
	}
}
