package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// tellTwice is how many frames hold a row's definition, so that one damaged
// frame does not cost the row its name.
const tellTwice = 2

// frame collects one sweep for the journal:
//
//	text reading name, 8 bytes fingerprint of the layout, uvarint epoch,
//	uvarint step, varint since, varint slot, varint wall−boot in ns,
//	uvarint version of the catalogue at the end of the sweep,
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
	f.head = binary.LittleEndian.AppendUint64(f.head, s.layout.print)
	f.head = binary.AppendUvarint(f.head, uint64(s.epoch))
	f.head = binary.AppendUvarint(f.head, uint64(s.step))
	f.head = binary.AppendVarint(f.head, s.cur.since)
	f.head = binary.AppendVarint(f.head, s.slot)
	f.head = binary.AppendVarint(f.head, int64(s.offset))
	f.defs, f.rows = f.defs[:0], f.rows[:0]
}

func (f *frame) row(r *Row, vals []uint64) {
	if r.told < tellTwice {
		r.told++
		f.defs = r.def().append(f.defs)
	}
	at := len(f.rows)
	f.rows = slices.Grow(f.rows, 4+8*len(vals))[:at+4+8*len(vals)]
	b := f.rows[at:]
	binary.LittleEndian.PutUint32(b, r.id)
	b = b[4:]
	for _, v := range vals {
		binary.LittleEndian.PutUint64(b, v)
		b = b[8:]
	}
}

// end returns the record, valid until the next begin.
func (f *frame) end(version uint64) []byte {
	if !f.on {
		return nil
	}
	f.out = beginRecord(f.out[:0], recFrame)
	f.out = append(f.out, f.head...)
	f.out = binary.AppendUvarint(f.out, version)
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
	extent      extent // small, holding slot
	slot        int64
	offset      time.Duration
	version     uint64 // of the catalogue
	defs        []byte
	rows        []byte
}

func parseFrame(b []byte) (f readFrame, err error) {
	c := cursor{b}
	name, ok1 := c.text(maxName)
	fp, ok2 := c.take(8)
	epoch, ok3 := c.uvarint()
	step, ok4 := c.uvarint()
	since, ok5 := c.varint()
	slot, ok6 := c.varint()
	off, ok7 := c.varint()
	version, ok8 := c.uvarint()
	defs, ok9 := c.bytes()
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7 && ok8 && ok9) {
		return f, fmt.Errorf("%w: frame too short", errCorrupt)
	}
	ext, ok := readExtent(epoch, step, slot-slot%smallSlots, smallSlots, since)
	if !ok || epoch == 0 || slot < 0 || slot > maxUnix {
		return f, fmt.Errorf("%w: frame of %s with epoch %d, step %d, since %d, slot %d", errCorrupt, name, epoch, step, since, slot)
	}
	return readFrame{
		reading: name, fingerprint: binary.LittleEndian.Uint64(fp), extent: ext,
		slot: slot, offset: time.Duration(off), version: version, defs: defs, rows: c.b,
	}, nil
}
