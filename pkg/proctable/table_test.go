package proctable

import (
	"fmt"
	"math"
	"testing"
	"time"
)

var epoch = time.Unix(1_800_000_000, 0)

// host feeds a table: a clock and the processes that exist.
type host struct {
	t     *testing.T
	table *Table
	boot  time.Duration
	procs map[uint32]*Sample
}

func newHost(t *testing.T, o Options) *host {
	t.Helper()
	return &host{t: t, table: New(o), boot: time.Hour, procs: map[uint32]*Sample{}}
}

// add brings a process that started at boot time start.
func (h *host) add(pid uint32, start time.Duration, name string) *Sample {
	s := &Sample{ID: ID{pid, uint64(start / (10 * time.Millisecond))}, Parts: HasFDs}
	s.Name, s.State, s.Threads, s.RSS, s.FDs = NameOf([]byte(name)), Sleeping, 1, 8<<20, 10
	h.procs[pid] = s
	return s
}

// sweep lets d pass and looks at all processes.
func (h *host) sweep(d time.Duration) {
	h.boot += d
	h.table.Begin(epoch.Add(h.boot), h.boot)
	for _, s := range h.procs {
		h.table.Observe(s)
	}
	h.table.End()
}

func (h *host) get(s *Sample) Process {
	h.t.Helper()
	p, ok := h.table.Get(s.ID)
	if !ok {
		h.t.Fatalf("process %v is not in the table", s.ID)
	}
	return p
}

func TestCPUPercent(t *testing.T) {
	h := newHost(t, Options{})
	old := h.add(10, time.Minute, "old")
	old.CPUUser = 50_000_000
	h.sweep(0)
	if p := h.get(old); !math.IsNaN(p.CPUPercent) {
		t.Errorf("%g %% at the first look at an old process, want unknown", p.CPUPercent)
	}
	old.CPUUser += 12_000_000
	old.CPUSystem += 3_000_000
	young := h.add(11, h.boot+10*time.Second, "young")
	young.CPUUser = 6_000_000
	h.sweep(30 * time.Second)
	if p := h.get(old); p.CPUPercent != 50 {
		t.Errorf("15 s of CPU in 30 s are %g %%, want 50", p.CPUPercent)
	}
	if p := h.get(young); p.CPUPercent != 20 {
		t.Errorf("a process that started since the last sweep used 6 s in 30 s: %g %%, want 20", p.CPUPercent)
	}
	old.CPUUser += 3_000_000_000
	h.sweep(30 * time.Second)
	if p := h.get(old); p.CPUPercent != 10000 {
		t.Errorf("100 busy cores are %g %%, want 10000", p.CPUPercent)
	}
	old.CPUUser -= 1_000_000
	h.sweep(30 * time.Second)
	if p := h.get(old); !math.IsNaN(p.CPUPercent) {
		t.Errorf("%g %% from a counter that went back, want unknown", p.CPUPercent)
	}
	h.sweep(6 * time.Minute)
	if p := h.get(old); !math.IsNaN(p.CPUPercent) {
		t.Errorf("%g %% over a gap, want unknown", p.CPUPercent)
	}
}

// TestSlowSweeps sweeps less often than every five minutes.
func TestSlowSweeps(t *testing.T) {
	h := newHost(t, Options{})
	h.table.SetMaxGap(30 * time.Minute)
	s := h.add(10, time.Minute, "old")
	h.sweep(0)
	for range 3 {
		s.CPUUser += 300_000_000
		h.sweep(10 * time.Minute)
		if p := h.get(s); p.CPUPercent != 50 {
			t.Errorf("300 s of CPU in 600 s are %g %%, want 50", p.CPUPercent)
		}
	}
	h.sweep(31 * time.Minute)
	if p := h.get(s); !math.IsNaN(p.CPUPercent) {
		t.Errorf("%g %% over a gap, want unknown", p.CPUPercent)
	}
}

func TestPIDReuse(t *testing.T) {
	h := newHost(t, Options{})
	first := h.add(7, time.Minute, "first")
	first.CPUUser = 90_000_000
	h.sweep(0)
	h.sweep(30 * time.Second)
	second := h.add(7, h.boot+5*time.Second, "second")
	h.sweep(30 * time.Second)
	if p := h.get(second); p.Ended || p.Name.String() != "second" || p.CPUPercent != 0 {
		t.Errorf("the new owner of the pid: %+v", p)
	}
	if p := h.get(first); !p.Ended || p.Name.String() != "first" {
		t.Errorf("the old owner of the pid: %+v", p)
	}
	if p, ok := h.table.Live(7); !ok || p.Name.String() != "second" {
		t.Errorf("pid 7 is %q, %v", p.Name, ok)
	}
	if st := h.table.Stats(); st.Started != 1 || st.Exited != 1 || st.Live != 1 || st.Dead != 1 {
		t.Errorf("%+v", st)
	}
}

