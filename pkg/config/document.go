package config

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// document is one TOML file while it is read. The parser stops at the first
// error of syntax; everything else is reported as it is found.
type document struct {
	l      *loader
	path   string
	data   []byte
	lines  []int // offsets of the line starts
	open   bool  // the file may be read by others than its owner
	parser unstable.Parser
	keys   map[string]int        // key → offset where it was set
	tables map[string]definition // section → where it was defined
}

// definition tells how a section came to be: TOML lets one come only once, so
// that its keys stand together.
type definition struct {
	offset int
	by     string // header, the dotted keys under one header, or one inline table
}

// document reads a TOML file into the configuration.
func (l *loader) document(path string, data []byte, open bool) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d := &document{
		l: l, path: path, data: data, open: open, lines: []int{0},
		keys: map[string]int{}, tables: map[string]definition{},
	}
	for i, c := range data {
		if c == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	d.parser.Reset(data)
	d.expressions()
	var syntax *unstable.ParserError
	if err := d.parser.Error(); errors.As(err, &syntax) {
		d.wrong(int(d.parser.Range(syntax.Highlight).Offset), "this is not TOML: %s", syntax.Message)
	} else if err != nil {
		d.wrong(len(data), "this is not TOML: %v", err)
	}
}

func (d *document) expressions() {
	current, known := "", true
	for d.parser.NextExpression() {
		switch n := d.parser.Expression(); n.Kind {
		case unstable.Table:
			current, known = d.header(n)
		case unstable.ArrayTable:
			current, known = d.header(n)
			if known {
				d.wrong(keyOffset(n), "[[%s]] is a list of sections: write [%s], once", current, current)
			}
		case unstable.KeyValue:
			if known { // else the unknown section was reported
				d.keyValue(n, current, "keys under ["+current+"]")
			}
		}
	}
}

// header enters the section that a [header] names; false when there is none.
func (d *document) header(n *unstable.Node) (string, bool) {
	path, offset := "", keyOffset(n)
	for it := n.Key(); it.Next(); {
		name := keyName(it.Node())
		if !d.section(path, name, int(it.Node().Raw.Offset)) {
			return "", false
		}
		path = join(path, name)
	}
	d.define(path, offset, "its header")
	return path, true
}

// section reports whether name is a section within parent, and complains when
// it is not.
func (d *document) section(parent, name string, offset int) bool {
	key := join(parent, name)
	switch o := declared().byKey[key]; {
	case declared().bySecKey[key] != nil:
		return true
	case o != nil:
		d.wrong(offset, "%s is no section but a key: write %s = … with %s", key, o.name(), o.allowed())
	default:
		d.unknown(parent, name, offset)
	}
	return false
}

// define notes that section key is made here; false when it was made before
// in another way.
func (d *document) define(key string, offset int, by string) bool {
	old, twice := d.tables[key]
	if !twice {
		d.tables[key] = definition{offset, by}
		return true
	}
	if old.by == by && by != "its header" {
		return true
	}
	line, _ := d.position(old.offset)
	d.wrong(offset, "section %s was already defined on line %d: put all its keys there", key, line)
	return false
}

// keyValue takes one "key = value", whose key may be dotted, in section
// current. by names what dotted keys belong to.
func (d *document) keyValue(n *unstable.Node, current, by string) {
	for it := n.Key(); it.Next(); {
		name, offset := keyName(it.Node()), int(it.Node().Raw.Offset)
		if it.IsLast() {
			d.entry(n, current, name, offset)
			return
		}
		if !d.section(current, name, offset) {
			return
		}
		current = join(current, name)
		if !d.define(current, offset, by) {
			return
		}
	}
}

// entry takes the value of one key: of an option, or a whole section as an
// inline table.
func (d *document) entry(n *unstable.Node, current, name string, offset int) {
	key := join(current, name)
	if declared().bySecKey[key] != nil {
		d.inline(n, key, offset)
		return
	}
	o, fromFile := declared().byKey[key], false
	if o == nil {
		o = declared().byKey[strings.TrimSuffix(key, "_file")]
		fromFile = o != nil && o.kind == kindSecret
	}
	if o == nil || o.key != key && !fromFile {
		d.unknown(current, name, offset)
		return
	}
	if old, twice := d.keys[o.key]; twice {
		line, _ := d.position(old)
		d.wrong(offset, "%s was already set on line %d: take one of them away", o.key, line)
		return
	}
	d.keys[o.key] = offset
	d.value(o, n, fromFile)
}

func (d *document) inline(n *unstable.Node, key string, offset int) {
	value := n.Value()
	if value.Kind != unstable.InlineTable {
		d.wrong(d.valueOffset(n), "%s is a section, not a key: write [%s] on a line of its own and its keys below it", key, key)
		return
	}
	by := "the inline table at byte " + strconv.Itoa(offset)
	if !d.define(key, offset, by) {
		return
	}
	for it := value.Children(); it.Next(); {
		d.keyValue(it.Node(), key, by)
	}
}

// unknown complains about a key or section that does not exist.
func (d *document) unknown(section, name string, offset int) {
	s := declared().bySecKey[section]
	hint := didYouMean(nearest(name, s.names))
	for _, o := range declared().options {
		if hint == "" && o.name() == name {
			hint = didYouMean(o.name() + " in [" + o.section.key + "]")
		}
	}
	if hint == "" {
		hint = "; known here: " + strings.Join(s.names, ", ")
	}
	d.wrong(offset, "unknown key %s%s", join(section, bare(name)), hint)
}
