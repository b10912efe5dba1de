package self

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
)

// memory reads what /proc/self/status tells of memory and threads.
func (c *Collector) memory(r *reading.Agent) error {
	path := c.env.Proc + "/self/status"
	b, err := c.file.Read(path)
	if err != nil {
		return err
	}
	rss, vsz, threads := parseStatus(b)
	if math.IsNaN(rss + vsz + threads) {
		err = &procfile.ParseError{Path: path, Reason: "VmRSS, VmSize or Threads is missing or no number"}
	}
	r.RSS, r.VSZ, r.Threads = rss, vsz, threads
	return err
}

// parseStatus returns bytes and threads, NaN where there is no number.
func parseStatus(b []byte) (rss, vsz, threads float64) {
	rss, vsz, threads = metric.NaN, metric.NaN, metric.NaN
	each(b, func(key string, v uint64) {
		switch key {
		case "VmRSS":
			rss = float64(v) * 1024
		case "VmSize":
			vsz = float64(v) * 1024
		case "Threads":
			threads = float64(v)
		}
	})
	return rss, vsz, threads
}

// disk reads what /proc/self/io tells of storage.
func (c *Collector) disk(r *reading.Agent) error {
	path := c.env.Proc + "/self/io"
	b, err := c.file.Read(path)
	if err != nil {
		return err
	}
	r.DiskRead, r.DiskWritten = parseIO(b)
	if r.DiskRead == metric.NoCount || r.DiskWritten == metric.NoCount {
		return &procfile.ParseError{Path: path, Reason: "read_bytes or write_bytes is missing or no number"}
	}
	return nil
}

func parseIO(b []byte) (read, written metric.Count) {
	read, written = metric.NoCount, metric.NoCount
	each(b, func(key string, v uint64) {
		switch key {
		case "read_bytes":
			read = metric.Count(v)
		case "write_bytes":
			written = metric.Count(v)
		}
	})
	return read, written
}

// each calls f for every line "key: number" of b.
func each(b []byte, f func(key string, v uint64)) {
	for l := (procfile.Lines{Rest: b}); l.Next(); {
		key, rest, _ := bytes.Cut(l.Line, []byte{':'})
		field, _ := procfile.Field(rest)
		if v, ok := procfile.ParseUint(field); ok {
			f(string(key), v)
		}
	}
}

// maxLinks bounds the fds that are looked at one by one; more are far beyond
// every budget anyway and count as ordinary.
const maxLinks = 4096

// fds counts the agent's open file descriptors, those of sensors apart. The
// one that lists them is not counted.
func (c *Collector) fds(r *reading.Agent) error {
	path := c.env.Proc + "/self/fd"
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil && err != io.EOF { //nolint:errorlint // Readdirnames returns it bare
		return fmt.Errorf("list the agent's file descriptors: %w", err)
	}
	own := strconv.Itoa(int(d.Fd()))
	ordinary, sensors := 0, 0
	for i, name := range names {
		switch {
		case name == own:
		case i < maxLinks && c.isSensor(int(d.Fd()), name):
			sensors++
		default:
			ordinary++
		}
	}
	r.FDs, r.SensorFDs = float64(ordinary), float64(sensors)
	return nil
}

// isSensor reports whether a descriptor belongs to the sensors by what the
// kernel calls it: anon_inode:bpf-map, bpf-prog, bpf_link, bpf_iter, btf or
// [perf_event].
func (c *Collector) isSensor(dir int, name string) bool {
	n, err := unix.Readlinkat(dir, name, c.link)
	if err != nil {
		return false // closed in the meantime, at most one too many
	}
	what, ok := strings.CutPrefix(string(c.link[:n]), "anon_inode:")
	what = strings.Trim(what, "[]")
	return ok && (strings.HasPrefix(what, "bpf") || what == "btf" || what == "perf_event")
}
