package main

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"sysops-agent/pkg/config"
	"sysops-agent/pkg/event"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/overview"
	"sysops-agent/pkg/publish/web"
	"sysops-agent/pkg/query"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

var update = flag.Bool("update", false, "write the golden files again")

func TestMain(m *testing.M) {
	time.Local = time.UTC // times for people are local ones
	flag.Parse()
	// No configuration of this host reaches the tests.
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "SYSOPS_") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

// run executes one command line.
func run(args ...string) (code int, stdout, stderr string) {
	return runContext(context.Background(), args...)
}

func runContext(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = execute(ctx, append([]string{}, args...), &out, &errs) // never nil: cobra would take the test's own
	return code, out.String(), errs.String()
}

// must executes a command line that succeeds in silence and returns its output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := run(args...)
	if code != exitOK || stderr != "" {
		t.Fatalf("%v: exit code %d, %s", args, code, stderr)
	}
	return stdout
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is not what it was (if it should change, run the test with -update):\n%s", path, d)
	}
}

// dataDir is a directory whose socket has a short path.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sa")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// agentOn serves a small agent on the socket of a data directory: three sweeps
// of memory and of two disks, one of them with a hostile name. It returns the
// second of the last sweep, which is now.
func agentOn(t *testing.T, dir string) (last int64) {
	t.Helper()
	last = time.Now().Unix() / 10 * 10
	st := store.Open(store.Options{Schemas: reading.All()})
	memory := store.NewWriter[reading.Memory](st, store.ShardOptions{Step: 10 * time.Second})
	disks := store.NewWriter[reading.Disk](st, store.ShardOptions{Step: 10 * time.Second})
	for i := range int64(3) {
		tick := store.At(last - 20 + 10*i)
		memory.Begin(tick)
		m := metric.Blank[reading.Memory]()
		m.UsedPercent = 50 + float64(i)
		memory.Put(&m)
		memory.End()
		disks.Begin(tick)
		for _, name := range []string{"sda", "evil\x1b[31m\n"} {
			d := metric.Blank[reading.Disk]()
			d.Device, d.ReadBytes, d.Utilisation = name, metric.Count(i*20480), 5
			disks.Put(&d)
		}
		disks.End()
	}
	reg := state.New()
	reg.Part(state.Collector, "memory").Active()
	reg.Part(state.Collector, "gpu").Off("no GPU on this host", "")
	cfg := config.Default().Publish
	cfg.Listen, cfg.Socket = "off", filepath.Join(dir, "agent.sock")
	s := web.New(cfg, web.Deps{
		Agent: web.AgentInfo{Version: "1.2.3", Hostname: "web01", Started: time.Now()},
		State: reg, Events: event.NewBus(), Metrics: http.NotFoundHandler(),
		Ready:    func() (bool, string) { return true, "" },
		Query:    query.New(st, nil, reading.All(), "web01"),
		Overview: func() overview.Overview { return overview.Build(st, nil, "web01") },
	}, zerolog.Nop())
	listening := make(chan struct{}, 8)
	reg.OnChange(func(_, cur state.Status) {
		if cur.Name == "socket" && cur.State == state.Active {
			listening <- struct{}{}
		}
	})
	s.Start(t.Context())
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-listening:
	case <-time.After(30 * time.Second):
		t.Fatalf("the socket does not open: %+v", reg.All())
	}
	return last
}
