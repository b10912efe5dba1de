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

func TestWhole(t *testing.T) {
	for in, want := range map[string]struct {
		lines string
		torn  bool
	}{
		"":         {"", false},
		"\n":       {"\n", false},
		"a 1\nb 2": {"a 1\n", true},
		"a 1\n":    {"a 1\n", false},
		"half":     {"", true},
	} {
		if lines, torn := Whole([]byte(in)); string(lines) != want.lines || torn != want.torn {
			t.Errorf("Whole(%q) = %q, %v; want %q, %v", in, lines, torn, want.lines, want.torn)
		}
	}
}
