package store

import "slices"

// sealer is the scratch space for sealing and merging, one for the store.
type sealer struct {
	enc   encoder
	merge merger
	heads []rowHead
}

// enter makes ext the extent of the heads, under the store's mutex. now is the
// Unix second by which age is judged.
func (s *Shard) enter(ext extent, now int64) {
	if ext == s.cur {
		return
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.advance(ext)
	s.begun.Store(ext.start())
	s.store.evict(now)
}

// advance moves on to ext, of the heads or of a restored block. What it leaves
// is sealed, and merged when ext begins a new big extent.
func (s *Shard) advance(ext extent) {
	if ext == s.cur {
		return
	}
	s.seal()
	s.mergeBefore(ext)
	s.newEpoch = s.newEpoch || ext.epoch != s.cur.epoch
	s.cur = ext
	s.turn++
}

// cut ends what older epochs say of the current one's time, when this has its
// first sample; one that has none ends nothing. The store's mutex is held.
func (s *Shard) cut() {
	s.newEpoch = false
	s.setChain(s.chain.Load().cut(s.cur))
	failpoint("epoch.cut")
}

// seal turns the heads of the current extent into a small block and publishes
// it. The heads themselves stay where they are until the next write of their
// row, so that Latest always has an answer; readers leave them out because
// the chain holds their extent. The store's mutex is held.
func (s *Shard) seal() {
	c := s.chain.Load()
	if s.cur.step == 0 || c.holds(s.cur) {
		return
	}
	z := &s.store.sealer
	cat := s.cat.Load()
	z.heads = heads(heads(z.heads[:0], cat.live), cat.gone)
	b := z.enc.seal(s.cur, s.layout, z.heads, cat.gone)
	clear(z.heads) // or it would keep the heads from the collector
	if len(b.ids) == 0 && len(b.gone) == 0 {
		return
	}
	failpoint("seal.encoded")
	s.setChain(c.appended(b))
	failpoint("seal.published")
	if len(cat.gone) > 0 {
		s.cat.Store(&catalogue{live: cat.live, version: cat.version})
		failpoint("seal.forgotten")
	}
}

// mergeBefore replaces the small blocks at the end of the chain by big ones,
// but those that lie in the same big extent as ext. The disk gets a big block
// before the small ones are given up, so that at every moment each sample is
// in the journal, in the queue or on disk. The store's mutex is held.
func (s *Shard) mergeBefore(ext extent) {
	for {
		c := s.chain.Load()
		first := c.small()
		if first == len(c.blocks) {
			return
		}
		big := c.blocks[first].extent.big()
		if big == ext.big() {
			return
		}
		end := first + 1
		for end < len(c.blocks) && c.blocks[end].extent.big() == big {
			end++
		}
		b := s.store.sealer.mergeBlocks(big, s.layout, c.blocks[first:end])
		s.store.disk.block(s, b)
		failpoint("merge.queued")
		s.setChain(c.with(slices.Concat(c.blocks[:first], []*block{b}, c.blocks[end:]), c.sealed))
		failpoint("merge.published")
	}
}
