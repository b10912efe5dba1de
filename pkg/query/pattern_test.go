package query

import (
	"context"
	"errors"
	"regexp/syntax"
	"runtime"
	"strings"
	"testing"
)

// What would take much memory is refused without compiling it.
func TestLargePatterns(t *testing.T) {
	for _, c := range []struct {
		name     string
		patterns []string
		ok       bool
	}{
		{"plain", []string{"eth0|veth.*|(?i)LO"}, true},
		{"as long as allowed", []string{strings.Repeat("a", maxPattern)}, true},
		{"some repeats", []string{"[0-9a-f]{1,64}(-[0-9a-f]{4}){4}"}, true},
		{"no upper bound", []string{"a{3,}"}, true},
		{"quoted to the end", []string{`\Qa.b\E`}, true},
		{"a thousand dots, twice", []string{"(.{1,1000})(.{1,1000})"}, false},
		{"nested repeats", []string{"((.{1,9}){1,10}){1,10}.{0,999}a{1000}"}, false},
		{"many letters", []string{`\pL{900}`}, false},
		{"no upper bound, but a lower", []string{"(abc){900,}"}, false},
		{"large together", []string{"a{1,700}", "b{1,700}", "c{1,700}"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m []Matcher
			for _, p := range c.patterns {
				m = append(m, Matcher{"name", Match, p})
			}
			_, err := compile(probes, m)
			if c.ok != (err == nil) || err != nil && (!errors.Is(err, ErrBadRequest) || !strings.Contains(err.Error(), "too large")) {
				t.Errorf("%v", err)
			}
		})
	}
	// Refusing takes little itself; to compile this took 20 MB.
	bad := []Matcher{{"name", Match, strings.Repeat("(.{1,1000})", 23)}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := compile(probes, bad)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 1<<20 {
		t.Errorf("refusing takes %d bytes: %v", took, err)
	}
}

// FuzzPattern: the count before expansion is an upper bound, within reason,
// of what is compiled, and whatever is accepted compiles.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{"a|b", "(.{1,1000})", `\Qx`, "(?i)[^a-z]{2,5}?", `\pL+\PN*`, "((a{2,3}){2,3}){2,3}", "a)|(b", "x{0}"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, text string) {
		re, err := new(patterns).compile(text)
		if err != nil {
			return
		}
		tree, err := syntax.Parse(text, syntax.Perl|syntax.DotNL)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := syntax.Compile(tree.Simplify())
		if err != nil || len(prog.Inst) > 4*maxNodes {
			t.Errorf("%q: %d instructions, %v", text, len(prog.Inst), err)
		}
		re.MatchString("some text")
	})
}

// Whoever has gone away is not worked for: also where no row matches.
func TestContextWhereNothingMatches(t *testing.T) {
	w, end := threeDays(t)
	w.e = New(w.st, nil, both, "h")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.e.Range(ctx, request("probe.ops", end-3600, end, 60, Matcher{"name", Equal, "none"})); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
