package prometheus

import (
	"regexp"
	"strings"
	"testing"
)

var (
	omMeta   = regexp.MustCompile(`^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$`)
	omLabel  = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`
	omSample = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{` + omLabel + `(?:,` + omLabel + `)*\})? (-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)$`)
	omHelp   = regexp.MustCompile(`^(?:[^"\\\n]|\\["\\n])*$`)
	omSuffix = map[string]string{"counter": "_total", "gauge": "", "info": "_info"}
)

// checkOpenMetrics checks a page against the rules of OpenMetrics 1.0 for the
// types that we use: grammar, order of a family's lines, families in one
// piece, names, units, no series twice, the end.
func checkOpenMetrics(t *testing.T, page string) {
	t.Helper()
	body, ok := strings.CutSuffix(page, "# EOF\n")
	if !ok {
		t.Fatalf("the page does not end in # EOF:\n%s", page)
	}
	var fam, typ string
	began, series := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if m := omMeta.FindStringSubmatch(line); m != nil {
			if m[2] != fam {
				if began[m[2]] {
					t.Errorf("family %s is in two pieces", m[2])
				}
				fam, typ = m[2], ""
				began[fam] = true
			}
			checkMeta(t, m[1], fam, m[3])
			if m[1] == "TYPE" {
				typ = m[3]
			}
			continue
		}
		m := omSample.FindStringSubmatch(line)
		switch {
		case m == nil:
			t.Errorf("neither sample nor description: %q", line)
		case typ == "" || m[1] != fam+omSuffix[typ]:
			t.Errorf("sample %q does not belong to family %s of type %q", line, fam, typ)
		case series[m[1]+m[2]]:
			t.Errorf("series twice: %s%s", m[1], m[2])
		case typ == "info" && m[3] != "1", typ == "counter" && m[3][0] == '-':
			t.Errorf("impossible value: %s", line)
		}
		if m != nil {
			series[m[1]+m[2]] = true
		}
	}
	checkClashes(t, began)
}

func checkMeta(t *testing.T, what, fam, text string) {
	t.Helper()
	switch _, known := omSuffix[text]; {
	case what == "TYPE" && !known:
		t.Errorf("type %q of %s", text, fam)
	case what == "UNIT" && !strings.HasSuffix(fam, "_"+text):
		t.Errorf("%s has unit %s but does not end in it", fam, text)
	case what == "HELP" && !omHelp.MatchString(text):
		t.Errorf("help %q of %s is not escaped", text, fam)
	}
	if strings.HasSuffix(fam, "_total") || strings.HasSuffix(fam, "_info") {
		t.Errorf("family %s is named like a sample", fam)
	}
}

// checkClashes: no family is named like a sample of another.
func checkClashes(t *testing.T, families map[string]bool) {
	t.Helper()
	for f := range families {
		for _, s := range []string{"_total", "_created", "_info"} {
			if families[f+s] {
				t.Errorf("family %s clashes with a sample of %s", f+s, f)
			}
		}
	}
}

func TestOpenMetricsIsStrict(t *testing.T) {
	page := example(t).text(t, OpenMetrics)
	checkOpenMetrics(t, page)
	for _, want := range []string{
		"# TYPE sysops_build info\n", "sysops_build_info{",
		"# TYPE sysops_test_read_bytes counter\n# UNIT sysops_test_read_bytes bytes\nsysops_test_read_bytes_total{",
		"# UNIT sysops_test_util_ratio ratio\n", `\"raw\"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}
