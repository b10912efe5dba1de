package self

import (
	"fmt"
	"math"
	"strings"

	"sysops-agent/pkg/state"
)

// Budget is what the agent may use at most; zero values mean the defaults of
// the specification (14.1). Its targets and its idle limits are held by the
// benchmarks: while it runs the agent cannot know whether it is idle.
type Budget struct {
	RSS        float64 // bytes; 100 MiB
	CPUPercent float64 // of one core; 10
	DiskBytes  float64 // per second, read and written; 1 MB
	NetBytes   float64 // per second, sent and received; 500 KB
	FDs        float64 // without those of sensors; 50
	SensorFDs  float64 // BPF maps, programs, links, perf events; 128
}

// patience is the number of ticks in a row over a budget, or within it again,
// before that counts: a compaction or a start-up is no news, a minute is.
const patience = 3

// use is what the agent used in one tick, NaN where it is not known.
type use struct{ rss, cpu, disk, net, fds, sensorFDs float64 }

// budget is one limit and how it fares.
type budget struct {
	name, what string
	show       func(float64) string
	limit      float64
	value      float64 // of the newest tick
	against    int     // ticks in a row that speak against over
	over       bool
}

// text is the warning (OPS-77 to OPS-79).
func (b *budget) text() string {
	return fmt.Sprintf("The agent's %s of %s exceeds the limit of %s.", b.what, b.show(b.value), b.show(b.limit))
}

// watch holds all budgets.
type watch struct {
	budgets []budget
	events  uint64 // times that a budget came to be exceeded
}

func newWatch(b Budget) watch {
	or := func(v, otherwise float64) float64 {
		if v > 0 {
			return v
		}
		return otherwise
	}
	return watch{budgets: []budget{
		{name: "rss", what: "memory use", show: megabytes, limit: or(b.RSS, 100<<20)},
		{name: "cpu", what: "CPU use", show: percent, limit: or(b.CPUPercent, 10)},
		{name: "disk", what: "disk I/O", show: rate, limit: or(b.DiskBytes, 1e6)},
		{name: "net", what: "network I/O", show: rate, limit: or(b.NetBytes, 500e3)},
		{name: "fds", what: "file descriptor count", show: plain, limit: or(b.FDs, 50)},
		{name: "sensor_fds", what: "sensor file descriptor count", show: plain, limit: or(b.SensorFDs, 128)},
	}}
}

// tick compares one tick with all budgets. It returns those that came to be
// exceeded, and whether the set of the exceeded changed.
func (w *watch) tick(u use) (began []*budget, changed bool) {
	for i, v := range []float64{u.rss, u.cpu, u.disk, u.net, u.fds, u.sensorFDs} {
		b := &w.budgets[i]
		if math.IsNaN(v) {
			continue // not known: says nothing for or against
		}
		b.value = v
		if (v > b.limit) == b.over {
			b.against = 0
			continue
		}
		if b.against++; b.against < patience {
			continue
		}
		b.over, b.against, changed = !b.over, 0, true
		if b.over {
			w.events++
			began = append(began, b)
		}
	}
	return began, changed
}

func (w *watch) exceeded() []*budget {
	var over []*budget
	for i := range w.budgets {
		if w.budgets[i].over {
			over = append(over, &w.budgets[i])
		}
	}
	return over
}

// report sets the state. The values in it are those of the moment when the
// set of exceeded budgets changed: a state that changes with every tick is
// only noise, and the numbers of now are in the reading.
func (w *watch) report(p *state.Part) {
	over := w.exceeded()
	if len(over) == 0 {
		p.Active()
		return
	}
	texts := make([]string, len(over))
	for i, b := range over {
		texts[i] = b.text()
	}
	p.Degraded(strings.Join(texts, " "), "see agent.* and collector.duration_seconds; lengthen intervals, watch less, or report it as a bug")
}

func megabytes(v float64) string { return fmt.Sprintf("%.1f MiB", v/(1<<20)) }
func percent(v float64) string   { return fmt.Sprintf("%.1f %%", v) }
func rate(v float64) string      { return fmt.Sprintf("%.1f KB/s", v/1000) }
func plain(v float64) string     { return fmt.Sprintf("%.0f", v) }
