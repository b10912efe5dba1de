package disk

import (
	"fmt"

	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/procfile"
)

// sectorSize is the unit of all sectors in /proc/diskstats, by definition; it
// has nothing to do with the sectors of the device.
const sectorSize = 512

// The columns of /proc/diskstats after the name
// (Documentation/admin-guide/iostats.rst). Times are milliseconds.
const (
	reads = iota
	readMerges
	readSectors
	readMillis
	writes
	writeMerges
	writeSectors
	writeMillis
	inProgress
	busyMillis
	weightedMillis
	discards // Linux 4.18
	discardMerges
	discardSectors
	discardMillis
	flushes // Linux 5.5
	flushMillis
	columns
)

// diskstat is one line of /proc/diskstats.
type diskstat struct {
	dev  uint64 // major<<32 | minor
	name []byte // points into the file's buffer
	v    [columns]uint64
	n    int // columns that this kernel has: 11, 15 or 17
}

// parseDiskstats appends the good lines of b to dst and notes the others. A
// host without block devices has an empty file.
func parseDiskstats(path string, b []byte, dst []diskstat, bad *trouble.List) []diskstat {
	l := procfile.Lines{Rest: b}
	for l.Next() {
		dst = append(dst, diskstat{})
		if why := dst[len(dst)-1].parse(l.Line); why != "" {
			dst = dst[:len(dst)-1]
			bad.Add(&procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%s in %.80q", why, l.Line)})
		}
	}
	if len(b) > 0 {
		bad.Add(l.Torn(path))
	}
	return dst
}

// parse returns what is wrong with the line, or "".
func (d *diskstat) parse(line []byte) string {
	major, rest := procfile.Field(line)
	minor, rest := procfile.Field(rest)
	ma, ok1 := procfile.ParseUint(major)
	mi, ok2 := procfile.ParseUint(minor)
	if !ok1 || !ok2 || ma >= 1<<32 || mi >= 1<<32 {
		return "no device number"
	}
	d.dev = ma<<32 | mi
	d.name, rest = procfile.Field(rest)
	if string(d.name) == "." || string(d.name) == ".." || len(d.name) > 128 {
		return "no device name"
	}
	d.n = procfile.Uints(rest, d.v[:])
	switch {
	case d.n >= columns: // later kernels may add more
		d.n = columns
	case d.n == flushes, d.n == discards:
	default:
		return fmt.Sprintf("%d good columns after the name where kernels have 11, 15 or 17", d.n)
	}
	return ""
}
