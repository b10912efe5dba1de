package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// flush writes what waits: blocks first, then frames.
func (d *disk) flush(closing bool) error {
	d.recreate()
	if err := d.writeBlocks(); err != nil {
		return err
	}
	if err := d.writeFrames(); err != nil {
		return err
	}
	d.mu.Lock()
	stale := d.stale
	d.mu.Unlock()
	now := time.Now()
	if closing || stale || d.journal == nil || d.journal.size > journalRotate || now.Sub(d.since) > journalAge {
		return d.rotate(now)
	}
	if now.Sub(d.synced) > syncEvery {
		d.synced = now
		return fdatasync(d.journal.f)
	}
	return nil
}

// recreate notices that somebody removed the files or the whole directory,
// which writing to them would not tell, and sees to it that everything is
// written anew.
func (d *disk) recreate() {
	if !d.journal.unlinked() && !d.blocks.unlinked() {
		return
	}
	d.st.opt.Log.Warn().Str("dir", d.dir).Msg("store files were removed while in use; writing them anew")
	for _, s := range []**segment{&d.journal, &d.blocks} {
		if *s != nil {
			_ = (*s).close()
			*s = nil
		}
	}
	d.requeue()
}

// requeue lets all big blocks of the store wait for the disk.
func (d *disk) requeue() {
	var all [][]byte
	for _, s := range d.st.Shards() {
		c := s.chain.Load()
		for _, b := range c.blocks[:c.small()] {
			all = append(all, appendBlock(nil, s, b, s.marked(), s.cat.Load()))
		}
	}
	d.mu.Lock()
	d.queue = all
	d.mu.Unlock()
}

// writeFrames appends what is pending to the journal. What cannot be written
// is dropped: it is in memory, and the next snapshot has it.
func (d *disk) writeFrames() error {
	d.mu.Lock()
	d.pending, d.spare = d.spare[:0], d.pending
	frames := d.frames
	d.frames = 0
	d.mu.Unlock()
	b := d.spare
	if cap(d.spare) > keepPending {
		d.spare = nil
	}
	if len(b) == 0 {
		return nil
	}
	err := d.appendFrames(b)
	if err != nil {
		d.Counts.FramesDropped.Add(frames)
		d.mu.Lock()
		d.stale = true
		d.mu.Unlock()
		return err
	}
	d.Counts.BytesWritten.Add(uint64(len(b)))
	failpoint("frames.written")
	return nil
}

func (d *disk) appendFrames(b []byte) error {
	if d.journal == nil {
		s, err := d.create("journal")
		if err != nil {
			return err
		}
		d.journal = s // without a snapshot yet: flush rotates
		d.since = time.Time{}
	}
	if d.journal.size > journalMax {
		return fmt.Errorf("%s has %d bytes and no new journal could be begun", d.journal.path, d.journal.size)
	}
	return d.journal.append(b)
}

// writeBlocks writes the queue to the blocks file.
func (d *disk) writeBlocks() error {
	wrote := false
	for {
		d.mu.Lock()
		if len(d.queue) == 0 {
			d.mu.Unlock()
			break
		}
		payload := d.queue[0]
		d.queue = d.queue[1:]
		d.mu.Unlock()
		if err := d.writeBlock(payload); err != nil {
			d.mu.Lock()
			d.queue = append([][]byte{payload}, d.queue...)
			d.mu.Unlock()
			return err
		}
		wrote = true
	}
	if !wrote {
		return nil
	}
	return fdatasync(d.blocks.f)
}

func (d *disk) writeBlock(payload []byte) error {
	now := time.Now()
	if d.blocks == nil || d.blocks.size > blocksMax || now.Sub(d.blocksAt) > blocksRotate {
		if d.blocks != nil {
			_ = d.blocks.close()
			d.blocks = nil
		}
		d.expire(now)
		s, err := d.create("blocks")
		if err != nil {
			return err
		}
		d.blocks, d.blocksAt = s, now
	}
	return d.write(d.blocks, recBlock, payload)
}

// write appends a compressed record.
func (d *disk) write(s *segment, typ byte, payload []byte) error {
	rec := d.zenc.EncodeAll(payload, beginRecord(nil, typ))
	finishRecord(rec, 0)
	if err := s.append(rec); err != nil {
		return err
	}
	d.Counts.BytesWritten.Add(uint64(len(rec)))
	return nil
}

// create begins a segment, making the directory when it is gone.
func (d *disk) create(kind string) (*segment, error) {
	d.seq++
	path := filepath.Join(d.dir, fmt.Sprintf("%s-%016x.seg", kind, d.seq))
	last := d.st.nextID.Load()
	s, err := createSegment(path, d.boot, last)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(d.dir, 0o700); err == nil {
			s, err = createSegment(path, d.boot, last)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := syncDir(d.dir); err != nil {
		_ = s.close()
		_ = os.Remove(path)
		return nil, err
	}
	return s, nil
}

func fdatasync(f *os.File) error {
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
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
