package store

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"sysops-agent/pkg/metric"
)

// Restored says what Open found on disk.
type Restored struct {
	Blocks  int      // sealed blocks
	Slots   int      // row slots from journals
	Damaged int      // records skipped
	Aside   []string // files of another version, renamed
	Took    time.Duration
}

// restore reads the directory. Damage costs what it hit and is counted; only
// a directory that cannot be used at all is an error.
func (d *disk) restore() (Restored, error) {
	began := time.Now()
	var res Restored
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return res, err
	}
	zdec, err := newUnzstd()
	if err != nil {
		return res, err
	}
	defer zdec.Close()
	r := restorer{d: d, zdec: zdec, res: &res, oldest: began.Add(-d.st.opt.Retention).Unix()}
	for _, kind := range []string{"blocks", "journal"} {
		files, err := filepath.Glob(filepath.Join(d.dir, kind+"-*.seg"))
		if err != nil {
			return res, err
		}
		slices.Sort(files)
		for _, p := range files {
			r.file(p)
		}
	}
	r.finish()
	d.Counts.DamagedRecords.Add(uint64(res.Damaged))
	d.Counts.FilesSetAside.Add(uint64(len(res.Aside)))
	res.Took = time.Since(began)
	return res, nil
}

// restorer collects what the files hold before it goes into the shards.
type restorer struct {
	d      *disk
	zdec   *zstd.Decoder
	res    *Restored
	oldest int64
	boot   bootID // of the file being read

	blocks    []shardBlock
	snapshots []shardBlock
	frames    []shardFrame
}

type shardBlock struct {
	s    *Shard
	rb   readBlock
	boot bootID
}

type shardFrame struct {
	s    *Shard
	f    readFrame
	boot bootID
}

func (r *restorer) file(path string) {
	r.noteSeq(path)
	b, err := os.ReadFile(path)
	if err == nil {
		r.boot, err = parseHeader(b)
	}
	switch {
	case errors.Is(err, errVersion):
		aside := path + ".unreadable"
		if os.Rename(path, aside) == nil {
			r.res.Aside = append(r.res.Aside, aside)
		}
		r.d.st.opt.Log.Warn().Err(err).Str("file", path).Msg("store file set aside")
		return
	case err != nil && len(b) < headerSize:
		r.res.Damaged++ // a torn header holds nothing
		r.d.st.opt.Log.Warn().Err(err).Str("file", path).Msg("store file not read")
		return
	case err != nil:
		r.res.Damaged++
		r.d.st.opt.Log.Warn().Err(err).Str("file", path).Msg("store file has a damaged header; reading its records")
		r.boot = bootID{} // an unknown boot: nothing is differenced across
	}
	if n := eachRecord(b[headerSize:], r.record); n > 0 {
		r.res.Damaged += n
		r.d.st.opt.Log.Warn().Str("file", path).Int("places", n).Msg("store file is damaged; the rest of it was read")
	}
}

func (r *restorer) noteSeq(path string) {
	name := strings.TrimSuffix(filepath.Base(path), ".seg")
	if _, hx, ok := strings.Cut(name, "-"); ok {
		var n uint64
		if _, err := fmt.Sscanf(hx, "%x", &n); err == nil {
			r.d.seq = max(r.d.seq, n)
		}
	}
}

func (r *restorer) record(typ byte, payload []byte) {
	var err error
	switch typ {
	case recBlock, recSnapshot:
		err = r.block(typ, payload)
	case recFrame:
		err = r.frame(payload)
	default:
		err = fmt.Errorf("%w: record of type %q", errCorrupt, typ)
	}
	if err != nil {
		r.res.Damaged++
		r.d.st.opt.Log.Warn().Err(err).Msg("store record skipped")
	}
}

