package store

import "time"

// evict drops blocks that are older than the retention or over a budget, of
// the common one those of whichever shard reaches back farthest. now is Unix
// seconds; the mutex is held.
func (s *Store) evict(now int64) {
	oldest := now - int64(s.opt.Retention/time.Second)
	for _, sh := range s.Shards() {
		for sh.oldestEnd() <= oldest {
			sh.dropOldest()
		}
		for sh.maxBytes > 0 && sh.chain.Load().bytes > sh.maxBytes {
			sh.dropOldest()
			sh.Counts.Evicted.Add(1)
		}
	}
	for s.bytes > s.opt.MaxBytes {
		victim := s.farthest()
		if victim == nil {
			return
		}
		victim.dropOldest()
		victim.Counts.Evicted.Add(1)
	}
}

// farthest is the shard of the common budget with the oldest block.
func (s *Store) farthest() *Shard {
	var far *Shard
	for _, sh := range s.Shards() {
		if sh.maxBytes == 0 && sh.oldestEnd() != never && (far == nil || sh.oldestEnd() < far.oldestEnd()) {
			far = sh
		}
	}
	return far
}

// oldestEnd is the end of the oldest block, or never.
func (s *Shard) oldestEnd() int64 {
	if bs := s.chain.Load().blocks; len(bs) > 0 {
		return bs[0].end()
	}
	return never
}

func (s *Shard) dropOldest() {
	c := s.chain.Load()
	s.setChain(c.with(append([]*block(nil), c.blocks[1:]...), c.sealed))
}

// budget is what the blocks of all shards may take.
func (s *Store) budget() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.opt.MaxBytes
	for _, sh := range s.Shards() {
		n += sh.maxBytes
	}
	return n
}
