package memory

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/store"
)

// Garbage in any one file costs values of that file and of what is derived
// from it; no other value changes, and nothing panics.
func TestGarbageInAnyFile(t *testing.T) {
	for _, name := range goodHosts {
		env := host(t, name)
		before := collectAll(t, env)
		for _, path := range files(t, env.Proc, env.Sys) {
			if name == "four-node" && strings.Contains(path, "/node2/") {
				continue // like node0, only slower
			}
			text := read(t, path)
			for kind, garbage := range map[string]string{
				"empty": "", "binary": "\x00\xff\xfe\n\x01", "words": "all work and no play\n", "huge": strings.Repeat("9", 400) + "\n",
				"half": text[:len(text)/2], "negative": "-5\n", "long": strings.Repeat("MemTotal: x kB\npgpgin x\nsome x\n", 500),
			} {
				if kind == "half" && strings.Count(text, "\n") == 1 && !strings.Contains(path, "pressure") {
					continue // half a number is a number; the kernel never gives half a file of one number
				}
				write(t, path, garbage)
				env.Store = store.Open(store.Options{})
				checkGarbage(t, kind+" "+path, domain(path), before, collectAll(t, env))
			}
			write(t, path, text)
		}
	}
}

// checkGarbage checks that values of other domains are what they were, and
// that none of the domain's own was made up.
func checkGarbage(t *testing.T, what, domain string, before, after map[string]float64) {
	t.Helper()
	for metric, v := range before {
		if got, ok := after[metric]; !strings.HasPrefix(metric, domain) && (!ok || got != v) {
			t.Errorf("%s: %s = %v, was %v", what, metric, got, v)
		}
	}
	for metric, v := range after {
		if was, ok := before[metric]; ok && was != v && !strings.HasSuffix(what, "/online") {
			t.Errorf("%s: %s = %v, was %v", what, metric, v, was)
		}
	}
}

// domain returns what the names of the metrics from a file begin with.
func domain(path string) string {
	switch dir := filepath.Base(filepath.Dir(path)); {
	case strings.HasSuffix(path, "meminfo") && dir == "proc":
		return "" // mem, swap, hugepages
	case strings.HasSuffix(path, "vmstat"):
		return "vm."
	case dir == "pressure":
		return "psi."
	case strings.Contains(path, "/edac/"):
		return "edac."
	default:
		return "numa."
	}
}

// collectAll runs every collector; a failure must be one of the kinds.
func collectAll(t *testing.T, env collect.Env) map[string]float64 {
	t.Helper()
	for _, c := range all(env) {
		if err := c.Collect(context.Background(), store.At(1000)); err != nil && err.Error() == "" {
			t.Error("an error that says nothing")
		}
	}
	return at(env.Store, 1000)
}
