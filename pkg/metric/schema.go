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
		panic(fmt.Sprintf("metric: reading %s: %v", t, err))
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
	readingName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	dottedName  = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
	labelName   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

func parse(t reflect.Type) (*Schema, error) {
	if t.Kind() != reflect.Struct || t.NumField() == 0 {
		return nil, errors.New("not a struct with fields")
	}
	tag := t.Field(0).Tag
	s := &Schema{
		Name: tag.Get("reading"), Domain: tag.Get("domain"), Help: tag.Get("help"),
		byName: map[string]int{},
	}
	switch {
	case t.Field(0).Name != "_" || !readingName.MatchString(s.Name):
		return nil, fmt.Errorf("the first field must be `_ struct{}` with a tag reading:%q of the form a_b", s.Name)
	case !readingName.MatchString(s.Domain):
		return nil, fmt.Errorf("domain %q is not of the form a_b", s.Domain)
	case s.Help == "":
		return nil, errors.New("no help")
	}
	if err := s.add(t, 0, "", 1); err != nil {
		return nil, err
	}
	if len(s.Fields) == 0 {
		return nil, errors.New("no metric fields")
	}
	return s, s.checkUnique()
}

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
		var err error
		switch {
		case sf.Anonymous && sf.Type.Kind() == reflect.Struct:
			err = s.add(sf.Type, off, prefix+sf.Tag.Get("prefix"), 0)
		case sf.Tag.Get("label") != "":
			err = s.addLabel(sf, sf.Tag.Get("label"), off, false)
		case sf.Tag.Get("attr") != "":
			err = s.addLabel(sf, sf.Tag.Get("attr"), off, true)
		case sf.Tag.Get("metric") != "":
			err = s.addField(sf, prefix, off)
		default:
			err = errors.New("no tag metric, label or attr")
		}
		if err != nil {
			return fmt.Errorf("field %s: %w", sf.Name, err)
		}
	}
	return nil
}

func (s *Schema) addLabel(sf reflect.StructField, name string, off uintptr, attr bool) error {
	if !labelName.MatchString(name) || len(name) > MaxLabelKey {
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
	case f.Help == "" || !strings.HasSuffix(f.Help, "."):
		return errors.New("help must be a sentence that ends with a full stop")
	}
	if f.Unit == Percent {
		f.Max, f.Res = 100, 0.01
	}
	if err := f.numbers(sf.Tag); err != nil {
		return err
	}
	f.Column = sf.Tag.Get("col")
	if f.Column == "" {
		f.Column = strings.ReplaceAll(f.Name, ".", "_")
	}
	if !readingName.MatchString(f.Column) {
		return fmt.Errorf("column %q is not of the form a_b", f.Column)
	}
	f.Page = pageName(&f, sf.Tag.Get("page"))
	s.Fields = append(s.Fields, f)
	return nil
}

func (f *Field) numbers(tag reflect.StructTag) error {
	for key, dst := range map[string]*float64{"res": &f.Res, "scale": &f.Scale, "min": &f.Min, "max": &f.Max} {
		v, ok := tag.Lookup(key)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(n) {
			return fmt.Errorf("%s:%q is not a number", key, v)
		}
		*dst = n
	}
	if f.Kind == Counter {
		if _, ok := tag.Lookup("res"); ok {
			return errors.New("a counter has a scale, not a res: it is exact")
		}
		f.Res = f.Scale
	} else if f.Scale != 1 {
		return errors.New("a gauge has no scale: store the base unit")
	}
	if f.Res <= 0 || math.IsInf(f.Res, 0) || f.Min > f.Max {
		return fmt.Errorf("impossible numbers: res %g, min %g, max %g", f.Res, f.Min, f.Max)
	}
	return nil
}

// pageName derives the Prometheus name: prefix, base units, ratio for
// percent, _total for counters.
func pageName(f *Field, override string) string {
	n := override
	if n == "" {
		n = strings.ReplaceAll(f.Name, ".", "_")
		if f.Unit == Percent {
			n = strings.TrimSuffix(n, "_percent") + "_ratio"
		}
	}
	n = "sysops_" + n
	if f.Kind == Counter && !strings.HasSuffix(n, "_total") {
		n += "_total"
	}
	return n
}
