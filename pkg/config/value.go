package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of single values.
const (
	maxText = 4096 // bytes of a string
	maxList = 256  // elements of a list
)

// parse reads a value in text form; lists are separated by commas. It reports
// false when the value is not what allowed says.
func (o *option) parse(text string) (reflect.Value, bool) {
	if o.kind == kindList {
		v, bad := o.parseList(splitList(text))
		return v, bad < 0
	}
	v := reflect.New(o.typ).Elem()
	var ok bool
	switch o.kind {
	case kindBool:
		v.SetBool(text == "true")
		ok = text == "true" || text == "false"
	case kindInt, kindDuration, kindBytes:
		var n int64
		n, ok = o.number(text)
		ok = ok && n >= o.min && n <= o.max && (o.step == 0 || n%o.step == 0)
		v.SetInt(n)
	case kindSecret:
		ok = plain(text)
		v.Set(reflect.ValueOf(NewSecret(text)))
	default:
		ok = o.accepts(text) || text == "" && o.def == ""
		v.SetString(text)
	}
	return v, ok
}

// parseList reads a list; bad is the index of the first element that is not
// allowed, or -1. Too long a list is bad at its first excess element.
func (o *option) parseList(elements []string) (v reflect.Value, bad int) {
	for i, e := range elements {
		if i == maxList || e == "" || !o.accepts(e) {
			return v, i
		}
	}
	v = reflect.New(o.typ).Elem()
	v.Set(reflect.ValueOf(append([]string(nil), elements...)).Convert(v.Type()))
	return v, -1
}

// number reads the text form of a number: an int, nanoseconds or bytes.
func (o *option) number(text string) (int64, bool) {
	switch o.kind {
	case kindDuration:
		d, ok := parseDuration(text)
		return int64(d), ok
	case kindBytes:
		b, err := ParseBytes(text)
		return int64(b), err == nil
	default:
		n, err := strconv.ParseInt(text, 10, strconv.IntSize)
		return n, err == nil
	}
}

// parseDuration reads "10s", "1m30s", or whole seconds without a unit.
func parseDuration(text string) (time.Duration, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		const limit = math.MaxInt64 / int64(time.Second)
		return time.Duration(n) * time.Second, -limit <= n && n <= limit
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// accepts reports whether a string or list element is allowed.
func (o *option) accepts(text string) bool {
	if !plain(text) {
		return false
	}
	for _, w := range o.oneOf {
		if w == text {
			return true
		}
	}
	return len(o.oneOf) == 0 && (o.check == nil || o.check.ok(text))
}

// plain reports whether text is valid, of bounded length and without control
// characters, so that it may be printed and logged as it is.
func plain(text string) bool {
	return len(text) <= maxText && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

func splitList(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// allowed completes the sentence "must be …".
func (o *option) allowed() string {
	switch o.kind {
	case kindBool:
		return "true or false"
	case kindInt:
		return fmt.Sprintf("a whole number from %d to %d", o.min, o.max)
	case kindDuration:
		return fmt.Sprintf("%sfrom %s to %s, as text such as \"1m30s\" or as a number of seconds",
			o.durationNoun(), formatDuration(time.Duration(o.min)), formatDuration(time.Duration(o.max)))
	case kindBytes:
		return fmt.Sprintf("a size from %s to %s, as text such as \"64MiB\" or as a number of bytes", Bytes(o.min), Bytes(o.max))
	case kindSecret:
		return fmt.Sprintf("text of at most %d bytes without control characters", maxText)
	case kindList:
		return fmt.Sprintf("a list of at most %d, each %s", maxList, o.check.allowed)
	}
	return o.allowedText()
}

func (o *option) durationNoun() string {
	if o.step == int64(time.Second) {
		return "whole seconds "
	}
	return "a duration "
}

func (o *option) allowedText() string {
	text := ""
	switch {
	case len(o.oneOf) > 0:
		text = strings.Join(o.oneOf, ", ")
		if i := strings.LastIndex(text, ", "); i >= 0 {
			text = text[:i] + " or " + text[i+2:]
		}
	case o.check != nil:
		text = o.check.allowed
	}
	if o.def == "" {
		text += ", or empty"
	}
	return text
}

// value returns the option's value in cfg.
func (o *option) value(cfg *Config) any {
	return reflect.ValueOf(cfg).Elem().FieldByIndex(o.index).Interface()
}

// set stores a parsed value in cfg.
func (o *option) set(cfg *Config, v reflect.Value) {
	reflect.ValueOf(cfg).Elem().FieldByIndex(o.index).Set(v)
}

// plainValue is the option's value in cfg as JSON shows it: a bool, an int, a
// string or a list of strings; durations and sizes are text, secrets redacted.
func (o *option) plainValue(cfg *Config) any {
	switch v := o.value(cfg).(type) {
	case time.Duration:
		return formatDuration(v)
	case Bytes:
		return v.String()
	case Secret:
		return v.String()
	case Globs:
		return append([]string{}, v...)
	case []string:
		return append([]string{}, v...)
	default:
		return v
	}
}

// toml renders the option's value in cfg as TOML.
func (o *option) toml(cfg *Config) string {
	switch v := o.plainValue(cfg).(type) {
	case string:
		return quote(v)
	case []string:
		quoted := make([]string, len(v))
		for i := range v {
			quoted[i] = quote(v[i])
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

// quote renders text as a TOML basic string.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// formatDuration is Duration.String without zero parts: "24h", not "24h0m0s".
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
