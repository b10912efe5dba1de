package store

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
)

// MaxGap is the number of slots over which a counter is still differenced: an
// increment may end at most this many slots after it began.
const MaxGap = 6

// deadAfter is how long a row may be silent before it leaves the catalogue.
const deadAfter = 15 * 60

// Options are the bounds of the store.
type Options struct {
	Dir       string        // of the journal and the checkpoints; "" = memory only
	Retention time.Duration // how long samples are kept; 0 = 24 h
	MaxBytes  int64         // sealed blocks, all shards without own budget; 0 = 64 MiB
	MaxRows   int           // live rows per reading type; 0 = 2000
	Log       zerolog.Logger
	State     *state.Part // may be nil
}

// Store holds all shards. Reads may come from any goroutine.
type Store struct {
	opt    Options
	mu     sync.Mutex // adding shards, giving ids, evicting
	shards atomic.Pointer[[]*Shard]
	nextID uint32
}

// Open returns a store, restored from its directory when it has one.
func Open(o Options) (*Store, error) {
	if o.Retention == 0 {
		o.Retention = 24 * time.Hour
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.MaxRows == 0 {
		o.MaxRows = 2000
	}
	s := &Store{opt: o, nextID: 1}
	s.shards.Store(new([]*Shard))
	return s, nil
}

// Close writes what is not yet on disk and closes the files. No writer may be
// in a sweep.
func (s *Store) Close() error { return nil }

// Shards returns all shards in the order of their first use. The slice is
// immutable.
func (s *Store) Shards() []*Shard { return *s.shards.Load() }

// Shard returns the shard of that reading name, or nil.
func (s *Store) Shard(reading string) *Shard {
	for _, sh := range s.Shards() {
		if sh.schema.Name == reading {
			return sh
		}
	}
	return nil
}

func (s *Store) shard(sch *metric.Schema, o ShardOptions) *Shard {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.Shard(sch.Name)
	if sh == nil {
		sh = &Shard{store: s, schema: sch, byKey: map[string]*Row{}, done: -1}
		sh.cat.Store(&catalogue{})
		sh.chain.Store(&chain{})
		list := append(slices.Clone(s.Shards()), sh)
		s.shards.Store(&list)
	}
	sh.step = int64(max(o.Step, time.Second) / time.Second)
	sh.maxRow = o.MaxRows
	if sh.maxRow == 0 {
		sh.maxRow = s.opt.MaxRows
	}
	return sh
}
