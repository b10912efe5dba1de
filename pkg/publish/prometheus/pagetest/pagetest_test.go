package pagetest

import (
	"testing"

	"sysops-agent/pkg/metric"
)

type sample struct {
	_    struct{}     `reading:"sample" domain:"test" help:"X."`
	CPU  uint32       `label:"cpu" help:"Number."`
	Used float64      `metric:"x.used_percent" unit:"percent" help:"Used share."`
	Read metric.Count `metric:"x.read_bytes" unit:"bytes" help:"Bytes read."`
}

func TestLintOfGoodReadings(t *testing.T) {
	Lint(t, []*metric.Schema{metric.Of[sample]()})
}

func TestExample(t *testing.T) {
	want := `# HELP sysops_x_used_ratio Used share.
# TYPE sysops_x_used_ratio gauge
sysops_x_used_ratio{cpu="x"} 1
# HELP sysops_x_read_bytes_total Bytes read.
# TYPE sysops_x_read_bytes_total counter
sysops_x_read_bytes_total{cpu="x"} 1
`
	if got := example([]*metric.Schema{metric.Of[sample]()}); got != want {
		t.Errorf("got\n%s", got)
	}
}
