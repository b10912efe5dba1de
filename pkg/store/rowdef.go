package store

import (
	"encoding/binary"
	"fmt"

	"sysops-agent/pkg/metric"
)

// rowDef is a row without its shard: what a block keeps of a row that left
// the catalogue, and what the files keep of every row.
type rowDef struct {
	id         uint32
	born, seen int64 // Unix seconds of the first and the newest slot
	key        string
	values     []string
}

// appendRowDef appends id, born, seen, key and label values, each text with
// its length.
func appendRowDef(dst []byte, r *Row) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.id))
	dst = binary.AppendVarint(dst, r.born)
	dst = binary.AppendVarint(dst, r.seen.Load())
	dst = appendText(dst, r.key)
	dst = binary.AppendUvarint(dst, uint64(len(r.values)))
	for _, v := range r.values {
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

func (c *cursor) varint() (int64, bool) {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		return 0, false
	}
	c.b = c.b[n:]
	return v, true
}

// maxKey bounds a row's key: every label at its longest, with its length.
const maxKey = metric.MaxLabels * (metric.MaxLabelValue + 2)

func (c *cursor) rowDef() (d rowDef, ok bool) {
	id, ok1 := c.uvarint()
	born, ok2 := c.varint()
	seen, ok3 := c.varint()
	key, ok4 := c.text(maxKey)
	n, ok5 := c.uvarint()
	if !(ok1 && ok2 && ok3 && ok4 && ok5) || id == 0 || id > 1<<32-1 || n > metric.MaxLabels {
		return d, false
	}
	d = rowDef{id: uint32(id), born: born, seen: seen, key: key}
	for range n {
		v, ok := c.text(metric.MaxLabelValue)
		if !ok {
			return d, false
		}
		d.values = append(d.values, v)
	}
	return d, true
}

// eachRowDef calls f for each definition in b.
func eachRowDef(b []byte, f func(rowDef)) error {
	c := cursor{b}
	for len(c.b) > 0 {
		d, ok := c.rowDef()
		if !ok {
			return fmt.Errorf("%w: row definition at byte %d", errCorrupt, len(b)-len(c.b))
		}
		f(d)
	}
	return nil
}

// row makes a row of s from its definition.
func (d rowDef) row(s *Shard) *Row {
	r := &Row{id: d.id, shard: s, key: d.key, values: d.values, born: d.born, last: -1}
	r.seen.Store(d.seen)
	// A reading that gained or lost a label: show what is known.
	for len(r.values) < len(s.schema.Labels) {
		r.values = append(r.values, "")
	}
	r.values = r.values[:len(s.schema.Labels)]
	return r
}
