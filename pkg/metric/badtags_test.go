package metric

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

var (
	float   = reflect.TypeFor[float64]()
	count   = reflect.TypeFor[Count]()
	text    = reflect.TypeFor[string]()
	nothing = reflect.TypeFor[struct{}]()
)

// first is the first field of a good reading.
func first() reflect.StructField {
	return tagged("_", nothing, `reading:"bad" domain:"test" help:"Bad."`)
}

func tagged(name string, t reflect.Type, tag string) reflect.StructField {
	f := reflect.StructField{Name: name, Type: t, Tag: reflect.StructTag(tag)}
	if name == "_" || name[0] >= 'a' {
		f.PkgPath = "sysops-agent/pkg/metric"
	}
	return f
}

// TestBadFields declares one bad field X after a good start.
func TestBadFields(t *testing.T) {
	for name, tc := range map[string]struct {
		typ  reflect.Type
		tag  string
		want string
	}{
		"no tag":             {float, ``, `no tag metric, label or attr`},
		"empty name":         {float, `metric:"" help:"H."`, `metric name "" is not of the form a.b_c`},
		"no dot":             {float, `metric:"ab" help:"H."`, `metric name "ab" is not of the form a.b_c`},
		"upper case":         {float, `metric:"a.B" help:"H."`, `metric name "a.B" is not of the form a.b_c`},
		"dash":               {float, `metric:"a.b-c" help:"H."`, `metric name "a.b-c" is not of the form a.b_c`},
		"digit first":        {float, `metric:"a.1b" help:"H."`, `metric name "a.1b" is not of the form a.b_c`},
		"newline":            {float, `metric:"a.b\n" help:"H."`, `metric name "a.b\n" is not of the form a.b_c`},
		"unknown unit":       {float, `metric:"a.b_miles" unit:"miles" help:"H."`, `unknown unit "miles"`},
		"unit not in name":   {float, `metric:"a.b" unit:"bytes" help:"H."`, `metric name "a.b" does not end in "_bytes", its unit`},
		"percent in name":    {float, `metric:"a.b_pct" unit:"percent" help:"H."`, `metric name "a.b_pct" does not end in "_percent", its unit`},
		"no help":            {float, `metric:"a.b"`, `help must be a sentence that ends with a full stop`},
		"no sentence":        {float, `metric:"a.b" help:"bee"`, `help must be a sentence that ends with a full stop`},
		"only a stop":        {float, `metric:"a.b" help:"."`, `help must be a sentence that ends with a full stop`},
		"int":                {reflect.TypeFor[int](), `metric:"a.b" help:"H."`, `a measurement is float64 or metric.Count, not int`},
		"uint64":             {reflect.TypeFor[uint64](), `metric:"a.b" help:"H."`, `a measurement is float64 or metric.Count, not uint64`},
		"pointer":            {reflect.TypeFor[*float64](), `metric:"a.b" help:"H."`, `a measurement is float64 or metric.Count, not *float64`},
		"misspelt unit":      {float, `metric:"a.b_bytes" unti:"bytes" help:"H."`, `unknown tag unti beside metric`},
		"twice":              {float, `metric:"a.b" help:"H." help:"I."`, `it has the tag help twice`},
		"space after colon":  {float, `metric:"a.b" help: "H."`, `is not of the form key:"value" key:"value"`},
		"no quotes":          {float, `metric:a.b`, `is not of the form key:"value" key:"value"`},
		"back quotes":        {float, "metric:`a.b`", `is not of the form key:"value" key:"value"`},
		"open quote":         {float, `metric:"a.b`, `is not of the form key:"value" key:"value"`},
		"only a colon":       {float, `:"a.b"`, `is not of the form key:"value" key:"value"`},
		"metric and label":   {float, `metric:"a.b" label:"c" help:"H."`, `it has a tag metric and a tag label: a field is one thing only`},
		"label and attr":     {text, `label:"c" attr:"c"`, `it has a tag label and a tag attr: a field is one thing only`},
		"prefix on a field":  {float, `prefix:"a."`, `a tag prefix belongs to an embedded struct`},
		"second reading":     {nothing, `reading:"b" domain:"c" help:"H."`, `a reading does not hold another reading`},
		"res no number":      {float, `metric:"a.b" res:"fine" help:"H."`, `res:"fine" is not a number`},
		"res empty":          {float, `metric:"a.b" res:"" help:"H."`, `res:"" is not a number`},
		"res NaN":            {float, `metric:"a.b" res:"nan" help:"H."`, `res:"nan" is not a number`},
		"res zero":           {float, `metric:"a.b" res:"0" help:"H."`, `impossible numbers: res or scale 0, min 0`},
		"res negative":       {float, `metric:"a.b" res:"-1" help:"H."`, `impossible numbers: res or scale -1, min 0`},
		"res infinite":       {float, `metric:"a.b" res:"inf" help:"H."`, `impossible numbers: res or scale +Inf, min 0`},
		"res too large":      {float, `metric:"a.b" res:"1e999" help:"H."`, `res:"1e999" is not a number`},
		"min over max":       {float, `metric:"a.b" min:"2" max:"1" help:"H."`, `impossible numbers: res or scale 1, min 2, max 1`},
		"percent min":        {float, `metric:"a.b_percent" unit:"percent" min:"101" help:"H."`, `impossible numbers: res or scale 0.01, min 101, max 100`},
		"gauge with scale":   {float, `metric:"a.b" scale:"1" help:"H."`, `a gauge has no scale: store the base unit`},
		"counter with res":   {count, `metric:"a.b" res:"1" help:"H."`, `a counter has a scale, not a res: it is exact`},
		"counter with min":   {count, `metric:"a.b" min:"0" help:"H."`, `a counter has no min: it is any number`},
		"counter with max":   {count, `metric:"a.b" max:"9" help:"H."`, `a counter has no max: it is any number`},
		"scale zero":         {count, `metric:"a.b" scale:"0" help:"H."`, `impossible numbers: res or scale 0, min 0`},
		"scale negative":     {count, `metric:"a.b" scale:"-8" help:"H."`, `impossible numbers: res or scale -8, min 0`},
		"column":             {float, `metric:"a.b" col:"A b" help:"H."`, `column "A b" is not of the form a_b`},
		"column empty":       {float, `metric:"a.b" col:"" help:"H."`, `column "" is not of the form a_b`},
		"column injects":     {float, `metric:"a.b" col:"a\";DROP" help:"H."`, `column "a\";DROP" is not of the form a_b`},
		"page":               {float, `metric:"a.b" page:"a.b" help:"H."`, `page name "a.b" is not of the form a_b`},
		"page empty":         {float, `metric:"a.b" page:"" help:"H."`, `page name "" is not of the form a_b`},
		"page with prefix":   {float, `metric:"a.b" page:"sysops_b" help:"H."`, `page name "sysops_b" has the prefix sysops_, which is put before it anyway`},
		"page of percent":    {float, `metric:"a.b_percent" unit:"percent" page:"b_percent" help:"H."`, `page name "b_percent" does not end in "_ratio", which a percentage becomes there`},
		"label of float":     {float, `label:"c"`, `a label is string, uint32 or uint64, not float64`},
		"label of int32":     {reflect.TypeFor[int32](), `label:"c"`, `a label is string, uint32 or uint64, not int32`},
		"label empty":        {text, `label:""`, `label "" is not of the form a_b with at most 64 bytes`},
		"label underscore":   {text, `label:"_c"`, `label "_c" is not of the form a_b with at most 64 bytes`},
		"label too long":     {text, `label:"` + strings.Repeat("c", 65) + `"`, `is not of the form a_b with at most 64 bytes`},
		"label with unit":    {text, `label:"c" unit:"bytes"`, `unknown tag unit beside label`},
		"attr with a hyphen": {text, `attr:"c-d"`, `label "c-d" is not of the form a_b with at most 64 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			typ := reflect.StructOf([]reflect.StructField{
				first(), tagged("Good", float, `metric:"good.one" help:"Good."`), tagged("X", tc.typ, tc.tag),
			})
			s, err := parse(typ)
			if err == nil {
				t.Fatalf("it was taken as %+v", s)
			}
			for _, part := range []string{"reading struct", "field X: ", tc.want} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not contain %q", err, part)
				}
			}
		})
	}
}

// TestBadReadings declares what is wrong as a whole.
func TestBadReadings(t *testing.T) {
	good := func(i int) reflect.StructField {
		return tagged(fmt.Sprintf("G%d", i), float, fmt.Sprintf(`metric:"good.g%d" help:"Good."`, i))
	}
	labels := []reflect.StructField{first(), good(0)}
	for i := range MaxLabels + 1 {
		labels = append(labels, tagged(fmt.Sprintf("L%d", i), text, fmt.Sprintf(`label:"l%d"`, i)))
	}
	shared := reflect.StructOf([]reflect.StructField{tagged("X", float, `metric:"x" help:"no stop"`)})
	embedded := func(tag string) reflect.StructField {
		return reflect.StructField{Name: "Shared", Type: shared, Anonymous: true, Tag: reflect.StructTag(tag)}
	}
	alone := func(tag string) []reflect.StructField {
		return []reflect.StructField{tagged("_", nothing, tag), good(0)}
	}
	for name, tc := range map[string]struct {
		fields []reflect.StructField
		want   string
	}{
		"no fields":       {nil, `it is not a struct with fields`},
		"no first field":  {[]reflect.StructField{good(0)}, "its first field must be `_ struct{}` with a tag reading"},
		"first of float":  {[]reflect.StructField{tagged("_", float, `reading:"b" domain:"c" help:"H."`)}, "its first field must be `_ struct{}`"},
		"no reading tag":  {alone(``), `field _: no tag metric, label or attr`},
		"no reading":      {alone(`label:"b"`), `field _: reading name "" is not of the form a_b`},
		"reading name":    {alone(`reading:"a.b" domain:"c" help:"H."`), `field _: reading name "a.b" is not of the form a_b`},
		"no domain":       {alone(`reading:"b" help:"H."`), `field _: domain "" is not of the form a_b`},
		"no help":         {alone(`reading:"b" domain:"c"`), `field _: help must be a sentence`},
		"misspelt domain": {alone(`reading:"b" domian:"c" help:"H."`), `field _: unknown tag domian beside reading`},
		"no metric":       {[]reflect.StructField{first(), tagged("L", text, `label:"l"`)}, `it has no metric`},
		"labels":          {labels, `field L20: more than 20 labels`},
		"label twice":     {[]reflect.StructField{first(), good(0), tagged("A", text, `label:"l"`), tagged("B", text, `attr:"l"`)}, `label l is declared twice`},
		"name twice":      {[]reflect.StructField{first(), good(0), tagged("H", float, `metric:"good.g0" help:"Good."`)}, `name good.g0 is declared by good.g0 and good.g0`},
		"column twice":    {[]reflect.StructField{first(), good(0), tagged("X", float, `metric:"x.y" col:"good_g0" help:"H."`)}, `column good_g0 is declared by good.g0 and x.y`},
		"page twice":      {[]reflect.StructField{first(), good(0), tagged("X", float, `metric:"x.y" page:"good_g0" help:"H."`)}, `page name sysops_good_g0 is declared by good.g0 and x.y`},
		"shared field":    {[]reflect.StructField{first(), embedded(`prefix:"a."`)}, `field Shared: field X: help must be a sentence`},
		"no prefix":       {[]reflect.StructField{first(), embedded(``)}, `field Shared: field X: metric name "x" is not of the form a.b_c`},
		"embedded metric": {[]reflect.StructField{first(), embedded(`metric:"a.b"`)}, `field Shared: an embedded struct has a tag prefix or none, not metric`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(reflect.StructOf(tc.fields))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
	if _, err := parse(float); err == nil || err.Error() != "reading float64: it is not a struct with fields" {
		t.Errorf("parse of float64: %v", err)
	}
}

type broken struct {
	_ struct{} `reading:"broken" domain:"test" help:"Broken."`
	V float64  `metric:"broken.v_bytes" unit:"byte" help:"A value."`
}

func TestOfPanicsWithTypeAndField(t *testing.T) {
	defer func() {
		want := `metric: reading metric.broken: field V: unknown unit "byte"`
		if r := recover(); r != want {
			t.Errorf("panic %q, want %q", r, want)
		}
	}()
	Of[broken]()
}
