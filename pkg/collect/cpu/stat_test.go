package cpu

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
)

// procfs divides by 100 whatever the system says; its numbers are turned back
// into ticks.
func oracle(t *testing.T, proc string) (total ticks, cores map[int]ticks, s procfs.Stat) {
	t.Helper()
	fs, err := procfs.NewFS(proc)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = fs.Stat(); err != nil {
		t.Fatal(err)
	}
	back := func(c procfs.CPUStat) (r ticks) {
		for i, v := range []float64{c.User, c.Nice, c.System, c.Idle, c.Iowait, c.IRQ, c.SoftIRQ, c.Steal, c.Guest, c.GuestNice} {
			r[i] = uint64(math.Round(v * 100))
		}
		return r
	}
	cores = map[int]ticks{}
	for id, c := range s.CPU {
		cores[int(id)] = back(c)
	}
	return back(s.CPUTotal), cores, s
}

func TestStatAgreesWithProcfs(t *testing.T) {
	for _, name := range append([]string{"this host"}, goodHosts...) {
		t.Run(name, func(t *testing.T) {
			env := host(t, strings.TrimPrefix(name, "this host"))
			if name == "this host" {
				write(t, env.Proc+"/stat", read(t, "/proc/stat"))
			}
			s := stat{path: env.Proc + "/stat"}
			if err := s.parse([]byte(read(t, s.path))); err != nil || s.faults.Err() != nil {
				t.Fatal(err, s.faults.Err())
			}
			total, cores, o := oracle(t, env.Proc)
			if s.total != total {
				t.Errorf("total %v, procfs says %v", s.total, total)
			}
			got := map[int]ticks{}
			for _, c := range s.cores {
				got[c.id] = c.t
			}
			if d := cmp.Diff(cores, got); d != "" {
				t.Errorf("cores, - procfs, + ours:\n%s", d)
			}
			want := scalars{
				interrupts: metric.Count(o.IRQTotal), softIRQs: metric.Count(o.SoftIRQTotal),
				switches: metric.Count(o.ContextSwitches), forks: metric.Count(o.ProcessCreated),
				running: float64(o.ProcessesRunning), blocked: float64(o.ProcessesBlocked), boot: float64(o.BootTime),
			}
			if s.scalars != want {
				t.Errorf("scalars %+v, procfs says %+v", s.scalars, want)
			}
		})
	}
}

func TestStatAggregateLine(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		columns int // 0: unusable
	}{
		"empty file (COL-19)":           {"", 0},
		"empty first line":              {"\ncpu 1 2 3 4 5 6 7 8\n", 0},
		"does not start with cpu":       {"cpu0 1 2 3 4 5 6 7 8\n", 0},
		"six numbers (COL-18)":          {"cpu 1 2 3 4 5 6\n", 0},
		"the seventh is no number":      {"cpu 1 2 3 4 5 6 x 8\n", 0},
		"negative":                      {"cpu 1 2 3 -4 5 6 7 8\n", 0},
		"more than 64 bits":             {"cpu 18446744073709551616 2 3 4 5 6 7 8\n", 0},
		"cut before its end":            {"cpu 1 2 3 4 5 6 7 8", 0},
		"seven numbers, steal is 0":     {"cpu 1 2 3 4 5 6 7\n", 7},
		"eight numbers, guest unknown":  {"cpu 1 2 3 4 5 6 7 8\n", 8},
		"ten numbers":                   {"cpu  1 2 3 4 5 6 7 8 9 10\n", 10},
		"a later kernel with an 11th":   {"cpu  1 2 3 4 5 6 7 8 9 10 11\n", 10},
		"eighth is garbage, like seven": {"cpu  1 2 3 4 5 6 7 ?\n", 7},
	} {
		t.Run(name, func(t *testing.T) {
			s := stat{path: "/proc/stat"}
			err := s.parse([]byte(c.text))
			var pe *procfile.ParseError
			switch {
			case c.columns == 0 && (!errors.As(err, &pe) || pe.Path != "/proc/stat" || pe.Line > 1):
				t.Errorf("got %v, want a parse error of the first line of /proc/stat", err)
			case c.columns > 0 && (err != nil || s.columns != c.columns || s.total[softirq] != 7):
				t.Errorf("got %v, %d columns, softirq %d", err, s.columns, s.total[softirq])
			}
		})
	}
}

// One bad line costs that line only.
func TestStatBadLines(t *testing.T) {
	s := stat{path: hostsDir + "weird/proc/stat"}
	if err := s.parse([]byte(read(t, s.path))); err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, c := range s.cores {
		ids = append(ids, c.id)
	}
	if d := cmp.Diff([]int{0, 5}, ids); d != "" {
		t.Errorf("cores that could be read:\n%s", d)
	}
	if s.cores[1].t[user] != math.MaxUint64 {
		t.Errorf("a number of 64 bits became %d", s.cores[1].t[user])
	}
	if s.scalars.boot != 1763000000 || s.scalars.blocked != 2 || s.scalars.softIRQs != 123 {
		t.Errorf("good lines between bad ones were lost: %+v", s.scalars)
	}
	if s.scalars.interrupts != metric.NoCount || s.scalars.switches != metric.NoCount || s.scalars.forks != metric.NoCount {
		t.Errorf("bad lines gave values: %+v", s.scalars)
	}
	if got := s.faults.Err().Error(); !strings.Contains(got, "weird/proc/stat:3: fewer numbers") || !strings.Contains(got, "and 9 faults more") {
		t.Errorf("the faults read: %s", got)
	}
}

// A truncated file loses what was cut and nothing else, at whatever byte.
func TestStatTruncatedAnywhere(t *testing.T) {
	text := read(t, hostsDir+"two-socket-smt-off/proc/stat")
	whole := stat{path: "stat"}
	if err := whole.parse([]byte(text)); err != nil {
		t.Fatal(err)
	}
	for n := range len(text) {
		s := stat{path: "stat"}
		if err := s.parse([]byte(text[:n])); err != nil {
			continue
		}
		if s.total != whole.total {
			t.Fatalf("cut at %d: total %v", n, s.total)
		}
		for i, c := range s.cores {
			if c != whole.cores[i] {
				t.Fatalf("cut at %d: cpu%d is %v", n, c.id, c.t)
			}
		}
		if s.scalars.switches != metric.NoCount && s.scalars.switches != whole.scalars.switches {
			t.Fatalf("cut at %d: %d context switches", n, s.scalars.switches)
		}
	}
}

func FuzzStat(f *testing.F) {
	for _, name := range append([]string{"weird"}, goodHosts...) {
		f.Add([]byte(read(f, hostsDir+name+"/proc/stat")))
	}
	f.Add([]byte("cpu 1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7\ncpu8191 1 2 3 4 5 6 7\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := stat{path: "stat"}
		if s.parse(b) != nil {
			return
		}
		last := -1
		for _, c := range s.cores {
			if c.id <= last || c.id >= maxCPUs {
				t.Fatalf("cpu%d after cpu%d", c.id, last)
			}
			last = c.id
		}
		// Reading it a second time into the same struct gives the same.
		before := fmt.Sprint(s.total, s.cores, s.scalars, s.faults.Err())
		if err := s.parse(b); err != nil || before != fmt.Sprint(s.total, s.cores, s.scalars, s.faults.Err()) {
			t.Fatalf("the second reading differs: %v", err)
		}
	})
}
