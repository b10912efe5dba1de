package store

import (
	"fmt"
	"hash/fnv"
	"slices"

	"sysops-agent/pkg/metric"
)

// layout is the list of fields and labels that a block was written with.
// Blocks of the running binary share one; blocks read from disk may have an
// older one, whose fields are found by name and kind.
type layout struct {
	names  []string
	codecs []fieldCodec
	labels []string
	at     []int16 // current field index → index here, −1 where unknown then
	print  uint64  // identifies names, kinds, resolutions and labels in their order
}

func layoutOf(s *metric.Schema) *layout {
	l := &layout{}
	for i := range s.Labels {
		l.labels = append(l.labels, s.Labels[i].Name)
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		l.names = append(l.names, f.Name)
		l.codecs = append(l.codecs, newFieldCodec(f.Kind, f.Res))
		l.at = append(l.at, int16(i))
	}
	l.print = l.fingerprint()
	return l
}

func (l *layout) fingerprint() uint64 {
	h := fnv.New64a()
	for i, n := range l.names {
		fmt.Fprintf(h, "%s|%t|%g\n", n, l.codecs[i].counter, l.codecs[i].res)
	}
	fmt.Fprintf(h, "%q", l.labels)
	return h.Sum64()
}

// mapTo fills at for the current schema. A counter's raw unit is its scale:
// with another one its values would be misread.
func (l *layout) mapTo(s *metric.Schema) {
	l.at = l.at[:0]
	for i := range s.Fields {
		f := &s.Fields[i]
		j := slices.Index(l.names, f.Name)
		if j >= 0 {
			c := l.codecs[j]
			if c.counter != (f.Kind == metric.Counter) || c.counter && c.res != f.Res {
				j = -1
			}
		}
		l.at = append(l.at, int16(j))
	}
}

// here returns the current field of the layout's field i, −1 where the reading
// no longer has it.
func (l *layout) here(i int) int {
	if i < len(l.at) && int(l.at[i]) == i { // the same layout: nearly always
		return i
	}
	return slices.Index(l.at, int16(i))
}

func (l *layout) equal(o *layout) bool {
	return slices.Equal(l.names, o.names) && slices.Equal(l.codecs, o.codecs) && slices.Equal(l.labels, o.labels)
}
