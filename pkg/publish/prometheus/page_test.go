package prometheus

import (
	"compress/gzip"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/publish/prometheus/pagetest"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// example fills a rig with one of everything.
func example(t testing.TB) *rig {
	r := newRig(t, 0)
	a := disk{Device: "sda", Model: "Fast", Util: 12.34, Read: 1 << 40, Busy: 1500, Temp: -3.5}
	b := blank("sdb")
	b.Read = 7
	r.put(noon, a, b)
	r.hosts.Begin(store.At(noon))
	r.hosts.Put(&host{Load: 0.25})
	r.hosts.End()
	r.reg.Part(state.Collector, "disk").Active()
	r.reg.Part(state.Collector, "gpu").Refused("no permission", "run as root")
	r.opt.Events.Subscribe("journal", 1)
	return r
}

func TestGolden(t *testing.T) {
	for f, file := range map[Format]string{Text: "testdata/page.txt", OpenMetrics: "testdata/page.openmetrics"} {
		got := example(t).text(t, f)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s differs (UPDATE_GOLDEN=1 accepts):\n%s", file, d)
		}
	}
}

func TestPromtoolIsSilent(t *testing.T) {
	pagetest.Promtool(t, example(t).text(t, Text))
}

func TestValuesComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, 0)
		n := rapid.IntRange(0, 40).Draw(rt, "rows")
		want := map[string]disk{}
		var ds []disk
		for i := range n {
			d := disk{
				Device: "d" + strconv.Itoa(i),
				Util:   rapid.OneOf(rapid.Float64Range(0, 100), rapid.Just(math.NaN())).Draw(rt, "util"),
				Temp:   rapid.Float64().Draw(rt, "temp"),
				Read:   metric.Count(rapid.Uint64().Draw(rt, "read")),
				Busy:   metric.Count(rapid.Uint64Range(0, 1<<52).Draw(rt, "busy")),
			}
			want["device="+d.Device+";"] = d
			ds = append(ds, d)
		}
		r.put(noon, ds...)
		fams := parse(t, r.text(t, Text))
		read := samples(t, fams, "sysops_test_read_bytes_total")
		busy := samples(t, fams, "sysops_test_busy_seconds_total")
		util := samples(t, fams, "sysops_test_util_ratio")
		temp := samples(t, fams, "sysops_test_temp_celsius")
		for key, d := range want {
			same(rt, "read", key, read, float64(d.Read), d.Read == metric.NoCount)
			same(rt, "busy", key, busy, float64(d.Busy)*1e-3, false)
			same(rt, "util", key, util, d.Util/100, math.IsNaN(d.Util))
			same(rt, "temp", key, temp, d.Temp, math.IsInf(d.Temp, 0))
		}
	})
}

func same(t *rapid.T, what, key string, got map[string]float64, want float64, absent bool) {
	v, ok := got[key]
	if ok == absent || ok && v != want {
		t.Errorf("%s of %s is %v (on the page: %v), written as %v (absent: %v)", what, key, v, ok, want, absent)
	}
}

