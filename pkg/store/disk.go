package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Bounds of what waits for the disk and lies on it.
const (
	maxPending    = 4 << 20  // bytes of frames not yet written
	keepPending   = 1 << 20  // buffers larger than this are given back
	maxQueued     = 256      // blocks not yet written; they are in memory anyway
	journalRotate = 4 << 20  // bytes after which a new journal begins
	journalMax    = 16 << 20 // bytes after which none is written while no new one can be begun
	journalAge    = 20 * time.Minute
	blocksRotate  = 4 * time.Hour
	blocksMax     = 32 << 20         // bytes after which a new blocks file begins
	syncEvery     = 30 * time.Second // power loss costs at most this; kill -9 nothing
)

// DiskCounts are what the store's files lost or found damaged.
type DiskCounts struct {
	FramesDropped  atomic.Uint64 // sweeps that are not in the journal
	BlocksDropped  atomic.Uint64 // blocks that are not on disk
	WriteErrors    atomic.Uint64
	BytesWritten   atomic.Uint64
	DamagedRecords atomic.Uint64 // found while restoring
	FilesSetAside  atomic.Uint64 // of another version, or that could not be read
}

// disk writes the journal and the blocks. One goroutine does the writing, so
// that a disk that hangs never holds up a collector.
type disk struct {
	st     *Store
	dir    string
	boot   bootID
	Counts DiskCounts

	mu      sync.Mutex
	pending []byte   // frames
	frames  uint64   // in pending
	queue   [][]byte // payloads of blocks
	stale   bool     // frames were dropped: the journal needs a snapshot
	closing bool
	wake    chan struct{} // capacity 1
	done    chan struct{}
	last    error // of the last flush, once done is closed

	// What follows belongs to the goroutine.
	spare    []byte
	journal  *segment
	blocks   *segment
	since    time.Time // of the journal
	blocksAt time.Time // of the blocks file
	synced   time.Time
	seq      uint64
	zenc     *zstd.Encoder
	enc      encoder
	failing  bool
}

// bootID is that of the running host.
func (d *disk) bootID() bootID {
	if d == nil {
		return bootID{}
	}
	return d.boot
}

// frame queues one sweep's record. It copies, never blocks, and drops and
// counts when the disk cannot keep up.
func (d *disk) frame(rec []byte) {
	if d == nil || rec == nil {
		return
	}
	d.mu.Lock()
	if len(d.pending)+len(rec) > maxPending {
		d.Counts.FramesDropped.Add(1)
		d.stale = true
	} else {
		d.pending = append(d.pending, rec...)
		d.frames++
	}
	d.mu.Unlock()
	d.nudge()
}

// block queues a big block.
func (d *disk) block(s *Shard, b *block) {
	if d == nil {
		return
	}
	rec := appendBlock(nil, s, b, mark{extent: b.extent, swept: s.swept, offset: s.offset, boot: s.boot}, s.cat.Load())
	d.mu.Lock()
	if len(d.queue) >= maxQueued {
		d.queue = d.queue[1:]
		d.Counts.BlocksDropped.Add(1)
	}
	d.queue = append(d.queue, rec)
	d.mu.Unlock()
	d.nudge()
}

func (d *disk) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run writes until close.
func (d *disk) run() {
	defer close(d.done)
	for range d.wake {
		d.mu.Lock()
		closing := d.closing
		d.mu.Unlock()
		err := d.flush(closing)
		d.report(err)
		if closing {
			d.last = errors.Join(err, d.shut())
			return
		}
	}
}

// close flushes and ends the goroutine, waiting at most until limit.
func (d *disk) close(limit time.Duration) error {
	d.mu.Lock()
	d.closing = true
	d.mu.Unlock()
	d.nudge()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-d.done:
		if d.last != nil {
			return fmt.Errorf("the last sweeps of the store are not all in %s: %w", d.dir, d.last)
		}
		return nil
	case <-t.C:
		return fmt.Errorf("the disk of %s did not answer within %s; up to the last sweeps may be lost", d.dir, limit)
	}
}

// report turns the outcome of a flush into the store's state.
func (d *disk) report(err error) {
	part := d.st.opt.State
	switch {
	case err != nil:
		d.Counts.WriteErrors.Add(1)
		if part != nil {
			part.Degraded(fmt.Sprintf("memory works, but its journal cannot be written: %v", err),
				"free space or repair "+d.dir+"; until then a restart loses up to 24 h of full resolution")
		}
		if !d.failing {
			d.st.opt.Log.Warn().Err(err).Str("dir", d.dir).Msg("store journal cannot be written; samples stay in memory")
		}
		d.failing = true
	case d.failing:
		d.failing = false
		d.st.opt.Log.Info().Str("dir", d.dir).Msg("store journal is written again")
		d.st.restoredState()
	}
}
