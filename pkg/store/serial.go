package store

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/klauspost/compress/zstd"

	"sysops-agent/pkg/metric"
)

// Bounds of texts in records.
const (
	maxName   = 256  // of a reading or a metric
	maxFields = 4096 // of a reading
)

// appendBlock appends the payload of a block record: everything that is
// needed to read the block without any other record.
//
//	text reading, uvarint epoch, step, base, slots, varint since,
//	uvarint epoch, varint time, wall−boot, 16 bytes boot id of the last sweep,
//	uvarint fields, per field: text name, kind byte, float64 resolution,
//	uvarint labels, per label: text name,
//	uvarint rows, ids, offsets, uvarint length, data, uvarint length, gone,
//	uvarint length, definitions of the live rows, uvarint version of the
//	catalogue that they are
func appendBlock(dst []byte, s *Shard, b *block, at mark, cat *catalogue) []byte {
	dst = appendText(dst, s.schema.Name)
	dst = binary.AppendUvarint(dst, uint64(b.extent.epoch))
	dst = binary.AppendUvarint(dst, uint64(b.extent.step))
	dst = binary.AppendUvarint(dst, uint64(b.extent.base))
	dst = binary.AppendUvarint(dst, uint64(b.extent.slots))
	dst = binary.AppendVarint(dst, b.extent.since)
	dst = binary.AppendUvarint(dst, uint64(at.extent.epoch))
	dst = binary.AppendVarint(dst, at.swept)
	dst = binary.AppendVarint(dst, int64(at.offset))
	dst = append(dst, at.boot[:]...)
	dst = b.layout.append(dst)
	dst = binary.AppendUvarint(dst, uint64(len(b.ids)))
	dst = appendUint32s(appendUint32s(dst, b.ids), b.offs)
	dst = append(binary.AppendUvarint(dst, uint64(len(b.data))), b.data...)
	dst = append(binary.AppendUvarint(dst, uint64(len(b.gone))), b.gone...)
	var defs []byte
	for _, r := range cat.live {
		defs = r.def().append(defs)
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(defs))), defs...)
	return binary.AppendUvarint(dst, cat.version)
}

func (l *layout) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(l.names)))
	for i, n := range l.names {
		kind := byte(metric.Gauge)
		if l.codecs[i].counter {
			kind = byte(metric.Counter)
		}
		dst = append(appendText(dst, n), kind)
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(l.codecs[i].res))
	}
	dst = binary.AppendUvarint(dst, uint64(len(l.labels)))
	for _, n := range l.labels {
		dst = appendText(dst, n)
	}
	return dst
}

// appendUint32s is the directory's form on disk.
func appendUint32s(dst []byte, v []uint32) []byte {
	for _, x := range v {
		dst = binary.LittleEndian.AppendUint32(dst, x)
	}
	return dst
}

// readBlock is a block record; without an extent it holds no samples, only
// definitions. Its block refers to the payload.
type readBlock struct {
	reading string
	epoch   uint32 // of the shard's last sweep
	swept   int64  // Unix second of it
	offset  time.Duration
	boot    bootID
	block   *block
	live    []byte
	version uint64 // of the catalogue
}

// parseBlock decodes and checks a block record's payload.
func parseBlock(b []byte) (rb readBlock, err error) {
	c := cursor{b}
	short := fmt.Errorf("%w: block record too short", errCorrupt)
	reading, ok := c.text(maxName)
	epoch, ok1 := c.uvarint()
	step, ok2 := c.uvarint()
	base, ok3 := c.uvarint()
	slots, ok4 := c.uvarint()
	since, ok5 := c.varint()
	last, ok6 := c.uvarint()
	swept, ok7 := c.varint()
	off, ok8 := c.varint()
	boot, ok9 := c.take(len(rb.boot))
	if !(ok && ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7 && ok8 && ok9) {
		return rb, short
	}
	ext, ok := readExtent(epoch, step, int64(min(base, maxUnix+1)), int64(min(slots, maxSlots+1)), since)
	if !ok || swept < 0 || swept > maxUnix || last > math.MaxUint32 {
		return rb, fmt.Errorf("%w: block of %s with epoch %d, step %d, base %d, %d slots, since %d",
			errCorrupt, reading, epoch, step, base, slots, since)
	}
	rb = readBlock{reading: reading, epoch: uint32(last), swept: swept, offset: time.Duration(off), boot: bootID(boot), block: &block{extent: ext, until: never}}
	if !c.blockBody(&rb) || len(c.b) != 0 {
		return rb, short
	}
	if err := eachRowDef(rb.live, len(rb.block.layout.labels), func(rowDef) {}); err != nil {
		return rb, err
	}
	if (ext == extent{}) && len(rb.block.ids) > 0 {
		return rb, fmt.Errorf("%w: block of %s with rows but no extent", errCorrupt, reading)
	}
	return rb, rb.block.check()
}

func (c *cursor) blockBody(rb *readBlock) (ok bool) {
	b := rb.block
	if b.layout, ok = c.layout(); !ok {
		return false
	}
	n, ok := c.uvarint()
	if !ok {
		return false
	}
	if b.ids, ok = c.uint32s(n); !ok {
		return false
	}
	if b.offs, ok = c.uint32s(n); !ok {
		return false
	}
	if b.data, ok = c.bytes(); !ok {
		return false
	}
	if b.gone, ok = c.bytes(); !ok {
		return false
	}
	if rb.live, ok = c.bytes(); !ok {
		return false
	}
	rb.version, ok = c.uvarint()
	return ok
}

func readExtent(epoch, step uint64, base, slots, since int64) (extent, bool) {
	if epoch > math.MaxUint32 || step > maxStep {
		return extent{}, false
	}
	e := extent{epoch: uint32(epoch), step: uint32(step), base: base, slots: slots, since: since}
	return e, e.valid() || e == extent{}
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
	if !ok || n == 0 || n > maxFields {
		return nil, false
	}
	l := &layout{}
	for range n {
		name, ok1 := c.text(maxName)
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
	if n, ok = c.uvarint(); !ok || n > metric.MaxLabels {
		return nil, false
	}
	for range n {
		name, ok := c.text(metric.MaxLabelKey)
		if !ok {
			return nil, false
		}
		l.labels = append(l.labels, name)
	}
	l.print = l.fingerprint()
	return l, true
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
