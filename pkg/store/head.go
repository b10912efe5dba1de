package store

import "sync/atomic"

// extentSlots is the number of grid slots of one block: 20 minutes at 10 s.
const extentSlots = 120

// firstHead is the number of slots a row's head begins with; it doubles up to
// extentSlots, so that a process that lived for a minute costs little.
const firstHead = 8

// head is the growing end of a row: the slots of one extent that are not yet
// in a block. Everything below n is immutable; only the shard's writer
// appends, and publishes by storing n.
type head struct {
	extent extent
	n      atomic.Uint32
	off    []uint8  // slot − extent.base, ascending
	vals   []uint64 // len(off) × fields, slot by slot
}

// extent is a span of extentSlots slots of one epoch at one step.
type extent struct {
	epoch uint32
	step  uint32 // seconds per slot
	base  int64  // first slot, a multiple of extentSlots
}

// start and end are Unix seconds; end is exclusive.
func (e extent) start() int64 { return e.base * int64(e.step) }
func (e extent) end() int64   { return (e.base + extentSlots) * int64(e.step) }

func newHead(e extent, slots, fields int) *head {
	return &head{extent: e, off: make([]uint8, slots), vals: make([]uint64, slots*fields)}
}

// room returns a head of the same content with at least one free slot.
func (h *head) room(fields int) *head {
	n := int(h.n.Load())
	if n < len(h.off) {
		return h
	}
	size := 2 * n
	if size > extentSlots {
		size = extentSlots
	}
	g := newHead(h.extent, size, fields)
	copy(g.off, h.off)
	copy(g.vals, h.vals)
	g.n.Store(uint32(n))
	return g
}
