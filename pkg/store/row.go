package store

import (
	"sync/atomic"
	"time"
)

// Row is one reading of one label set. Labels never change; the identity of a
// row (its ID) is never given to another.
type Row struct {
	id     uint32
	shard  *Shard
	values []string // of schema.Labels, sanitised, in their order
	key    string   // of the identifying labels
	before int64    // Unix second of the newest slot before head; set once

	born atomic.Int64 // Unix second of the first slot
	head atomic.Pointer[head]

	// What follows belongs to the writer.
	last  int64 // slot written last in this epoch, −1 = none
	heard int64 // Unix second of the last write, moved over gaps of the shard
	left  bool  // no longer in the catalogue
	told  uint8 // frames that hold its definition, up to tellTwice
}

// ID is unique in this store, across restarts.
func (r *Row) ID() uint32 { return r.id }

// Shard returns the reading type of the row.
func (r *Row) Shard() *Shard { return r.shard }

// Labels returns the values of the schema's labels, in their order. The
// caller must not change them.
func (r *Row) Labels() []string { return r.values }

// Latest returns the newest slot of the row: its time and the raw values of
// all fields in schema order, which the caller must not change. ok is false
// when nothing was written since the row was restored or opened.
func (r *Row) Latest() (at time.Time, raw []uint64, ok bool) {
	h := r.head.Load()
	if h == nil {
		return time.Time{}, nil, false
	}
	n := int(h.n.Load())
	if n == 0 {
		return time.Time{}, nil, false
	}
	nf := len(r.shard.schema.Fields)
	return time.Unix(h.extent.time(h.off[n-1]), 0), h.vals[(n-1)*nf : n*nf : n*nf], true
}

// seen is the Unix second of the newest slot.
func (r *Row) seen() int64 {
	if h := r.head.Load(); h != nil {
		if n := h.n.Load(); n > 0 {
			return h.extent.time(h.off[n-1])
		}
	}
	return r.before
}
