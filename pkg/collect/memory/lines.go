package memory

import (
	"bytes"
	"math"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
)

// gauges and counters say which line of a file goes into which field.
type (
	gauges[T any]   map[string]func(*T) *float64
	counters[T any] map[string]func(*T) *metric.Count
)

// target returns where the line of that name goes; nil when it is not wanted.
func (g gauges[T]) target(name []byte, r *T) *float64 {
	if f, ok := g[string(name)]; ok {
		return f(r)
	}
	return nil
}

// parseGauges reads lines of the form "Name:  123 kB" or "Name:  123", with
// or without "Node 0 " before them, and returns how many were known and good.
func parseGauges(b []byte, path string, faults *procfile.Faults, target func(name []byte) *float64) (known int) {
	l := procfile.Lines{Rest: b}
	for l.Next() {
		name, rest, _ := bytes.Cut(l.Line, []byte{':'})
		dst := target(withoutNode(name))
		if dst == nil {
			continue
		}
		number, rest := procfile.Field(rest)
		unit, _ := procfile.Field(rest)
		v, ok := procfile.ParseUint(number)
		switch {
		case !ok:
			faults.Line(path, l.N, "no number after the colon")
			continue
		case string(unit) == "kB":
			*dst = float64(v) * 1024
		case len(unit) == 0:
			*dst = float64(v)
		default:
			faults.Line(path, l.N, "a unit that is not kB")
			continue
		}
		known++
	}
	faults.Add(l.Torn(path))
	return known
}

// withoutNode takes "Node 0 " off the beginning of a name.
func withoutNode(name []byte) []byte {
	rest, ok := bytes.CutPrefix(name, []byte("Node "))
	if !ok {
		return name
	}
	_, rest = procfile.Field(rest)
	return bytes.TrimLeft(rest, " ")
}

// parseCounters reads lines of the form "name 123" into r and returns how many
// were known and good. Lines that go to the same field are added up.
func parseCounters[T any](b []byte, path string, faults *procfile.Faults, table counters[T], r *T) (known int) {
	l := procfile.Lines{Rest: b}
	for l.Next() {
		name, rest := procfile.Field(l.Line)
		f, ok := table[string(name)]
		if !ok {
			continue
		}
		number, _ := procfile.Field(rest)
		v, ok := procfile.ParseUint(number)
		if !ok {
			faults.Line(path, l.N, "no number after the name")
			continue
		}
		*f(r) = sum(*f(r), metric.Count(v))
		known++
	}
	faults.Add(l.Torn(path))
	return known
}

// sum adds two counters, of which a may be absent; absent when it is too big.
func sum(a, b metric.Count) metric.Count {
	switch {
	case a == metric.NoCount:
		return b
	case b >= math.MaxUint64-a:
		return metric.NoCount
	}
	return a + b
}
