package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// fill writes a day of the trace that ends now into a data directory, as
// interfaces: a real reading, so that the agent restores it.
func fill(tr *trace, dir string, series int) error {
	if dir == "" {
		return errors.New("fill needs a directory")
	}
	st := store.Open(store.Options{Dir: filepath.Join(dir, "store"), Schemas: reading.All()})
	w := store.NewWriter[reading.Network](st, store.ShardOptions{Step: 10 * time.Second})
	const used = 16 // counters of an interface
	data := tr.pick(series, false)
	now := store.Now()
	offset := now.Wall.Sub(time.Unix(0, 0)) - now.Boot
	first := now.Wall.Unix()/10*10 - day*10
	rows := make([]reading.Network, series/used)
	for i := range rows {
		rows[i] = metric.Blank[reading.Network]()
		rows[i].Interface = fmt.Sprintf("trace%d", i)
	}
	for slot := range day {
		wall := time.Unix(first+int64(slot)*10, 0)
		w.Begin(store.Tick{Wall: wall, Boot: wall.Sub(time.Unix(0, 0)) - offset})
		for i := range rows {
			r := &rows[i]
			for f, dst := range []*metric.Count{
				&r.RxBytes, &r.RxPackets, &r.RxErrors, &r.RxDropped, &r.RxFIFO, &r.RxFrame, &r.RxCompressed, &r.RxMulticast,
				&r.TxBytes, &r.TxPackets, &r.TxErrors, &r.TxDropped, &r.TxFIFO, &r.TxCollisions, &r.TxCarrier, &r.TxCompressed,
			} {
				*dst = metric.Count(absentIfNaN(data[i*used+f].at(slot)))
			}
			w.Put(r)
		}
		w.End()
	}
	z := st.Size()
	fmt.Printf("filled %s: %d rows, %d blocks, %.1f MB of blocks, %.1f MB of heads\n", dir, z.Rows, z.Blocks, float64(z.BlockBytes)/1e6, float64(z.HeadBytes)/1e6)
	return st.Close()
}
