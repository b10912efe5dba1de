// Package fd collects the file descriptors and inodes of the whole system.
// Those of single processes come with the processes.
package fd

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

// FD is the collector.
type FD struct {
	w                       *store.Writer[reading.FD]
	file                    procfile.Reader
	fileNr, inodeNr, nrOpen string
}

// New returns the collector.
func New(env collect.Env) (*FD, error) {
	dir := env.Proc + "/sys/fs/"
	return &FD{
		w:      store.NewWriter[reading.FD](env.Store, env.Shard()),
		fileNr: dir + "file-nr", inodeNr: dir + "inode-nr", nrOpen: dir + "nr_open",
	}, nil
}

// Collect implements [collect.Collector].
func (c *FD) Collect(_ context.Context, t store.Tick) error {
	r := metric.Blank[reading.FD]()
	b, err := c.file.Read(c.fileNr)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return collect.Unsupported("mount procfs at /proc with its sys directory", "the kernel offers no count of open files: %v", err)
	case err != nil:
		return fmt.Errorf("cannot count the system's open files: %w", err)
	}
	if err := parseFileNr(c.fileNr, b, &r); err != nil {
		return fmt.Errorf("cannot count the system's open files: %w", err)
	}
	var bad trouble.List
	if b, err = c.file.Read(c.inodeNr); err == nil {
		err = parseInodeNr(c.inodeNr, b, &r)
	}
	bad.Optional(err)
	open, err := c.file.Uint(c.nrOpen)
	if err == nil {
		r.ProcessMax = float64(open)
	}
	bad.Optional(err)
	c.w.Begin(t)
	c.w.Put(&r)
	c.w.End()
	return bad.Err("the other values are collected; see Documentation/admin-guide/sysctl/fs.rst of the kernel for the format")
}

// parseFileNr reads "allocated unused max". Since Linux 2.6 nothing is kept
// unused, but the field is still there.
func parseFileNr(path string, b []byte, r *reading.FD) error {
	var v [3]uint64
	l := procfile.Lines{Rest: b}
	if !l.Next() {
		return l.Torn(path)
	}
	if procfile.Uints(l.Line, v[:]) < len(v) || v[1] > v[0] {
		return &procfile.ParseError{Path: path, Line: 1, Reason: fmt.Sprintf("%.60q is not three numbers: allocated, unused, limit", l.Line)}
	}
	r.Allocated, r.Max = float64(v[0]), float64(v[2])
	r.Used = float64(v[0] - v[1])
	if v[2] > 0 {
		// root may open more than the limit
		r.UsedPercent = min(100*r.Used/r.Max, 100)
	}
	return nil
}

// parseInodeNr reads "allocated unused".
func parseInodeNr(path string, b []byte, r *reading.FD) error {
	var v [2]uint64
	l := procfile.Lines{Rest: b}
	if !l.Next() {
		return l.Torn(path)
	}
	if procfile.Uints(l.Line, v[:]) < len(v) {
		return &procfile.ParseError{Path: path, Line: 1, Reason: fmt.Sprintf("%.60q is not two numbers: allocated, unused", l.Line)}
	}
	r.InodesAllocated, r.InodesFree = float64(v[0]), float64(v[1])
	return nil
}
