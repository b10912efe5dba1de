package store

import (
	"fmt"
	"math"
	"slices"
	"time"

	"sysops-agent/pkg/metric"
)

// model is the store as its package comment describes it, written as plainly
// as possible: a list of rows, each a list of slots.
type model struct {
	step    int64
	maxRows int
	rows    []*modelRow // all that ever were
	epoch   int
	since   map[int]int64 // Unix second at which an epoch begins
	spoke   map[int]bool  // the epoch has a sample
	epochOf int64         // step of the epoch
	offset  time.Duration
	kept    time.Duration // offset of the last sweep that was not late
	reboot  bool
	slot    int64
	swept   int64
	looked  int64
	late    int
	refused int
	double  int
	invalid int
}

type modelRow struct {
	name  string
	id    uint32 // the store's
	live  bool
	heard int64
	slots []modelSlot
}

type modelSlot struct {
	epoch int
	slot  int64
	t     int64
	r     sample
}

func newModel(step int64, maxRows int) *model {
	return &model{step: step, maxRows: maxRows, since: map[int]int64{}, spoke: map[int]bool{}, slot: -1}
}

// begin says whether the sweep counts.
func (m *model) begin(t Tick) bool {
	slot := t.Wall.Unix() / m.step
	off := time.Duration(t.Wall.UnixNano()) - t.Boot
	moved := (off - m.offset).Abs()
	fresh := m.epoch == 0 || m.reboot || m.epochOf != m.step || moved > time.Duration(m.step)*time.Second/2
	m.offset = off
	if !fresh && slot <= m.slot {
		m.late++
		return false
	}
	now := slot * m.step
	if gap := now - m.swept; fresh || gap > 7*m.step {
		for _, r := range m.rows {
			r.heard += gap - m.step
		}
	}
	if fresh {
		m.epoch++
		m.since[m.epoch] = now
		m.reboot, m.epochOf = false, m.step
	}
	m.slot, m.swept, m.kept = slot, now, off
	return true
}

func (m *model) find(name string) *modelRow {
	i := slices.IndexFunc(m.rows, func(r *modelRow) bool { return r.live && r.name == name })
	if i < 0 {
		return nil
	}
	return m.rows[i]
}

func (m *model) live() (n int) {
	for _, r := range m.rows {
		if r.live {
			n++
		}
	}
	return n
}

func (m *model) put(r sample) {
	row := m.find(r.Name)
	if row == nil {
		if m.live() >= m.maxRows {
			m.refused++
			return
		}
		row = &modelRow{name: r.Name, live: true}
		m.rows = append(m.rows, row)
	}
	if n := len(row.slots); n > 0 && row.slots[n-1].epoch == m.epoch && row.slots[n-1].slot == m.slot {
		m.double++
		return
	}
	for _, v := range []*float64{&r.Ratio, &r.Size, &r.Temp} {
		if math.IsInf(*v, 0) || (*v < 0 && v != &r.Temp) {
			*v = math.NaN()
			m.invalid++
		}
	}
	row.slots = append(row.slots, modelSlot{m.epoch, m.slot, m.swept, r})
	row.heard = m.swept
	m.spoke[m.epoch] = true
}

func (m *model) end() {
	if m.swept >= m.looked && m.swept-m.looked < 60 {
		return
	}
	m.looked = m.swept
	for _, r := range m.rows {
		if r.live && m.swept-r.heard > max(900, 6*m.step) {
			r.live = false
		}
	}
}

// restart forgets what is not in the files: the offset of late sweeps; rows are as silent as their
// newest slot says, and are looked at anew.
func (m *model) restart() {
	m.looked, m.offset = 0, m.kept
	for _, r := range m.rows {
		if n := len(r.slots); n > 0 {
			r.heard = r.slots[n-1].t
		}
	}
}

type modelPoint struct {
	t int64
	v float64
}

// read gives the samples of a field of a row within [from, to).
func (m *model) read(r *modelRow, field int, from, to int64) (out []modelPoint) {
	last, have := modelSlot{}, false
	for _, s := range r.slots {
		if m.hidden(s) {
			continue
		}
		if field == fBusy {
			if s.r.Busy == metric.NoCount {
				continue
			}
			if have && last.epoch == s.epoch && s.r.Busy >= last.r.Busy && s.slot-last.slot <= MaxGap+1 && s.t >= from && s.t < to {
				out = append(out, modelPoint{s.t, float64(s.r.Busy-last.r.Busy) * 1e-6})
			}
			last, have = s, true
			continue
		}
		v := [...]float64{s.r.Ratio, s.r.Size, s.r.Temp}[field]
		if !math.IsNaN(v) && s.t >= from && s.t < to {
			out = append(out, modelPoint{s.t, v})
		}
	}
	return out
}

// hidden reports whether a later epoch speaks of the slot's time.
func (m *model) hidden(s modelSlot) bool {
	for e := s.epoch + 1; e <= m.epoch; e++ {
		if m.spoke[e] && s.t >= m.since[e] {
			return true
		}
	}
	return false
}

var modelRes = [...]float64{fRatio: 0.01, fSize: 1, fTemp: 0.1}

// same says how got differs from want: a gauge by no more than half its
// resolution, an increment not at all.
func (m *model) same(field int, got Points, want []modelPoint) error {
	for i, w := range want {
		if i == len(got.T) {
			return fmt.Errorf("%d samples, want %d, %v is missing", i, len(want), w)
		}
		tolerance := 0.0
		if field != fBusy {
			tolerance = modelRes[field]/2*(1+1e-9) + math.Abs(w.v)*1e-15
		}
		if got.T[i] != w.t || math.Abs(got.V[i]-w.v) > tolerance {
			return fmt.Errorf("sample %d of %d is %d %v, want %d of %d %v", i, len(got.T), got.T[i], got.V[i], i, len(want), w)
		}
	}
	if len(got.T) > len(want) {
		return fmt.Errorf("%d samples, want %d, %d %v is too much", len(got.T), len(want), got.T[len(want)], got.V[len(want)])
	}
	return nil
}
