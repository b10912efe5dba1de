package cgroups

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sysops-agent/pkg/cgroup"
)

const (
	// maxDepth is how far below the root is looked: a unit in a user manager in
	// a container of a pod lies nine deep.
	maxDepth = 10
	// maxVisits bounds the groups that one walk looks at.
	maxVisits = 10_000
)

// found is one unit or container.
type found struct {
	path string
	info cgroup.Info
}

// walk is one walk over a hierarchy, breadth first, so that what is left out
// is what lies deepest.
type walk struct {
	root     string
	max      int             // units and containers to return
	keep     map[string]bool // those measured last time come first
	cache    *cgroup.Cache
	visited  int
	unwalked int // groups whose children were not looked at
	leftOut  int
	err      error // the first directory that could not be read, for another reason than being gone
	units    []found
}

type place struct {
	path  string
	depth int
}

// run finds the units and containers below the root.
func (w *walk) run() {
	queue := []place{{"/", 0}}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		w.visited++
		info := w.cache.Known(at.path).Info
		if info.Leaf {
			w.units = append(w.units, found{at.path, info})
		}
		switch {
		case info.Leaf && info.Container != "":
			continue // what is inside a container is its own business
		case at.depth == maxDepth || w.visited+len(queue) >= maxVisits:
			w.unwalked++
			continue
		}
		for _, name := range w.children(at.path) {
			queue = append(queue, place{join(at.path, name), at.depth + 1})
		}
	}
	w.limit()
}

// children returns the names of the groups in a group, sorted.
func (w *walk) children(path string) []string {
	entries, err := os.ReadDir(filepath.Join(w.root, path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.unwalked++
		if w.err == nil {
			w.err = err
		}
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// limit leaves out what is over the limit, the newcomers first.
func (w *walk) limit() {
	if w.leftOut = max(0, len(w.units)-w.max); w.leftOut == 0 {
		return
	}
	slices.SortStableFunc(w.units, func(a, b found) int {
		switch ka, kb := w.keep[a.path], w.keep[b.path]; {
		case ka == kb:
			return 0
		case ka:
			return -1
		default:
			return 1
		}
	})
	w.units = w.units[:w.max]
}

func join(dir, name string) string { return strings.TrimSuffix(dir, "/") + "/" + name }
