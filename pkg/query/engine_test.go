package query

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

func TestResolve(t *testing.T) {
	w := newWorld(t)
	for name, want := range map[string]string{
		"probe.load_percent":      "probe.load_percent",
		"test.load":               "probe.load_percent",
		"sysops_probe_load_ratio": "probe.load_percent",
		"test.probe_ops":          "probe.ops",
		"sysops_probe_ops_total":  "probe.ops",
		"tide.level":              "tide.level",
	} {
		s, i, err := w.e.Resolve(name)
		if err != nil || s.Fields[i].Name != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResolveNamesWhatIsNear(t *testing.T) {
	w := newWorld(t)
	for name, want := range map[string]string{
		"probe.load_procent":       "similar are probe.load_percent",
		"tide.levels":              "similar are tide.level",
		"ops":                      "similar are probe.ops",
		"other.waves":              "similar are tide.waves",
		"sysops_tide_wave_total":   "similar are tide.waves",
		"nothing.like_it":          "none is similar",
		"":                         "none is similar",
		strings.Repeat("x", 10000): "none is similar",
		"a\x00\xff":                "none is similar",
	} {
		_, _, err := w.e.Resolve(name)
		if !errors.Is(err, ErrBadRequest) || !errors.Is(err, ErrNoMetric) || !strings.Contains(err.Error(), want) || len(err.Error()) > 500 {
			t.Errorf("%.40q: %v", name, err)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "ac", 1},
		{"ac", "abc", 1},
		{"kitten", "sitting", 3},
		{"flaw", "lawn", 2},
		{"abcd", "", maxDistance + 1},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestCatalog(t *testing.T) {
	w := newWorld(t)
	w.raw["a"], w.raw["b"] = steady(midnight, 1), steady(midnight, 1)
	w.remember(midnight, midnight+10)
	all := w.e.Catalog()
	if len(all) != 4 || !slices.IsSortedFunc(all, func(a, b MetricInfo) int { return strings.Compare(a.Name, b.Name) }) {
		t.Fatalf("%+v", all)
	}
	i := slices.IndexFunc(all, func(m MetricInfo) bool { return m.Name == "probe.ops" })
	m := all[i]
	if m.Second != "test.probe_ops" || m.Page != "sysops_probe_ops_total" || m.Reading != "probe" || m.Kind != "counter" ||
		m.Unit != "count" || m.Res != 1 || m.Help != "A counter." || m.Rows != 2 || m.Step != 10*time.Second || m.StepSecs != 10 ||
		!slices.Equal(m.Labels, []LabelInfo{{Name: "name"}, {Name: "kind", Attr: true}}) {
		t.Errorf("%+v", m)
	}
	if i := slices.IndexFunc(all, func(m MetricInfo) bool { return m.Name == "tide.level" }); all[i].Rows != 0 || all[i].Step != 0 {
		t.Errorf("a reading that nothing writes: %+v", all[i])
	}
}

func TestReadingThatCameLater(t *testing.T) {
	st := store.Open(store.Options{})
	e := New(st, nil, nil, "h")
	if _, _, err := e.Resolve("tide.level"); err == nil {
		t.Fatal("it is there already")
	}
	store.NewWriter[tide](st, store.ShardOptions{Step: time.Second})
	if _, _, err := e.Resolve("tide.level"); err != nil {
		t.Error(err)
	}
}

func TestInstant(t *testing.T) {
	w := newWorld(t)
	w.raw["fresh"] = steady(midnight, 30)
	w.raw["stale"] = steady(midnight, 20)
	w.raw["first"] = []sample{{midnight + 290, 3, 77}}
	absent := steady(midnight, 30)
	absent[29].ops, absent[29].load = metric.NoCount, metric.NaN
	w.raw["absent"] = absent
	w.remember(midnight, midnight+300)
	w.e.now = func() time.Time { return time.Unix(midnight+300, 0) }
	ask := func(name string, m ...Matcher) map[string]Value {
		r, err := w.e.Instant(context.Background(), name, m, 0)
		if err != nil {
			t.Fatal(err)
		}
		if r.Host != "h" || r.Truncated {
			t.Errorf("%+v", r)
		}
		out := map[string]Value{}
		for _, v := range r.Series {
			out[v.Labels["name"]] = v
		}
		return out
	}
	loads := ask("probe.load_percent")
	if len(loads) != 2 || loads["fresh"].Value != 29 || loads["fresh"].Time != midnight+290 || loads["fresh"].Rate != nil {
		t.Errorf("gauges: %+v", loads)
	}
	ops := ask("probe.ops")
	if len(ops) != 2 || ops["fresh"].Value != 290 || ops["fresh"].Rate == nil || *ops["fresh"].Rate != 1 {
		t.Errorf("counters: %+v", ops)
	}
	if ops["first"].Value != 77 || ops["first"].Rate != nil {
		t.Errorf("a counter's first sample: %+v", ops["first"])
	}
	if got := ask("probe.ops", Matcher{"kind", Equal, "k-first"}); len(got) != 1 || got["first"].Labels["kind"] != "k-first" {
		t.Errorf("by attribute: %+v", got)
	}
	if got := ask("tide.level"); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	for limit, more := range map[int]bool{1: true, 2: false} {
		if r, err := w.e.Instant(context.Background(), "probe.ops", nil, limit); err != nil || len(r.Series) != limit || r.Truncated != more {
			t.Errorf("at most %d: %+v, %v", limit, r, err)
		}
	}
	w.e.now = func() time.Time { return time.Unix(midnight-600, 0) } // the clock went back
	if got := ask("probe.ops"); len(got) != 0 {
		t.Errorf("from the future: %+v", got)
	}
	for name, m := range map[string]Matcher{"nothing": {}, "probe.ops": {"color", Equal, "red"}} {
		if _, err := w.e.Instant(context.Background(), name, []Matcher{m}, 0); !errors.Is(err, ErrBadRequest) {
			t.Errorf("%s %v: %v", name, m, err)
		}
	}
}
