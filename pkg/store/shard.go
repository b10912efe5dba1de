package store

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"sysops-agent/pkg/metric"
)

// ShardOptions are the bounds of one reading type.
type ShardOptions struct {
	Step     time.Duration // grid step, whole seconds; the collector's interval
	MaxRows  int           // live rows; 0 = the store's default
	MaxBytes int64         // own budget of sealed blocks; 0 = the store's common one
}

// Counts are what a shard dropped or refused, and why. All grow only.
type Counts struct {
	LateSweeps   atomic.Uint64 // sweeps dropped: their slot was already written
	RefusedRows  atomic.Uint64 // writes without a row: MaxRows live already
	CutLabels    atomic.Uint64 // label values shortened or cleaned
	OutOfRange   atomic.Uint64 // values dropped: outside the metric's range
	DoubleWrites atomic.Uint64 // second writes of one row in one slot, dropped
	Epochs       atomic.Uint64 // clock steps seen
	DeadRows     atomic.Uint64 // rows that left the catalogue
	Evicted      atomic.Uint64 // blocks dropped for space before their time
}

// Shard is all rows of one reading type.
type Shard struct {
	store    *Store
	schema   *metric.Schema
	layout   *layout
	maxRow   int
	maxBytes int64 // 0 = shares the store's
	Counts   Counts

	cat   atomic.Pointer[catalogue]
	chain atomic.Pointer[chain]

	markMu   sync.Mutex
	mark     mark         // of the last completed sweep, for the journal's goroutine
	stepSeen atomic.Int64 // step, for readers
	newest   atomic.Int64 // Unix second of the last completed sweep, 0 = none
	begun    atomic.Int64 // Unix second at which the heads' extent begins, 0 = none

	// What follows belongs to the writer.
	columns   []column
	step      int64
	epoch     uint32        // from 1; 0 = no sweep yet
	cur       extent        // of the heads; step 0 = none yet
	turn      uint32        // counts the extents of the heads, from 1
	newEpoch  bool          // cur's epoch has no sample yet
	frame     frame         //
	open      bool          // a sweep is
	slot      int64         // of the sweep
	off       uint8         // of slot in cur
	swept     int64         // Unix second of slot
	done      int64         // last slot begun in this epoch
	offset    time.Duration // wall − boot at the last sweep
	boot      bootID        // of the host at the last sweep; zero without a disk
	rebooted  bool          // since the last sweep: offset says nothing
	looked    int64         // Unix second of the last look for silent rows
	byKey     map[string]*Row
	keyBuf    []byte
	restoring map[uint32]*Row // by id, while Open restores
}

// catalogue is the published list of rows.
type catalogue struct {
	live []*Row
	gone []*Row // left the catalogue, their definitions not yet in a block
	// version counts the rows that came and left, over restarts: of two
	// records of a catalogue it says which is newer, where times may not.
	version uint64
}

// Schema describes the shard's reading type.
func (s *Shard) Schema() *metric.Schema { return s.schema }

// Step returns the grid step in seconds.
func (s *Shard) Step() int64 { return s.stepSeen.Load() }

// Newest returns the Unix second of the slot of the last completed sweep; 0
// when there was none. It goes back when the wall clock is set back.
func (s *Shard) Newest() int64 { return s.newest.Load() }

// Oldest returns the Unix second from which samples may be in memory; 0 when
// there are none.
func (s *Shard) Oldest() int64 {
	begun := s.begun.Load() // before the chain: an extent is sealed, then left
	if bs := s.chain.Load().blocks; len(bs) > 0 {
		return bs[0].extent.start()
	}
	return begun
}

// Rows returns the live rows. The slice is immutable. To find all rows of a
// time, take Rows first and [Shard.Departed] second; a row that leaves between
// the two is in both.
func (s *Shard) Rows() []*Row { return s.cat.Load().live }

// Writer is the one writer of a shard, typed by its reading. It must be used
// by one goroutine at a time.
//
//	w.Begin(tick)
//	for … { w.Put(&r) }
//	w.End()
type Writer[T any] struct {
	s    *Shard
	open bool
}

// NewWriter returns the writer of T's shard, adding the shard on first use.
// A second call, after a reload, takes the shard over with the new options;
// the earlier writer must no longer be used.
func NewWriter[T any](st *Store, o ShardOptions) *Writer[T] {
	return &Writer[T]{s: st.attach(metric.Of[T](), o)}
}

// Shard returns what the writer writes to.
func (w *Writer[T]) Shard() *Shard { return w.s }

// Begin starts the sweep of the slot that t lies in. When that slot was
// already written, or lies before it, everything until End is dropped.
func (w *Writer[T]) Begin(t Tick) { w.open = w.s.begin(t) }

// Put writes r into the row of its labels, opening the row when it is new.
// One row takes one value per sweep. It does not allocate for a known row.
func (w *Writer[T]) Put(r *T) {
	if !w.open {
		return
	}
	p := unsafe.Pointer(r)
	row := w.s.find(p)
	if row == nil {
		return
	}
	w.s.write(row, p)
}

// Row finds or opens the row of r's labels, for callers that keep handles; it
// is nil when the shard is full. It does not write.
func (w *Writer[T]) Row(r *T) *Row { return w.s.find(unsafe.Pointer(r)) }

// Write writes r into row, which must be the row of r's labels. When the row
// has left the catalogue meanwhile, it is opened anew, as Put would.
func (w *Writer[T]) Write(row *Row, r *T) {
	if w.open {
		w.s.write(row, unsafe.Pointer(r))
	}
}

// End closes the sweep.
func (w *Writer[T]) End() {
	if w.open {
		w.s.end()
		w.open = false
	}
}
