package metric

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of label sets (SEC-25 to SEC-28). Their number and their names are
// checked when a schema is read; values are cleaned by [LabelValue] when a row
// is opened.
const (
	MaxLabels     = 20  // labels of one row
	MaxLabelKey   = 64  // bytes of a label's name
	MaxLabelValue = 256 // bytes of a label's value
)

// LabelValue returns v as it may be stored: valid UTF-8 without control or
// formatting characters (each of them, and each byte that is no UTF-8, becomes
// U+FFFD, so that "a\nb" and "ab" stay apart), at most [MaxLabelValue] bytes. A
// value that is or becomes longer keeps its beginning and ends in a hash of the
// whole, so that two long values never become one row. What it returns it
// leaves alone when it is given it again.
// The second result says whether v was changed.
func LabelValue(v string) (string, bool) {
	if len(v) <= MaxLabelValue && printable(v) {
		return v, false
	}
	// More than the beginning of a long value is never kept.
	clean := strings.Map(visible, upTo(v, MaxLabelValue))
	if len(v) <= MaxLabelValue && len(clean) <= MaxLabelValue {
		return clean, true
	}
	h := fnv.New64a()
	h.Write([]byte(v))
	tail := fmt.Sprintf("~%016x", h.Sum64())
	return upTo(clean, MaxLabelValue-len(tail)) + tail, true
}

// upTo returns the first n bytes of s or a little less, so that no character is
// cut in two.
func upTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := n
	for cut > n-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// visible maps what is not to be shown to U+FFFD. strings.Map gives it U+FFFD
// for each byte that is no UTF-8, too.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return utf8.RuneError
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
	if !utf8.ValidString(v) {
		return false
	}
	for _, r := range v {
		if visible(r) != r {
			return false
		}
	}
	return true
}
