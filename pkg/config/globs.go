package config

import (
	"path"
	"strings"
)

// Globs is a list of patterns in which * stands for any characters (slashes
// too), ? for one character and [a-z] for one of a range; \ takes the next
// character as it is.
type Globs []string

// Match reports whether s matches one of the patterns.
func (g Globs) Match(s string) bool {
	s = slashless(s)
	for _, pattern := range g {
		if ok, err := path.Match(slashless(pattern), s); ok && err == nil {
			return true
		}
	}
	return false
}

// slashless hides the slashes from path.Match, whose * stops at them. The
// replacement cannot occur otherwise: values have no control characters and
// the kernel's names no NUL.
func slashless(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
