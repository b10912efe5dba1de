package cpu

import (
	"math"
	"testing"

	"github.com/prometheus/procfs"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
)

func TestLoadAgreesWithProcfs(t *testing.T) {
	for _, name := range append([]string{"this host"}, goodHosts...) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := "/proc/loadavg"
			if name != "this host" {
				path = hostsDir + name + path
			}
			text := read(t, path)
			write(t, dir+"/loadavg", text)
			fs, err := procfs.NewFS(dir)
			must(t, err)
			o, err := fs.LoadAvg()
			must(t, err)
			r := metric.Blank[reading.Load]()
			if fault := parseLoad([]byte(text), &r); fault != "" || max(math.Abs(r.Avg1-o.Load1), math.Abs(r.Avg5-o.Load5), math.Abs(r.Avg15-o.Load15)) > 1e-9 {
				t.Errorf("%q: %+v, %q; procfs says %+v", text, r, fault, o)
			}
		})
	}
}

func TestLoadFaults(t *testing.T) {
	for text, avgs := range map[string]int{
		"": 0, "\n": 0, "1.00": 0, "1.00\n": 1, "1.00 x 2.00 1/2 3\n": 1, "-1.00 1.00 1.00 1/2 3\n": 0, "1e3 1 1 1/2 3\n": 0,
		"1.00 2.00 3.00\n": 3, "1.00 2.00 3.00 12 5\n": 3, "1.00 2.00 3.00 1/x 5\n": 3,
	} {
		r := metric.Blank[reading.Load]()
		fault := parseLoad([]byte(text), &r)
		got := 0
		for _, v := range []float64{r.Avg1, r.Avg5, r.Avg15} {
			if !math.IsNaN(v) {
				got++
			}
		}
		if fault == "" || got != avgs || !math.IsNaN(r.Threads) {
			t.Errorf("%q: %+v, %q; want %d averages and a fault", text, r, fault, avgs)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("0.00 0.19 0.21 1/89 11241\n"))
	f.Add([]byte("0.00 0.19"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := metric.Blank[reading.Load]()
		if parseLoad(b, &r) == "" && (math.IsNaN(r.Avg1+r.Avg5+r.Avg15+r.Runnable+r.Threads) || r.Avg1 < 0) {
			t.Fatalf("%q is said to be good: %+v", b, r)
		}
	})
}
