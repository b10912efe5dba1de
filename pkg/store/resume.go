package store

import (
	"encoding/binary"
	"slices"
	"time"

	"sysops-agent/pkg/metric"
)

// mark is where a shard was after a sweep.
type mark struct {
	extent extent
	swept  int64 // Unix second of the last sweep
	offset time.Duration
	boot   bootID // of the host then
}

// marked is where the shard is, for another goroutine than its writer.
func (s *Shard) marked() mark {
	s.markMu.Lock()
	defer s.markMu.Unlock()
	return s.mark
}

// reach takes over the newest mark. The next sweep carries on in its epoch
// when the host was not booted meanwhile; regrid will see whether the clock
// was set.
func (s *Shard) reach(m mark) {
	if s.beyond(m) {
		return
	}
	s.epoch, s.swept, s.offset, s.boot, s.mark = m.extent.epoch, m.swept, m.offset, m.boot, m
	s.done = m.swept / int64(m.extent.step)
	s.rebooted = m.boot != s.store.disk.boot || m.boot == bootID{}
}

// beyond reports whether the shard was swept after m.
func (s *Shard) beyond(m mark) bool {
	return s.epoch > m.extent.epoch || s.epoch == m.extent.epoch && s.swept > m.swept
}

// restoreBlock puts a sealed block at the end of the chain, unless the chain
// has its extent. Blocks come in order, a big one before the small ones that
// were merged into it.
func (s *Shard) restoreBlock(rb readBlock) bool {
	b := rb.block
	if b.extent.step == 0 || s.chain.Load().holds(b.extent) {
		return false
	}
	s.advance(b.extent)
	if s.newEpoch && len(b.ids) > 0 {
		s.cut()
	}
	s.setChain(s.chain.Load().appended(b))
	if n := len(b.ids); n > 0 {
		s.store.usedID(b.ids[n-1])
	}
	if b.extent.slots == bigSlots {
		s.adoptAll(&rb)
		s.reach(mark{b.extent, rb.swept, rb.offset, rb.boot})
	}
	return true
}

// restoreSnapshot replays the heads of a journal's beginning and returns how
// many slots that were.
func (s *Shard) restoreSnapshot(rb *readBlock) (slots int) {
	b := rb.block
	s.adoptAll(rb)
	if b.extent.step == 0 {
		return 0
	}
	if len(b.ids) == 0 { // only says where the shard was
		s.reach(mark{b.extent, rb.swept, rb.offset, rb.boot})
		return 0
	}
	if !s.opens(b.extent) {
		return 0
	}
	m := &s.store.sealer.merge
	nf := len(s.schema.Fields)
	vals := make([]uint64, nf)
	for _, id := range b.ids {
		row := s.restoring[id]
		if row == nil {
			continue
		}
		m.begin(nf)
		m.add(b, id, b.extent.base, s.layout)
		for i := range m.n {
			for f := range vals {
				vals[f] = m.column(f, &s.layout.codecs[f])[i]
			}
			slots += s.replay(row, b.extent.base+int64(m.off[i]), vals)
		}
	}
	return slots
}

// restoreFrame replays one sweep, written with layout l.
func (s *Shard) restoreFrame(f *readFrame, l *layout, boot bootID) (slots int) {
	if f.version >= s.cat.Load().version {
		_ = eachRowDef(f.defs, len(s.schema.Labels), s.adopt) // it was checked
		s.setVersion(f.version)
	}
	at := mark{f.extent, f.slot * int64(f.extent.step), f.offset, boot}
	newer, opened := !s.beyond(at), s.opens(f.extent)
	vals := make([]uint64, len(s.schema.Fields))
	size := 4 + 8*len(l.names)
	for b := f.rows; len(b) > 0; b = b[size:] {
		row := s.restoring[binary.LittleEndian.Uint32(b)]
		if row == nil {
			continue
		}
		if newer { // also of a slot that is in a block
			row.before, row.heard = at.swept, at.swept
		}
		if !opened {
			continue
		}
		for i := range vals {
			vals[i] = metric.AbsentBits
			if at := l.at[i]; at >= 0 {
				vals[i] = binary.LittleEndian.Uint64(b[4+8*at:])
			}
		}
		slots += s.replay(row, f.slot, vals)
	}
	s.reach(at)
	return slots
}

// opens makes ext the extent of the heads if it is not older than they or
// already sealed.
func (s *Shard) opens(ext extent) bool {
	if s.cur.behind(ext) || s.chain.Load().holds(ext) {
		return false
	}
	s.advance(ext)
	return true
}

