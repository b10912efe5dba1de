package self

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/rs/zerolog"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/event"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

const step = 10

// rig runs a collector on a clock of its own.
type rig struct {
	t     *testing.T
	store *store.Store
	c     *Collector
	now   int64
}

func newRig(t *testing.T, proc string, o Options) *rig {
	t.Helper()
	st := store.Open(store.Options{})
	env := collect.Env{Proc: proc, Sys: "/sys", Store: st, Interval: step * time.Second, Log: zerolog.Nop()}
	return &rig{t: t, store: st, c: New(env, o), now: 1_800_000_000}
}

func (r *rig) tick() error {
	r.now += step
	return r.c.Collect(context.Background(), store.At(r.now))
}

func (r *rig) value(name string) float64 {
	r.t.Helper()
	sh := r.store.Shard("agent")
	_, raw, ok := sh.Rows()[0].Latest()
	i := sh.Schema().Field(name)
	if !ok || i < 0 {
		r.t.Fatalf("no value of %s", name)
	}
	return sh.Schema().Fields[i].Value(raw[i])
}

// selfDir is a /proc whose self is made of fixtures.
func selfDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/proc")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFixture(t *testing.T) {
	dir := selfDir(t)
	for name, target := range map[string]string{
		"0": "/dev/null", "1": "pipe:[7]", "2": "socket:[9]", "3": "anon_inode:[eventpoll]",
		"4": "anon_inode:bpf-map", "5": "anon_inode:bpf-prog", "6": "anon_inode:bpf_link", "7": "anon_inode:[perf_event]",
		"8": "anon_inode:btf", "9": "/var/lib/bpf-map", "10": "anon_inode:[btf]", "11": "anon_inode:" + strings.Repeat("x", 200),
	} {
		if err := os.MkdirAll(filepath.Join(dir, "self/fd"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, "self/fd", name)); err != nil {
			t.Fatal(err)
		}
	}
	sent := uint64(0)
	r := newRig(t, dir, Options{Net: func() (uint64, uint64) { sent += 1000; return sent, 70 }})
	cpu := uint64(0)
	r.c.cpu = func() (uint64, uint64, error) { cpu += 100_000; return cpu, 2 * cpu, nil }
	if err := r.tick(); err != nil {
		t.Fatal(err)
	}
	if got := r.value("agent.cpu_percent"); !math.IsNaN(got) {
		t.Errorf("%g %% CPU at the first tick, want unknown", got)
	}
	if err := r.tick(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		"agent.rss_bytes": 28672 << 10, "agent.vsz_bytes": 1310720 << 10, "agent.threads": 9,
		"agent.disk_read_bytes": 8192, "agent.disk_write_bytes": 4096, "agent.net_sent_bytes": 2000, "agent.net_received_bytes": 70,
		"agent.cpu_percent": 3, "agent.cpu_user_seconds": 0.2, "agent.cpu_system_seconds": 0.4, "agent.over_budget": 0, "agent.budget_events": 0,
		"agent.pid": float64(os.Getpid()),
	} {
		if got := r.value(name); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	// The directory's own descriptor is one of this process, not of the
	// fixture, and may bear the number of one of the links.
	if n, s := r.value("agent.fd_count"), r.value("agent.sensor_fd_count"); s+n < 11 || s+n > 12 || s < 5 || s > 6 {
		t.Errorf("%g ordinary and %g sensor fds of 12, 6 of them sensors'", n, s)
	}
}

func TestThisProcess(t *testing.T) {
	r := newRig(t, "/proc", Options{})
	if err := r.tick(); err != nil {
		t.Fatal(err)
	}
	p, err := procfs.Self()
	if err != nil {
		t.Fatal(err)
	}
	st, err := p.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.value("agent.rss_bytes"), float64(st.ResidentMemory()); math.Abs(got-want) > want/4 {
		t.Errorf("RSS %g, procfs says %g", got, want)
	}
	if n, err := p.FileDescriptorsLen(); err != nil || math.Abs(r.value("agent.fd_count")+r.value("agent.sensor_fd_count")+1-float64(n)) > 1 {
		t.Errorf("%g and %g fds, procfs sees %d (%v), its own among them", r.value("agent.fd_count"), r.value("agent.sensor_fd_count"), n, err)
	}
	if got := r.value("agent.cpu_user_seconds") + r.value("agent.cpu_system_seconds"); got <= 0 || got > st.CPUTime()+1 {
		t.Errorf("%g s of CPU, procfs says %g", got, st.CPUTime())
	}
	before := r.value("agent.gc_cycles")
	runtime.GC()
	if err := r.tick(); err != nil {
		t.Fatal(err)
	}
	if r.value("agent.gc_cycles") <= before || r.value("agent.gc_pause_seconds") <= 0 || r.value("agent.heap_bytes") <= 0 || r.value("agent.goroutines") < 2 {
		t.Errorf("after a collection: %g cycles, %g s paused, %g bytes of heap, %g goroutines",
			r.value("agent.gc_cycles"), r.value("agent.gc_pause_seconds"), r.value("agent.heap_bytes"), r.value("agent.goroutines"))
	}
}

