package cgroups

import (
	"fmt"
	"math"
	"os"
	"testing"

	"sysops-agent/pkg/metric"
)

func TestParseIO(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want transfers
		ok   bool
	}{
		"two devices":      {"8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:16 rbytes=10 wbytes=20 rios=30 wios=40\n", transfers{11, 22, 33, 44}, true},
		"nothing done":     {"", transfers{}, true},
		"device without":   {"254:0 \n8:0 rbytes=1\n", transfers{readBytes: 1}, true},
		"debug keys":       {"8:0 rbytes=1 cost.usage=7 use_delay=0\n", transfers{readBytes: 1}, true},
		"no device":        {"rbytes=1\n", transfers{}, false},
		"no number":        {"8:0 rbytes=x\n", transfers{}, false},
		"cut in a number":  {"8:0 rbytes=1 wbytes=2", transfers{}, false},
		"number too great": {"8:0 rbytes=99999999999999999999999\n", transfers{}, false},
	} {
		if got, ok := parseIO([]byte(c.in)); ok != c.ok || (ok && got != c.want) {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

func TestParseService(t *testing.T) {
	for name, c := range map[string]struct {
		in          string
		read, write metric.Count
		ok          bool
	}{
		"devices":   {"8:0 Read 1\n8:0 Write 2\n8:0 Sync 9\n8:0 Total 3\n8:1 Read 4\nTotal 7\n", 5, 2, true},
		"none":      {"Total 0\n", 0, 0, true},
		"empty":     {"", 0, 0, true},
		"cut":       {"8:0 Read 1", 0, 0, false},
		"no number": {"8:0 Read\n", 0, 0, false},
	} {
		if r, w, ok := parseService([]byte(c.in)); ok != c.ok || (ok && (r != c.read || w != c.write)) {
			t.Errorf("%s: %d, %d, %v", name, r, w, ok)
		}
	}
}

func TestParsePressure(t *testing.T) {
	for in, want := range map[string]struct {
		avg   float64
		total uint64
		ok    bool
	}{
		" avg10=1.25 avg60=0.00 avg300=0.00 total=77": {1.25, 77, true},
		" avg10=1.25": {1.25, 0, false}, "": {math.NaN(), 0, false}, " total=5": {math.NaN(), 5, false},
		" avg10=x total=5": {math.NaN(), 0, false}, " avg10=1 total=-5": {1, 0, false},
	} {
		avg, total, ok := parsePressure([]byte(in))
		if ok != want.ok || (ok && (avg != want.avg || total != want.total)) {
			t.Errorf("%q: %g, %d, %v", in, avg, total, ok)
		}
	}
}

func FuzzParsers(f *testing.F) {
	f.Add([]byte("8:0 rbytes=1 wbytes=2\n"))
	f.Add([]byte("8:0 Read 1\nTotal 1\n"))
	f.Add([]byte("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nanon 5\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseIO(b)
		parseService(b)
		parsePairs(b, func([]byte, uint64) {})
		if avg, _, ok := parsePressure(b); ok && math.IsNaN(avg) {
			t.Error("a pressure that is no number")
		}
	})
}

func BenchmarkCollect(b *testing.B) {
	r, root := onHost(b, "unified", Options{Max: 300})
	for i := range 195 {
		if err := os.CopyFS(fmt.Sprintf("%s/s%03d.service", root, i), os.DirFS(root+"/system.slice/cron.service")); err != nil {
			b.Fatal(err)
		}
	}
	for range 3 {
		r.tick()
	}
	b.ReportAllocs()
	for b.Loop() {
		r.tick()
	}
	if why := r.partial(); why != "" {
		b.Fatal(why)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/group")
}