func TestDeadAreKeptForAnHour(t *testing.T) {
	h := newHost(t, Options{})
	s := h.add(7, time.Minute, "leaker")
	for range 10 {
		s.RSS += 1 << 20
		h.sweep(time.Minute)
	}
	delete(h.procs, 7)
	h.sweep(time.Minute)
	if p := h.get(s); !p.Ended || !p.Seen.Equal(epoch.Add(h.boot-time.Minute)) {
		t.Errorf("after its end: %+v", p)
	}
	if pts := h.table.History(nil, s.ID); len(pts) != 10 || pts[9].RSS != 18<<20 {
		t.Errorf("its hour: %+v", pts)
	}
	if d := h.table.Dead(nil); len(d) != 1 || d[0].ID != s.ID {
		t.Errorf("dead: %+v", d)
	}
	h.sweep(59 * time.Minute)
	h.get(s)
	h.sweep(time.Minute)
	if _, ok := h.table.Get(s.ID); ok {
		t.Error("still remembered after more than an hour")
	}
}

func TestDeadAreBounded(t *testing.T) {
	h := newHost(t, Options{MaxDead: 3})
	for pid := range uint32(10) {
		h.add(pid+1, time.Minute, "short")
		h.sweep(time.Second)
		delete(h.procs, pid+1)
	}
	h.sweep(time.Second)
	dead := h.table.Dead(nil)
	if len(dead) != 3 || dead[0].PID != 10 || dead[2].PID != 8 {
		t.Errorf("remembered %d, want the last three", len(dead))
	}
	if st := h.table.Stats(); st.Evicted != 7 || st.Exited != 10 {
		t.Errorf("%+v", st)
	}
}

func TestFullTable(t *testing.T) {
	h := newHost(t, Options{MaxLive: 2})
	for pid := range uint32(5) {
		h.add(pid+1, time.Minute, "many")
	}
	h.sweep(0)
	if tot := h.table.Totals(); tot.Processes != 5 || tot.Refused != 3 {
		t.Errorf("%+v", tot)
	}
	if _, ok := h.table.Observe(h.add(99, 0, "late")); ok {
		t.Error("a full table took another process")
	}
	if st := h.table.Stats(); st.Live != 2 || st.Refused != 4 {
		t.Errorf("%+v", st)
	}
}

func TestAbortedSweepEndsNobody(t *testing.T) {
	h := newHost(t, Options{})
	a, b := h.add(1, 0, "a"), h.add(2, 0, "b")
	h.sweep(0)
	h.boot += 30 * time.Second
	h.table.Begin(epoch.Add(h.boot), h.boot)
	h.table.Observe(a)
	h.table.Abort()
	if p := h.get(b); p.Ended {
		t.Error("a process not reached by an aborted sweep counts as ended")
	}
	h.table.Begin(epoch.Add(h.boot), h.boot)
	h.table.Observe(a)
	h.table.Keep(2)
	h.table.Keep(3) // not known: nothing to keep
	h.table.End()
	if p := h.get(b); p.Ended {
		t.Error("a process that was there but unreadable counts as ended")
	}
}

func TestTotals(t *testing.T) {
	h := newHost(t, Options{})
	for i, st := range []State{Running, Sleeping, Sleeping, Disk, Zombie, Idle, Unknown, State(77)} {
		s := h.add(uint32(i+1), 0, "x")
		s.State, s.Threads, s.Kernel = st, 2, st == Idle
		if st == Zombie {
			s.Parts = 0
		}
	}
	h.sweep(0)
	tot := h.table.Totals()
	if tot.Processes != 8 || tot.Threads != 16 || tot.KernelThreads != 1 || tot.FDs != 70 {
		t.Errorf("%+v", tot)
	}
	for st, want := range map[State]int{Running: 1, Sleeping: 2, Disk: 1, Stopped: 0, Zombie: 1, Idle: 2} {
		if tot.In(st) != want {
			t.Errorf("%d processes %s, want %d", tot.In(st), st, want)
		}
	}
	if !tot.At.Equal(epoch.Add(h.boot)) {
		t.Errorf("totals of %s", tot.At)
	}
}

