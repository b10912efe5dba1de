package store

import "math"

// The sizes of extents, in slots of the grid.
const (
	smallSlots = 30  // of a head, and of the block it is sealed into: 5 minutes at 10 s
	bigSlots   = 240 // of what small blocks are merged into: 40 minutes at 10 s
	maxSlots   = bigSlots
)

// extent is a span of slots of one epoch at one step, aligned to its size.
type extent struct {
	epoch uint32
	step  uint32 // seconds per slot
	base  int64  // first slot, a multiple of slots
	slots int64
	since int64 // Unix second at which the epoch began
}

// start and end are Unix seconds; end is exclusive.
func (e extent) start() int64 { return max(e.base*int64(e.step), e.since) }
func (e extent) end() int64   { return (e.base + e.slots) * int64(e.step) }

// time is the Unix second at which the slot at that offset begins.
func (e extent) time(off uint8) int64 { return (e.base + int64(off)) * int64(e.step) }

// big is the big extent that e lies in.
func (e extent) big() extent {
	e.base -= e.base % bigSlots
	e.slots = bigSlots
	return e
}

// behind reports whether e comes after o in the shard's history.
func (e extent) behind(o extent) bool {
	return e.epoch > o.epoch || e.epoch == o.epoch && e.base > o.base
}

// valid reports whether an extent read from a file is one of ours.
func (e extent) valid() bool {
	return e.epoch > 0 && e.step > 0 && e.step <= maxStep && e.base >= 0 && e.base <= maxUnix &&
		(e.slots == smallSlots || e.slots == bigSlots) && e.base%e.slots == 0 &&
		e.since >= 0 && e.since <= maxUnix
}

// Bounds of time: the year 2242, and steps of twelve days.
const (
	maxUnix = 1 << 33
	maxStep = 1 << 20
)

const never = math.MaxInt64
