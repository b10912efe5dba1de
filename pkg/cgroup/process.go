package cgroup

import (
	"bytes"
	"fmt"
	"hash/fnv"
)

var root = []byte("/")

// ProcessPath returns the group of a process from its /proc/PID/cgroup (see
// cgroups(7)), a part of b; "/" when the process is in no group but the root.
// The caller must not change it.
//
// With cgroup v1 a process has a group per hierarchy. The one that says most
// is taken: the unified hierarchy, else systemd's own, else memory's, else
// the first that is not the root.
func ProcessPath(b []byte) []byte {
	best, rank := root, 0
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte{'\n'})
		id, rest, ok1 := bytes.Cut(line, []byte{':'})
		names, path, ok2 := bytes.Cut(rest, []byte{':'})
		if !ok1 || !ok2 || len(id) == 0 {
			continue // not the kernel's format: costs this line only
		}
		path = trim(path)
		if len(path) <= 1 {
			continue
		}
		if r := weight(names); r > rank {
			best, rank = path, r
		}
	}
	return best
}

func weight(controllers []byte) int {
	switch {
	case len(controllers) == 0:
		return 4
	case string(controllers) == "name=systemd":
		return 3
	case string(controllers) == "memory":
		return 2
	}
	return 1
}

// trim takes off what the kernel adds: the way up out of a cgroup namespace,
// and the note that the group is gone.
func trim(path []byte) []byte {
	path = bytes.TrimSuffix(path, []byte(" (deleted)"))
	for bytes.HasPrefix(path, []byte("/../")) {
		path = path[3:]
	}
	if string(path) == "/.." {
		path = path[:1]
	}
	return path
}

// cacheSize bounds [Cache]: more groups than that are in use on no host.
const cacheSize = 8192

// Group is a path and what it stands for, immutable and shared.
type Group struct {
	Path string
	Info
}

// Cache remembers what paths stand for, so that a sweep over all processes
// allocates only for groups it has not seen. It belongs to one goroutine. The
// zero Cache is ready.
type Cache struct{ groups map[string]*Group }

// Group returns the group of that path. When the cache is full it begins
// anew: groups in use come back with the next sweep.
func (c *Cache) Group(path []byte) *Group {
	if g, ok := c.groups[string(path)]; ok {
		return g
	}
	return c.add(string(path))
}

// Known is Group for a path that is already a string.
func (c *Cache) Known(path string) *Group {
	if g, ok := c.groups[path]; ok {
		return g
	}
	return c.add(path)
}

// MaxShort bounds the paths of [Cache.Short].
const MaxShort = 512

// Short is Group for a path that is kept for many processes, for people to
// look at and not to open: the kernel lets everybody make paths of 4 KB. A
// longer one keeps its beginning and ends in a hash of the whole.
func (c *Cache) Short(path []byte) *Group {
	if len(path) <= MaxShort {
		return c.Group(path)
	}
	h := fnv.New64a()
	h.Write(path)
	tail := fmt.Sprintf("~%016x", h.Sum64())
	short := string(path[:MaxShort-len(tail)]) + tail
	if g, ok := c.groups[short]; ok {
		return g
	}
	g := c.add(short)
	g.Info = Parse(string(path)) // nobody has seen it yet
	return g
}

func (c *Cache) add(path string) *Group {
	if c.groups == nil || len(c.groups) >= cacheSize {
		c.groups = map[string]*Group{}
	}
	g := &Group{Path: path, Info: Parse(path)}
	c.groups[path] = g
	return g
}
