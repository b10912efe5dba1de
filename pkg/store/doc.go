// Package store keeps a day of readings in memory.
//
// # Shape
//
// A row is one reading of one label set: all its fields together. A [Shard]
// is all rows of one reading type. Each shard has exactly one writer, its
// collector; any number of readers run beside it.
//
//	Shard ── rows (catalogue, append-only slice behind an atomic pointer)
//	  │        └─ Row ── head: up to 120 slots × fields, never rewritten
//	  └── chain of sealed blocks, oldest first, behind an atomic pointer
//
// # Guarantee
//
// Wait-free reads, one writer per shard. A writer fills the next slot of a
// row's head with plain stores and publishes it with one atomic store of the
// count. When the writer begins a slot in a new extent (120 slots aligned to
// the grid) it encodes all heads into one immutable block, publishes the
// chain, and only then starts new heads. A reader loads the head first and
// the chain second, and leaves the head out when its extent is already in
// the chain: so it sees every sample once.
//
// # Time
//
// Time is a grid: slot = Unix second / step, the step belongs to the shard. A
// slot without a sweep is absent. A second or late sweep of a slot is dropped
// and counted. When the wall clock moves against the boot clock by more than
// half a slot a new epoch begins: what the old epoch holds at or after the
// new epoch's first slot is no longer read, and no counter is differenced
// across. Suspend moves both clocks and is only a gap.
//
// # Counters
//
// The store keeps counters raw. Reads return increments, exact as uint64 and
// then scaled. There is no increment (the value is absent) at a row's first
// slot, when the raw value fell, when the epoch changed, and across more than
// [MaxGap] missing slots.
package store
