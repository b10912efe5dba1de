package network

import (
	"bytes"
	"fmt"

	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/procfile"
)

// The columns of /proc/net/dev after the name (net/core/net-procfs.c).
const (
	rxBytes = iota
	rxPackets
	rxErrors
	rxDropped
	rxFIFO
	rxFrame
	rxCompressed
	rxMulticast
	txBytes
	txPackets
	txErrors
	txDropped
	txFIFO
	txCollisions
	txCarrier
	txCompressed
	columns
)

// netdev is one line of /proc/net/dev.
type netdev struct {
	name []byte // points into the file's buffer
	v    [columns]uint64
}

// parseNetDev appends the good lines of b to dst and notes the others. The
// first two lines are headings.
func parseNetDev(path string, b []byte, dst []netdev, bad *trouble.List) []netdev {
	l := procfile.Lines{Rest: b}
	for l.Next() {
		if l.N <= 2 {
			if bytes.Count(l.Line, []byte("|")) != 2 {
				bad.Add(&procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%.60q is not the expected heading", l.Line)})
				return dst
			}
			continue
		}
		// Behind the last colon: a name may hold one, numbers do not.
		colon := bytes.LastIndexByte(l.Line, ':')
		d := netdev{name: bytes.Trim(l.Line[:max(colon, 0)], " ")}
		if len(d.name) == 0 || bytes.IndexByte(d.name, '/') >= 0 || string(d.name) == "." || string(d.name) == ".." ||
			procfile.Uints(l.Line[colon+1:], d.v[:]) < columns {
			bad.Add(&procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%.80q is not an interface with %d numbers", l.Line, columns)})
			continue
		}
		dst = append(dst, d)
	}
	bad.Add(l.Torn(path))
	return dst
}
