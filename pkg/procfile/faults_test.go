package procfile

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestFaultsKeepTheFirstAndCountTheRest(t *testing.T) {
	var f Faults
	f.Add(nil)
	if f.Err() != nil {
		t.Fatalf("no fault yet, but %v", f.Err())
	}
	f.Line("/proc/stat", 3, "no number")
	if got := f.Err().Error(); got != "/proc/stat:3: no number" {
		t.Errorf("one fault reads %q", got)
	}
	f.Add(fs.ErrPermission)
	f.Line("/proc/stat", 9, "no number")
	var p *ParseError
	if err := f.Err(); !errors.As(err, &p) || p.Line != 3 || !strings.HasSuffix(err.Error(), "(and 2 faults more)") {
		t.Errorf("three faults read %q", f.Err())
	}
	f.Reset()
	f.Add(fs.ErrPermission)
	if !errors.Is(f.Err(), fs.ErrPermission) {
		t.Errorf("after Reset: %v", f.Err())
	}
}
