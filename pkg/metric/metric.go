// Package metric says what a measurement is: its name, kind, unit, resolution
// and labels, declared once as struct tags on a reading (see package reading)
// and read once by [Of]. Everything that lists metrics (store, page, tables,
// reference, queries) derives from the resulting [Schema].
//
// # Tags
//
// A reading is a struct whose blank first field names it:
//
//	type Socket struct {
//		_      struct{} `reading:"cpu_socket" domain:"system" help:"One CPU socket."`
//		Socket uint32   `label:"socket" help:"Physical package id."`
//		Times           `prefix:"cpu.socket_"` // embedded, shared fields
//		Temp   float64  `metric:"cpu.socket_temp_celsius" unit:"celsius" res:"0.1" help:"…"`
//	}
//
// Field tags:
//
//	metric  dotted name, the identity of the metric; relative under a prefix
//	unit    one of the Unit constants; the name must end in its suffix
//	res     resolution of the stored value, for gauges (default 1)
//	scale   base units per raw unit, for counters (default 1): "1e-6" for µs
//	min,max plausible range of a gauge; outside is dropped and counted
//	        (default: 0 to no limit, percent 0 to 100; min:"-inf" for signed);
//	        an infinity is outside of every range
//	col     SQL column and, after the domain, second name (default: metric
//	        with _ for .)
//	page    name on the Prometheus page without the prefix sysops_ and _total,
//	        when the derived one would not do
//	help    one sentence
//	label   the field is part of the row's identity
//	attr    the field is shown with the row but is not part of its identity
//
// Any other tag is an error, and so is one that says nothing about its field,
// such as a scale on a gauge.
//
// Gauges are float64 and absent is NaN. Counters are [Count], the raw
// cumulative value of the source; differences are taken exactly, as uint64,
// where a series is read.
package metric

import (
	"math"
	"reflect"
	"strconv"
	"unsafe"
)

// Count is a raw cumulative counter in the source's own unit; [NoCount] means
// absent. A Count only ever grows while its source lives.
type Count uint64

// NoCount is the absent counter.
const NoCount = Count(AbsentBits)

// AbsentBits is the stored form of an absent value, for both kinds: an
// impossible counter, and a NaN when read as float64.
const AbsentBits = ^uint64(0)

// NaN is the absent gauge.
var NaN = math.NaN()

// Kind tells how a value behaves over time.
type Kind uint8

// The kinds of metric.
const (
	Gauge   Kind = iota // an instantaneous value
	Counter             // a cumulative count; reads give exact differences
)

func (k Kind) String() string {
	if k == Counter {
		return "counter"
	}
	return "gauge"
}

// Unit is the unit of the value after Scale.
type Unit string

// The units. Each but None and Count demands a suffix of the metric's name.
const (
	None    Unit = ""        // a number: states, flags, load
	Count1  Unit = "count"   // how many
	Percent Unit = "percent" // 0 to 100; a ratio 0 to 1 on the page
	Bytes   Unit = "bytes"
	Seconds Unit = "seconds"
	Hertz   Unit = "hertz"
	Celsius Unit = "celsius"
	Watts   Unit = "watts"
	PerSec  Unit = "per_second" // events per second
	BytesPS Unit = "bytes_per_second"
)

func (u Unit) suffix() string {
	switch u {
	case None, Count1:
		return ""
	default:
		return "_" + string(u)
	}
}

func (u Unit) known() bool {
	switch u {
	case None, Count1, Percent, Bytes, Seconds, Hertz, Celsius, Watts, PerSec, BytesPS:
		return true
	}
	return false
}

// Field is one metric of a reading. It never changes after [Of].
type Field struct {
	Name   string  // dotted name: "cpu.socket_usage_percent"
	Column string  // SQL column and second name: "cpu_socket_usage_percent"
	Page   string  // name on the Prometheus page: "sysops_cpu_socket_usage_ratio"
	Help   string  // one sentence
	Kind   Kind    //
	Unit   Unit    // of the value (after Scale)
	Res    float64 // resolution of the value; the store keeps no more
	Scale  float64 // value = raw × Scale; 1 for gauges
	Min    float64 // plausible range of a gauge's value, inclusive
	Max    float64 //
	Offset uintptr // of the 8-byte field in the reading struct
}

// PageFactor converts a value to the unit of the page.
func (f *Field) PageFactor() float64 {
	if f.Unit == Percent {
		return 0.01
	}
	return 1
}

// Label is one identifying (or, when Attr, descriptive) text or number.
type Label struct {
	Name   string
	Help   string
	Attr   bool // shown, but not part of the identity
	offset uintptr
	kind   reflect.Kind // String, Uint32 or Uint64
}

// Append appends the label's value as it stands in a reading, without
// allocating.
func (l *Label) Append(dst []byte, reading unsafe.Pointer) []byte {
	p := unsafe.Add(reading, l.offset)
	switch l.kind {
	case reflect.Uint32:
		return strconv.AppendUint(dst, uint64(*(*uint32)(p)), 10)
	case reflect.Uint64:
		return strconv.AppendUint(dst, *(*uint64)(p), 10)
	default:
		return append(dst, *(*string)(p)...)
	}
}

// Schema describes one reading type. It is immutable and shared.
type Schema struct {
	Name   string // "cpu_socket"
	Domain string // "system": prefix of the second names
	Help   string
	Labels []Label
	Fields []Field
	byName map[string]int
}

// Field returns the index of the field with that dotted name, or -1.
func (s *Schema) Field(name string) int {
	if i, ok := s.byName[name]; ok {
		return i
	}
	return -1
}

// Value turns a stored raw value of the field into a number: NaN when absent,
// a counter's cumulative value scaled to its unit.
func (f *Field) Value(raw uint64) float64 {
	switch {
	case raw == AbsentBits:
		return NaN
	case f.Kind == Counter:
		return float64(raw) * f.Scale
	default:
		return math.Float64frombits(raw)
	}
}
