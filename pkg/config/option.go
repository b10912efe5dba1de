package config

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// kind is how a value is written.
type kind int

const (
	kindBool kind = iota
	kindInt
	kindDuration
	kindBytes
	kindString
	kindList
	kindSecret
)

// option is one key as its field declares it. It never changes.
type option struct {
	key     string // "collect.cpu.interval"
	env     string // "SYSOPS_COLLECT_CPU_INTERVAL"
	help    string
	def     string // default in text form
	index   []int  // of the field in Config
	typ     reflect.Type
	kind    kind
	min     int64 // range of the numeric kinds, inclusive
	max     int64
	step    int64 // the value is a multiple of it; 0: any
	oneOf   []string
	check   *check // of a string or of each element; nil: any text
	live    bool   // takes effect on reload
	section *section
}

// name is the last part of the key.
func (o *option) name() string { return o.key[strings.LastIndexByte(o.key, '.')+1:] }

// section is one table of the file. It never changes.
type section struct {
	key     string // "collect.cpu"
	help    string
	names   []string // of its keys and sections, for suggestions
	options []*option
}

// declarations is everything that the tags say, in the order of the tree.
type declarations struct {
	sections []*section
	options  []*option
	bySecKey map[string]*section
	byKey    map[string]*option
	byEnv    map[string]*option
}

// declared reads the tags of Config, once. A bad tag panics; every test of
// this package comes through here, so that none reaches a running agent.
var declared = sync.OnceValue(func() *declarations {
	d, err := declare(reflect.TypeFor[Config]())
	if err != nil {
		panic("config: " + err.Error())
	}
	return d
})

func declare(t reflect.Type) (*declarations, error) {
	d := &declarations{
		bySecKey: map[string]*section{}, byKey: map[string]*option{}, byEnv: map[string]*option{},
	}
	root := &section{}
	d.bySecKey[""] = root
	if err := d.fields(t, root, nil, nil); err != nil {
		return nil, err
	}
	for _, o := range d.options {
		for _, env := range o.envNames() {
			if d.byEnv[env] != nil {
				return nil, fmt.Errorf("%s and %s have the same environment variable %s", d.byEnv[env].key, o.key, env)
			}
			d.byEnv[env] = o
		}
	}
	return d, nil
}

// envNames are the variables that set the option.
func (o *option) envNames() []string {
	if o.kind == kindSecret {
		return []string{o.env, o.env + "_FILE"}
	}
	return []string{o.env}
}

// fields reads the fields of struct t, which is (part of) section s.
// defaults replaces defaults of keys by name.
func (d *declarations) fields(t reflect.Type, s *section, index []int, defaults map[string]string) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(append([]int(nil), index...), i)
		var err error
		switch {
		case sf.Anonymous:
			err = d.fields(sf.Type, s, at, defaults)
		case !sf.IsExported():
		case sf.Type.Kind() == reflect.Struct && sf.Type != reflect.TypeFor[Secret]():
			err = d.addSection(sf, s, at)
		default:
			err = d.addOption(sf, s, at, defaults)
		}
		if err != nil {
			return fmt.Errorf("field %s: %w", sf.Name, err)
		}
	}
	return nil
}

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}

func (d *declarations) addSection(sf reflect.StructField, parent *section, index []int) error {
	name := sf.Tag.Get("toml")
	s := &section{key: join(parent.key, name), help: sf.Tag.Get("help")}
	if name == "" || s.help == "" || d.bySecKey[s.key] != nil {
		return fmt.Errorf("section %q needs a toml name of its own and a help", s.key)
	}
	defaults := map[string]string{}
	for _, pair := range strings.Fields(sf.Tag.Get("defaults")) {
		k, v, _ := strings.Cut(pair, "=")
		defaults[k] = v
	}
	parent.names = append(parent.names, name)
	d.sections = append(d.sections, s)
	d.bySecKey[s.key] = s
	if err := d.fields(sf.Type, s, index, defaults); err != nil {
		return err
	}
	for k := range defaults {
		if d.byKey[join(s.key, k)] == nil {
			return fmt.Errorf("defaults names %q, which section %s does not have", k, s.key)
		}
	}
	return nil
}

func (d *declarations) addOption(sf reflect.StructField, s *section, index []int, defaults map[string]string) error {
	name := sf.Tag.Get("toml")
	o := &option{
		key: join(s.key, name), help: sf.Tag.Get("help"), def: sf.Tag.Get("default"), index: index, typ: sf.Type,
		oneOf: strings.Fields(sf.Tag.Get("oneof")), live: sf.Tag.Get("reload") == "live", section: s,
	}
	o.env = "SYSOPS_" + strings.ToUpper(strings.ReplaceAll(o.key, ".", "_"))
	if v, ok := defaults[name]; ok {
		o.def = v
	}
	switch {
	case name == "" || d.byKey[o.key] != nil:
		return fmt.Errorf("key %q needs a toml name of its own", o.key)
	case !strings.HasSuffix(o.help, "."):
		return fmt.Errorf("key %s: help must be sentences", o.key)
	case !o.live && sf.Tag.Get("reload") != "restart":
		return fmt.Errorf("key %s: reload must be live or restart", o.key)
	}
	if err := o.typed(sf); err != nil {
		return fmt.Errorf("key %s: %w", o.key, err)
	}
	s.names = append(s.names, name)
	s.options = append(s.options, o)
	d.options = append(d.options, o)
	d.byKey[o.key] = o
	return nil
}

// typed reads what depends on the field's type and tries the default.
func (o *option) typed(sf reflect.StructField) error {
	switch sf.Type {
	case reflect.TypeFor[time.Duration]():
		o.kind = kindDuration
	case reflect.TypeFor[Bytes]():
		o.kind = kindBytes
	case reflect.TypeFor[Secret]():
		o.kind = kindSecret
	case reflect.TypeFor[[]string](), reflect.TypeFor[Globs]():
		o.kind = kindList
	case reflect.TypeFor[string]():
		o.kind = kindString
	case reflect.TypeFor[int]():
		o.kind = kindInt
	case reflect.TypeFor[bool]():
		o.kind = kindBool
	default:
		return fmt.Errorf("a key cannot be a %s", sf.Type)
	}
	if name := sf.Tag.Get("check"); name != "" {
		c, ok := checks[name]
		if !ok {
			return fmt.Errorf("there is no check %q", name)
		}
		o.check = &c
	}
	if err := o.limits(sf.Tag); err != nil {
		return err
	}
	if _, ok := o.parse(o.def); !ok {
		return fmt.Errorf("default %q must be %s", o.def, o.allowed())
	}
	return nil
}

// limits reads min, max and step, which every number must have but step.
func (o *option) limits(tag reflect.StructTag) error {
	switch o.kind {
	case kindInt, kindDuration, kindBytes:
	default:
		return nil
	}
	for name, dst := range map[string]*int64{"min": &o.min, "max": &o.max, "step": &o.step} {
		text, ok := tag.Lookup(name)
		if !ok && name == "step" {
			continue
		}
		n, ok := o.number(text)
		if !ok {
			return fmt.Errorf("%s:%q is no value of its type", name, text)
		}
		*dst = n
	}
	return nil
}
