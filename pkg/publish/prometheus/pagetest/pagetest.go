// Package pagetest lets promtool judge pages and readings, for tests.
package pagetest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"sysops-agent/pkg/metric"
)

// Lint fails t when `promtool check metrics` has something to say about the
// names, types and help of the readings. Whether they can be on one page
// together is what prometheus.CheckNames says.
func Lint(t *testing.T, schemas []*metric.Schema) {
	t.Helper()
	Promtool(t, example(schemas))
}

// Promtool fails t when `promtool check metrics` is not silent about a page in
// the text format; without promtool it skips t.
func Promtool(t *testing.T, page string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed, so the page is not linted: install Debian's package prometheus")
	}
	cmd := exec.CommandContext(t.Context(), path, "check", "metrics")
	cmd.Stdin = strings.NewReader(page)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics is not silent (%v):\n%s", err, out)
	}
}

// example is a page with one sample of every metric.
func example(schemas []*metric.Schema) string {
	var b strings.Builder
	for _, s := range schemas {
		var labels []string
		for i := range s.Labels {
			labels = append(labels, s.Labels[i].Name+`="x"`)
		}
		for i := range s.Fields {
			f := &s.Fields[i]
			fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n%s{%s} 1\n",
				f.Page, f.Help, f.Page, f.Kind, f.Page, strings.Join(labels, ","))
		}
	}
	return b.String()
}