func TestPartsStayKnown(t *testing.T) {
	h := newHost(t, Options{})
	s := h.add(1, 0, "bash")
	s.Parts = HasFDs | HasStatus | HasIO | HasLimits | HasCgroup
	s.UID, s.ReadBytes, s.FDLimit, s.Cgroup = 1000, 7, 1024, "/user.slice"
	h.sweep(0)
	*s = Sample{ID: s.ID, Basic: s.Basic}
	h.sweep(time.Second)
	p := h.get(s)
	if p.UID != 1000 || p.ReadBytes != 7 || p.FDLimit != 1024 || p.Cgroup != "/user.slice" || p.FDs != 10 {
		t.Errorf("what the second sweep did not read is lost: %+v", p)
	}
	s.Name = NameOf([]byte("exec"))
	known, ok := h.table.Observe(s)
	if want := HasFDs | HasIO; !ok || known != want {
		t.Errorf("after exec %b is known, want %b", known, want)
	}
}

func TestFDUsedPercent(t *testing.T) {
	for name, c := range map[string]struct {
		parts Parts
		fds   uint32
		limit uint64
		want  float64
	}{
		"half":        {HasFDs | HasLimits, 512, 1024, 50},
		"over":        {HasFDs | HasLimits, 100, 50, 200},
		"unlimited":   {HasFDs | HasLimits, 100, Unlimited, math.NaN()},
		"limit 0":     {HasFDs | HasLimits, 3, 0, math.NaN()},
		"no fds":      {HasLimits, 0, 1024, math.NaN()},
		"no limit":    {HasFDs, 5, 0, math.NaN()},
		"100,000 fds": {HasFDs | HasLimits, 100_000, 1_000_000, 10},
	} {
		t.Run(name, func(t *testing.T) {
			p := Process{Sample: Sample{Parts: c.parts, FDs: c.fds, FDLimit: c.limit}}
			if got := p.FDUsedPercent(); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
				t.Errorf("%g, want %g", got, c.want)
			}
		})
	}
}

func TestListOrders(t *testing.T) {
	h := newHost(t, Options{})
	for i := range uint32(50) {
		s := h.add(i+1, time.Minute, fmt.Sprint("p", i+1))
		s.RSS, s.FDs, s.Threads = uint64(i%7)<<20, i, 50-i
	}
	h.sweep(0)
	for _, s := range h.procs {
		s.CPUUser += uint64(s.PID) * 10_000
	}
	h.procs[3].CPUUser = 0
	h.sweep(30 * time.Second)
	for o, want := range map[Order][]uint32{
		ByRSS: {7, 14, 21}, ByCPU: {50, 49, 48}, ByFDs: {50, 49, 48}, ByThreads: {1, 2, 3},
	} {
		got := h.table.List(nil, o, 3)
		if len(got) != 3 || got[0].PID != want[0] || got[1].PID != want[1] || got[2].PID != want[2] {
			t.Errorf("order %d: %v first, want %v", o, got[0].PID, want)
		}
		if all := h.table.List(nil, o, 0); len(all) != 50 || all[0].PID != want[0] {
			t.Errorf("order %d: all are %d, the first %d", o, len(all), all[0].PID)
		}
	}
	if got := New(Options{}).List(nil, ByRSS, 5); len(got) != 0 {
		t.Errorf("an empty table lists %d", len(got))
	}
}

func TestStates(t *testing.T) {
	for letter, want := range map[byte]string{
		'R': "running", 'S': "sleeping", 'D': "disk", 'T': "stopped", 't': "stopped",
		'Z': "zombie", 'X': "dead", 'I': "idle", 'P': "idle", '?': "unknown", 0: "unknown",
	} {
		if got := StateOf(letter).String(); got != want {
			t.Errorf("%q is %s, want %s", letter, got, want)
		}
	}
	if got := State(200).String(); got != "unknown" {
		t.Errorf("state 200 is %s", got)
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"bash": "bash", "": "", "a-name-longer-than-15": "a-name-longer-t",
		"a\nb": "a\ufffdb", "\x1b[31mred": "\ufffd[31mred", "\xff\xfe": "\ufffd\ufffd", ") R 1": ") R 1",
	} {
		if got := NameOf([]byte(in)).String(); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}
