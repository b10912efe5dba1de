// Package trouble gathers what went wrong in one sweep of a collector that
// goes on without: one bad line or missing file costs its own values only,
// but somebody must be told.
package trouble

import (
	"errors"
	"io/fs"

	"sysops-agent/pkg/collect"
)

// List is the trouble of one sweep. The zero value is empty. It belongs to
// one goroutine.
type List struct {
	first error
	more  int
}

// Reset empties the list for the next sweep.
func (l *List) Reset() { *l = List{} }

// Add notes err; nil is nothing.
func (l *List) Add(err error) {
	switch {
	case err == nil:
	case l.first == nil:
		l.first = err
	default:
		l.more++
	}
}

// Optional notes err unless it says that the file does not exist: kernels
// differ in what they offer, and what they lack is simply absent.
func (l *List) Optional(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		l.Add(err)
	}
}

// Len is the number of errors noted since Reset.
func (l *List) Len() int {
	if l.first == nil {
		return 0
	}
	return l.more + 1
}

// First is the first error noted since Reset, or nil.
func (l *List) First() error { return l.first }

// Err returns nil when the list is empty, and otherwise a
// [collect.PartialError] that names the first trouble and counts the others.
func (l *List) Err(hint string) error {
	switch {
	case l.first == nil:
		return nil
	case l.more == 0:
		return collect.Partial(hint, "%v", l.first)
	default:
		return collect.Partial(hint, "%v (and %d more)", l.first, l.more)
	}
}
