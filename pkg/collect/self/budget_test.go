package self

import (
	"math"
	"strings"
	"testing"
)

func TestPatience(t *testing.T) {
	for name, c := range map[string]struct{ ticks, over string }{
		"spike":         {"+-+-++--", "........"},
		"third counts":  {"++++", "..++"},
		"third ends":    {"+++---", "..+++."},
		"dip":           {"+++-+--+", "..++++++"},
		"unknown waits": {"+?+?+??-", "....++++"},
		"quiet":         {"----", "...."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(Budget{CPUPercent: 10})
			got := ""
			for _, tick := range c.ticks {
				w.tick(use{cpu: map[rune]float64{'+': 10.1, '-': 10, '?': math.NaN()}[tick]})
				got += map[bool]string{true: "+", false: "."}[len(w.exceeded()) == 1]
			}
			if got != c.over {
				t.Errorf("%s gives %s, want %s", c.ticks, got, c.over)
			}
		})
	}
}

// TestLimits holds each default to the specification (OPS-65 to OPS-70, K22).
func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		within, beyond use
		text           string
	}{
		"rss":        {use{rss: 100 << 20}, use{rss: 100<<20 + 1<<19}, "The agent's memory use of 100.5 MiB exceeds the limit of 100.0 MiB."},
		"cpu":        {use{cpu: 10}, use{cpu: 12.345}, "The agent's CPU use of 12.3 % exceeds the limit of 10.0 %."},
		"disk":       {use{disk: 1e6}, use{disk: 2.5e6}, "The agent's disk I/O of 2500.0 KB/s exceeds the limit of 1000.0 KB/s."},
		"net":        {use{net: 5e5}, use{net: 5.1e5}, "The agent's network I/O of 510.0 KB/s exceeds the limit of 500.0 KB/s."},
		"fds":        {use{fds: 50}, use{fds: 51}, "The agent's file descriptor count of 51 exceeds the limit of 50."},
		"sensor_fds": {use{sensorFDs: 128}, use{sensorFDs: 129}, "The agent's sensor file descriptor count of 129 exceeds the limit of 128."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(Budget{})
			var texts []string
			for range patience {
				if began, _ := w.tick(c.within); len(began) > 0 {
					t.Errorf("the limit itself is refused: %s", began[0].text())
				}
			}
			for range patience {
				began, _ := w.tick(c.beyond)
				for _, b := range began {
					texts = append(texts, b.name+": "+b.text())
				}
			}
			if got, want := strings.Join(texts, "|"), name+": "+c.text; got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte("VmRSS:\t 28672 kB\nread_bytes: 5\nwrite_bytes: 6\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rss, vsz, threads := parseStatus(b)
		if rss < 0 || vsz < 0 || threads < 0 {
			t.Errorf("%g, %g, %g out of %q", rss, vsz, threads, b)
		}
		parseIO(b)
	})
}
