package state

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files again")

func TestHandles(t *testing.T) {
	for name, tc := range map[string]struct {
		report func(*Part)
		want   Status
	}{
		"new":      {func(*Part) {}, Status{State: Starting}},
		"active":   {(*Part).Active, Status{State: Active}},
		"degraded": {func(p *Part) { p.Degraded("why", "do") }, Status{State: Degraded, Reason: "why", EnableHint: "do", Fault: true}},
		"off":      {func(p *Part) { p.Off("why", "do") }, Status{State: Off, Reason: "why", EnableHint: "do"}},
		"refused":  {func(p *Part) { p.Refused("why", "do") }, Status{State: Off, Reason: "why", EnableHint: "do", Fault: true}},
		"set": {func(p *Part) {
			p.Set(Status{Name: "other", Kind: Sensor, State: Fallback, Reason: "why", Since: time.Unix(1, 0), Circuit: true})
		}, Status{State: Fallback, Reason: "why", Circuit: true}},
		"active again": {func(p *Part) { p.Degraded("why", "do"); p.Active() }, Status{State: Active}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New().Part(Collector, "cpu")
				tc.report(p)
				tc.want.Kind, tc.want.Name, tc.want.Since = Collector, "cpu", time.Now()
				if d := cmp.Diff(tc.want, p.Get()); d != "" {
					t.Errorf("status (-want +got):\n%s", d)
				}
			})
		})
	}
}

// Since is when the part came into its state; what else is reported of it does
// not move it.
func TestSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New().Part(Store, "store")
		start := time.Now()
		steps := []struct {
			name  string
			set   Status
			moves bool
		}{
			{"it becomes active", Status{State: Active}, true},
			{"it stays active", Status{State: Active}, false},
			{"it becomes degraded", Status{State: Degraded, Reason: "failed", Fault: true}, true},
			{"it fails again", Status{State: Degraded, Reason: "failed 2 times", Fault: true}, false},
			{"its circuit opens", Status{State: Degraded, Reason: "rests", Fault: true, Circuit: true}, false},
			{"another hint", Status{State: Degraded, Reason: "rests", EnableHint: "wait", Fault: true, Circuit: true}, false},
			{"it is active again", Status{State: Active}, true},
			{"it is degraded again", Status{State: Degraded, Reason: "failed", Fault: true}, true},
		}
		want := start
		for _, s := range steps {
			time.Sleep(time.Minute) // of the test's own clock
			if s.moves {
				want = time.Now()
			}
			p.Set(s.set)
			got := p.Get()
			if !got.Since.Equal(want) {
				t.Errorf("%s: since %s, want %s", s.name, got.Since, want)
			}
			got.Name, got.Kind, got.Since = "", "", time.Time{}
			if got != s.set {
				t.Errorf("%s: %+v, want %+v", s.name, got, s.set)
			}
		}
	})
}

