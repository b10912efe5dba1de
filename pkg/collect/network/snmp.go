package network

import (
	"bytes"
	"fmt"

	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
)

// dst is where a number goes: a counter or a gauge of a reading.
type dst struct {
	count *metric.Count
	gauge *float64
}

func (d dst) set(v uint64) {
	if d.count != nil {
		*d.count = metric.Count(v)
	} else {
		*d.gauge = float64(v)
	}
}

// wanted tells by group and name where numbers go; all others are skipped.
// Which columns there are, and in which order, differs between kernels.
type wanted map[string]map[string]dst

// parsePairs reads the format of /proc/net/snmp and netstat: pairs of lines,
// names over numbers, both beginning with the group.
//
//	Udp: InDatagrams NoPorts InErrors
//	Udp: 76 0 0
//
// A pair that does not match costs its group only.
func parsePairs(path string, b []byte, want wanted, bad *trouble.List) {
	var names []byte // of the pair's first line, until its second was seen
	var group string
	l := procfile.Lines{Rest: b}
	for l.Next() {
		head, rest, ok := bytes.Cut(l.Line, []byte{':'})
		if !ok {
			bad.Add(&procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("no colon in %.60q", l.Line)})
			names = nil
			continue
		}
		if names == nil || group != string(head) {
			if names != nil {
				bad.Add(&procfile.ParseError{Path: path, Line: l.N - 1, Reason: fmt.Sprintf("no line of numbers follows the names of %.40q", group)})
			}
			names, group = rest, groupName(head, want)
			continue
		}
		if w := want[group]; w != nil {
			if why := setPair(names, rest, w); why != "" {
				bad.Add(&procfile.ParseError{Path: path, Line: l.N, Reason: why})
			}
		}
		names = nil
	}
	bad.Add(l.Torn(path))
}

// groupName returns b as a string without allocating for wanted groups.
func groupName(b []byte, want wanted) string {
	for g := range want {
		if g == string(b) {
			return g
		}
	}
	return string(b)
}

// setPair takes the wanted numbers and returns what is wrong, or "".
func setPair(names, numbers []byte, want map[string]dst) (why string) {
	if n, m := countFields(names), countFields(numbers); n != m {
		return fmt.Sprintf("%d numbers under %d names", m, n)
	}
	for {
		var name, number []byte
		name, names = procfile.Field(names)
		number, numbers = procfile.Field(numbers)
		if len(name) == 0 {
			return why
		}
		d, ok := want[string(name)]
		if !ok {
			continue
		}
		if v, ok := procfile.ParseUint(number); ok {
			d.set(v)
		} else {
			why = fmt.Sprintf("%.40q is not a count of %s", number, name)
		}
	}
}

func countFields(b []byte) (n int) {
	for {
		var f []byte
		if f, b = procfile.Field(b); len(f) == 0 {
			return n
		}
		n++
	}
}

// parseSnmp6 reads /proc/net/snmp6: a name and a number on each line.
func parseSnmp6(path string, b []byte, want map[string]dst, bad *trouble.List) {
	l := procfile.Lines{Rest: b}
	for l.Next() {
		name, rest := procfile.Field(l.Line)
		d, ok := want[string(name)]
		if !ok {
			continue
		}
		number, _ := procfile.Field(rest)
		v, ok := procfile.ParseUint(number)
		if !ok {
			bad.Add(&procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%.40q is not a count of %s", number, name)})
			continue
		}
		d.set(v)
	}
	bad.Add(l.Torn(path))
}

// parseSockstat reads /proc/net/sockstat and sockstat6: a group and then
// names, each followed by its number.
//
//	TCP: inuse 27 orphan 1 tw 23 alloc 31 mem 3
func parseSockstat(path string, b []byte, want wanted, bad *trouble.List) {
	l := procfile.Lines{Rest: b}
	for l.Next() {
		group, rest, _ := bytes.Cut(l.Line, []byte{':'})
		w := want[string(group)]
		for w != nil {
			var name, number []byte
			name, rest = procfile.Field(rest)
			number, rest = procfile.Field(rest)
			if len(name) == 0 {
				break
			}
			d, ok := w[string(name)]
			if !ok {
				continue
			}
			v, ok := procfile.ParseUint(number)
			if !ok {
				bad.Add(&procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%.40q is not a number of %s %s", number, group, name)})
				continue
			}
			d.set(v)
		}
	}
	bad.Add(l.Torn(path))
}
