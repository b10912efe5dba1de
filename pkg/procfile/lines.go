package procfile

import "bytes"

// Lines walks over the whole lines of a file:
//
//	for l := (procfile.Lines{Rest: b}); l.Next(); { … l.Line, l.N … }
//
// Every line of a kernel file ends in a newline. A last line without one was
// cut off, and its last number may have lost digits: it is never returned.
type Lines struct {
	Rest []byte // what is still to come
	Line []byte // the current line, without its newline
	N    int    // its number, from 1
}

// Next goes on to the next whole line; false when there is none. What is then
// left in Rest is a line that was cut off.
func (l *Lines) Next() bool {
	i := bytes.IndexByte(l.Rest, '\n')
	if i < 0 {
		return false
	}
	l.Line, l.Rest = l.Rest[:i], l.Rest[i+1:]
	l.N++
	return true
}

// Torn returns an error when path, whose lines are all read, ended within a
// line, or had no line at all.
func (l *Lines) Torn(path string) error {
	switch {
	case len(l.Rest) > 0:
		return &ParseError{Path: path, Line: l.N + 1, Reason: "the file ends within this line; the line is left out"}
	case l.N == 0:
		return &ParseError{Path: path, Reason: "the file is empty"}
	default:
		return nil
	}
}

// ParseHex parses hexadecimal digits only; false on anything else or overflow.
func ParseHex(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 16 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint64(c)
	}
	return v, true
}
