package store

import "time"

// begin opens the slot of t; false when it was already written or is not of
// our time.
func (s *Shard) begin(t Tick) bool {
	if s.open { // the writer left its last sweep without End
		s.end()
	}
	wall := t.Wall.Unix()
	if wall < 0 || wall > maxUnix {
		s.Counts.LateSweeps.Add(1)
		return false
	}
	slot, off := wall/s.step, t.offset()
	epoch := s.epoch
	ext := s.regrid(slot, off)
	if ext.epoch == epoch && slot <= s.done {
		s.offset = off
		s.Counts.LateSweeps.Add(1)
		return false
	}
	s.excuse(slot*s.step, epoch != ext.epoch)
	s.enter(ext, wall)
	// Only now: a block that a clock step ends tells the offset until then, so
	// that a restart between the two sees the step too. Following the offset
	// also lets the slow slewing of NTP add up to nothing.
	s.offset = off
	s.boot = s.store.disk.bootID()
	s.slot, s.done, s.open = slot, slot, true
	s.off, s.swept = uint8(slot-ext.base), slot*s.step
	s.frame.begin(s)
	return true
}

// regrid returns the extent of a slot. A new epoch begins with the first
// sweep, when the wall clock was set by more than half a slot since the last
// one, when the step changed, and after a reboot.
func (s *Shard) regrid(slot int64, off time.Duration) extent {
	ext := extent{
		epoch: s.epoch, step: uint32(s.step), since: s.cur.since,
		base: slot - slot%smallSlots, slots: smallSlots,
	}
	moved := off - s.offset
	half := time.Duration(s.step) * time.Second / 2
	switch {
	case s.epoch == 0 || s.rebooted || s.cur.step != ext.step:
	case moved > half || moved < -half:
		s.Counts.Epochs.Add(1)
		s.store.stepped(s, moved)
	case s.chain.Load().holds(ext) && slot > s.done:
		// A restart lost the step that ended an extent early.
	default:
		return ext
	}
	s.rebooted = false
	s.epoch++
	ext.epoch, ext.since = s.epoch, slot*s.step
	return ext
}

// excuse keeps rows from being counted as silent for a time in which the
// shard itself was not swept: suspend, a collector that rested, a clock that
// was set.
func (s *Shard) excuse(now int64, epoch bool) {
	gap := now - s.swept
	if !epoch && gap >= 0 && gap <= (MaxGap+1)*s.step {
		return
	}
	for _, r := range s.Rows() {
		r.heard += gap - s.step
		if epoch {
			r.last = -1
			r.born.Store(min(r.born.Load(), now))
		}
	}
}

// end closes the sweep: its frame goes to the journal, silent rows leave.
func (s *Shard) end() {
	s.open = false
	s.leave(s.swept)
	// The mark before the frame: once the frame is in a journal, a snapshot
	// that replaces that journal must know of the sweep.
	s.markMu.Lock()
	s.mark = mark{extent: s.cur, swept: s.swept, offset: s.offset, boot: s.boot}
	s.markMu.Unlock()
	s.store.disk.frame(s.frame.end(s.cat.Load().version))
	s.newest.Store(s.swept)
}

// leave removes rows that were silent for deadAfter from the catalogue. They
// are looked for once a minute.
func (s *Shard) leave(now int64) {
	if now >= s.looked && now-s.looked < lookEvery {
		return
	}
	s.looked = now
	silent := max(deadAfter, 6*s.step)
	cat := s.cat.Load()
	next := &catalogue{gone: cat.gone[:len(cat.gone):len(cat.gone)], version: cat.version + 1}
	for _, r := range cat.live {
		if now-r.heard <= silent {
			continue
		}
		r.left = true
		next.gone = append(next.gone, r)
		delete(s.byKey, r.key)
		s.Counts.DeadRows.Add(1)
	}
	if len(next.gone) == len(cat.gone) {
		return
	}
	for _, r := range cat.live {
		if !r.left {
			next.live = append(next.live, r)
		}
	}
	s.cat.Store(next)
	failpoint("leave.published")
}
