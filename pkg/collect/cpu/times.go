package cpu

import (
	"math"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
)

// wobble is by how many ticks idle and iowait together may fall without
// meaning anything: the kernel keeps both in nanoseconds and rounds each.
const wobble = 2

// absurd is more ticks than any CPU ever had; sums of all columns below it fit
// in 64 bits.
const absurd = 1 << 60

// since returns what a CPU did between an earlier line and this one; false
// when the two are not of one uninterrupted life, and the CPU is then left
// out of this sweep.
//
// A column that fell counts 0. Idle and iowait are special: the kernel shows
// the idle period under way as iowait while a task waits and books it as idle
// when it ends otherwise, so iowait falls by as much as idle rises. Their sum
// is what counts, and the column that rose gets it. A sum that falls means
// that the counters were restarted, as some kernels do when a CPU goes
// offline and comes back.
//
// No CPU does more than limit ticks in a sweep; a column that says so jumped
// (steal does, on some hypervisors).
func (t *ticks) since(prev *ticks, limit uint64) (d ticks, ok bool) {
	for i := range t {
		if max(t[i], prev[i]) >= absurd {
			return ticks{}, false
		}
		if t[i] > prev[i] {
			d[i] = t[i] - prev[i]
		}
	}
	fell := func(i int) uint64 { return max(prev[i], t[i]) - t[i] }
	rose, lost := d[idle]+d[iowait], fell(idle)+fell(iowait)
	switch {
	case lost > rose+wobble:
		return ticks{}, false
	case lost > rose:
		d[idle], d[iowait] = 0, 0
	case d[idle] >= lost:
		d[idle] -= lost
	default:
		d[iowait] -= lost
	}
	var sum uint64
	for i := range guest { // guest and guestNice are part of user and nice
		sum += d[i]
	}
	if sum > limit {
		return ticks{}, false
	}
	return d, true
}

func (t *ticks) add(d *ticks) {
	for i := range t {
		t[i] += d[i]
	}
}

// shares turns the ticks of one or more CPUs into percentages of all their
// time; false when they had none (COL-23).
func (t *ticks) shares(cols int) (usage float64, r reading.CPUTimes, ok bool) {
	active := t[user] + t[nice] + t[system] + t[irq] + t[softirq] + t[steal]
	total := active + t[idle] + t[iowait]
	if total == 0 {
		return metric.NaN, r, false
	}
	pct := func(v uint64) float64 { return 100 * float64(v) / float64(total) }
	r = reading.CPUTimes{
		User: pct(t[user]), Nice: pct(t[nice]), System: pct(t[system]),
		Idle: pct(t[idle]), IOWait: pct(t[iowait]),
		IRQ: pct(t[irq]), SoftIRQ: pct(t[softirq]), Steal: pct(t[steal]),
		Guest: metric.NaN,
	}
	if cols > guest {
		r.Guest = pct(min(t[guest]+t[guestNice], t[user]+t[nice]))
	}
	return pct(active), r, true
}

// seconds turns ticks since boot into microseconds: exact where the tick is
// a whole number of them, as with USER_HZ 100.
func (t *ticks) seconds(cols int, hz uint64) reading.CPUSeconds {
	micros := func(i int) metric.Count {
		if i >= cols || t[i]/hz >= math.MaxUint64/1_000_000 {
			return metric.NoCount // not there, or more than a counter holds
		}
		return metric.Count(t[i]/hz*1_000_000 + t[i]%hz*1_000_000/hz)
	}
	s := reading.CPUSeconds{
		UserSeconds: micros(user), NiceSeconds: micros(nice), SystemSeconds: micros(system),
		IdleSeconds: micros(idle), IOWaitSeconds: micros(iowait),
		IRQSeconds: micros(irq), SoftIRQSeconds: micros(softirq), GuestSeconds: micros(guest),
	}
	if cols > steal { // else 0 (COL-17)
		s.StealSeconds = micros(steal)
	}
	if n := micros(guestNice); s.GuestSeconds != metric.NoCount && n != metric.NoCount {
		s.GuestSeconds += n
	}
	return s
}
