package prometheus

import (
	"strings"
	"testing"

	"sysops-agent/pkg/metric"
)

type other struct {
	_ struct{} `reading:"other" domain:"test" help:"X."`
	A float64  `metric:"b.a_percent" unit:"percent" page:"test_util_ratio" help:"X."`
}

type clash struct {
	_ struct{} `reading:"clash" domain:"test" help:"X."`
	// In OpenMetrics the counter test.read_bytes is the family
	// sysops_test_read_bytes, which is this gauge's name.
	A float64 `metric:"c.a" page:"test_read_bytes" help:"X."`
}

type own struct {
	_ struct{} `reading:"own" domain:"test" help:"X."`
	A float64  `metric:"store.rows" help:"X."`
}

type suffix struct {
	_  struct{} `reading:"suffix" domain:"test" help:"X."`
	LE string   `label:"le" help:"X."`
	A  float64  `metric:"d.thread_count" unit:"count" help:"X."`
}

func TestCheckNames(t *testing.T) {
	good := []*metric.Schema{metric.Of[disk](), metric.Of[host]()}
	tests := []struct {
		name string
		add  *metric.Schema
		want []string
	}{
		{"all is well", nil, nil},
		{"two metrics of one page name", metric.Of[other](), []string{"sysops_test_util_ratio", "reading test_disk", "reading other"}},
		{"a gauge named like a counter's family", metric.Of[clash](), []string{"sysops_test_read_bytes", "c.a"}},
		{"one of the page's own names", metric.Of[own](), []string{"sysops_store_rows", "the page itself"}},
		{"names that promtool refuses", metric.Of[suffix](), []string{"d.thread_count", "_count", "label le"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := good
			if tt.add != nil {
				list = append(list[:2:2], tt.add)
			}
			err := CheckNames(list)
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("error %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q says nothing of %q", err, w)
				}
			}
		})
	}
}
