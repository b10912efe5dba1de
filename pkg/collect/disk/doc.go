// Package disk collects block devices, mounted filesystems and software RAID
// arrays: three collectors, [Disk], [Filesystem] and [MD].
//
// What a collector cannot read stays absent. Counters go into the store raw;
// percentages and averages over an interval are computed here, from exact
// differences and the time of the boot clock between two sweeps, and are
// absent where there is no earlier sweep, where a counter fell (the device
// was replaced, or a 32-bit counter of milliseconds wrapped) and across
// longer gaps.
package disk
