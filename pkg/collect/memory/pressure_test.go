package memory

import (
	"os"
	"testing"

	"github.com/prometheus/procfs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
)

func TestPressure(t *testing.T) {
	env := host(t, "two-socket-smt-off")
	want(t, sweep(t, NewPressure(env), env), map[string]float64{
		"psi.some_avg10_percent{cpu}": 2.04, "psi.some_avg300_percent{cpu}": 0.75, "psi.some_seconds{cpu}": 85.72,
		"psi.full_avg10_percent{cpu}": nan, "psi.full_seconds{cpu}": nan, // no such line before 5.13
		"psi.full_avg60_percent{io}": 2.80, "psi.full_seconds{memory}": 0.90021, "psi.some_avg10_percent{irq}": nan,
	})
	env = host(t, "four-node")
	want(t, sweep(t, NewPressure(env), env), map[string]float64{
		"psi.full_avg10_percent{cpu}": 0, "psi.full_avg10_percent{irq}": 0.21, "psi.full_seconds{irq}": 4.321, "psi.some_seconds{irq}": nan,
	})
}

func TestPressureAgreesWithProcfs(t *testing.T) {
	for _, name := range append([]string{""}, goodHosts...) {
		for _, resource := range []string{"cpu", "memory", "io"} {
			t.Run(name+" "+resource, func(t *testing.T) {
				dir, from := t.TempDir(), "/proc"
				if name != "" {
					from = hostsDir + name + "/proc"
				}
				if _, err := os.Stat(from + "/pressure"); err != nil {
					t.Skipf("PSI is off here: %v", err)
				}
				text := read(t, from+"/pressure/"+resource)
				write(t, dir+"/pressure/"+resource, text)
				fs, err := procfs.NewFS(dir)
				must(t, err)
				o, err := fs.PSIStatsForResource(resource)
				must(t, err)
				r := metric.Blank[reading.Pressure]()
				var faults procfile.Faults
				if !parsePressure([]byte(text), resource, &faults, &r) || faults.Err() != nil {
					t.Fatal(faults.Err())
				}
				check := func(kind string, l *procfs.PSILine, avg10, avg60, avg300 float64, total metric.Count) {
					if l == nil {
						l = &procfs.PSILine{Avg10: nan, Avg60: nan, Avg300: nan, Total: uint64(metric.NoCount)}
					}
					got := map[string]float64{}
					for k, v := range map[string]float64{"avg10": avg10, "avg60": avg60, "avg300": avg300} {
						if v == v { //nolint:staticcheck // there
							got[k] = v
						}
					}
					want(t, got, map[string]float64{"avg10": l.Avg10, "avg60": l.Avg60, "avg300": l.Avg300})
					if total != metric.Count(l.Total) {
						t.Errorf("%s total %d, procfs says %d", kind, total, l.Total)
					}
				}
				check("some", o.Some, r.SomeAvg10, r.SomeAvg60, r.SomeAvg300, r.SomeSeconds)
				check("full", o.Full, r.FullAvg10, r.FullAvg60, r.FullAvg300, r.FullSeconds)
			})
		}
	}
}

func TestPressureOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		class collect.Class
		says  string
	}{
		"all there":          {func(*testing.T, string) {}, collect.OK, ""},
		"psi=0":              {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, collect.Permanent, "no pressure stall information"},
		"no interrupts":      {func(t *testing.T, dir string) { must(t, os.Remove(dir+"irq")) }, collect.OK, ""},
		"one is missing":     {func(t *testing.T, dir string) { must(t, os.Remove(dir+"io")) }, collect.PartialOK, "pressure/io: no such file"},
		"one is garbage":     {func(t *testing.T, dir string) { write(t, dir+"io", "none\n") }, collect.PartialOK, "io:1: expected some or full"},
		"one is empty":       {func(t *testing.T, dir string) { write(t, dir+"io", "") }, collect.PartialOK, "io: the file is empty"},
		"one is a directory": {func(t *testing.T, dir string) { must(t, os.Remove(dir+"cpu")); must(t, os.Mkdir(dir+"cpu", 0o755)) }, collect.PartialOK, "is a directory"},
		"all garbage": {func(t *testing.T, dir string) {
			for _, r := range []string{"cpu", "memory", "io", "irq"} {
				write(t, dir+r, "some avg10=x\n")
			}
		}, collect.Transient, "cpu:1: expected avg10="},
	} {
		t.Run(name, func(t *testing.T) {
			env := host(t, "four-node")
			c.spoil(t, env.Proc+"/pressure/")
			fails(t, NewPressure(env), c.class, c.says)
		})
	}
}

func TestPressureBadLines(t *testing.T) {
	const good = "avg10=1.00 avg60=2.00 avg300=3.00 total=4"
	for line, ok := range map[string]bool{
		good: true, good + " later=5": true, "": false, "avg10=1.00": false, "avg10=1.00 avg60=2.00 avg300=3.00": false,
		"avg10=nan avg60=2.00 avg300=3.00 total=4": false, "avg10=-1.00 avg60=2.00 avg300=3.00 total=4": false,
		"avg10=1e3 avg60=2.00 avg300=3.00 total=4": false, "avg60=1.00 avg10=2.00 avg300=3.00 total=4": false,
		"avg10=1.00 avg60=2.00 avg300=3.00 total=-4": false, "avg10=1.00 avg60=2.00 avg300=3.00 total=99999999999999999999": false,
	} {
		r := metric.Blank[reading.Pressure]()
		var faults procfile.Faults
		got := parsePressure([]byte("some "+line+"\nfull "+good+"\n"), "io", &faults, &r)
		if !got || r.FullSeconds != 4 || ok != (faults.Err() == nil) || ok != (r.SomeAvg10 == 1 && r.SomeSeconds == 4) {
			t.Errorf("%q: %+v, %v", line, r, faults.Err())
		}
	}
}

func FuzzPressure(f *testing.F) {
	for _, name := range append([]string{"weird"}, goodHosts...) {
		f.Add([]byte(read(f, hostsDir+name+"/proc/pressure/io")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := metric.Blank[reading.Pressure]()
		var faults procfile.Faults
		good := parsePressure(b, "io", &faults, &r)
		if some := r.SomeAvg10 >= 0 || r.FullAvg10 >= 0; some != good {
			t.Fatalf("%q: good is %v, but %+v", b, good, r)
		}
		if !good && faults.Err() == nil {
			t.Fatalf("%q: nothing good in it, and nothing said", b)
		}
	})
}
