package store

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/klauspost/compress/zstd"

	"sysops-agent/pkg/metric"
)

// frame collects one sweep for the journal:
//
//	text reading name, 8 bytes fingerprint of the layout, uvarint epoch,
//	uvarint step, varint slot, varint wall−boot in ns,
//	uvarint length of definitions, definitions (see rowdef.go),
//	per row: id uint32, one uint64 per field
type frame struct {
	on   bool
	head []byte
	defs []byte
	rows []byte
	out  []byte
}

func (f *frame) begin(s *Shard) {
	f.on = s.store.disk != nil
	if !f.on {
		return
	}
	f.head = appendText(f.head[:0], s.schema.Name)
	f.head = binary.LittleEndian.AppendUint64(f.head, s.layout.fingerprint())
	f.head = binary.AppendUvarint(f.head, uint64(s.epoch))
	f.head = binary.AppendUvarint(f.head, uint64(s.step))
	f.head = binary.AppendVarint(f.head, s.slot)
	f.head = binary.AppendVarint(f.head, int64(s.offset))
	f.defs, f.rows = f.defs[:0], f.rows[:0]
}

func (f *frame) open(r *Row) {
	if f.on {
		f.defs = appendRowDef(f.defs, r)
	}
}

func (f *frame) row(id uint32, vals []uint64) {
	if !f.on {
		return
	}
	f.rows = binary.LittleEndian.AppendUint32(f.rows, id)
	for _, v := range vals {
		f.rows = binary.LittleEndian.AppendUint64(f.rows, v)
	}
}

// end returns the record, valid until the next begin.
func (f *frame) end() []byte {
	if !f.on {
		return nil
	}
	f.out = beginRecord(f.out[:0], recFrame)
	f.out = append(f.out, f.head...)
	f.out = binary.AppendUvarint(f.out, uint64(len(f.defs)))
	f.out = append(f.out, f.defs...)
	f.out = append(f.out, f.rows...)
	finishRecord(f.out, 0)
	return f.out
}

// readFrame is a decoded frame; rows is what follows the definitions.
type readFrame struct {
	reading     string
	fingerprint uint64
	epoch       uint32
	step        int64
	slot        int64
	offset      time.Duration
	defs        []byte
	rows        []byte
}

func parseFrame(b []byte) (f readFrame, err error) {
	c := cursor{b}
	var ok [7]bool
	f.reading, ok[0] = c.text(64)
	fp, ok1 := c.take(8)
	if ok[0] && ok1 {
		f.fingerprint = binary.LittleEndian.Uint64(fp)
	}
	ok[1] = ok1
	epoch, ok2 := c.uvarint()
	step, ok3 := c.uvarint()
	slot, ok4 := c.varint()
	off, ok5 := c.varint()
	n, ok6 := c.uvarint()
	ok[2], ok[3], ok[4], ok[5] = ok2, ok3, ok4, ok5
	if ok6 {
		f.defs, ok[6] = c.take(int(min(n, math.MaxInt32)))
	}
	for _, o := range ok {
		if !o {
			return f, fmt.Errorf("%w: frame too short", errCorrupt)
		}
	}
	if epoch == 0 || epoch > math.MaxUint32 || step == 0 || step > 1<<20 || slot < 0 || slot > math.MaxInt64>>21 {
		return f, fmt.Errorf("%w: frame with epoch %d, step %d, slot %d", errCorrupt, epoch, step, slot)
	}
	f.epoch, f.step, f.slot, f.offset, f.rows = uint32(epoch), int64(step), slot, time.Duration(off), c.b
	return f, nil
}

// fingerprint identifies names, kinds and resolutions in their order.
func (l *layout) fingerprint() uint64 {
	if l.print == 0 {
		h := fnv.New64a()
		for i, n := range l.names {
			fmt.Fprintf(h, "%s|%t|%g\n", n, l.codecs[i].counter, l.codecs[i].res)
		}
		l.print = max(h.Sum64(), 1)
	}
	return l.print
}

