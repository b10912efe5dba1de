package store

import "sync/atomic"

// firstHead is the number of slots a row's head begins with; it doubles up to
// smallSlots, so that a process that lived for a minute costs little.
const firstHead = 8

// head is the growing end of a row: the slots of one extent that are not yet
// in a block. Everything below n is immutable; only the shard's writer
// appends, and publishes by storing n.
type head struct {
	extent extent
	n      atomic.Uint32
	room   uint32
	turn   uint32            // of the shard when it was made: a short name of the extent
	off    [smallSlots]uint8 // slot − extent.base, ascending
	vals   []uint64          // room × fields, slot by slot
}

func newHead(e extent, turn uint32, room, fields int) *head {
	return &head{extent: e, turn: turn, room: uint32(room), vals: make([]uint64, room*fields)}
}

// grown returns a head of the same content with room for more slots.
func (h *head) grown(fields int) *head {
	g := newHead(h.extent, h.turn, min(2*int(h.room), smallSlots), fields)
	g.off = h.off
	copy(g.vals, h.vals)
	g.n.Store(h.n.Load())
	return g
}

// bytes is what the head takes in memory.
func (h *head) bytes() int64 { return int64(len(h.vals)*8) + 128 }

// rowHead is a head as it was at one moment.
type rowHead struct {
	id uint32
	h  *head
	n  int // slots, at least one
}

// heads appends the heads of rows as they are now.
func heads(dst []rowHead, rows []*Row) []rowHead {
	for _, r := range rows {
		if h := r.head.Load(); h != nil {
			if n := int(h.n.Load()); n > 0 {
				dst = append(dst, rowHead{r.id, h, n})
			}
		}
	}
	return dst
}
