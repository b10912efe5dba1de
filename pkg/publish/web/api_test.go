package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sysops-agent/pkg/event"
	"sysops-agent/pkg/query"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// ask calls the handler behind TCP without a connection.
func (r *rig) ask(target string) (int, string) {
	r.t.Helper()
	rec := httptest.NewRecorder()
	r.tcp.srv.Handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "http://localhost"+target, nil))
	return rec.Code, rec.Body.String()
}

// into asks and reads the answer.
func into[T any](r *rig, target string) T {
	r.t.Helper()
	code, body := r.ask(target)
	var v T
	if err := json.Unmarshal([]byte(body), &v); err != nil || code != 200 {
		r.t.Fatalf("%s: %d, %v: %s", target, code, err, body)
	}
	return v
}

func TestIndexIsHarmless(t *testing.T) {
	r := newRig(t)
	r.deps.Agent.Hostname = `<script>alert("x")</script>`
	code, body := r.build().ask("/")
	if code != 200 || strings.Contains(body, "<script") || !strings.Contains(body, "/metrics") {
		t.Errorf("%d\n%s", code, body)
	}
	for _, l := range links {
		path, _, _ := strings.Cut(l.path, "?")
		if code, _ := r.ask(path); code == 404 {
			t.Errorf("the index leads to %s, which is not there", path)
		}
	}
}

func TestHealth(t *testing.T) {
	r := newRig(t).build()
	cpu := r.deps.State.Part(state.Collector, "cpu")
	mem := r.deps.State.Part(state.Collector, "memory")
	cpu.Refused("no permission", "")
	mem.Active()
	for _, path := range []string{"/healthz", "/-/healthy"} {
		if code, body := r.ask(path); code != 200 || !strings.Contains(body, `"level":"degraded"`) {
			t.Errorf("one of two works: %d %s", code, body)
		}
	}
	mem.Refused("no permission", "")
	if code, body := r.ask("/healthz"); code != 503 || !strings.Contains(body, `"level":"critical"`) {
		t.Errorf("none works: %d %s", code, body)
	}
}

func TestReady(t *testing.T) {
	r := newRig(t)
	ready := false
	r.deps.Ready = func() (bool, string) { return ready, map[bool]string{false: "no sweep yet"}[ready] }
	r.build()
	if code, body := r.ask("/readyz"); code != 503 || !strings.Contains(body, "no sweep yet") {
		t.Errorf("%d %s", code, body)
	}
	ready = true
	if code, _ := r.ask("/-/ready"); code != 200 {
		t.Errorf("%d", code)
	}
}

func TestAgentAndStatus(t *testing.T) {
	r := newRig(t).build()
	r.deps.State.Part(state.Database, "sqlite").Degraded("disk full", "make room")
	a := into[Agent](r, "/api/v1/agent")
	if a.Version != "1.2.3" || a.PID != os.Getpid() || a.Uptime != 5 || a.Socket != r.cfg.Socket || a.Health.Faults != 1 {
		t.Errorf("%+v", a)
	}
	list := into[[]map[string]any](r, "/api/v1/status")
	for _, p := range list {
		for _, key := range []string{"name", "kind", "state", "reason", "since", "enable_hint"} {
			if _, ok := p[key]; !ok {
				t.Errorf("no %s in %v", key, p)
			}
		}
	}
	if len(list) != 3 || list[0]["name"] != "sqlite" || list[0]["enable_hint"] != "make room" {
		t.Errorf("%v", list)
	}
}

func TestCatalogue(t *testing.T) {
	got := into[[]query.MetricInfo](newRig(t).build(), "/api/v1/metrics")
	labels := []query.LabelInfo{{Name: "device", Help: "Name."}, {Name: "model", Help: "What it is.", Attr: true}}
	want := []query.MetricInfo{
		{
			Name: "disk.read_bytes", Second: "sys.disk_read_bytes", Page: "sysops_disk_read_bytes_total", Reading: "test_disk",
			Kind: "counter", Unit: "bytes", Res: 1, Help: "Bytes read.", Labels: labels, Rows: 3, StepSecs: 10,
		},
		{
			Name: "disk.util_percent", Second: "sys.util", Page: "sysops_disk_util_ratio", Reading: "test_disk",
			Kind: "gauge", Unit: "percent", Res: 0.01, Help: "Busy share.", Labels: labels, Rows: 3, StepSecs: 10,
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// atNoon runs f when the clock, a false one, stands at noon and ten seconds.
func atNoon(t *testing.T, f func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(noon+10, 0)))
		f(t)
	})
}

