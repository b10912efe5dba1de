package metric

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// entry is what Of and Blank remember for one reading type.
type entry struct {
	schema *Schema
	blank  any // *T with every measurement absent
}

var entries sync.Map // reflect.Type → *entry

// Of returns the schema of a reading type, reading its tags on first use. It
// panics on a bad tag; every reading type is exercised by a test, so that a
// bad tag never reaches a running agent.
func Of[T any]() *Schema { return entryOf[T]().schema }

// Blank returns a reading with every measurement absent: the start of every
// collection, so that what a collector could not read stays absent.
func Blank[T any]() T { return *entryOf[T]().blank.(*T) }

func entryOf[T any]() *entry {
	t := reflect.TypeFor[T]()
	if e, ok := entries.Load(t); ok {
		return e.(*entry)
	}
	s, err := parse(t)
	if err != nil {
		panic("metric: " + err.Error())
	}
	blank := new(T)
	s.Clear(unsafe.Pointer(blank))
	e, _ := entries.LoadOrStore(t, &entry{schema: s, blank: blank})
	return e.(*entry)
}

// Clear marks every measurement of the reading at p absent; labels stay.
func (s *Schema) Clear(p unsafe.Pointer) {
	for i := range s.Fields {
		f := &s.Fields[i]
		bits := AbsentBits
		if f.Kind == Gauge {
			bits = math.Float64bits(NaN)
		}
		*(*uint64)(unsafe.Add(p, f.Offset)) = bits
	}
}

var (
	plainName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	dottedName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
)

// parse reads the tags of a reading type; its errors name the type and the
// field.
func parse(t reflect.Type) (*Schema, error) {
	s, err := parseStruct(t)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", t, err)
	}
	return s, nil
}

func parseStruct(t reflect.Type) (*Schema, error) {
	if t.Kind() != reflect.Struct || t.NumField() == 0 {
		return nil, errors.New("it is not a struct with fields")
	}
	first := t.Field(0)
	if first.Name != "_" || first.Type != reflect.TypeFor[struct{}]() {
		return nil, errors.New("its first field must be `_ struct{}` with a tag reading")
	}
	role, err := roleOf(first)
	s := &Schema{
		Name: first.Tag.Get("reading"), Domain: first.Tag.Get("domain"), Help: first.Tag.Get("help"),
		byName: map[string]int{},
	}
	switch {
	case err == nil && role != "reading", err == nil && !plainName.MatchString(s.Name):
		err = fmt.Errorf("reading name %q is not of the form a_b", s.Name)
	case err == nil && !plainName.MatchString(s.Domain):
		err = fmt.Errorf("domain %q is not of the form a_b", s.Domain)
	case err == nil && !sentence(s.Help):
		err = errNoSentence
	}
	if err != nil {
		return nil, fmt.Errorf("field _: %w", err)
	}
	if err := s.add(t, 0, "", 1); err != nil {
		return nil, err
	}
	if len(s.Fields) == 0 {
		return nil, errors.New("it has no metric")
	}
	return s, s.checkUnique()
}

var errNoSentence = errors.New("help must be a sentence that ends with a full stop")

func sentence(help string) bool { return len(help) > 1 && strings.HasSuffix(help, ".") }

func (s *Schema) checkUnique() error {
	seen := map[string]string{}
	for i := range s.Fields {
		f := &s.Fields[i]
		for _, n := range []string{"name " + f.Name, "column " + f.Column, "page name " + f.Page} {
			if other, dup := seen[n]; dup {
				return fmt.Errorf("%s is declared by %s and %s", n, other, f.Name)
			}
			seen[n] = f.Name
		}
		s.byName[f.Name] = i
	}
	for i := range s.Labels {
		n := "label " + s.Labels[i].Name
		if _, dup := seen[n]; dup {
			return fmt.Errorf("%s is declared twice", n)
		}
		seen[n] = s.Labels[i].Name
	}
	return nil
}

// add reads the fields of struct type t, lying at base in the reading, from
// field number first on.
func (s *Schema) add(t reflect.Type, base uintptr, prefix string, first int) error {
	for i := first; i < t.NumField(); i++ {
		sf := t.Field(i)
		off := base + sf.Offset
		role, err := roleOf(sf)
		switch {
		case err != nil:
		case role == "prefix":
			err = s.add(sf.Type, off, prefix+sf.Tag.Get("prefix"), 0)
		case role == "metric":
			err = s.addField(sf, prefix, off)
		case role == "reading":
			err = errors.New("a reading does not hold another reading")
		default:
			err = s.addLabel(sf, sf.Tag.Get(role), off, role == "attr")
		}
		if err != nil {
			return fmt.Errorf("field %s: %w", sf.Name, err)
		}
	}
	return nil
}

