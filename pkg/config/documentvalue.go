package config

import (
	"strconv"

	"github.com/pelletier/go-toml/v2/unstable"
)

// value stores the value of option o.
func (d *document) value(o *option, n *unstable.Node, fromFile bool) {
	value, offset := n.Value(), d.valueOffset(n)
	where := d.where(offset)
	text, ok := d.text(o, value)
	switch {
	case fromFile && value.Kind != unstable.String:
		d.wrong(offset, "%s_file must be %s", o.key, secretPath)
	case fromFile:
		d.l.assignSecretFile(o, where, string(value.Data))
	case o.kind == kindList && value.Kind == unstable.Array:
		d.list(o, value, offset)
	case !ok:
		d.l.mismatch(o, where, d.found(value))
	default:
		if v, ok := o.parse(text); ok {
			d.l.store(o, where, v)
		} else {
			d.l.mismatch(o, where, d.found(value))
		}
		if o.kind == kindSecret && text != "" && d.open {
			d.l.doubtful.add(where, "%s is a secret in a file that others may read: chmod 0600 it, or use %s_file", o.key, o.name())
		}
	}
}

// text returns the text form of a scalar; false when its TOML type is not one
// that the option takes.
func (d *document) text(o *option, value *unstable.Node) (string, bool) {
	raw := string(value.Data)
	switch value.Kind {
	case unstable.String:
		return raw, o.kind == kindString || o.kind == kindSecret || o.kind == kindDuration || o.kind == kindBytes
	case unstable.Bool:
		return raw, o.kind == kindBool
	case unstable.Integer:
		n, err := strconv.ParseInt(raw, 0, 64)
		return strconv.FormatInt(n, 10), err == nil && (o.kind == kindInt || o.kind == kindDuration || o.kind == kindBytes)
	default:
		return "", false
	}
}

// list stores a list of strings, and complains at its first bad element.
func (d *document) list(o *option, array *unstable.Node, offset int) {
	var elements []string
	var nodes []*unstable.Node
	for it := array.Children(); it.Next(); {
		n := it.Node()
		if n.Kind != unstable.String {
			d.badElement(o, n, offset)
			return
		}
		elements = append(elements, string(n.Data))
		nodes = append(nodes, n)
	}
	v, bad := o.parseList(elements)
	if bad >= 0 {
		d.badElement(o, nodes[bad], offset)
		return
	}
	d.l.store(o, d.where(offset), v)
}

func (d *document) badElement(o *option, n *unstable.Node, offset int) {
	if n.Raw.Length > 0 { // a nested list has none
		offset = int(n.Raw.Offset)
	}
	d.wrong(offset, "%s contains %s: must be %s", o.key, d.found(n), o.allowed())
}

// found describes a value.
func (d *document) found(n *unstable.Node) string {
	switch n.Kind {
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "an inline table"
	case unstable.String:
		return shown(string(n.Data))
	default:
		return bare(string(n.Data))
	}
}