func TestInstant(t *testing.T) {
	sda := query.Value{Labels: map[string]string{"device": "sda", "model": "Fast"}, Time: noon, Value: 12.5}
	nvme := query.Value{Labels: map[string]string{"device": "nvme0", "model": ""}, Time: noon, Value: 50}
	tests := []struct {
		name, params string
		want         []query.Value
		more         bool
	}{
		{"all that is present", "metric=disk.util_percent", []query.Value{sda, nvme}, false},
		{"by second name", "metric=sys.util", []query.Value{sda, nvme}, false},
		{"by page name", "metric=sysops_disk_util_ratio", []query.Value{sda, nvme}, false},
		{"selector", `metric=disk.util_percent{device=~"s.."}`, []query.Value{sda}, false},
		{"match[]", "metric=disk.util_percent&match[]=device!=sda", []query.Value{nvme}, false},
		{"all conditions hold", "metric=disk.util_percent{device=sda}&match[]=model=Slow", []query.Value{}, false},
		{"regular expressions are anchored", "metric=disk.util_percent&match[]=device=~s", []query.Value{}, false},
		{"not matching", "metric=disk.util_percent&match[]=device!~nv.*", []query.Value{sda}, false},
		{"limit", "metric=disk.util_percent&limit=1", []query.Value{sda}, true},
		{"counter", "metric=disk.read_bytes{device=sda}", []query.Value{{Labels: sda.Labels, Time: noon, Value: 1000}}, false},
	}
	atNoon(t, func(t *testing.T) {
		r := newRig(t).build()
		for _, tt := range tests {
			got := into[query.Instant](r, "/api/v1/query?"+escape(tt.params))
			if d := cmp.Diff(tt.want, got.Series); d != "" || got.Truncated != tt.more {
				t.Errorf("%s: truncated %v\n%s", tt.name, got.Truncated, d)
			}
		}
	})
}

// Rows that nobody writes any more, or that are of a future that the clock
// has left, have no value now.
func TestInstantIsOfNow(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		r := newRig(t).build()
		values := func() int {
			return len(into[query.Instant](r, "/api/v1/query?metric=disk.util_percent").Series)
		}
		if n := values(); n != 2 {
			t.Errorf("%d values while they are written", n)
		}
		time.Sleep(2 * time.Minute)
		if n := values(); n != 0 {
			t.Errorf("%d values two minutes after the last", n)
		}
		r.disk.Begin(store.At(noon + 3600))
		r.disk.Put(&disk{Device: "sda", Util: 1})
		r.disk.End()
		if n := values(); n != 0 {
			t.Errorf("%d values from the future", n)
		}
	})
}

// escape encodes parameters written for people.
func escape(params string) string {
	v := url.Values{}
	for p := range strings.SplitSeq(params, "&") {
		name, value, _ := strings.Cut(p, "=")
		v.Add(name, value)
	}
	return v.Encode()
}

