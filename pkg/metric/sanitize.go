package metric

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of label sets (SEC-25 to SEC-28). Keys are checked when a schema is
// read; values are cleaned by [LabelValue] when a row is opened.
const (
	MaxLabels     = 20  // labels of one row
	MaxLabelKey   = 64  // bytes of a label's name
	MaxLabelValue = 256 // bytes of a label's value
)

// LabelValue returns v as it may be stored: valid UTF-8 without control or
// formatting characters (each becomes U+FFFD, so that "a\nb" and "ab" stay
// apart), at most [MaxLabelValue] bytes. A longer value keeps its beginning and ends in
// a hash of the whole, so that two long values never become one row.
// The second result says whether v was changed.
func LabelValue(v string) (string, bool) {
	if len(v) <= MaxLabelValue && printable(v) {
		return v, false
	}
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(v, string(utf8.RuneError)))
	if len(clean) <= MaxLabelValue {
		return clean, true
	}
	h := fnv.New64a()
	h.Write([]byte(v))
	tail := fmt.Sprintf("~%016x", h.Sum64())
	cut := MaxLabelValue - len(tail)
	for !utf8.RuneStart(clean[cut]) {
		cut--
	}
	return clean[:cut] + tail, true
}

// Plain reports whether v is printable ASCII, so that LabelValue would change
// nothing but an overlong value.
func Plain(v []byte) bool {
	for _, c := range v {
		if c < 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

// printable reports whether v is valid UTF-8 of printable characters only,
// fast for plain ASCII.
func printable(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < 0x20 || c >= 0x7f {
			return printableSlow(v[i:])
		}
	}
	return true
}

func printableSlow(v string) bool {
	for i, r := range v {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(v[i:]); n == 1 {
				return false
			}
		}
		if !unicode.IsPrint(r) && r != utf8.RuneError {
			return false
		}
	}
	return true
}
