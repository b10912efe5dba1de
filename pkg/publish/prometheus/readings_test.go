package prometheus_test

import (
	"testing"

	"sysops-agent/pkg/publish/prometheus"
	"sysops-agent/pkg/publish/prometheus/pagetest"
	"sysops-agent/pkg/reading"
)

// What the agent collects makes a page that Prometheus takes as it is.
func TestAllReadingsMakeAGoodPage(t *testing.T) {
	if err := prometheus.CheckNames(reading.All()); err != nil {
		t.Fatal(err)
	}
	pagetest.Lint(t, reading.All())
}
