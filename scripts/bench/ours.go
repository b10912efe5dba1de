package main

import (
	"time"
	"unsafe"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// fields is the number of metrics in a row of the comparison.
const fields = 12

// row is a reading of twelve whole numbers.
type row struct {
	_  struct{} `reading:"bench" domain:"bench" help:"Twelve numbers of a trace."`
	ID uint32   `label:"id" help:"Row."`
	A  float64  `metric:"b.a" min:"-inf" help:"X."`
	B  float64  `metric:"b.b" min:"-inf" help:"X."`
	C  float64  `metric:"b.c" min:"-inf" help:"X."`
	D  float64  `metric:"b.d" min:"-inf" help:"X."`
	E  float64  `metric:"b.e" min:"-inf" help:"X."`
	F  float64  `metric:"b.f" min:"-inf" help:"X."`
	G  float64  `metric:"b.g" min:"-inf" help:"X."`
	H  float64  `metric:"b.h" min:"-inf" help:"X."`
	I  float64  `metric:"b.i" min:"-inf" help:"X."`
	J  float64  `metric:"b.j" min:"-inf" help:"X."`
	K  float64  `metric:"b.k" min:"-inf" help:"X."`
	L  float64  `metric:"b.l" min:"-inf" help:"X."`
}

func (r *row) at(i int) *float64 { return (*float64)(unsafe.Add(unsafe.Pointer(&r.A), 8*i)) }

// ours is the store of this project.
type ours struct {
	st      *store.Store
	w       *store.Writer[row]
	rows    []row
	handles []*store.Row
	points  store.Points
	sealing time.Duration // CPU time of Begin, which seals and merges blocks
}

func newOurs(series int) *ours {
	st := store.Open(store.Options{Schemas: []*metric.Schema{metric.Of[row]()}})
	o := &ours{st: st, w: store.NewWriter[row](st, store.ShardOptions{Step: 10 * time.Second})}
	o.rows = make([]row, series/fields)
	o.handles = make([]*store.Row, len(o.rows))
	for i := range o.rows {
		o.rows[i].ID = uint32(i)
		o.handles[i] = o.w.Row(&o.rows[i])
	}
	return o
}

func (o *ours) write(unix int64, values []float64) {
	t := cpu()
	o.w.Begin(store.At(unix))
	o.sealing += cpu() - t
	for i := range o.rows {
		r := &o.rows[i]
		for f := range fields {
			*r.at(f) = values[i*fields+f]
		}
		o.w.Write(o.handles[i], r)
	}
	o.w.End()
}

func (o *ours) read(series int, from, to int64) int {
	o.points.Reset()
	o.handles[series/fields].Read(series%fields, from, to, &o.points)
	return len(o.points.T)
}

func (o *ours) close() error { return o.st.Close() }
