package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// maxNames bounds what is remembered of interfaces; the store bounds the rows.
const maxNames = 16384

// Network collects the interfaces. Sources: /proc/net/dev, /sys/class/net.
type Network struct {
	env     collect.Env
	exclude config.Globs
	w       *store.Writer[reading.Network]
	path    string
	file    procfile.Reader
	link    procfile.Reader // for sysfs, while file holds the lines
	lines   []netdev
	known   map[string]*iface
	sweep   uint64
	bad     trouble.List
}

// iface is what is remembered of one interface.
type iface struct {
	excluded bool
	seen     uint64 // the sweep that saw it last
	at       store.Tick
	last     [columns]uint64
	state    linkState
	r        reading.Network
}

// NewNetwork returns the collector.
func NewNetwork(env collect.Env, cfg config.Network) (*Network, error) {
	return &Network{
		env: env, exclude: cfg.ExcludeDevices, path: env.Proc + "/net/dev",
		w:     store.NewWriter[reading.Network](env.Store, env.Shard()),
		known: map[string]*iface{},
	}, nil
}

// Collect implements [collect.Collector].
func (c *Network) Collect(_ context.Context, t store.Tick) error {
	b, err := c.file.Read(c.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return collect.Unsupported("a kernel with CONFIG_NET and CONFIG_PROC_FS has the file", "the kernel offers no counters of interfaces: %v", err)
	case err != nil:
		return fmt.Errorf("cannot read the counters of interfaces: %w", err)
	}
	c.bad.Reset()
	c.lines = parseNetDev(c.path, b, c.lines[:0], &c.bad)
	if len(c.lines) == 0 && c.bad.Len() > 0 {
		return fmt.Errorf("cannot read the counters of interfaces: %w", c.bad.First())
	}
	c.sweep++
	unknown := 0
	refused := c.w.Shard().Counts.RefusedRows.Load()
	c.w.Begin(t)
	for i := range c.lines {
		d := c.iface(c.lines[i].name)
		switch {
		case d == nil:
			unknown++
		case !d.excluded:
			c.measure(d, t, &c.lines[i].v)
			c.w.Put(&d.r)
		}
	}
	c.w.End()
	c.forget()
	if n := c.w.Shard().Counts.RefusedRows.Load() - refused + uint64(unknown); n > 0 {
		c.bad.Add(fmt.Errorf("%d interfaces are left out: there are more than the store may hold", n))
	}
	return c.bad.Err("the other interfaces are collected; raise store.max_rows_per_reading or exclude interfaces in collect.network.exclude_devices when there are too many")
}

// iface returns what is known of an interface, nil when there are too many.
func (c *Network) iface(name []byte) *iface {
	d := c.known[string(name)]
	if d == nil {
		if len(c.known) >= maxNames {
			return nil
		}
		n := string(name)
		d = &iface{excluded: c.exclude.Match(n), state: newLinkState(c.env.Sys, n)}
		d.r.Interface = n
		c.known[n] = d
	}
	d.seen = c.sweep
	return d
}

// forget drops the interfaces that are gone.
func (c *Network) forget() {
	if len(c.known) == len(c.lines) {
		return
	}
	for name, d := range c.known {
		if d.seen != c.sweep {
			delete(c.known, name)
		}
	}
}

// measure fills the interface's reading from its line and remembers it.
func (c *Network) measure(d *iface, t store.Tick, v *[columns]uint64) {
	name := d.r.Interface
	d.r = metric.Blank[reading.Network]()
	d.r.Interface = name
	counts(&d.r, v)
	d.state.read(&c.link, t, &d.r)
	if seconds, ok := c.env.Elapsed(d.at, t); ok && d.r.Speed > 0 {
		d.r.Utilisation = utilisation(&d.last, v, seconds, d.r.Speed)
	}
	d.at, d.last = t, *v
}

func counts(r *reading.Network, v *[columns]uint64) {
	for i, dst := range [columns]*metric.Count{
		rxBytes: &r.RxBytes, rxPackets: &r.RxPackets, rxErrors: &r.RxErrors, rxDropped: &r.RxDropped,
		rxFIFO: &r.RxFIFO, rxFrame: &r.RxFrame, rxCompressed: &r.RxCompressed, rxMulticast: &r.RxMulticast,
		txBytes: &r.TxBytes, txPackets: &r.TxPackets, txErrors: &r.TxErrors, txDropped: &r.TxDropped,
		txFIFO: &r.TxFIFO, txCollisions: &r.TxCollisions, txCarrier: &r.TxCarrier, txCompressed: &r.TxCompressed,
	} {
		*dst = metric.Count(v[i])
	}
}

// utilisation is the busier direction's share of the link's speed, in
// percent; absent when a counter fell. Links are full duplex nowadays. What
// a sweep that came late counts too much is capped.
func utilisation(last, cur *[columns]uint64, seconds, speed float64) float64 {
	if cur[rxBytes] < last[rxBytes] || cur[txBytes] < last[txBytes] {
		return metric.NaN
	}
	busier := max(cur[rxBytes]-last[rxBytes], cur[txBytes]-last[txBytes])
	return min(100*float64(busier)/seconds/speed, 100)
}
