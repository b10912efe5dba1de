package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Conntrack collects the connection tracking. Sources: nf_conntrack_count
// and nf_conntrack_max in /proc/sys/net/netfilter, and
// /proc/net/stat/nf_conntrack.
type Conntrack struct {
	w                      *store.Writer[reading.Conntrack]
	file                   procfile.Reader
	entries, limit, counts string
}

// NewConntrack returns the collector.
func NewConntrack(env collect.Env) (*Conntrack, error) {
	dir := env.Proc + "/sys/net/netfilter/nf_conntrack_"
	return &Conntrack{
		w:       store.NewWriter[reading.Conntrack](env.Store, env.Shard()),
		entries: dir + "count", limit: dir + "max", counts: env.Proc + "/net/stat/nf_conntrack",
	}, nil
}

// Collect implements [collect.Collector].
func (c *Conntrack) Collect(_ context.Context, t store.Tick) error {
	n, err := c.file.Uint(c.entries)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return collect.Unsupported("nothing to do where no firewall tracks connections; else reload when the module nf_conntrack is loaded",
			"this host does not track connections: %v", err)
	case err != nil:
		return fmt.Errorf("cannot count the tracked connections: %w", err)
	}
	r := metric.Blank[reading.Conntrack]()
	r.Entries = float64(n)
	var bad trouble.List
	limit, err := c.file.Uint(c.limit)
	bad.Add(err)
	if err == nil {
		r.Max = float64(limit)
		if limit > 0 {
			r.Used = min(100*r.Entries/r.Max, 100)
		}
	}
	b, err := c.file.Read(c.counts)
	if err == nil {
		err = parseConntrack(c.counts, b, &r)
	}
	bad.Optional(err)
	c.w.Begin(t)
	c.w.Put(&r)
	c.w.End()
	return bad.Err("the other values are collected; reading /proc/net/stat may take CAP_DAC_READ_SEARCH")
}

// parseConntrack adds up the CPUs of /proc/net/stat/nf_conntrack: a line of
// names and then, in hexadecimal, a line for every CPU that the host can have.
// A sum without one of them would be wrong, so it is all or nothing.
func parseConntrack(path string, b []byte, r *reading.Conntrack) error {
	l := procfile.Lines{Rest: b}
	if !l.Next() {
		return l.Torn(path)
	}
	names := l.Line
	dst := [...]*metric.Count{&r.Drop, &r.EarlyDrop, &r.InsertFailed}
	place := [...]int{fieldIndex(names, "drop"), fieldIndex(names, "early_drop"), fieldIndex(names, "insert_failed")}
	var sum [len(place)]uint64
	for l.Next() {
		rest := l.Line
		n := 0
		for ; ; n++ {
			var f []byte
			if f, rest = procfile.Field(rest); len(f) == 0 {
				break
			}
			v, ok := procfile.ParseHex(f)
			if !ok {
				return &procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%.40q is not a hexadecimal number", f)}
			}
			for i, p := range place {
				if p == n {
					sum[i] += v
				}
			}
		}
		if want := countFields(names); n != want {
			return &procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%d numbers under %d names", n, want)}
		}
	}
	if err := l.Torn(path); err != nil {
		return err
	}
	if l.N < 2 {
		return &procfile.ParseError{Path: path, Reason: "names but no CPU"}
	}
	for i, p := range place {
		if p >= 0 {
			*dst[i] = metric.Count(sum[i])
		}
	}
	return nil
}

// fieldIndex returns the place of a field in a line, or -1.
func fieldIndex(line []byte, name string) int {
	for i := 0; ; i++ {
		var f []byte
		f, line = procfile.Field(line)
		switch {
		case len(f) == 0:
			return -1
		case string(f) == name:
			return i
		}
	}
}
