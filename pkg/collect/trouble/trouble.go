// Package trouble gathers what went wrong in one sweep of a collector that
// goes on without: one bad line or missing file costs its own values only,
// but somebody must be told.
package trouble

import (
	"errors"
	"io/fs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/procfile"
)

// List is the trouble of one sweep, told as the result of a collection. The
// zero value is empty. It belongs to one goroutine.
type List struct{ procfile.Faults }

// Optional notes err unless it says that the file does not exist: kernels
// differ in what they offer, and what they lack is simply absent.
func (l *List) Optional(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		l.Add(err)
	}
}

// Err returns nil when the list is empty, and otherwise a
// [collect.PartialError] that names the first trouble and counts the others.
func (l *List) Err(hint string) error {
	switch n := l.Len(); n {
	case 0:
		return nil
	case 1:
		return collect.Partial(hint, "%v", l.First())
	default:
		return collect.Partial(hint, "%v (and %d more)", l.First(), n-1)
	}
}
