package store

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// maxFile bounds what is read of one file.
const maxFile = 256 << 20

// Restored says what Open found on disk.
type Restored struct {
	Blocks  int      // blocks
	Slots   int      // row slots from journals
	Damaged int      // records skipped
	Torn    int      // files that end in a record the writing of which was interrupted
	Aside   []string // files of another version or unreadable ones, renamed
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
	r := restorer{d: d, zdec: zdec, res: &res, layouts: map[uint64]*layout{}}
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
	d    *disk
	zdec *zstd.Decoder
	res  *Restored
	boot bootID // of the file being read

	layouts map[uint64]*layout // of older agents, by their print

	blocks []shardBlock // sealed, of all files
	opens  []restoredOpen
}

type shardBlock struct {
	s  *Shard
	rb readBlock
}

// restoredOpen is a snapshot of heads or a frame, in the order of the files.
type restoredOpen struct {
	s      *Shard
	snap   *readBlock
	frame  *readFrame
	layout *layout // of the frame
	boot   bootID  // of the frame
}

func (r *restorer) file(path string) {
	r.noteSeq(path)
	log := &r.d.st.opt.Log
	b, err := readFile(path)
	if err != nil {
		log.Warn().Err(err).Str("file", path).Msg("store file cannot be read; set aside")
		r.setAside(path)
		return
	}
	var last uint32
	r.boot, last, err = parseHeader(b)
	r.d.st.usedID(last)
	switch {
	case errors.Is(err, errVersion):
		log.Warn().Err(err).Str("file", path).Msg("store file set aside")
		r.setAside(path)
		return
	case err != nil && len(b) < headerSize:
		r.res.Torn++ // a torn header holds nothing
		return
	case err != nil:
		r.res.Damaged++
		log.Warn().Err(err).Str("file", path).Msg("store file has a damaged header; reading its records")
		r.boot = bootID{} // an unknown boot: nothing is differenced across
	}
	damaged, torn := eachRecord(b[headerSize:], r.record)
	if torn {
		r.res.Torn++
	}
	if damaged > 0 {
		r.res.Damaged += damaged
		log.Warn().Str("file", path).Int("places", damaged).Msg("store file is damaged; the rest of it was read")
	}
}

// readFile reads a file, at most maxFile bytes of it.
func readFile(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if fi.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, and no file of the store has more than %d", path, fi.Size(), maxFile)
	}
	return os.ReadFile(path)
}

func (r *restorer) setAside(path string) {
	aside := path + ".unreadable"
	if err := os.Rename(path, aside); err != nil {
		r.d.st.opt.Log.Warn().Err(err).Msg("store file stays where it is")
		aside = path
	}
	r.res.Aside = append(r.res.Aside, aside)
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
		b.gone, rb.live = relabel(b.gone, b.layout.labels, s.schema), relabel(rb.live, b.layout.labels, s.schema)
		b.layout.mapTo(s.schema)
		r.layouts[b.layout.print] = b.layout
	}
	if typ == recSnapshot {
		r.opens = append(r.opens, restoredOpen{s: s, snap: &rb})
	} else {
		r.blocks = append(r.blocks, shardBlock{s, rb})
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
	l := s.layout
	if f.fingerprint != l.print {
		// An older agent's shape: its blocks and snapshots say which.
		if l = r.layouts[f.fingerprint]; l == nil {
			return nil
		}
	}
	if size := 4 + 8*len(l.names); len(f.rows)%size != 0 {
		return fmt.Errorf("%w: frame of %s has %d bytes of rows, each takes %d", errCorrupt, f.reading, len(f.rows), size)
	}
	if err := eachRowDef(f.defs, len(l.labels), func(rowDef) {}); err != nil {
		return err
	}
	if l != s.layout {
		f.defs = relabel(f.defs, l.labels, s.schema)
	}
	r.opens = append(r.opens, restoredOpen{s: s, frame: &f, layout: l, boot: r.boot})
	return nil
}

// finish puts everything into the shards, oldest first.
func (r *restorer) finish() {
	slices.SortStableFunc(r.blocks, func(a, b shardBlock) int {
		x, y := a.rb.block.extent, b.rb.block.extent
		return cmp.Or(cmp.Compare(x.epoch, y.epoch), cmp.Compare(x.base, y.base), cmp.Compare(y.slots, x.slots))
	})
	for _, s := range r.d.st.Shards() {
		s.restoring = map[uint32]*Row{}
	}
	for _, sb := range r.blocks {
		if sb.s.restoreBlock(sb.rb) {
			r.res.Blocks++
		}
	}
	for _, o := range r.opens {
		if o.snap != nil {
			r.res.Slots += o.s.restoreSnapshot(o.snap)
		} else {
			r.res.Slots += o.s.restoreFrame(o.frame, o.layout, o.boot)
		}
	}
	var newest int64
	for _, s := range r.d.st.Shards() {
		s.resume()
		newest = max(newest, s.swept)
	}
	r.d.st.evict(newest)
}

// bootIDFile holds the kernel's random id of this boot, see proc(5).
var bootIDFile = "/proc/sys/kernel/random/boot_id"

// readBootID returns the id of this boot; zero when it cannot be read.
func readBootID() (id bootID) {
	b, err := os.ReadFile(bootIDFile)
	if err != nil {
		return id
	}
	hx := strings.ReplaceAll(strings.TrimSpace(string(b)), "-", "")
	if n, err := hex.Decode(id[:], []byte(hx)); err != nil || n != len(id) {
		return bootID{}
	}
	return id
}
