package store

import (
	"slices"
	"time"
	"unsafe"

	"sysops-agent/pkg/metric"
)

// begin opens the slot of t; false when it was already written.
func (s *Shard) begin(t Tick) bool {
	s.regrid(t)
	slot := t.Wall.Unix() / s.step
	if slot <= s.done || t.Wall.Unix() < 0 {
		s.Counts.LateSweeps.Add(1)
		return false
	}
	s.slot, s.done = slot, slot
	ext := extent{epoch: s.epoch, step: uint32(s.step), base: slot - slot%extentSlots}
	if ext != s.cur {
		s.seal()
		s.cur = ext
		s.begun.Store(ext.start())
	}
	s.leave(slot * s.step)
	s.frame.begin(s)
	return true
}

// regrid starts a new epoch when the wall clock was set by more than half a
// slot since the last sweep, or when the step changed.
func (s *Shard) regrid(t Tick) {
	off := t.offset()
	moved := off - s.offset
	s.offset = off // following it also follows the slow slewing of NTP
	s.offsetSeen.Store(int64(off))
	if s.epoch == 0 {
		s.epoch = 1
		return
	}
	half := time.Duration(s.step) * time.Second / 2
	stepped := moved > half || moved < -half
	booted := s.rebooted
	s.rebooted = false
	if booted {
		stepped = false
	} else if !stepped && (s.cur.step == 0 || int64(s.cur.step) == s.step) {
		return
	}
	if stepped {
		s.Counts.Epochs.Add(1)
		s.store.stepped(s, moved)
	}
	s.seal()
	s.cur = extent{}
	s.epoch++
	s.done = -1
	for _, r := range s.Rows() { // silence is counted on the new clock
		r.last = -1
		r.seen.Store(min(r.seen.Load(), t.Wall.Unix()))
	}
}

func (s *Shard) end() {
	s.store.disk.frame(s.frame.end())
	s.newest.Store(s.slot * s.step)
}

// seal turns the heads of the current extent into a block and publishes it.
// The heads themselves stay where they are until the next write of their row,
// so that Latest always has an answer; readers leave them out because the
// chain holds their extent.
func (s *Shard) seal() {
	if s.cur.step == 0 {
		return
	}
	cat := s.cat.Load()
	b := s.enc.seal(s.cur, s.layout, cat.live, cat.gone)
	if len(b.ids) == 0 && len(b.gone) == 0 {
		return
	}
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	// The disk gets the block before a head is given up, so that at every
	// moment each sample is in the journal, in the queue or on disk.
	st.disk.block(s, b, cat.live)
	s.publish(b)
	failpoint("seal.published")
	if len(cat.gone) > 0 {
		s.cat.Store(&catalogue{live: cat.live})
	}
	st.evict(s.slot * s.step)
}

// publish appends b to the chain. The store's mutex is held.
func (s *Shard) publish(b *block) {
	old := s.chain.Load().blocks
	s.chain.Store(&chain{append(old[:len(old):len(old)], b)})
	s.bytes += b.bytes()
	if s.maxBytes == 0 {
		s.store.bytes += b.bytes()
	}
}

// leave removes rows that were silent for deadAfter from the catalogue. They
// are looked for once a minute.
func (s *Shard) leave(now int64) {
	if now-s.swept < 60 && now >= s.swept {
		return
	}
	s.swept = now
	silent := max(deadAfter, 6*s.step)
	cat := s.cat.Load()
	dead := func(r *Row) bool { return now-r.seen.Load() > silent }
	if !slices.ContainsFunc(cat.live, dead) {
		return
	}
	next := &catalogue{gone: slices.Clone(cat.gone)}
	for _, r := range cat.live {
		if !dead(r) {
			next.live = append(next.live, r)
			continue
		}
		next.gone = append(next.gone, r)
		delete(s.byKey, r.key)
		s.Counts.DeadRows.Add(1)
	}
	s.cat.Store(next)
}

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

func (s *Shard) openRow(key string, p unsafe.Pointer) *Row {
	cat := s.cat.Load()
	if len(cat.live) >= s.maxRow {
		s.Counts.RefusedRows.Add(1)
		return nil
	}
	r := &Row{shard: s, id: s.store.newID(), key: key, born: s.slot * s.step, last: -1}
	for i := range s.schema.Labels {
		v, cut := metric.LabelValue(string(s.schema.Labels[i].Append(nil, p)))
		if cut {
			s.Counts.CutLabels.Add(1)
		}
		r.values = append(r.values, v)
	}
	r.seen.Store(r.born)
	s.byKey[key] = r
	s.frame.open(r)
	// Readers of the old slice see its length only, so appending in place is
	// safe; removals copy.
	s.cat.Store(&catalogue{live: append(cat.live, r), gone: cat.gone})
	return r
}
