package procfile

import "fmt"

// Faults gathers what was wrong with the files of one sweep. Only the first
// fault is put into words, the others are counted, so that a file full of
// garbage costs little. The zero value is ready.
type Faults struct {
	first error
	more  int
}

// Add notes an error; nil is none.
func (f *Faults) Add(err error) {
	switch {
	case err == nil:
	case f.first == nil:
		f.first = err
	default:
		f.more++
	}
}

// Line notes that a line (from 1; 0 = the file as a whole) is not what its
// format demands.
func (f *Faults) Line(path string, line int, reason string) {
	if f.first != nil {
		f.more++
		return
	}
	f.first = &ParseError{Path: path, Line: line, Reason: reason}
}

// First is the first fault, or nil.
func (f *Faults) First() error { return f.first }

// Len is the number of faults.
func (f *Faults) Len() int {
	if f.first == nil {
		return 0
	}
	return f.more + 1
}

// Reset forgets everything, for the next sweep.
func (f *Faults) Reset() { *f = Faults{} }

// Err returns what was noted as one error, nil when nothing was. It wraps the
// first fault.
func (f *Faults) Err() error {
	if f.more == 0 {
		return f.first
	}
	return fmt.Errorf("%w (and %d faults more)", f.first, f.more)
}