func (r *restorer) block(typ byte, payload []byte) error {
	raw, err := r.zdec.DecodeAll(payload, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errCorrupt, err)
	}
	rb, err := parseBlock(raw)
	if err != nil {
		return err
	}
	s := r.d.st.Shard(rb.reading)
	if s == nil {
		return nil // a reading that this agent no longer takes
	}
	b := rb.block
	b.data, b.gone, rb.live = slices.Clone(b.data), slices.Clone(b.gone), slices.Clone(rb.live)
	if b.layout.equal(s.layout) {
		b.layout = s.layout
	} else {
		b.layout.mapTo(s.schema)
	}
	sb := shardBlock{s, rb, r.boot}
	if typ == recSnapshot {
		r.snapshots = append(r.snapshots, sb)
		return nil
	}
	if b.extent.end() > r.oldest {
		r.blocks = append(r.blocks, sb)
	}
	return nil
}

func (r *restorer) frame(payload []byte) error {
	f, err := parseFrame(payload)
	if err != nil {
		return err
	}
	s := r.d.st.Shard(f.reading)
	if s == nil {
		return nil
	}
	if f.fingerprint != s.layout.fingerprint() {
		return nil // an older agent's shape; its clean stop wrote a snapshot
	}
	nf := len(s.schema.Fields)
	if len(f.rows)%(4+8*nf) != 0 {
		return fmt.Errorf("%w: frame of %s has %d bytes of rows", errCorrupt, f.reading, len(f.rows))
	}
	if err := eachRowDef(f.defs, func(rowDef) {}); err != nil {
		return err
	}
	r.frames = append(r.frames, shardFrame{s, f, r.boot})
	return nil
}

// finish puts everything into the shards, oldest first.
func (r *restorer) finish() {
	for _, s := range r.d.st.Shards() {
		s.restoring = map[uint32]*Row{}
		defer func() { s.restoring = nil }()
	}
	slices.SortStableFunc(r.blocks, func(a, b shardBlock) int {
		return cmp.Or(cmp.Compare(a.rb.block.extent.epoch, b.rb.block.extent.epoch),
			cmp.Compare(a.rb.block.extent.base, b.rb.block.extent.base))
	})
	for _, sb := range r.blocks {
		r.addBlock(sb)
	}
	for _, sb := range r.snapshots {
		r.addSnapshot(sb)
	}
	for _, sf := range r.frames {
		r.addFrame(sf)
	}
}

func (r *restorer) addBlock(sb shardBlock) {
	s, b := sb.s, sb.rb.block
	if s.chain.Load().holds(b.extent) {
		return // the same block twice, or one that the clock went back behind
	}
	s.publish(b)
	r.res.Blocks++
	if n := len(b.ids); n > 0 {
		s.store.usedID(b.ids[n-1])
	}
	// Rows that live after this block are in its definitions; rows that are
	// gone are no longer in a later one.
	s.adopt(sb.rb.live, b)
	s.resume(b.extent, sb.rb.offset, sb.boot)
}

func (r *restorer) addSnapshot(sb shardBlock) {
	s, b := sb.s, sb.rb.block
	s.adopt(sb.rb.live, b)
	if len(b.ids) == 0 || s.chain.Load().holds(b.extent) {
		return
	}
	var slots [extentSlots]uint8
	nf := len(s.schema.Fields)
	old := make([][extentSlots]uint64, len(b.layout.codecs))
	vals := make([]uint64, nf)
	for i, id := range b.ids {
		row := s.restoring[id]
		if row == nil {
			continue
		}
		c := cursor{b.rowBytes(i)}
		n, _ := c.slots(&slots) // parseBlock has checked all of it
		for f := range old {
			c.field(b.layout.codecs[f], old[f][:n])
		}
		for j := range n {
			for f := range nf {
				vals[f] = metric.AbsentBits
				if at := b.layout.at[f]; at >= 0 {
					vals[f] = old[at][j]
				}
			}
			if s.replay(row, b.extent, b.extent.base+int64(slots[j]), vals) {
				r.res.Slots++
			}
		}
	}
	s.resume(b.extent, sb.rb.offset, sb.boot)
}

