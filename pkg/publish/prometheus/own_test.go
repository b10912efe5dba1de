package prometheus

import (
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sysops-agent/pkg/event"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// Every count of the store is on the page: nothing is dropped in silence.
func TestAllCountsAreShown(t *testing.T) {
	allShown(t, counts)
	allShown(t, diskCounts)
}

func allShown[T any](t *testing.T, list []count[T]) {
	t.Helper()
	var c T
	v := reflect.ValueOf(&c).Elem()
	shown := map[uintptr]bool{}
	for _, n := range list {
		shown[reflect.ValueOf(n.of(&c)).Pointer()] = true
	}
	for i := range v.NumField() {
		if !shown[v.Field(i).Addr().Pointer()] {
			t.Errorf("%T.%s is not on the page", c, v.Type().Field(i).Name)
		}
	}
	if len(shown) != len(list) {
		t.Error("one count is shown twice")
	}
}

func TestDiskCounts(t *testing.T) {
	const name = "sysops_store_disk_written_bytes_total"
	if fams := parse(t, newRig(t, 0).text(t, Text)); fams[name] != nil {
		t.Error("a store in memory only shows counts of its files")
	}
	st := store.Open(store.Options{Dir: t.TempDir()})
	t.Cleanup(func() { _ = st.Close() })
	st.Disk().WriteErrors.Store(3)
	p := New(Options{Store: st, State: state.New(), Events: event.NewBus()})
	var b strings.Builder
	if err := p.Write(&b, Text); err != nil {
		t.Fatal(err)
	}
	if got := samples(t, parse(t, b.String()), "sysops_store_disk_write_errors_total")[""]; got != 3 {
		t.Errorf("write errors: %v", got)
	}
}

func TestCountsAreOfTheirReading(t *testing.T) {
	r := newRig(t, 2)
	r.put(noon, blank("a"), blank("b"), blank("c"), blank("d"))
	got := samples(t, parse(t, r.text(t, Text)), "sysops_store_refused_rows_total")
	if d := cmp.Diff(map[string]float64{"reading=test_disk;": 2, "reading=test_host;": 0}, got); d != "" {
		t.Error(d)
	}
}

func TestStates(t *testing.T) {
	r := newRig(t, 0)
	r.reg.Part(state.Collector, "cpu").Active()
	r.reg.Part(state.Database, "sqlite").Degraded("disk full", "make room")
	fams := parse(t, r.text(t, Text))
	got := samples(t, fams, "sysops_state")
	want := map[string]float64{}
	for part, now := range map[string]string{"kind=collector;name=cpu;": "active", "kind=database;name=sqlite;": "degraded"} {
		for _, s := range []string{"starting", "active", "degraded", "fallback", "off"} {
			want[part+"state="+s+";"] = flag(s == now)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]float64{"level=healthy;": 0, "level=degraded;": 1, "level=critical;": 0}, samples(t, fams, "sysops_health")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]float64{"kind=collector;name=cpu;": 0, "kind=database;name=sqlite;": 1}, samples(t, fams, "sysops_state_fault")); d != "" {
		t.Error(d)
	}
}

func TestReasonsAreNotShown(t *testing.T) {
	r := newRig(t, 0)
	r.reg.Part(state.Database, "postgres").Degraded("cannot log in as agent with hunter2", "")
	if strings.Contains(r.text(t, Text), "hunter2") {
		t.Error("a reason is on the page: it belongs to the status, which may be guarded by a token")
	}
}

func TestEventDrops(t *testing.T) {
	r := newRig(t, 0)
	bus := r.opt.Events
	bus.Subscribe("slow", 1)
	for range 4 {
		bus.Publish(event.Event{Kind: event.ClockStepped})
	}
	got := samples(t, parse(t, r.text(t, Text)), "sysops_event_drops_total")
	if got["subscriber=slow;"] != 3 {
		t.Errorf("drops: %v", got)
	}
}

func TestBuild(t *testing.T) {
	info := &debug.BuildInfo{
		Main: debug.Module{Version: "v1.0.0"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"},
		},
	}
	tests := []struct {
		name, version string
		info          *debug.BuildInfo
		want          string
	}{
		{"said by the linker", "2.0", info, "2.0 abc-dirty"},
		{"said by the module", "", info, "v1.0.0 abc-dirty"},
		{"nobody says", "", nil, "dev "},
		{"built from a tree", "", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "dev "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := buildOf(tt.version, tt.info)
			if got := b.Version + " " + b.Revision; got != tt.want || b.GoVersion == "" {
				t.Errorf("%q, %q", got, b.GoVersion)
			}
		})
	}
	if ReadBuild("1").Version != "1" {
		t.Error("ReadBuild forgets the version")
	}
}
