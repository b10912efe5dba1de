// Package store keeps a day of readings in memory.
//
// # Shape
//
// A row is one reading of one label set: all its fields together. A [Shard]
// is all rows of one reading type. Each shard has exactly one writer, its
// collector; any number of readers run beside it.
//
//	Shard ── catalogue of rows, behind an atomic pointer
//	  │        └─ Row ── head: up to 30 slots × fields, never rewritten
//	  └── chain of sealed blocks, oldest first, behind an atomic pointer:
//	      big ones of 240 slots, then small ones of 30
//
// # Guarantee
//
// Wait-free reads, one writer per shard. A writer fills the next slot of a
// row's head with plain stores and publishes it with one atomic store of the
// count. When the writer begins a slot in a new small extent (30 slots aligned
// to the grid) it encodes all heads into one immutable small block, publishes
// the chain, and only then starts new heads. When it begins a new big extent
// it first replaces the small blocks of the old one by one big block, which
// takes a tenth less, in one step. A reader loads the head first and the chain
// second, and leaves the head out when its extent is already in the chain: so
// it sees every sample once. Likewise a row that leaves the catalogue is
// defined in a block before the catalogue forgets it, and readers look into
// the catalogue first.
//
// # Time
//
// Time is a grid: slot = Unix second / step, the step belongs to the shard. A
// slot without a sweep is absent. A second or late sweep of a slot is dropped
// and counted. When the wall clock moves against the boot clock by more than
// half a slot, when the step changes and after a reboot a new epoch begins:
// from its first sample on, what older epochs hold at or after the beginning
// of the new one is no longer read, and no counter is differenced across.
// Suspend moves both clocks and is only a gap.
//
// # Values
//
// Gauges have the resolution of their metric, wherever they are read. Counters
// are kept raw; reads return increments, exact as uint64 and then scaled.
// There is no increment (the value is absent) at a row's first slot, when the
// raw value fell, when the epoch changed, and across more than [MaxGap]
// missing slots.
//
// # Rows
//
// A row leaves the catalogue when it was silent for 15 minutes (or six steps,
// if that is longer) while its shard was swept; times without sweeps do not
// count. Its samples stay as long as all others, see [Shard.Departed].
package store
