package overview

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestNumber(t *testing.T) {
	for _, v := range []float64{0, -1, 1.5, 1e300, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		b, err := json.Marshal(Of(v))
		var back Number
		if err != nil || json.Unmarshal(b, &back) != nil || back.Value() != v {
			t.Errorf("%g became %s and then %g, %v", v, b, back.Value(), err)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		b, err := json.Marshal(Of(v))
		back := Of(7)
		if err != nil || string(b) != "null" || json.Unmarshal(b, &back) != nil || !math.IsNaN(back.Value()) {
			t.Errorf("%g became %s and then %g, %v", v, b, back.Value(), err)
		}
	}
	var n Number
	if err := json.Unmarshal([]byte(`"much"`), &n); err == nil {
		t.Error("a text was taken for a number")
	}
}

func TestSize(t *testing.T) {
	for want, v := range map[string]float64{
		"-": math.NaN(), "0 B": 0, "1 B": 1, "1023 B": 1023, "1.0 KiB": 1024, "1.5 KiB": 1536, "99.9 KiB": 99.9 * 1024,
		"150 KiB": 150 * 1024, "1.0 MiB": 1<<20 - 1, "24.0 MiB": 24 << 20, "3.0 GiB": 3 << 30, "2.5 TiB": 2.5 * (1 << 40),
		"1.0 PiB": 1 << 50, "4096.0 PiB": 1 << 62, "-1.5 KiB": -1536,
	} {
		if got := Size(v); got != want {
			t.Errorf("Size(%g) = %q, want %q", v, got, want)
		}
	}
}

// hostile is an overview as an agent that lies could send it.
func hostile(s string) Overview {
	n := Of(1)
	var o Overview
	o.Host, o.Time = s, time.Unix(start, 0).UTC()
	o.Sockets = []Group{{s, n, n}, {s, n, n}}
	o.Nodes = []Group{{s, n, n}, {s, n, n}}
	o.PSI = []PSI{{s, n, n}}
	o.Disks = []Disk{{s, n, n, n, n}}
	o.Full = []Full{{s, n, n, false}, {s, n, n, true}}
	o.Net = []Net{{s, n, n}}
	o.ByCPU = []Process{{1, s, s, n, 1, n, 1}}
	o.ByRSS = []Process{{2, s, s, n, 1, n, 1}}
	return o
}

// Whatever an overview says, it does nothing to a terminal.
func TestRenderIsSafe(t *testing.T) {
	plain, evil := hostile("x"), hostile("\x1b]0;owned\x07\n\r\x9b2J\u202e\xff\u2028"+strings.Repeat("x", 100_000))
	var want, got bytes.Buffer
	if err := errors.Join(plain.Render(&want, 10), evil.Render(&got, 10)); err != nil {
		t.Fatal(err)
	}
	for _, r := range got.String() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%U is in the text", r)
		}
	}
	if w, g := strings.Count(want.String(), "\n"), strings.Count(got.String(), "\n"); w != g {
		t.Errorf("%d lines, want %d as with plain names", g, w)
	}
	if got.Len() > 10_000 {
		t.Errorf("%d bytes", got.Len())
	}
}

func FuzzRender(f *testing.F) {
	f.Add([]byte(`{"host":"\u001b[2J","numa_nodes":[{"id":"0"},{"id":"\n"}],"by_cpu":[{"pid":1,"name":"a\nb","cpu_percent":null}]}`), 5)
	f.Add([]byte(`{"disks":[{},{},{},{},{}],"filesystems":[{"stuck":true}],"by_rss":[{},{"pid":2}]}`), 1)
	f.Add([]byte(`{}`), -1)
	f.Fuzz(func(t *testing.T, b []byte, rows int) {
		var o Overview
		if json.Unmarshal(b, &o) != nil {
			t.Skip("not an overview")
		}
		var text bytes.Buffer
		if err := o.Render(&text, rows); err != nil {
			t.Fatal(err)
		}
		for _, r := range text.String() {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("%U is in the text of %s", r, b)
			}
		}
	})
}

// The table shows the busiest first, then the largest that it has not shown.
func TestTable(t *testing.T) {
	process := func(pids ...uint32) []Process {
		var out []Process
		for _, pid := range pids {
			out = append(out, Process{PID: pid, Name: fmt.Sprint("p", pid)})
		}
		return out
	}
	for name, tc := range map[string]struct {
		cpu, rss []Process
		rows     int
		want     string
	}{
		"none":           {nil, nil, 5, ""},
		"no room":        {process(1), process(2), 0, ""},
		"negative room":  {process(1), process(2), -3, ""},
		"one row":        {process(1, 2), process(3, 4), 1, "1"},
		"half and half":  {process(1, 2, 3, 4), process(5, 6, 7, 8), 4, "1 2 5 6"},
		"odd":            {process(1, 2, 3, 4), process(5, 6, 7, 8), 5, "1 2 3 5 6"},
		"none twice":     {process(1, 2, 3), process(2, 1, 9), 4, "1 2 9"},
		"more than have": {process(1), process(1), 100, "1"},
		"only memory":    {nil, process(5, 6, 7), 2, "5 6"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Overview{ByCPU: tc.cpu, ByRSS: tc.rss}
			var b strings.Builder
			o.table(&b, tc.rows)
			var got []string
			for i, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
				if f := strings.Fields(line); i > 0 {
					got = append(got, f[0])
				}
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("pids %v, want %s", got, tc.want)
			}
		})
	}
}

// The head takes at most what the top command keeps free for it.
func TestGroupsWrap(t *testing.T) {
	var o Overview
	for i := range 9 {
		o.Nodes = append(o.Nodes, Group{ID: fmt.Sprint(i)})
	}
	o.Sockets = o.Nodes[:1] // one is not worth a line
	var b strings.Builder
	o.groups(&b)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 3 || strings.Count(lines[0], "node") != 4 || lines[2] != "      node 8 cpu - mem -" {
		t.Errorf("%q", lines)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestRenderTellsThatItCouldNot(t *testing.T) {
	o := hostile("x")
	if err := o.Render(brokenPipe{}, 5); err == nil || err.Error() != "broken pipe" {
		t.Errorf("error %v", err)
	}
}