// appendBlock appends the payload of a block record: everything that is
// needed to read the block without any other record.
//
//	text reading, uvarint epoch, step, base, varint wall−boot,
//	uvarint fields, per field: text name, kind byte, float64 resolution
//	uvarint rows, ids, offsets, uvarint length, data, uvarint length, gone,
//	uvarint length, definitions of the live rows
func appendBlock(dst []byte, s *Shard, b *block, offset time.Duration, live []*Row) []byte {
	dst = appendText(dst, s.schema.Name)
	dst = binary.AppendUvarint(dst, uint64(b.extent.epoch))
	dst = binary.AppendUvarint(dst, uint64(b.extent.step))
	dst = binary.AppendUvarint(dst, uint64(b.extent.base))
	dst = binary.AppendVarint(dst, int64(offset))
	dst = binary.AppendUvarint(dst, uint64(len(b.layout.names)))
	for i, n := range b.layout.names {
		kind := byte(metric.Gauge)
		if b.layout.codecs[i].counter {
			kind = byte(metric.Counter)
		}
		dst = append(appendText(dst, n), kind)
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(b.layout.codecs[i].res))
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.ids)))
	dst = appendUint32s(appendUint32s(dst, b.ids), b.offs)
	dst = append(binary.AppendUvarint(dst, uint64(len(b.data))), b.data...)
	dst = append(binary.AppendUvarint(dst, uint64(len(b.gone))), b.gone...)
	var defs []byte
	for _, r := range live {
		defs = appendRowDef(defs, r)
	}
	return append(binary.AppendUvarint(dst, uint64(len(defs))), defs...)
}

// readBlock is a block record.
type readBlock struct {
	reading string
	offset  time.Duration
	block   *block
	live    []byte
}

func (c *cursor) bytes() ([]byte, bool) {
	n, ok := c.uvarint()
	if !ok || n > uint64(len(c.b)) {
		return nil, false
	}
	return c.take(int(n))
}

func (c *cursor) uint32s(n uint64) ([]uint32, bool) {
	if n > uint64(len(c.b)/4) {
		return nil, false
	}
	b, _ := c.take(int(4 * n))
	out := make([]uint32, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out, true
}

func (c *cursor) layout() (*layout, bool) {
	n, ok := c.uvarint()
	if !ok || n == 0 || n > 4096 {
		return nil, false
	}
	l := &layout{}
	for range n {
		name, ok1 := c.text(256)
		rest, ok2 := c.take(9)
		if !ok1 || !ok2 {
			return nil, false
		}
		res := math.Float64frombits(binary.LittleEndian.Uint64(rest[1:]))
		if rest[0] > byte(metric.Counter) || !(res > 0 && res < math.MaxFloat64) { //nolint:staticcheck // NaN too
			return nil, false
		}
		l.names = append(l.names, name)
		l.codecs = append(l.codecs, newFieldCodec(metric.Kind(rest[0]), res))
	}
	return l, true
}

// parseBlock decodes and checks a block record's payload.
func parseBlock(b []byte) (readBlock, error) {
	c := cursor{b}
	rb := readBlock{block: &block{}}
	short := fmt.Errorf("%w: block record too short", errCorrupt)
	reading, ok := c.text(64)
	epoch, ok1 := c.uvarint()
	step, ok2 := c.uvarint()
	base, ok3 := c.uvarint()
	off, ok4 := c.varint()
	if !(ok && ok1 && ok2 && ok3 && ok4) {
		return rb, short
	}
	if epoch == 0 || epoch > math.MaxUint32 || step == 0 || step > 1<<20 || base > math.MaxInt64>>21 {
		return rb, fmt.Errorf("%w: block with epoch %d, step %d, base %d", errCorrupt, epoch, step, base)
	}
	rb.reading, rb.offset = reading, time.Duration(off)
	rb.block.extent = extent{epoch: uint32(epoch), step: uint32(step), base: int64(base)}
	if rb.block.layout, ok = c.layout(); !ok {
		return rb, short
	}
	n, ok := c.uvarint()
	if !ok {
		return rb, short
	}
	if rb.block.ids, ok = c.uint32s(n); !ok {
		return rb, short
	}
	if rb.block.offs, ok = c.uint32s(n); !ok {
		return rb, short
	}
	if rb.block.data, ok = c.bytes(); !ok {
		return rb, short
	}
	if rb.block.gone, ok = c.bytes(); !ok {
		return rb, short
	}
	if rb.live, ok = c.bytes(); !ok || len(c.b) != 0 {
		return rb, short
	}
	if err := eachRowDef(rb.live, func(rowDef) {}); err != nil {
		return rb, err
	}
	return rb, rb.block.check()
}

// newZstd returns an encoder that stays small: the default one keeps tens of
// megabytes for windows and parallel workers.
func newZstd() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10),
		zstd.WithLowerEncoderMem(true), zstd.WithEncoderLevel(zstd.SpeedFastest))
}

func newUnzstd() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRecord),
		zstd.WithDecoderLowmem(true))
}