func (r *restorer) addFrame(sf shardFrame) {
	s, f := sf.s, sf.f
	s.adopt(f.defs, nil)
	ext := extent{epoch: f.epoch, step: uint32(f.step), base: f.slot - f.slot%extentSlots}
	if s.chain.Load().holds(ext) {
		return
	}
	nf := len(s.schema.Fields)
	vals := make([]uint64, nf)
	for b := f.rows; len(b) > 0; b = b[4+8*nf:] {
		row := s.restoring[binary.LittleEndian.Uint32(b)]
		if row == nil {
			continue
		}
		for i := range vals {
			vals[i] = binary.LittleEndian.Uint64(b[4+8*i:])
		}
		if s.replay(row, ext, f.slot, vals) {
			r.res.Slots++
		}
	}
	s.resume(ext, f.offset, sf.boot)
	s.done = max(s.done, f.slot)
	s.newest.Store(s.done * f.step)
}

// adopt makes rows of definitions that are not known yet. With a block, rows
// of the catalogue that the block no longer defines have left it.
func (s *Shard) adopt(defs []byte, b *block) {
	cat := s.cat.Load()
	next := &catalogue{live: slices.Clone(cat.live)}
	defined := map[uint32]bool{}
	_ = eachRowDef(defs, func(d rowDef) {
		defined[d.id] = true
		if s.restoring[d.id] != nil {
			return
		}
		if other := s.byKey[d.key]; other != nil {
			next.live = slices.DeleteFunc(next.live, func(r *Row) bool { return r == other })
			delete(s.restoring, other.id)
		}
		r := d.row(s)
		s.restoring[d.id] = r
		s.byKey[d.key] = r
		next.live = append(next.live, r)
		s.store.usedID(d.id)
	})
	if b != nil {
		next.live = slices.DeleteFunc(next.live, func(r *Row) bool {
			if defined[r.id] {
				return false
			}
			if s.byKey[r.key] == r {
				delete(s.byKey, r.key)
			}
			delete(s.restoring, r.id)
			return true
		})
	}
	s.cat.Store(next)
}

// replay appends one restored slot to a row's head; false when it is there.
func (s *Shard) replay(r *Row, ext extent, slot int64, vals []uint64) bool {
	nf := len(s.schema.Fields)
	h := r.head.Load()
	if h == nil || h.extent.epoch < ext.epoch || h.extent.epoch == ext.epoch && h.extent.base < ext.base {
		h = newHead(ext, firstHead, nf)
	}
	n := int(h.n.Load())
	off := uint8(slot - ext.base)
	if h.extent != ext || n > 0 && h.off[n-1] >= off {
		return false
	}
	h = h.room(nf)
	copy(h.vals[n*nf:(n+1)*nf], vals)
	h.off[n] = off
	h.n.Store(uint32(n + 1))
	r.head.Store(h)
	r.last = slot
	r.seen.Store(slot * int64(ext.step))
	return true
}

// resume takes over epoch and grid of the newest extent. The next sweep
// carries on in it when the host was not booted meanwhile; regrid will see
// whether the clock was set.
func (s *Shard) resume(ext extent, offset time.Duration, boot bootID) {
	if ext.epoch < s.epoch || ext.epoch == s.epoch && ext.base < s.cur.base {
		return
	}
	s.epoch, s.cur, s.offset = ext.epoch, ext, offset
	s.offsetSeen.Store(int64(offset))
	s.begun.Store(ext.start())
	s.rebooted = boot != s.store.disk.boot || boot == bootID{}
	s.done = -1
	for _, r := range s.Rows() {
		if h := r.head.Load(); h != nil && h.extent == ext {
			if n := h.n.Load(); n > 0 {
				s.done = max(s.done, ext.base+int64(h.off[n-1]))
			}
		}
	}
}

// readBootID reads the kernel's random id of this boot (proc(5),
// /proc/sys/kernel/random/boot_id); zero when it cannot.
func readBootID() (id bootID) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id
	}
	hx := strings.ReplaceAll(strings.TrimSpace(string(b)), "-", "")
	if n, err := hex.Decode(id[:], []byte(hx)); err != nil || n != len(id) {
		return bootID{}
	}
	return id
}
