package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// Bounds of what waits for the disk and lies on it.
const (
	maxPending    = 4 << 20  // bytes of frames not yet written
	maxQueued     = 256      // blocks not yet written; they are in memory anyway
	journalRotate = 4 << 20  // bytes after which a new journal begins
	journalMax    = 16 << 20 // bytes after which one begins even if blocks wait
	journalAge    = 20 * time.Minute
	blocksRotate  = 4 * time.Hour
	syncEvery     = 30 * time.Second // power loss costs at most this; kill -9 nothing
)

// DiskCounts are what the store's files lost or found damaged.
type DiskCounts struct {
	FramesDropped  atomic.Uint64 // sweeps that are not in the journal
	BlocksDropped  atomic.Uint64 // blocks that are not on disk
	WriteErrors    atomic.Uint64
	BytesWritten   atomic.Uint64
	DamagedRecords atomic.Uint64 // found while restoring
	FilesSetAside  atomic.Uint64 // of another version
}

// disk writes the journal and the blocks. One goroutine does the writing, so
// that a disk that hangs never holds up a collector.
type disk struct {
	st     *Store
	dir    string
	boot   bootID
	Counts DiskCounts

	mu      sync.Mutex
	pending []byte // frames
	frames  uint64 // in pending
	queue   []queuedBlock
	closing bool
	wake    chan struct{} // capacity 1
	done    chan struct{}

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

type queuedBlock struct {
	end    int64 // Unix second of the end of the extent
	record []byte
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
	} else {
		d.pending = append(d.pending, rec...)
		d.frames++
	}
	d.mu.Unlock()
	d.nudge()
}

// block queues a sealed block.
func (d *disk) block(s *Shard, b *block, live []*Row) {
	if d == nil {
		return
	}
	rec := appendBlock(nil, s, b, s.offset, live)
	d.mu.Lock()
	if len(d.queue) >= maxQueued {
		d.queue = d.queue[1:]
		d.Counts.BlocksDropped.Add(1)
	}
	d.queue = append(d.queue, queuedBlock{b.extent.end(), rec})
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
		d.report(d.flush(closing))
		if closing {
			d.report(d.shut())
			return
		}
	}
}

// flush writes what waits: blocks first, then frames.
func (d *disk) flush(closing bool) error {
	if err := d.writeBlocks(); err != nil {
		return err
	}
	d.mu.Lock()
	d.pending, d.spare = d.spare[:0], d.pending
	frames := d.frames
	d.frames = 0
	d.mu.Unlock()
	if len(d.spare) > 0 {
		if err := d.writeFrames(d.spare); err != nil {
			d.Counts.FramesDropped.Add(frames)
			return err
		}
	}
	now := time.Now()
	if closing || d.journal == nil || d.journal.size > journalRotate || now.Sub(d.since) > journalAge {
		return d.rotate(now)
	}
	if now.Sub(d.synced) > syncEvery {
		d.synced = now
		return fdatasync(d.journal.f)
	}
	return nil
}