func TestBadRequests(t *testing.T) {
	r := newRig(t)
	r.deps.Processes = func(string, int) any { return nil }
	r.build()
	large := strings.Repeat("(.{1,1000})", 20)
	tests := []struct {
		target string
		code   int
		words  []string
	}{
		{"/api/v1/nothing", 404, []string{"/api/v1/nothing"}},
		{"/api/v1/agent?x=1", 400, []string{"unknown parameter", "x", "no parameters"}},
		{"/api/v1/query", 400, []string{"metric is missing"}},
		{"/api/v1/query?metrik=a", 400, []string{"metrik", "allowed are: metric, match[], limit"}},
		{"/api/v1/query?metric=disk.util_percent&metric=b", 400, []string{"2 times"}},
		{"/api/v1/query?metric=disk.utl_percent", 404, []string{"disk.utl_percent", "similar are disk.util_percent", "/api/v1/metrics"}},
		{"/api/v1/query?metric=util_percent", 404, []string{"similar are disk.util_percent"}},
		{"/api/v1/query?metric=disk.util_percent{dev=a}", 400, []string{"no label", "device, model"}},
		{"/api/v1/query?metric=disk.util_percent{device=~%22(%22}", 400, []string{"regular expression of label device", "missing closing )"}},
		{"/api/v1/query?metric=disk.util_percent{device=~%22" + large + "%22}", 400, []string{"label device", "too large"}},
		{"/api/v1/query?metric=disk.util_percent&match[]=device!~" + large, 400, []string{"too large"}},
		{"/api/v1/query_range?metric=disk.util_percent&match[]=device=~" + large, 400, []string{"too large"}},
		{"/api/v1/query_range?metric=disk.util_percent&match[]=device=~" + strings.Repeat("a", 257), 400, []string{"257 bytes", "256"}},
		{"/api/v1/query_range?metric=disk.utl_percent", 404, []string{"similar are disk.util_percent", "/api/v1/metrics"}},
		{"/api/v1/query?metric=disk.util_percent{", 400, []string{"label's name"}},
		{"/api/v1/query?metric=disk.util_percent&limit=0", 400, []string{"1 to 5000"}},
		{"/api/v1/query?metric=disk.util_percent&limit=x", 400, []string{"limit"}},
		{"/api/v1/query?metric=a;b", 400, []string{"cannot be read"}},
		{"/api/v1/query?metric=%zz", 400, []string{"cannot be read"}},
		{"/api/v1/query?metric=" + strings.Repeat("a", 5000), 400, []string{"4096"}},
		{"/api/v1/query?metric=a" + strings.Repeat("&match[]=b=c", 21), 400, []string{"21 times"}},
		{"/api/v1/query_range?metric=a.b&from=2m&since=3m", 400, []string{"both from and since"}},
		{"/api/v1/query_range?metric=a.b&from=1m&to=2m", 400, []string{"is not before"}},
		{"/api/v1/query_range?metric=a.b&to=2099-01-01T00:00:00Z", 400, []string{"future"}},
		{"/api/v1/query_range?metric=a.b&from=1960-01-01T00:00:00Z", 400, []string{"1970"}},
		{"/api/v1/query_range?metric=a.b&since=soon", 400, []string{"soon", "90s"}},
		{"/api/v1/query_range?metric=a.b&step=0s", 400, []string{"whole seconds"}},
		{"/api/v1/query_range?metric=a.b&step=1500ms", 400, []string{"whole seconds"}},
		{"/api/v1/query_range?metric=a.b&since=7d&step=1s", 400, []string{"604800 points", "step at least 55s"}},
		{"/api/v1/query_range?metric=a.b&since=1d&step=10s&limit=1000", 400, []string{"limit at most 57"}},
		{"/api/v1/processes?sort=name", 400, []string{"cpu, rss, fds"}},
		{"/api/v1/processes?limit=1000000", 400, []string{"10000"}},
		{"/api/v1/processes", 503, []string{"process table"}},
		{"/api/v1/topology", 503, []string{"topology"}},
		{"/api/v1/overview", 503, []string{"overview"}},
		{"/api/v1/overview?x=1", 400, []string{"no parameters"}},
		{"/api/v1/events?after=-1", 400, []string{"after"}},
	}
	for _, tt := range tests {
		code, body := r.ask(tt.target)
		if code != tt.code {
			t.Errorf("%.100s: %d %s", tt.target, code, body)
		}
		wantError(t, body, tt.words...)
	}
}

