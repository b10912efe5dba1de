package store

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// rotate begins a new journal with a snapshot of what is not in the blocks
// files, and then removes the older ones. A shard may merge while the
// snapshot is made: its block was queued before its small blocks were given
// up, so writing the queue once more before the old journals go leaves no
// moment in which a sample is nowhere. When it fails the old journal goes on.
func (d *disk) rotate(now time.Time) error {
	old, err := filepath.Glob(filepath.Join(d.dir, "journal-*.seg"))
	if err != nil {
		return err
	}
	d.mu.Lock()
	stale := d.stale
	d.stale = false // what is dropped from here on may not be in the snapshot
	d.mu.Unlock()
	j, err := d.create("journal")
	if err == nil {
		err = d.fillJournal(j)
	}
	if err != nil {
		if j != nil {
			_ = j.close()
			_ = os.Remove(j.path)
		}
		d.mu.Lock()
		d.stale = d.stale || stale
		d.mu.Unlock()
		return err
	}
	if d.journal != nil {
		_ = d.journal.close()
	}
	d.journal, d.since, d.synced = j, now, now
	for _, p := range old {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	failpoint("rotate.removed")
	return syncDir(d.dir)
}

func (d *disk) fillJournal(j *segment) error {
	for _, s := range d.st.Shards() {
		if err := d.snapshot(j, s); err != nil {
			return err
		}
	}
	if err := d.writeBlocks(); err != nil {
		return err
	}
	return fdatasync(j.f)
}

// snapshot writes the small blocks of a shard, its heads, and where it is, the
// definitions of its live rows with both of the latter: a damaged byte in one
// record does not cost the rows their names.
func (d *disk) snapshot(j *segment, s *Shard) error {
	at := s.marked() // first: a clock step seen twice does no harm, one missed does
	if at.extent.step == 0 {
		return nil // never swept
	}
	cat := s.cat.Load()
	// The order of a reader, see the package comment: definitions and heads
	// move from the catalogue to the chain, never back.
	hs := heads(heads(nil, cat.live), cat.gone)
	failpoint("snapshot.between")
	c := s.chain.Load()
	for _, b := range c.blocks[c.small():] {
		if err := d.write(j, recBlock, appendBlock(nil, s, b, at, &catalogue{})); err != nil {
			return err
		}
	}
	open := d.enc.seal(openExtent(hs, c), s.layout, hs, cat.gone)
	if err := d.write(j, recSnapshot, appendBlock(nil, s, open, at, cat)); err != nil {
		return err
	}
	open = d.enc.seal(at.extent, s.layout, nil, nil)
	return d.write(j, recSnapshot, appendBlock(nil, s, open, at, cat))
}

// openExtent is the extent of the heads that are not in the chain.
func openExtent(hs []rowHead, c *chain) (ext extent) {
	for _, r := range hs {
		if r.h.extent.behind(ext) {
			ext = r.h.extent
		}
	}
	if c.holds(ext) {
		return extent{}
	}
	return ext
}

// expire removes blocks files whose newest block is older than the retention,
// and the oldest while all of them together take more than the blocks may
// take in memory: what lies there is compressed further. Their modification
// time is the time of their last block.
func (d *disk) expire(now time.Time) {
	d.expireFiles("*.unreadable", now, d.st.opt.MaxBytes)
	d.expireFiles("blocks-*.seg", now, d.st.budget())
}

func (d *disk) expireFiles(pattern string, now time.Time, budget int64) {
	type file struct {
		path string
		fi   os.FileInfo
	}
	var files []file
	names, _ := filepath.Glob(filepath.Join(d.dir, pattern)) // the pattern is ours and good
	for _, p := range names {
		if fi, err := os.Stat(p); err == nil {
			files = append(files, file{p, fi})
			budget -= fi.Size()
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	for _, f := range files {
		if budget < 0 || now.Sub(f.fi.ModTime()) > d.st.opt.Retention+blocksRotate {
			budget += f.fi.Size()
			_ = os.Remove(f.path) // the next time tries again
		}
	}
}