// replay appends one restored slot to a row's head and returns 1, or 0 when it
// is there.
func (s *Shard) replay(r *Row, slot int64, vals []uint64) int {
	h := r.head.Load()
	off := uint8(slot - s.cur.base)
	if h != nil && h.turn == s.turn {
		if n := h.n.Load(); n > 0 && h.off[n-1] >= off {
			return 0
		}
	}
	if h == nil || h.turn != s.turn || h.n.Load() == h.room {
		h = s.room(h)
	}
	n := h.n.Load()
	copy(h.vals[int(n)*len(vals):], vals)
	h.off[n] = off
	h.n.Store(n + 1)
	r.head.Store(h)
	r.last = slot
	r.heard = slot * int64(s.cur.step)
	return 1
}

// adopt makes a live row of a definition that is not known yet.
func (s *Shard) adopt(d rowDef) {
	if s.restoring[d.id] != nil {
		return
	}
	r := d.row(s)
	if other := s.byKey[r.key]; other != nil {
		s.retire(func(x *Row) bool { return x == other })
	}
	s.restoring[d.id] = r
	s.byKey[r.key] = r
	s.store.usedID(d.id)
	cat := s.cat.Load()
	s.cat.Store(&catalogue{live: append(cat.live, r), gone: cat.gone, version: cat.version})
}

// adoptAll takes the whole catalogue of a moment: who is not in it has left.
// A snapshot may be older than the last block.
func (s *Shard) adoptAll(rb *readBlock) {
	if rb.version < s.cat.Load().version {
		return
	}
	nl := len(s.schema.Labels)
	defined := map[uint32]bool{}
	_ = eachRowDef(rb.live, nl, func(d rowDef) { defined[d.id] = true }) // it was checked
	s.retire(func(r *Row) bool { return !defined[r.id] })
	newer := !s.beyond(mark{extent: extent{epoch: rb.epoch}, swept: rb.swept})
	_ = eachRowDef(rb.live, nl, func(d rowDef) {
		s.adopt(d)
		if r := s.restoring[d.id]; newer {
			r.before, r.heard = d.seen, d.seen // not the greater: clocks go back
		}
	})
	if rb.block.extent.slots != bigSlots { // those who left are in no block yet
		_ = eachRowDef(rb.block.gone, nl, s.adoptGone)
	}
	s.setVersion(rb.version)
}

// adoptGone takes a row that has left.
func (s *Shard) adoptGone(d rowDef) {
	if s.restoring[d.id] != nil {
		return // retired, because it is not among the live
	}
	r := d.row(s)
	r.left = true
	s.restoring[d.id] = r
	s.store.usedID(d.id)
	cat := *s.cat.Load()
	cat.gone = append(cat.gone, r)
	s.cat.Store(&cat)
}

func (s *Shard) setVersion(v uint64) {
	cat := *s.cat.Load()
	cat.version = v
	s.cat.Store(&cat)
}

// retire moves live rows to those that left.
func (s *Shard) retire(who func(*Row) bool) {
	cat := s.cat.Load()
	next := &catalogue{gone: cat.gone, version: cat.version}
	for _, r := range cat.live {
		if !who(r) {
			next.live = append(next.live, r)
			continue
		}
		r.left = true
		next.gone = append(next.gone, r)
		if s.byKey[r.key] == r {
			delete(s.byKey, r.key)
		}
	}
	if len(next.gone) > len(cat.gone) {
		s.cat.Store(next)
	}
}

// resume makes the shard ready for its writer once everything is restored.
func (s *Shard) resume() {
	s.restoring = nil
	if s.epoch > s.cur.epoch { // it has no sample yet
		s.advance(s.mark.extent)
	}
	c, cat := s.chain.Load(), s.cat.Load()
	if s.epoch < s.cur.epoch { // the records that say more are damaged
		s.epoch, s.rebooted = s.cur.epoch, true
	}
	if s.cur.step != 0 {
		s.begun.Store(s.cur.start())
		s.newest.Store(s.swept)
	}
	// Rows that a block defines as gone need no second definition.
	inBlock := map[uint32]bool{}
	for _, b := range c.blocks {
		_ = eachRowDef(b.gone, len(s.schema.Labels), func(d rowDef) { inBlock[d.id] = true })
	}
	gone := slices.DeleteFunc(slices.Clone(cat.gone), func(r *Row) bool {
		h := r.head.Load()
		return inBlock[r.id] && (h == nil || c.holds(h.extent))
	})
	s.cat.Store(&catalogue{live: cat.live, gone: gone, version: cat.version})
}