func (s *Schema) addLabel(sf reflect.StructField, name string, off uintptr, attr bool) error {
	if !plainName.MatchString(name) || len(name) > MaxLabelKey {
		return fmt.Errorf("label %q is not of the form a_b with at most %d bytes", name, MaxLabelKey)
	}
	if len(s.Labels) == MaxLabels {
		return fmt.Errorf("more than %d labels", MaxLabels)
	}
	switch sf.Type.Kind() {
	case reflect.String, reflect.Uint32, reflect.Uint64:
	default:
		return fmt.Errorf("a label is string, uint32 or uint64, not %s", sf.Type)
	}
	s.Labels = append(s.Labels, Label{
		Name: name, Help: sf.Tag.Get("help"), Attr: attr, offset: off, kind: sf.Type.Kind(),
	})
	return nil
}

func (s *Schema) addField(sf reflect.StructField, prefix string, off uintptr) error {
	f := Field{
		Name: prefix + sf.Tag.Get("metric"), Help: sf.Tag.Get("help"), Unit: Unit(sf.Tag.Get("unit")),
		Res: 1, Scale: 1, Min: 0, Max: math.MaxFloat64, Offset: off,
	}
	switch sf.Type {
	case reflect.TypeFor[float64]():
		f.Kind = Gauge
	case reflect.TypeFor[Count]():
		f.Kind = Counter
	default:
		return fmt.Errorf("a measurement is float64 or metric.Count, not %s", sf.Type)
	}
	switch {
	case !dottedName.MatchString(f.Name):
		return fmt.Errorf("metric name %q is not of the form a.b_c", f.Name)
	case !f.Unit.known():
		return fmt.Errorf("unknown unit %q", f.Unit)
	case !strings.HasSuffix(f.Name, f.Unit.suffix()):
		return fmt.Errorf("metric name %q does not end in %q, its unit", f.Name, f.Unit.suffix())
	case !sentence(f.Help):
		return errNoSentence
	}
	if f.Unit == Percent {
		f.Max, f.Res = 100, 0.01
	}
	if err := f.numbers(sf.Tag); err != nil {
		return err
	}
	if err := f.names(sf.Tag); err != nil {
		return err
	}
	s.Fields = append(s.Fields, f)
	return nil
}

// numbers reads the tags that are numbers.
func (f *Field) numbers(tag reflect.StructTag) error {
	for _, n := range []struct {
		key   string
		value *float64
		of    Kind
		why   string
	}{
		{"res", &f.Res, Gauge, "a counter has a scale, not a res: it is exact"},
		{"scale", &f.Scale, Counter, "a gauge has no scale: store the base unit"},
		{"min", &f.Min, Gauge, "a counter has no min: it is any number"},
		{"max", &f.Max, Gauge, "a counter has no max: it is any number"},
	} {
		v, ok := tag.Lookup(n.key)
		if !ok {
			continue
		}
		if f.Kind != n.of {
			return errors.New(n.why)
		}
		x, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(x) {
			return fmt.Errorf("%s:%q is not a number", n.key, v)
		}
		*n.value = x
	}
	if f.Kind == Counter {
		f.Res = f.Scale
	}
	if f.Res <= 0 || math.IsInf(f.Res, 0) || f.Min > f.Max {
		return fmt.Errorf("impossible numbers: res or scale %g, min %g, max %g", f.Res, f.Min, f.Max)
	}
	// Without a limit is every finite number: an infinity is never stored.
	f.Min, f.Max = max(f.Min, -math.MaxFloat64), min(f.Max, math.MaxFloat64)
	return nil
}

// names reads or derives the second name and the name on the page.
func (f *Field) names(tag reflect.StructTag) error {
	f.Column = strings.ReplaceAll(f.Name, ".", "_")
	if col, ok := tag.Lookup("col"); ok {
		f.Column = col
	}
	if !plainName.MatchString(f.Column) {
		return fmt.Errorf("column %q is not of the form a_b", f.Column)
	}
	page, ok := tag.Lookup("page")
	if !ok {
		page = strings.ReplaceAll(f.Name, ".", "_")
		if f.Unit == Percent {
			page = strings.TrimSuffix(page, "_percent") + "_ratio"
		}
	}
	switch {
	case !plainName.MatchString(page):
		return fmt.Errorf("page name %q is not of the form a_b", page)
	case strings.HasPrefix(page, pagePrefix):
		return fmt.Errorf("page name %q has the prefix %s, which is put before it anyway", page, pagePrefix)
	case f.Unit == Percent && !strings.HasSuffix(page, "_ratio"):
		return fmt.Errorf("page name %q does not end in \"_ratio\", which a percentage becomes there", page)
	}
	f.Page = pagePrefix + page
	if f.Kind == Counter && !strings.HasSuffix(f.Page, "_total") {
		f.Page += "_total"
	}
	return nil
}

// pagePrefix is before every name on the Prometheus page.
const pagePrefix = "sysops_"
