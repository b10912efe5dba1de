package store

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
)

// MaxGap is the number of missing slots over which a counter is still
// differenced; the increment then belongs to the slot in which it ended.
const MaxGap = 6

// deadAfter is how long, in seconds, a row may be silent before it leaves the
// catalogue, and lookEvery how often silent rows are looked for.
const (
	deadAfter = 15 * 60
	lookEvery = 60
)

// Options are the bounds of the store.
type Options struct {
	Dir       string        // of the journal and the blocks; "" = memory only
	Retention time.Duration // how long samples are kept; 0 = 24 h
	MaxBytes  int64         // sealed blocks of shards without own budget; 0 = 64 MiB
	MaxRows   int           // live rows per reading type; 0 = 2000
	Schemas   []*metric.Schema
	Log       zerolog.Logger
	State     *state.Part // may be nil

	// ClockStepped, when set, is told of each step of the wall clock that a
	// shard notices.
	ClockStepped func(reading string, by time.Duration)
}

// Store holds all shards. Reads may come from any goroutine.
type Store struct {
	opt      Options
	disk     *disk // nil = memory only
	restored Restored
	shards   atomic.Pointer[[]*Shard]
	nextID   atomic.Uint32

	mu     sync.Mutex // sealing, merging and evicting blocks, adding shards
	bytes  int64      // of blocks of shards without own budget
	sealer sealer
}

// Open returns a store with a shard per schema, restored from its directory
// when it has one. A directory that cannot be used costs durability, not the
// store: the state says so and everything stays in memory.
func Open(o Options) *Store {
	if o.Retention == 0 {
		o.Retention = 24 * time.Hour
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.MaxRows == 0 {
		o.MaxRows = 2000
	}
	s := &Store{opt: o}
	list := make([]*Shard, 0, len(o.Schemas))
	for _, sch := range o.Schemas {
		list = append(list, newShard(s, sch))
	}
	s.shards.Store(&list)
	if o.Dir != "" {
		s.openDisk()
	} else {
		s.restoredState()
	}
	return s
}

func (s *Store) openDisk() {
	zenc, err := newZstd()
	if err == nil {
		s.disk = &disk{
			st: s, dir: s.opt.Dir, boot: readBootID(), zenc: zenc,
			wake: make(chan struct{}, 1), done: make(chan struct{}),
		}
		s.restored, err = s.disk.restore()
	}
	if err != nil {
		s.disk = nil
		s.opt.Log.Warn().Err(err).Str("dir", s.opt.Dir).Msg("store keeps everything in memory only")
		if s.opt.State != nil {
			s.opt.State.Degraded(fmt.Sprintf("memory only: %v", err), "make "+s.opt.Dir+" writable and restart")
		}
		return
	}
	s.restoredState()
	go s.disk.run()
	s.disk.nudge() // the restored heads go into a fresh journal
}

// restoredState reports active, or what was damaged.
func (s *Store) restoredState() {
	p := s.opt.State
	if p == nil {
		return
	}
	if r := s.restored; r.Damaged > 0 || len(r.Aside) > 0 {
		p.Degraded(fmt.Sprintf("%d damaged records were skipped and %d files set aside at start, being of another version or unreadable; everything else was restored",
			r.Damaged, len(r.Aside)), "nothing to do unless it repeats: then check the disk of "+s.opt.Dir)
		return
	}
	p.Active()
}

// Restored says what Open found on disk.
func (s *Store) Restored() Restored { return s.restored }

// Disk returns the counters of the files; nil when the store is memory only.
func (s *Store) Disk() *DiskCounts {
	if s.disk == nil {
		return nil
	}
	return &s.disk.Counts
}

// Close writes what is not yet on disk and closes the files, giving the disk
// ten seconds. No writer may be in a sweep or begin one afterwards.
func (s *Store) Close() error {
	if s.disk == nil {
		return nil
	}
	return s.disk.close(10 * time.Second)
}

// Shards returns all shards. The slice is immutable.
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

func newShard(st *Store, sch *metric.Schema) *Shard {
	s := &Shard{store: st, schema: sch, layout: layoutOf(sch), byKey: map[string]*Row{}, step: 1, done: -1}
	s.stepSeen.Store(s.step)
	s.columns = columnsOf(sch)
	s.maxRow = st.opt.MaxRows
	s.cat.Store(&catalogue{})
	s.chain.Store(&chain{})
	return s
}

// attach gives a writer its shard.
func (s *Store) attach(sch *metric.Schema, o ShardOptions) *Shard {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.Shard(sch.Name)
	if sh == nil {
		sh = newShard(s, sch)
		list := append(append([]*Shard{}, s.Shards()...), sh)
		s.shards.Store(&list)
	}
	sh.step = max(int64(o.Step/time.Second), 1)
	sh.stepSeen.Store(sh.step)
	sh.maxRow = o.MaxRows
	if sh.maxRow == 0 {
		sh.maxRow = s.opt.MaxRows
	}
	if held := sh.chain.Load().bytes; (o.MaxBytes == 0) != (sh.maxBytes == 0) {
		if o.MaxBytes != 0 {
			held = -held
		}
		s.bytes += held
	}
	sh.maxBytes = o.MaxBytes
	return sh
}

// newID returns an id that no row ever had. 2^32 of them last 130 years at
// one new row a second.
func (s *Store) newID() uint32 {
	if s.nextID.Load() == math.MaxUint32 {
		panic("store: out of row ids")
	}
	return s.nextID.Add(1)
}

// usedID keeps ids of restored rows from being given again.
func (s *Store) usedID(id uint32) {
	if s.nextID.Load() < id {
		s.nextID.Store(id)
	}
}

func (s *Store) stepped(sh *Shard, by time.Duration) {
	if s.opt.ClockStepped != nil {
		s.opt.ClockStepped(sh.schema.Name, by)
	}
}

// Size is what the store holds now.
type Size struct {
	Blocks     int
	BlockBytes int64
	HeadBytes  int64
	Rows       int
	Series     int // fields of live rows
}

// Size measures the store.
func (s *Store) Size() Size {
	var z Size
	for _, sh := range s.Shards() {
		for _, b := range sh.chain.Load().blocks {
			z.Blocks++
			z.BlockBytes += b.bytes()
		}
		rows := sh.Rows()
		z.Rows += len(rows)
		z.Series += len(rows) * len(sh.schema.Fields)
		for _, r := range rows {
			if h := r.head.Load(); h != nil {
				z.HeadBytes += h.bytes()
			}
		}
	}
	return z
}
