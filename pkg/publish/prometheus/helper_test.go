package prometheus

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"sysops-agent/pkg/event"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// disk is a reading with every kind of field.
type disk struct {
	_      struct{}     `reading:"test_disk" domain:"test" help:"A disk."`
	Device string       `label:"device" help:"Name."`
	Model  string       `attr:"model" help:"What it is."`
	Util   float64      `metric:"test.util_percent" unit:"percent" help:"Busy share."`
	Read   metric.Count `metric:"test.read_bytes" unit:"bytes" help:"Bytes read, \"raw\"."`
	Busy   metric.Count `metric:"test.busy_seconds" unit:"seconds" scale:"1e-3" help:"Time busy."`
	Temp   float64      `metric:"test.temp_celsius" unit:"celsius" res:"0.1" min:"-inf" help:"Temperature."`
}

// host is a reading without labels.
type host struct {
	_    struct{} `reading:"test_host" domain:"test" help:"The host."`
	Load float64  `metric:"test.load" res:"0.01" help:"Load."`
}

const noon = 1_800_000_000 // a whole number of every step used here

// rig is a page over a store with the readings above.
type rig struct {
	*Page
	disks *store.Writer[disk]
	hosts *store.Writer[host]
	reg   *state.Registry
}

func newRig(t testing.TB, maxRows int) *rig {
	t.Helper()
	st := store.Open(store.Options{})
	t.Cleanup(func() { _ = st.Close() })
	o := store.ShardOptions{Step: 10 * time.Second, MaxRows: maxRows}
	r := &rig{
		disks: store.NewWriter[disk](st, o),
		hosts: store.NewWriter[host](st, o),
		reg:   state.New(),
	}
	r.Page = New(Options{
		Store: st, State: r.reg, Events: event.NewBus(),
		Build: Build{Version: "1.2.3", Revision: "abc", GoVersion: "go1.26"},
	})
	r.now = func() time.Time { return time.Unix(noon+5, 0) }
	return r
}

// put writes one sweep of disks at that Unix second.
func (r *rig) put(at int64, disks ...disk) {
	r.disks.Begin(store.At(at))
	for i := range disks {
		r.disks.Put(&disks[i])
	}
	r.disks.End()
}

func blank(device string) disk {
	d := metric.Blank[disk]()
	d.Device = device
	return d
}

func (r *rig) text(t testing.TB, f Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// parse reads a text page back with the reference parser.
func parse(t testing.TB, page string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	fams, err := p.TextToMetricFamilies(bytes.NewBufferString(page))
	if err != nil {
		t.Fatalf("the reference parser refuses the page: %v", err)
	}
	return fams
}

// samples are the values of a family by their label values, joined.
func samples(t testing.TB, fams map[string]*dto.MetricFamily, name string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	if fams[name] == nil {
		return out
	}
	for _, m := range fams[name].Metric {
		key := ""
		for _, l := range m.Label {
			key += fmt.Sprintf("%s=%s;", l.GetName(), l.GetValue())
		}
		v := m.GetGauge().GetValue()
		if m.Counter != nil {
			v = m.Counter.GetValue()
		}
		if _, twice := out[key]; twice || math.IsNaN(v) {
			t.Errorf("%s{%s}: value %v, seen before: %v", name, key, v, twice)
		}
		out[key] = v
	}
	return out
}