func fdatasync(f *os.File) error {
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

func (d *disk) writeFrames(b []byte) error {
	if d.journal == nil {
		if err := d.newJournal(time.Now()); err != nil {
			return err
		}
	}
	if err := d.journal.append(b); err != nil {
		if d.journal.size > journalMax {
			return errors.Join(err, d.rotate(time.Now()))
		}
		return err
	}
	d.Counts.BytesWritten.Add(uint64(len(b)))
	return nil
}

// writeBlocks writes the queue to the blocks file.
func (d *disk) writeBlocks() error {
	for {
		d.mu.Lock()
		if len(d.queue) == 0 {
			d.mu.Unlock()
			return nil
		}
		q := d.queue[0]
		d.mu.Unlock()
		if err := d.writeBlock(q.record); err != nil {
			return err
		}
		d.mu.Lock()
		if len(d.queue) > 0 { // it may have been dropped meanwhile
			d.queue = d.queue[1:]
		}
		d.mu.Unlock()
	}
}

func (d *disk) writeBlock(payload []byte) error {
	now := time.Now()
	if d.blocks == nil || now.Sub(d.blocksAt) > blocksRotate {
		if d.blocks != nil {
			_ = d.blocks.close()
			d.blocks = nil
		}
		d.expire(now)
		s, err := createSegment(d.name("blocks"), d.boot)
		if err != nil {
			return err
		}
		d.blocks, d.blocksAt = s, now
	}
	rec := beginRecord(nil, recBlock)
	rec = d.zenc.EncodeAll(payload, rec)
	finishRecord(rec, 0)
	if err := d.blocks.append(rec); err != nil {
		return err
	}
	d.Counts.BytesWritten.Add(uint64(len(rec)))
	return fdatasync(d.blocks.f)
}

func (d *disk) name(kind string) string {
	d.seq++
	return filepath.Join(d.dir, fmt.Sprintf("%s-%016x.seg", kind, d.seq))
}

func (d *disk) newJournal(now time.Time) error {
	s, err := createSegment(d.name("journal"), d.boot)
	if err != nil {
		return err
	}
	d.journal, d.since = s, now
	return nil
}

// rotate begins a new journal with a snapshot of all heads and removes the
// older ones. A shard may seal while the snapshot is made: its block was
// queued before its heads were given up, so writing the queue once more
// before the old journals go leaves no moment in which a sample is nowhere.
func (d *disk) rotate(now time.Time) error {
	old, err := filepath.Glob(filepath.Join(d.dir, "journal-*.seg"))
	if err != nil {
		return err
	}
	if d.journal != nil {
		_ = d.journal.close()
		d.journal = nil
	}
	if err := d.newJournal(now); err != nil {
		return err
	}
	for _, s := range d.st.Shards() {
		if err := d.snapshot(s); err != nil {
			return err
		}
	}
	if err := d.writeBlocks(); err != nil {
		return err
	}
	if err := fdatasync(d.journal.f); err != nil {
		return err
	}
	d.synced = now
	for _, p := range old {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return syncDir(d.dir)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// snapshot writes the unsealed heads of a shard and the definitions of its
// live rows.
func (d *disk) snapshot(s *Shard) error {
	live := s.Rows()
	if len(live) == 0 {
		return nil
	}
	ext, ok := openExtent(s, live)
	b := &block{extent: ext, layout: s.layout}
	if ok {
		b = d.enc.seal(ext, s.layout, live, nil)
	}
	if b.extent.step == 0 {
		b.extent = extent{epoch: 1, step: 1}
	}
	rec := beginRecord(nil, recSnapshot)
	rec = d.zenc.EncodeAll(appendBlock(nil, s, b, time.Duration(s.offsetSeen.Load()), live), rec)
	finishRecord(rec, 0)
	if err := d.journal.append(rec); err != nil {
		return err
	}
	d.Counts.BytesWritten.Add(uint64(len(rec)))
	return nil
}

// openExtent finds the extent of the shard's heads that is not in the chain.
func openExtent(s *Shard, live []*Row) (ext extent, ok bool) {
	for _, r := range live {
		h := r.head.Load()
		if h != nil && (!ok || ext.epoch < h.extent.epoch || ext.epoch == h.extent.epoch && ext.base < h.extent.base) {
			ext, ok = h.extent, true
		}
	}
	return ext, ok && !s.chain.Load().holds(ext)
}

// expire removes blocks files whose newest block is older than the retention.
// Their modification time is the time of their last block.
func (d *disk) expire(now time.Time) {
	for _, pattern := range []string{"blocks-*.seg", "*.unreadable"} {
		files, _ := filepath.Glob(filepath.Join(d.dir, pattern))
		for _, p := range files {
			if fi, err := os.Stat(p); err == nil && now.Sub(fi.ModTime()) > d.st.opt.Retention+blocksRotate {
				_ = os.Remove(p)
			}
		}
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

// shut closes the files after the last flush.
func (d *disk) shut() error {
	var errs []error
	for _, s := range []*segment{d.journal, d.blocks} {
		if s != nil {
			errs = append(errs, fdatasync(s.f), s.close())
		}
	}
	d.journal, d.blocks = nil, nil
	return errors.Join(append(errs, d.zenc.Close())...)
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
		return nil
	case <-t.C:
		return fmt.Errorf("the disk of %s did not answer within %s; up to the last sweeps may be lost", d.dir, limit)
	}
}
