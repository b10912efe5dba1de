package store

// chain is the published list of a shard's blocks, oldest first: big ones,
// then the small ones of the newest big extent. What of them may be read does
// not overlap: a block of an older epoch ends where the next epoch begins.
type chain struct {
	blocks []*block
	sealed extent // the newest ever sealed into a block; step 0 = none
	bytes  int64
}

// holds reports whether ext, a small extent, was sealed into a block, even if
// that is evicted by now: its heads no longer count.
func (c *chain) holds(ext extent) bool {
	s := c.sealed
	return s.step != 0 && (ext.epoch < s.epoch || ext.epoch == s.epoch && ext.base < s.base+s.slots)
}

// small returns the index of the first of the small blocks at the end.
func (c *chain) small() int {
	i := len(c.blocks)
	for i > 0 && c.blocks[i-1].extent.slots == smallSlots {
		i--
	}
	return i
}

// with returns a chain of other blocks.
func (c *chain) with(blocks []*block, sealed extent) *chain {
	n := &chain{blocks: blocks, sealed: sealed}
	for _, b := range blocks {
		n.bytes += b.bytes()
	}
	return n
}

// appended returns the chain with one more block.
func (c *chain) appended(b *block) *chain {
	return c.with(append(c.blocks[:len(c.blocks):len(c.blocks)], b), b.extent)
}

// cut ends what older epochs say of the time from the beginning of e's epoch
// on. A block that has nothing else to say keeps only the definitions of rows,
// whose samples lie before it.
func (c *chain) cut(e extent) *chain {
	var blocks []*block
	for _, b := range c.blocks {
		if b.extent.epoch < e.epoch && e.since < b.end() {
			old := b
			b = &block{extent: old.extent, until: e.since, layout: old.layout, gone: old.gone}
			if old.extent.start() < e.since {
				b.ids, b.offs, b.data = old.ids, old.offs, old.data
			} else if len(b.gone) == 0 {
				continue
			}
		}
		blocks = append(blocks, b)
	}
	return c.with(blocks, c.sealed)
}

// setChain publishes c. The store's mutex is held.
func (s *Shard) setChain(c *chain) {
	if s.maxBytes == 0 {
		s.store.bytes += c.bytes - s.chain.Load().bytes
	}
	s.chain.Store(c)
}