func TestUptimeSurvivesReload(t *testing.T) {
	now := store.Now()
	for range 2 { // a reload makes a new collector
		st := store.Open(store.Options{})
		c := New(collect.Env{Proc: "/proc", Store: st, Interval: step * time.Second}, Options{})
		if err := c.Collect(context.Background(), store.Tick{Wall: now.Wall, Boot: started + time.Hour}); err != nil {
			t.Fatal(err)
		}
		if c.last.Uptime != 3600 {
			t.Errorf("uptime %g s, want an hour", c.last.Uptime)
		}
		now.Wall = now.Wall.Add(time.Minute)
	}
}

func TestBrokenFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file, content string
		lost          []string
	}{
		"status empty":   {"status", "", []string{"agent.rss_bytes", "agent.vsz_bytes", "agent.threads"}},
		"status cut":     {"status", "VmSize:\t 5 kB\nVmRSS:", []string{"agent.rss_bytes", "agent.threads"}},
		"status garbage": {"status", "\x00\xffVmRSS: -\n", []string{"agent.rss_bytes"}},
		"io cut":         {"io", "read_bytes: 5\nwrite_by", []string{"agent.disk_write_bytes"}},
		"io huge":        {"io", "read_bytes: 99999999999999999999999\nwrite_bytes: 1\n", []string{"agent.disk_read_bytes"}},
		"io gone":        {"io", "-", []string{"agent.disk_read_bytes", "agent.disk_write_bytes"}},
		"fd gone":        {"fd", "-", []string{"agent.fd_count", "agent.sensor_fd_count"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := selfDir(t)
			path := filepath.Join(dir, "self", c.file)
			if err := os.MkdirAll(filepath.Join(dir, "self/fd"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if c.content != "-" {
				if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r := newRig(t, dir, Options{})
			err := r.tick()
			var p *collect.PartialError
			if !errors.As(err, &p) || !strings.Contains(p.Reason, "self/"+c.file) {
				t.Errorf("%v does not name the file", err)
			}
			for _, m := range c.lost {
				if got := r.value(m); !math.IsNaN(got) {
					t.Errorf("%s is %g", m, got)
				}
			}
			if math.IsNaN(r.value("agent.goroutines")) || math.IsNaN(r.value("agent.cpu_user_seconds")) {
				t.Error("the other numbers are lost too")
			}
		})
	}
}

func TestGapGivesNoCPU(t *testing.T) {
	r := newRig(t, "/proc", Options{})
	if err := errors.Join(r.tick(), r.tick()); err != nil {
		t.Fatal(err)
	}
	if math.IsNaN(r.value("agent.cpu_percent")) {
		t.Error("no CPU use after two ticks")
	}
	r.now += 3600
	if err := r.tick(); err != nil {
		t.Fatal(err)
	}
	if got := r.value("agent.cpu_percent"); !math.IsNaN(got) {
		t.Errorf("%g %% over an hour of sleep", got)
	}
}

func TestBudgetIsReported(t *testing.T) {
	reg := state.New()
	part := reg.Part(state.Agent, "budget")
	var events []event.Event
	r := newRig(t, "/proc", Options{
		Budget: Budget{RSS: 1 << 20}, State: part, // every Go program is beyond 1 MiB
		Publish: func(e event.Event) { events = append(events, e) },
	})
	for range patience - 1 {
		_ = r.tick()
	}
	if len(events) != 0 || r.value("agent.over_budget") != 0 {
		t.Errorf("told after %d ticks: %+v", patience-1, events)
	}
	for range 5 {
		_ = r.tick()
	}
	if len(events) != 1 || events[0].Kind != event.BudgetExceeded || events[0].Attrs["limit"] != "1.0 MiB" ||
		!strings.Contains(events[0].Text, "memory use of ") || !strings.Contains(events[0].Text, "exceeds the limit of 1.0 MiB") {
		t.Errorf("events: %+v", events)
	}
	if s := part.Get(); s.State != state.Degraded || s.Reason != events[0].Text || s.EnableHint == "" {
		t.Errorf("state: %+v", s)
	}
	if r.value("agent.over_budget") != 1 || r.value("agent.budget_events") != 1 {
		t.Errorf("%g over, %g events", r.value("agent.over_budget"), r.value("agent.budget_events"))
	}
	r.c.watch.budgets[0].limit = 1 << 40
	for range patience {
		_ = r.tick()
	}
	if s := part.Get(); s.State != state.Active {
		t.Errorf("within the budget again, yet %+v", s)
	}
}

// A reload makes a new collector, which must not leave the state of the old
// one as it was.
func TestReloadForgetsTheOldBudgetState(t *testing.T) {
	part := state.New().Part(state.Agent, "budget")
	part.Degraded("The agent's CPU use of 12.3 % exceeds the limit of 10.0 %.", "")
	r := newRig(t, "/proc", Options{Budget: Budget{RSS: 1 << 40}, State: part})
	_ = r.tick()
	if s := part.Get(); s.State != state.Active {
		t.Errorf("nothing is exceeded, yet %+v", s)
	}
}

func TestNoWatcher(t *testing.T) {
	r := newRig(t, "/proc", Options{Budget: Budget{RSS: 1}})
	for range 2 * patience {
		_ = r.tick()
	}
	if r.value("agent.over_budget") != 1 {
		t.Error("nobody is told, but the reading must show it")
	}
	if r.c.last == (reading.Agent{}) {
		t.Error("nothing was read")
	}
}
