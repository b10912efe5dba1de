package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/overview"
	"sysops-agent/pkg/publish/web"
	"sysops-agent/pkg/query"
	"sysops-agent/pkg/state"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func point(t int64, v, low, high float64) query.Point {
	return query.Point{Time: t, Value: v, Min: low, Max: high}
}

func ranges() map[string]query.Result {
	at := noon.Unix()
	return map[string]query.Result{
		"gauge": {
			Metric: "cpu.total_percent", Kind: "gauge", Unit: "percent", Step: 10 * time.Second,
			Series: []query.Series{{Points: []query.Point{point(at, 0, 0, 0), point(at+10, 12.345678, 12.345678, 12.345678), point(at+20, 99.99, 99.99, 99.99)}}},
		},
		"counter": {
			Metric: "disk.read_bytes", Kind: "counter", Unit: "bytes", Step: 5 * time.Minute,
			Series: []query.Series{
				{Labels: map[string]string{"device": "sda", "model": ""}, Points: []query.Point{point(at, 1048576, 0, 123456789), point(at+300, 0.5, 0.5, 0.5)}},
				{Labels: map[string]string{"device": "a\"b\\\x1b[31m\n\u202e ä", "model": "x"}, Points: []query.Point{point(at, 1, 1, 1)}},
			},
			Truncated: true, Notes: []string{"the database does not answer: only memory was asked"},
		},
		"state": {
			Metric: "proc.state", Kind: "gauge", Step: time.Hour,
			Series: []query.Series{{Labels: map[string]string{"pid": "1", "name": "init"}, Points: []query.Point{point(at, 2, 1, 3)}}},
		},
		"load-rate": {Metric: "x.switches", Kind: "counter", Step: time.Second, Series: []query.Series{{}}},
		"none":      {Metric: "gpu.power_watts", Kind: "gauge", Unit: "watts", Notes: []string{"no row has ever been written"}},
	}
}

func TestWriteRange(t *testing.T) {
	for name, res := range ranges() {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := writeRange(&b, res); err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/range-"+name+".txt", b.String())
		})
	}
}

func TestWriteInstant(t *testing.T) {
	var b bytes.Buffer
	err := writeInstant(&b, query.Instant{Metric: "proc.rss_bytes", Unit: "bytes", Truncated: true, Series: []query.Value{
		{Labels: map[string]string{"name": "postgres", "pid": "7"}, Time: noon.Unix(), Value: 123456789},
		{Labels: map[string]string{"name": "\x1b[2J\t", "pid": "12345"}, Time: noon.Unix(), Value: 0.001},
	}})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/instant.txt", b.String())
}

func TestWriteStatus(t *testing.T) {
	parts := []state.Status{
		{Name: "cpu", Kind: state.Collector, State: state.Active, Since: noon},
		{Name: "filesystem", Kind: state.Collector, State: state.Degraded, Since: noon, Reason: "/mnt/\x1b[31mnfs\nfake does not answer", EnableHint: "look for a dead\tmount", Fault: true},
		{Name: "sqlite", Kind: state.Database, State: state.Off, Since: noon.Add(time.Hour), Reason: "persist.backend is none", EnableHint: `set persist.backend = "sqlite" and restart`},
	}
	for name, a := range map[string]web.Agent{
		"tcp":    {AgentInfo: web.AgentInfo{Version: "1.2.3", Hostname: "web01"}, PID: 4711, Uptime: 93784.7, Health: state.Health{Level: state.Impaired}, Listen: "127.0.0.1:9100"},
		"socket": {AgentInfo: web.AgentInfo{Version: "dev", Hostname: "db\x1b01"}, PID: 1, Health: state.Health{Level: state.Healthy}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := writeStatus(&b, a, parts); err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/status-"+name+".txt", b.String())
		})
	}
}

func TestWriteReference(t *testing.T) {
	var b bytes.Buffer
	err := writeReference(&b, []metric.ReadingDoc{{
		Reading: "disk", Domain: "system", Help: "One disk.",
		Labels:  []metric.LabelDoc{{Name: "device", Help: "Its name."}, {Name: "model", Attr: true, Help: "Its model."}},
		Metrics: []metric.FieldDoc{{Name: "disk.read_bytes", Column: "disk_read_bytes", Page: "sysops_disk_read_bytes_total", Kind: "counter", Unit: "bytes", Resolution: 512, Help: "Bytes read."}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/reference.md", b.String())
}

func TestNumber(t *testing.T) {
	for want, v := range map[string]float64{
		"0": 0, "12.3457": 12.345678, "999999": 999999, "1000000": 999999.7, "-1000000": -999999.7, "123456789": 123456789.4,
		"0.00125": 0.00125, "1e-09": 1e-9, "18446744073709551616": math.MaxUint64, "NaN": math.NaN(),
	} {
		if got := number(v); got != want {
			t.Errorf("number(%g) = %s, want %s", v, got, want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Output that cannot be written is a failure.
func TestWriteErrors(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{
		"range":     func(w io.Writer) error { return writeRange(w, ranges()["gauge"]) },
		"no range":  func(w io.Writer) error { return writeRange(w, ranges()["none"]) },
		"instant":   func(w io.Writer) error { return writeInstant(w, query.Instant{Series: []query.Value{{}}}) },
		"nothing":   func(w io.Writer) error { return writeInstant(w, query.Instant{}) },
		"status":    func(w io.Writer) error { return writeStatus(w, web.Agent{}, nil) },
		"reference": func(w io.Writer) error { return writeReference(w, nil) },
		"top":       func(w io.Writer) error { return draw(w, &overview.Overview{}, 20, true) },
		"JSON":      func(w io.Writer) error { return printJSON(w, 1) },
	} {
		if err := write(full{}); err == nil {
			t.Errorf("%s: written to a full disk without an error", name)
		}
	}
}