func TestRangeRequest(t *testing.T) {
	now := time.Unix(noon+5, 0)
	tests := []struct {
		name, params string
		want         query.Request
	}{
		{"the last hour", "metric=a.b", query.Request{From: now.Add(-time.Hour), To: now, Limit: 138}},
		{"since", "metric=a.b&since=2m", query.Request{From: now.Add(-2 * time.Minute), To: now, Limit: 1000}},
		{"from and to", "metric=a.b&from=1800000000&to=1800000004&step=2s&limit=7", query.Request{From: time.Unix(noon, 0), To: time.Unix(noon+4, 0), Step: 2 * time.Second, Limit: 7}},
		{"since before to", "metric=a.b&to=1h&since=1h", query.Request{From: now.Add(-2 * time.Hour), To: now.Add(-time.Hour), Limit: 138}},
		{"a year", "metric=a.b&since=365d", query.Request{From: now.AddDate(-1, 0, 0), To: now, Limit: 45}},
		{"a year of days", "metric=a.b&since=365d&step=1d", query.Request{From: now.AddDate(-1, 0, 0), To: now, Step: 24 * time.Hour, Limit: 1000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			var got query.Request
			r.answer = func(_ context.Context, req query.Request) (*query.Result, error) {
				got = req
				return &query.Result{}, nil
			}
			r.build()
			into[query.Result](r, "/api/v1/query_range?"+escape(tt.params))
			tt.want.Metric = "a.b"
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRangeAnswer(t *testing.T) {
	r := newRig(t)
	want := query.Result{
		Metric: "a.b", Page: `sysops_a_b`, Kind: "gauge", Unit: "bytes", StepSecs: 10, Tiers: []query.Tier{query.TierMemory},
		Series: []query.Series{
			{Labels: map[string]string{"x": `"series":[]`}, Points: []query.Point{{Time: 1, Value: 2, Min: 1, Max: 3}}},
			{Labels: map[string]string{"x": "</script>"}, Points: []query.Point{}},
		},
		Truncated: true, Notes: []string{`"series":[] is in the text`},
	}
	r.answer = func(context.Context, query.Request) (*query.Result, error) {
		res := want
		res.Series = slices.Clone(want.Series)
		return &res, nil
	}
	r.build()
	if d := cmp.Diff(want, into[query.Result](r, "/api/v1/query_range?metric=a.b")); d != "" {
		t.Error(d)
	}
	if _, body := r.ask("/api/v1/query_range?metric=a.b"); strings.Contains(body, "</script>") {
		t.Error("hostile text is not escaped for browsers")
	}
	want = query.Result{}
	if _, body := r.ask("/api/v1/query_range?metric=a.b"); strings.Contains(body, "null") {
		t.Errorf("an empty answer has null: %s", body)
	}
}

func TestRangeErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		code int
		want string
	}{
		"the asker's":  {fmt.Errorf("%w: there is no metric a.b", query.ErrBadRequest), 400, "there is no metric"},
		"too slow":     {fmt.Errorf("reading: %w", context.DeadlineExceeded), 504, "too long"},
		"our own":      {errors.New("the database is away"), 500, "database is away"},
		"of our kind":  {&Error{Status: 418, Message: "teapot", Hint: "no"}, 418, "teapot"},
		"wrapped, too": {fmt.Errorf("x: %w", &Error{Status: 409, Message: "busy"}), 409, "busy"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.answer = func(context.Context, query.Request) (*query.Result, error) { return nil, tt.err }
			code, body := r.build().ask("/api/v1/query_range?metric=a.b")
			if code != tt.code {
				t.Errorf("%d", code)
			}
			wantError(t, body, tt.want)
		})
	}
}

func TestAnswerThatIsNoJSON(t *testing.T) {
	r := newRig(t)
	r.deps.Topology = func() any { return math.NaN() }
	r.answer = func(context.Context, query.Request) (*query.Result, error) {
		return &query.Result{Series: []query.Series{{Points: []query.Point{{Value: math.NaN()}}}}}, nil
	}
	r.start()
	code, body := r.ask("/api/v1/topology")
	if code != 500 {
		t.Errorf("%d", code)
	}
	wantError(t, body, "log")
	if got := r.raw("tcp", getRange); strings.HasSuffix(got, "0\r\n\r\n") || strings.Contains(got, "NaN") {
		t.Errorf("half an answer ends as if it were whole: %q", got)
	}
}

func TestRangeQueriesWaitForEachOther(t *testing.T) {
	r := newRig(t)
	r.lim.queries = 1
	began, release := r.slowRange()
	r.start()
	first := make(chan string)
	go func() { first <- r.raw("tcp", getRange) }()
	<-began
	// The second comes to an end without having been let in.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rec := httptest.NewRecorder()
	r.tcp.srv.Handler.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", "http://localhost/api/v1/query_range?metric=a.b", nil))
	if rec.Code != http.StatusServiceUnavailable || len(began) != 0 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	close(release)
	if s := <-first; !strings.Contains(s, `"done"`) {
		t.Errorf("the first: %s", s)
	}
	// Its place is free again, also after an error and after a panic.
	for _, f := range []func(context.Context, query.Request) (*query.Result, error){
		func(context.Context, query.Request) (*query.Result, error) { return nil, errors.New("no") },
		func(context.Context, query.Request) (*query.Result, error) { panic("no") },
	} {
		r.answer = f
		r.ask("/api/v1/query_range?metric=a.b")
	}
	if len(r.queries) != 0 {
		t.Error("a place is never given back")
	}
}

func TestWorkIsBounded(t *testing.T) {
	r := newRig(t)
	r.lim.work = 10 * time.Millisecond
	r.slowRange()
	code, body := r.build().ask("/api/v1/query_range?metric=a.b")
	if code != http.StatusGatewayTimeout {
		t.Errorf("%d", code)
	}
	wantError(t, body, "too long")
}

func TestEvents(t *testing.T) {
	r := newRig(t)
	for i := range 5 {
		kind := event.ClockStepped
		if i%2 == 1 {
			kind = event.ConfigReloaded
		}
		r.deps.Events.Publish(event.Event{Kind: kind, Text: fmt.Sprint(i)})
	}
	r.build()
	for params, want := range map[string]string{
		"": "01234", "?limit=2": "34", "?after=3": "34", "?kind=config.reloaded": "13", "?kind=config.reloaded&limit=1": "3", "?after=99": "",
	} {
		got := ""
		for _, e := range into[[]event.Event](r, "/api/v1/events"+params) {
			got += e.Text
		}
		if got != want {
			t.Errorf("%q: %s", params, got)
		}
	}
}

func TestProcessesAndTopology(t *testing.T) {
	r := newRig(t)
	r.deps.Processes = func(sort string, limit int) any { return []string{sort, fmt.Sprint(limit)} }
	r.deps.Topology = func() any { return map[string]int{"sockets": 2} }
	r.build()
	for params, want := range map[string][]string{"": {"cpu", "20"}, "?sort=rss&limit=5": {"rss", "5"}} {
		if d := cmp.Diff(want, into[[]string](r, "/api/v1/processes"+params)); d != "" {
			t.Error(d)
		}
	}
	if got := into[map[string]int](r, "/api/v1/topology"); got["sockets"] != 2 {
		t.Errorf("%v", got)
	}
}

// Whatever the parameters are, the answer is an answer or an error of ours.
func FuzzParameters(f *testing.F) {
	for _, q := range []string{"metric=disk.util_percent&limit=1", "metric=a{b=~\".*\"}&since=1h&step=10s", "sort=cpu&limit=3", "after=1&kind=x", "from=1800000000&to=now&metric=a.b", "%", "a=1;b=2"} {
		f.Add(q)
	}
	r := newRig(f)
	r.deps.Processes = func(string, int) any { return []int{} }
	r.answer = func(_ context.Context, req query.Request) (*query.Result, error) {
		if n := req.To.Sub(req.From) / max(req.Step, time.Second); req.Step > 0 && n > query.MaxPoints || req.Limit < 1 || req.Limit > query.MaxSeries || !req.From.Before(req.To) {
			return nil, fmt.Errorf("unbounded request %+v", req)
		}
		return &query.Result{}, nil
	}
	r.build()
	f.Fuzz(func(t *testing.T, raw string) {
		for _, path := range []string{"query", "query_range", "processes", "events", "status"} {
			req := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/"+path, nil)
			req.URL.RawQuery = raw
			rec := httptest.NewRecorder()
			r.tcp.srv.Handler.ServeHTTP(rec, req)
			if rec.Code >= 500 || !json.Valid(rec.Body.Bytes()) {
				t.Errorf("%s?%s: %d %s", path, raw, rec.Code, rec.Body)
			}
		}
	})
}
