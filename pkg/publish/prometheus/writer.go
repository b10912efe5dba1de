package prometheus

import (
	"io"
	"math"
	"strconv"
	"strings"
)

// chunk is how much is gathered before it is written out. It fits one block
// of the stateless compressor (32,767 bytes).
const chunk = 30 << 10

// slack is room for the sample that fills the chunk, so that the buffer does
// not grow: 20 labels of 256 bytes, each byte escaped, and their names.
const slack = 14 << 10

// kind is the type of a family in the words of the formats.
type kind uint8

const (
	gauge kind = iota
	counter
	info // a gauge that is always 1; its text is in its labels
)

// family is what all samples of one name have in common.
type family struct {
	name string // of the samples: counters end in _total, infos in _info
	kind kind
	unit string // base unit; named only where the name ends in it
	help string
}

// base is the family's name in OpenMetrics, where the suffix belongs to the
// sample.
func (f *family) base() string {
	switch f.kind {
	case counter:
		return strings.TrimSuffix(f.name, "_total")
	case info:
		return strings.TrimSuffix(f.name, "_info")
	default:
		return f.name
	}
}

// writer writes one page. The first error of w ends it: what follows goes
// nowhere.
//
//	o.family(f)
//	for … { o.sample(); o.label(name, value); o.value(v) }
type writer struct {
	w      io.Writer
	format Format
	buf    []byte
	err    error

	fam    family
	headed bool // the family's header is written
	labels int  // of the sample being written
}

func (o *writer) reset(w io.Writer, f Format) {
	if o.buf == nil {
		o.buf = make([]byte, 0, chunk+slack)
	}
	*o = writer{w: w, format: f, buf: o.buf[:0]}
}

// family begins a family. Its header is written with its first sample; a
// family without samples leaves no trace.
func (o *writer) family(f family) { o.fam, o.headed = f, false }

func (o *writer) sample() {
	if !o.headed {
		o.header()
		o.headed = true
	}
	o.buf = append(o.buf, o.fam.name...)
	o.labels = 0
}

// label adds a label to the sample. An empty value is the same as no label.
func (o *writer) label(name, value string) {
	if value == "" {
		return
	}
	sep := byte(',')
	if o.labels == 0 {
		sep = '{'
	}
	o.labels++
	o.buf = append(o.buf, sep)
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, '=', '"')
	o.buf = appendEscaped(o.buf, value, true)
	o.buf = append(o.buf, '"')
}

// value ends the sample.
func (o *writer) value(v float64) {
	if o.labels > 0 {
		o.buf = append(o.buf, '}')
	}
	o.buf = append(o.buf, ' ')
	o.buf = appendNumber(o.buf, v)
	o.buf = append(o.buf, '\n')
	if len(o.buf) >= chunk {
		o.flush()
	}
}

// close ends the page and returns the first error of writing it.
func (o *writer) close() error {
	if o.format == OpenMetrics {
		o.buf = append(o.buf, "# EOF\n"...)
	}
	o.flush()
	return o.err
}

func (o *writer) flush() {
	if o.err == nil && len(o.buf) > 0 {
		_, o.err = o.w.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

func (o *writer) header() {
	name, typ := o.fam.name, "gauge"
	om := o.format == OpenMetrics
	if om {
		name = o.fam.base()
	}
	switch {
	case o.fam.kind == counter:
		typ = "counter"
	case o.fam.kind == info && om:
		typ = "info"
	}
	o.line("# HELP ", name)
	o.buf = appendEscaped(o.buf, o.fam.help, om)
	o.line("\n# TYPE ", name)
	o.buf = append(o.buf, typ...)
	if u := o.fam.unit; om && u != "" && strings.HasSuffix(name, u) && strings.HasSuffix(strings.TrimSuffix(name, u), "_") {
		o.line("\n# UNIT ", name)
		o.buf = append(o.buf, u...)
	}
	o.buf = append(o.buf, '\n')
}

func (o *writer) line(intro, name string) {
	o.buf = append(o.buf, intro...)
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, ' ')
}

// appendEscaped escapes backslash and newline, and the quote where the format
// asks for it: in labels, and in OpenMetrics' help.
func appendEscaped(b []byte, s string, quote bool) []byte {
	from := 0
	for i := range len(s) {
		esc := s[i]
		switch {
		case esc == '\n':
			esc = 'n'
		case esc == '\\', esc == '"' && quote:
		default:
			continue
		}
		b = append(b, s[from:i]...)
		b = append(b, '\\', esc)
		from = i + 1
	}
	return append(b, s[from:]...)
}

// appendNumber writes the shortest text that reads back as v, whole numbers
// without an exponent as far as float64 holds them exactly.
func appendNumber(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}