func TestOnlyFreshRows(t *testing.T) {
	tests := []struct {
		name string
		age  int64 // of the slot's beginning, seconds
		want bool
	}{
		{"just written", 0, true},
		{"a minute ago", 60, true},
		{"seven of its steps of ten seconds ago", 70, false},
		{"long ago", 3600, false},
		{"a slot ahead: the sweep of a clock slightly ahead", -10, true},
		{"in the future: the clock was set back", -3600, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, 0)
			r.now = func() time.Time { return time.Unix(noon+tt.age, 0) }
			r.put(noon, disk{Device: "a", Util: 1})
			if _, got := parse(t, r.text(t, Text))["sysops_test_util_ratio"]; got != tt.want {
				t.Errorf("shown: %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFreshFollowsTheStep(t *testing.T) {
	at := time.Unix(noon, 0)
	for _, tt := range []struct {
		step, age time.Duration
		want      bool
	}{
		{time.Second, time.Minute, true},
		{time.Second, time.Minute + 1, false},
		{time.Minute, 3 * time.Minute, true},
		{time.Minute, 3*time.Minute + 1, false},
		{time.Hour, 3 * time.Hour, true},
		{time.Hour, -time.Hour - 1, false},
	} {
		if got := fresh(at, at.Add(tt.age), tt.step); got != tt.want {
			t.Errorf("step %v, age %v: fresh is %v", tt.step, tt.age, got)
		}
	}
}

// hostile are label values as an unfriendly process would choose them.
var hostile = []string{
	"a\nb", `say "hi"`, `C:\new`, "\xff\xfe", `\`, `"`, `\"`, `}`, `{x="y"} 1`, "\x1b[31m", "日本", "e\u2028f",
	strings.Repeat("x", 256), strings.Repeat(`"`, 256), strings.Repeat("\\", 10_000), "# EOF", "c\x00d",
}

func TestHostileLabels(t *testing.T) {
	r := newRig(t, 0)
	want := map[string]float64{}
	var ds []disk
	for i, v := range hostile {
		d := blank(v)
		d.Temp = float64(i)
		ds = append(ds, d)
		clean, _ := metric.LabelValue(v)
		want["device="+clean+";"] = float64(i)
	}
	r.put(noon, ds...)
	r.reg.Part(state.Channel, "x\xff\n\"y\"").Active()
	page := r.text(t, Text)
	if d := cmp.Diff(want, samples(t, parse(t, page), "sysops_test_temp_celsius")); d != "" {
		t.Error(d)
	}
	checkOpenMetrics(t, r.text(t, OpenMetrics))
}

func TestEmptyStore(t *testing.T) {
	r := newRig(t, 0)
	fams := parse(t, r.text(t, Text))
	if fams["sysops_build_info"] == nil || fams["sysops_test_util_ratio"] != nil {
		t.Errorf("families: %v", fams)
	}
	checkOpenMetrics(t, r.text(t, OpenMetrics))
}

func TestServe(t *testing.T) {
	r := example(t)
	tests := []struct {
		name, accept, coding string
		format               Format
		zipped               bool
	}{
		{"plain", "", "", Text, false},
		{"zipped", "", "gzip, deflate", Text, true},
		{"openmetrics zipped", "application/openmetrics-text;version=1.0.0", "gzip", OpenMetrics, true},
		{"gzip refused", "*/*", "gzip;q=0", Text, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			req.Header.Set("Accept", tt.accept)
			req.Header.Set("Accept-Encoding", tt.coding)
			rec := httptest.NewRecorder()
			r.ServeHTTP(rec, req)
			var body io.Reader = rec.Body
			if got := rec.Header().Get("Content-Encoding") == "gzip"; got != tt.zipped {
				t.Fatalf("zipped: %v", got)
			}
			if tt.zipped {
				zr, err := gzip.NewReader(body)
				if err != nil {
					t.Fatal(err)
				}
				body = zr
			}
			got, err := io.ReadAll(body)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != r.text(t, tt.format) {
				t.Errorf("the page served is not the page written:\n%s", got)
			}
			if ct := rec.Header().Get("Content-Type"); ct != tt.format.ContentType() {
				t.Errorf("Content-Type %q", ct)
			}
		})
	}
}

// brokenWriter takes so many writes, then fails.
type brokenWriter struct{ left, calls, largest int }

func (b *brokenWriter) Write(p []byte) (int, error) {
	b.calls++
	b.largest = max(b.largest, len(p))
	if b.left--; b.left < 0 {
		return 0, errors.New("gone")
	}
	return len(p), nil
}

// crowd is n rows with labels as long as they may be, each byte escaped.
func crowd(n int) []disk {
	ds := make([]disk, n)
	for i := range ds {
		pad := strings.Repeat(`"`, metric.MaxLabelValue-8)
		ds[i] = disk{Device: strconv.Itoa(i) + pad, Model: pad, Util: 50, Read: 1, Busy: 1, Temp: 1}
	}
	return ds
}

func TestChunksAreBounded(t *testing.T) {
	r := newRig(t, 0)
	r.put(noon, crowd(500)...)
	s := newScrape()
	w := &brokenWriter{left: math.MaxInt}
	if err := r.write(s, w, Text); err != nil {
		t.Fatal(err)
	}
	if w.calls < 10 || w.largest > chunk+slack || cap(s.out.buf) != chunk+slack {
		t.Errorf("%d writes of at most %d bytes, buffer of %d", w.calls, w.largest, cap(s.out.buf))
	}
}

func TestStopsWhenTheClientIsGone(t *testing.T) {
	r := newRig(t, 0)
	r.put(noon, crowd(500)...)
	w := &brokenWriter{left: 3}
	if err := r.Write(w, Text); err == nil {
		t.Error("no error")
	}
	if w.calls != 4 {
		t.Errorf("%d writes, want none after the one that failed", w.calls)
	}
}

func TestAllocationsDoNotGrowWithRows(t *testing.T) {
	allocs := func(rows int) float64 {
		r := newRig(t, 0)
		ds := make([]disk, rows)
		for i := range ds {
			ds[i] = disk{Device: strconv.Itoa(i), Util: 33.3, Read: 1, Busy: 12345, Temp: 20}
		}
		r.put(noon, ds...)
		s := newScrape()
		return testing.AllocsPerRun(20, func() {
			if err := r.write(s, io.Discard, OpenMetrics); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocs(1), allocs(1500); many > few {
		t.Errorf("%v allocations for 1 row, %v for 1,500", few, many)
	}
}

func TestBesideAWriter(t *testing.T) {
	r := newRig(t, 0)
	var clock atomic.Int64
	clock.Store(noon)
	r.now = func() time.Time { return time.Unix(clock.Load(), 0) }
	stop := make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for at := int64(noon); ; at += 10 {
			select {
			case <-stop:
				return
			default:
			}
			// Both counters of a row are written alike, so that a torn row shows.
			n := metric.Count(at)
			r.put(at, disk{Device: "a", Util: 1, Read: n, Busy: n * 1000}, disk{Device: strconv.FormatInt(at%500, 10), Util: 1, Read: n, Busy: n * 1000})
			r.reg.Part(state.Collector, "c").Degraded(strconv.FormatInt(at, 10), "")
			clock.Store(at)
		}
	})
	for range 3 {
		readers.Go(func() {
			for range 20 {
				fams := parse(t, r.text(t, Text))
				busy := samples(t, fams, "sysops_test_busy_seconds_total")
				for k, v := range samples(t, fams, "sysops_test_read_bytes_total") {
					if busy[k] != v {
						t.Errorf("%s: %v and %v come from different slots", k, v, busy[k])
					}
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}

func BenchmarkPage(b *testing.B) {
	r := newRig(b, 0)
	ds := make([]disk, 750) // 3,000 samples
	for i := range ds {
		ds[i] = disk{Device: "nvme" + strconv.Itoa(i), Model: "Example 990", Util: float64(i) / 7, Read: metric.Count(i) << 30, Busy: 12345678, Temp: 20.5}
	}
	r.put(noon, ds...)
	b.Run("text", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = r.Write(io.Discard, Text)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/3000, "ns/sample")
	})
	b.Run("gzip", func(b *testing.B) {
		b.ReportAllocs()
		s := newScrape()
		for b.Loop() {
			s.gz.Reset(io.Discard)
			_ = r.write(s, s.gz, Text)
			_ = s.gz.Close()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/3000, "ns/sample")
	})
}
