package store

import (
	"unsafe"

	"sysops-agent/pkg/metric"
)

// find returns the row of the labels of the reading at p, opening it when it
// is new; nil when the shard has all the rows it may have.
func (s *Shard) find(p unsafe.Pointer) *Row {
	s.keyBuf = s.appendKey(s.keyBuf[:0], p)
	if r, ok := s.byKey[string(s.keyBuf)]; ok {
		return r
	}
	return s.openRow(p)
}

// appendKey appends the identifying labels, each with its length, so that
// ("ab","c") and ("a","bc") differ.
func (s *Shard) appendKey(key []byte, p unsafe.Pointer) []byte {
	for i := range s.schema.Labels {
		l := &s.schema.Labels[i]
		if l.Attr {
			continue
		}
		at := len(key)
		key = l.Append(append(key, 0, 0), p)
		n := len(key) - at - 2
		if v := key[at+2:]; n > metric.MaxLabelValue || !metric.Plain(v) {
			clean, _ := metric.LabelValue(string(v))
			key = append(key[:at+2], clean...)
			n = len(clean)
		}
		key[at], key[at+1] = byte(n), byte(n>>8)
	}
	return key
}

// keyOf returns the key of a row with these clean label values.
func (s *Shard) keyOf(values []string) string {
	var key []byte
	for i, v := range values {
		if !s.schema.Labels[i].Attr {
			key = append(append(key, byte(len(v)), byte(len(v)>>8)), v...)
		}
	}
	return string(key)
}

// openRow opens the row of the key in keyBuf.
func (s *Shard) openRow(p unsafe.Pointer) *Row {
	cat := s.cat.Load()
	if len(cat.live) >= s.maxRow {
		s.Counts.RefusedRows.Add(1)
		return nil
	}
	r := &Row{shard: s, id: s.store.newID(), key: string(s.keyBuf), last: -1, heard: s.swept, before: s.swept}
	for i := range s.schema.Labels {
		v, cut := metric.LabelValue(string(s.schema.Labels[i].Append(nil, p)))
		if cut {
			s.Counts.CutLabels.Add(1)
		}
		r.values = append(r.values, v)
	}
	r.born.Store(s.swept)
	s.byKey[r.key] = r
	// Readers of the old slice see its length only, so appending in place is
	// safe; removals copy.
	s.cat.Store(&catalogue{live: append(cat.live, r), gone: cat.gone, version: cat.version + 1})
	failpoint("open.published")
	return r
}