func TestOnChange(t *testing.T) {
	r := New()
	var first, second []string
	note := func(to *[]string) func(old, cur Status) {
		return func(old, cur Status) {
			if got := r.Part(cur.Kind, cur.Name).Get(); got != cur {
				t.Errorf("told of %+v, but it is %+v", cur, got)
			}
			*to = append(*to, fmt.Sprintf("%s %s: %s %q → %s %q", cur.Kind, cur.Name, old.State, old.Reason, cur.State, cur.Reason))
		}
	}
	p := r.Part(Collector, "disk")
	p.Off("before anybody listened", "")
	r.OnChange(note(&first))
	p.Active()
	p.Active()
	r.OnChange(note(&second))
	p.Degraded("slow", "")
	p.Degraded("slow", "")
	p.Degraded("slower", "")
	r.Part(Database, "sqlite") // adding is no change
	want := []string{
		`collector disk: off "before anybody listened" → active ""`,
		`collector disk: active "" → degraded "slow"`,
		`collector disk: degraded "slow" → degraded "slower"`,
	}
	if d := cmp.Diff(want, first); d != "" {
		t.Errorf("first listener (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want[1:], second); d != "" {
		t.Errorf("second listener (-want +got):\n%s", d)
	}
}

func TestRemove(t *testing.T) {
	r := New()
	changes := 0
	r.OnChange(func(_, _ Status) { changes++ })
	old := r.Part(Collector, "gpu")
	r.Part(Sensor, "gpu").Active()
	old.Degraded("no driver", "")
	r.Remove(Collector, "gpu")
	r.Remove(Collector, "never there")
	if all := r.All(); len(all) != 1 || all[0].Kind != Sensor {
		t.Fatalf("left: %+v, want the sensor only", all)
	}
	if h := r.Health(); h != (Health{Level: Healthy}) {
		t.Errorf("a removed part still counts: %+v", h)
	}
	changes = 0
	old.Refused("a late word", "")
	if changes != 0 || old.Get().State != Degraded {
		t.Errorf("a removed part was heard: %d changes, %+v", changes, old.Get())
	}
	again := r.Part(Collector, "gpu")
	if again == old || again.Get().State != Starting {
		t.Errorf("the part that came back is %+v, want a new one", again.Get())
	}
	old.Active()
	if s := again.Get().State; s != Starting {
		t.Errorf("the old handle made the new part %s", s)
	}
}

func TestPartIsOne(t *testing.T) {
	r := New()
	cpu := r.Part(Collector, "cpu")
	if again := r.Part(Collector, "cpu"); again != cpu {
		t.Error("two handles for one part")
	}
	if cpu == r.Part(Sensor, "cpu") || cpu == r.Part(Collector, "mem") {
		t.Error("one handle for two parts")
	}
}

// The JSON is public: the status command and the API print it.
func TestJSON(t *testing.T) {
	r := New()
	for _, p := range []struct {
		kind Kind
		name string
		set  Status
	}{
		{Publisher, "socket", Status{State: Fallback, Reason: "the directory cannot be written", EnableHint: "chown it", Fault: true}},
		{Collector, "net", Status{State: Active}},
		{Collector, "disk", Status{State: Degraded, Reason: "rests for 1m0s after 5 failures: \x1b[31m\n", Fault: true, Circuit: true}},
		{Collector, "edac", Status{State: Off, Reason: "no memory controller"}},
		{Agent, "budget", Status{State: Starting}},
	} {
		r.Part(p.kind, p.name).Set(p.set)
	}
	all := r.All()
	for i := range all {
		all[i].Since = time.Date(2026, 1, 31, 12, 0, i, 0, time.UTC)
	}
	got, err := json.MarshalIndent(map[string]any{"health": r.Health(), "status": all}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/status.json", append(got, '\n'))
	empty, err := json.Marshal(New().All())
	if err != nil || string(empty) != "[]" {
		t.Errorf("no parts: %s, %v; want []", empty, err)
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it was (if it should change, run the test with -update):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}

// Reporters, readers and reloads at once; the race detector looks on.
func TestConcurrently(t *testing.T) {
	r := New()
	r.OnChange(func(_, cur Status) { r.Part(cur.Kind, cur.Name) })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprint(i % 4)
			for n := range 200 {
				p := r.Part(Collector, name)
				p.Degraded(fmt.Sprint(n), "")
				p.Active()
				r.OnChange(func(_, _ Status) {})
				if h := r.Health(); h.Failed > h.Collectors || h.Collectors > 4 {
					t.Errorf("impossible health %+v", h)
				}
				if n%50 == 0 {
					r.Remove(Collector, name)
				}
			}
		})
	}
	wg.Wait()
	all := r.All()
	if len(all) != 4 {
		t.Fatalf("%d parts, want 4", len(all))
	}
	for _, s := range all {
		if s.State != Active {
			t.Errorf("%s is %s, want active: that was reported last", s.Name, s.State)
		}
	}
}
