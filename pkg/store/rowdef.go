package store

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"sysops-agent/pkg/metric"
)

// rowDef is a row without its shard: what a block keeps of a row that left
// the catalogue, and what the files keep of every row.
type rowDef struct {
	id         uint32
	born, seen int64 // Unix seconds of the first and the newest slot
	values     []string
}

// def is the row's definition as it is now.
func (r *Row) def() rowDef {
	return rowDef{id: r.id, born: r.born.Load(), seen: r.seen(), values: r.values}
}

// append appends id, born, seen and the label values, each with its length.
func (d rowDef) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(d.id))
	dst = binary.AppendVarint(dst, d.born)
	dst = binary.AppendVarint(dst, d.seen)
	dst = binary.AppendUvarint(dst, uint64(len(d.values)))
	for _, v := range d.values {
		dst = appendText(dst, v)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func (c *cursor) text(limit int) (string, bool) {
	n, ok := c.uvarint()
	if !ok || n > uint64(limit) {
		return "", false
	}
	b, ok := c.take(int(n))
	return string(b), ok
}

func (c *cursor) rowDef() (d rowDef, ok bool) {
	id, ok1 := c.uvarint()
	born, ok2 := c.varint()
	seen, ok3 := c.varint()
	n, ok4 := c.uvarint()
	if !(ok1 && ok2 && ok3 && ok4) || id == 0 || id > math.MaxUint32 || n > metric.MaxLabels {
		return d, false
	}
	d = rowDef{id: uint32(id), born: born, seen: seen}
	for range n {
		v, ok := c.text(metric.MaxLabelValue)
		if !ok {
			return d, false
		}
		d.values = append(d.values, v)
	}
	return d, true
}

// eachRowDef calls f for each definition in b; each must have as many values
// as there are labels.
func eachRowDef(b []byte, labels int, f func(rowDef)) error {
	c := cursor{b}
	for len(c.b) > 0 {
		d, ok := c.rowDef()
		if !ok || len(d.values) != labels {
			return fmt.Errorf("%w: row definition at byte %d", errCorrupt, len(b)-len(c.b))
		}
		f(d)
	}
	return nil
}

// row makes a row of s from its definition, whose values are of s's labels.
func (d rowDef) row(s *Shard) *Row {
	r := &Row{id: d.id, shard: s, key: s.keyOf(d.values), values: d.values, before: d.seen, heard: d.seen, last: -1, told: tellTwice}
	r.born.Store(d.born)
	return r
}

// relabel turns definitions written with other labels into those of s: by
// name, what is not known is empty.
func relabel(defs []byte, names []string, s *metric.Schema) []byte {
	var out []byte
	_ = eachRowDef(defs, len(names), func(d rowDef) {
		values := make([]string, len(s.Labels))
		for i := range s.Labels {
			if j := slices.Index(names, s.Labels[i].Name); j >= 0 {
				values[i] = d.values[j]
			}
		}
		d.values = values
		out = d.append(out)
	})
	return out
}
