package store

import (
	"unsafe"

	"sysops-agent/pkg/metric"
)

// begin opens the slot of t; false when it was already written.
func (s *Shard) begin(t Tick) bool {
	slot := t.Wall.Unix() / s.step
	if slot <= s.done {
		s.Counts.LateSweeps.Add(1)
		return false
	}
	s.slot, s.done = slot, slot
	s.cur = extent{epoch: s.cur.epoch, step: uint32(s.step), base: slot - slot%extentSlots}
	return true
}

func (s *Shard) end() {}

// find returns the row of the labels of the reading at p, opening it when it
// is new; nil when the shard has all the rows it may have.
func (s *Shard) find(p unsafe.Pointer) *Row {
	s.keyBuf = s.appendKey(s.keyBuf[:0], p)
	if r, ok := s.byKey[string(s.keyBuf)]; ok {
		return r
	}
	return s.openRow(string(s.keyBuf), p)
}

// appendKey appends the identifying labels, each with its length, so that
// ("ab","c") and ("a","bc") differ.
func (s *Shard) appendKey(key []byte, p unsafe.Pointer) []byte {
	for i := range s.schema.Labels {
		l := &s.schema.Labels[i]
		if l.Attr {
			continue
		}
		v, _ := metric.LabelValue(l.Value(p))
		key = append(key, byte(len(v)), byte(len(v)>>8))
		key = append(key, v...)
	}
	return key
}

func (s *Shard) openRow(key string, p unsafe.Pointer) *Row {
	c := s.cat.Load()
	if len(c.live) >= s.maxRow {
		s.Counts.RefusedRows.Add(1)
		return nil
	}
	r := &Row{shard: s, key: key, born: s.slot * s.step, last: -1}
	for i := range s.schema.Labels {
		v, cut := metric.LabelValue(s.schema.Labels[i].Value(p))
		if cut {
			s.Counts.CutLabels.Add(1)
		}
		r.values = append(r.values, v)
	}
	s.store.mu.Lock()
	r.id = s.store.nextID
	s.store.nextID++
	s.store.mu.Unlock()
	s.byKey[key] = r
	// Readers of the old slice see its length only, so appending in place is
	// safe; removals copy.
	s.cat.Store(&catalogue{live: append(c.live, r), gone: c.gone})
	return r
}

type chain struct{}
