package metric

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// beside lists, for each tag that says what a field is, the tags that may
// stand beside it. A tag that is not listed is refused: a misspelt unit would
// otherwise declare a metric without one.
var beside = map[string][]string{
	"reading": {"domain", "help"},
	"prefix":  nil,
	"metric":  {"unit", "res", "scale", "min", "max", "col", "page", "help"},
	"label":   {"help"},
	"attr":    {"help"},
}

// roleOf returns the tag that says what the field is: a key of beside. An
// embedded struct needs none.
func roleOf(sf reflect.StructField) (string, error) {
	keys, ok := tagKeys(sf.Tag)
	if !ok {
		return "", fmt.Errorf("the tag `%s` is not of the form key:\"value\" key:\"value\"", sf.Tag)
	}
	role := ""
	for _, k := range keys {
		switch _, is := beside[k]; {
		case !is:
		case role != "":
			return "", fmt.Errorf("it has a tag %s and a tag %s: a field is one thing only", role, k)
		default:
			role = k
		}
	}
	embedded := sf.Anonymous && sf.Type.Kind() == reflect.Struct
	switch {
	case embedded && (role == "" || role == "prefix"):
		role = "prefix"
	case embedded:
		return "", fmt.Errorf("an embedded struct has a tag prefix or none, not %s", role)
	case role == "":
		return "", errors.New("no tag metric, label or attr")
	case role == "prefix":
		return "", errors.New("a tag prefix belongs to an embedded struct")
	}
	for i, k := range keys {
		if k != role && !slices.Contains(beside[role], k) {
			return "", fmt.Errorf("unknown tag %s beside %s", k, role)
		}
		if slices.Contains(keys[:i], k) {
			return "", fmt.Errorf("it has the tag %s twice", k)
		}
	}
	return role, nil
}

// tagKeys lists the keys of a tag; false when it is not in the form that
// package reflect reads.
func tagKeys(tag reflect.StructTag) ([]string, bool) {
	var keys []string
	for rest := strings.TrimSpace(string(tag)); rest != ""; rest = strings.TrimLeft(rest, " ") {
		key, value, ok := strings.Cut(rest, ":")
		if !ok || key == "" || strings.ContainsAny(key, " \"") {
			return nil, false
		}
		quoted, err := strconv.QuotedPrefix(value)
		if err != nil || quoted[0] != '"' {
			return nil, false
		}
		keys, rest = append(keys, key), value[len(quoted):]
	}
	return keys, true
}
