package trouble

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"sysops-agent/pkg/collect"
)

func TestList(t *testing.T) {
	gone := fmt.Errorf("open x: %w", fs.ErrNotExist)
	for name, tc := range map[string]struct {
		fill func(*List)
		want string
		n    int
	}{
		"empty":             {func(*List) {}, "", 0},
		"nil is nothing":    {func(l *List) { l.Add(nil); l.Optional(nil) }, "", 0},
		"one":               {func(l *List) { l.Add(errors.New("a")) }, "a", 1},
		"three":             {func(l *List) { l.Add(errors.New("a")); l.Add(errors.New("b")); l.Add(errors.New("c")) }, "a (and 2 more)", 3},
		"missing optional":  {func(l *List) { l.Optional(gone) }, "", 0},
		"missing needed":    {func(l *List) { l.Add(gone) }, gone.Error(), 1},
		"unreadable":        {func(l *List) { l.Optional(fs.ErrPermission) }, fs.ErrPermission.Error(), 1},
		"forgets at Reset":  {func(l *List) { l.Add(errors.New("a")); l.Reset() }, "", 0},
		"counts from Reset": {func(l *List) { l.Add(errors.New("a")); l.Reset(); l.Add(errors.New("b")) }, "b", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var l List
			tc.fill(&l)
			if l.Len() != tc.n {
				t.Errorf("Len %d, want %d", l.Len(), tc.n)
			}
			if first := l.First(); (first == nil) != (tc.n == 0) {
				t.Errorf("First %v of %d", first, tc.n)
			}
			err := l.Err("do this")
			if tc.want == "" {
				if err != nil {
					t.Errorf("Err: %v, want nil", err)
				}
				return
			}
			var p *collect.PartialError
			if !errors.As(err, &p) || p.Reason != tc.want || p.Hint != "do this" {
				t.Errorf("Err: %#v, want a partial error %q", err, tc.want)
			}
		})
	}
}
