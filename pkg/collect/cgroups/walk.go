package cgroups

import (
	"slices"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/cgroup"
	"sysops-agent/pkg/procfile"
)

const (
	// maxDepth is how far below the root is looked: a unit in a user manager in
	// a container of a pod lies nine deep.
	maxDepth = 10
	// maxVisits bounds the groups that one walk looks at.
	maxVisits = 10_000
)

// walk walks over a hierarchy, breadth first, so that what is left out is what
// lies deepest. Its buffers are used again by the next walk.
type walk struct {
	root  string
	max   int                    // units and containers to return
	known func(path string) bool // those measured last time come first
	cache *cgroup.Cache

	units    []*cgroup.Group // what was found
	visited  int
	unwalked int // groups whose children were not looked at
	leftOut  int
	err      error // of the first directory that was there but not readable

	queue []place
	path  []byte // scratch: a directory, a group's path
	dents []byte
}

// place is a group still to be looked at.
type place struct {
	group *cgroup.Group
	depth int
}

// run finds the units and containers below the root.
func (w *walk) run() {
	w.units, w.visited, w.unwalked, w.leftOut, w.err = w.units[:0], 0, 0, 0, nil
	w.queue = append(w.queue[:0], place{w.cache.Known("/"), 0})
	for i := 0; i < len(w.queue); i++ {
		at := w.queue[i]
		w.visited++
		if at.group.Leaf {
			w.units = append(w.units, at.group)
		}
		switch {
		case at.group.Leaf && at.group.Container != "":
			// What is inside a container is its own business.
		case at.depth == maxDepth || len(w.queue) >= maxVisits:
			w.unwalked++
		default:
			w.children(at)
		}
	}
	w.limit()
}

// children queues the groups in a group, in the order of their names.
func (w *walk) children(at place) {
	first := len(w.queue)
	if err := w.list(at); err != nil && !gone(err) {
		w.unwalked++
		if w.err == nil {
			w.err = pathError(w.root+at.group.Path, "", err)
		}
	}
	slices.SortFunc(w.queue[first:], func(a, b place) int {
		switch {
		case a.group.Path < b.group.Path:
			return -1
		case a.group.Path > b.group.Path:
			return 1
		}
		return 0
	})
}

func (w *walk) list(at place) error {
	w.path = append(append(append(w.path[:0], w.root...), at.group.Path...), 0)
	fd, err := procfile.OpenAt(unix.AT_FDCWD, w.path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if w.dents == nil {
		w.dents = make([]byte, 32<<10)
	}
	w.path = append(w.path[:0], at.group.Path...)
	if w.path[len(w.path)-1] != '/' {
		w.path = append(w.path, '/')
	}
	for {
		n, err := unix.Getdents(fd, w.dents)
		if err != nil || n <= 0 {
			return err
		}
		for b := w.dents[:n]; len(b) > 0; {
			var name []byte
			var kind byte
			if name, kind, b = procfile.Entry(b); kind != unix.DT_DIR || len(name) == 0 || name[0] == '.' {
				continue
			}
			child := w.cache.Group(append(w.path, name...))
			w.queue = append(w.queue, place{child, at.depth + 1})
		}
	}
}

// limit leaves out what is over the limit, the newcomers first.
func (w *walk) limit() {
	if w.leftOut = max(0, len(w.units)-w.max); w.leftOut == 0 {
		return
	}
	slices.SortStableFunc(w.units, func(a, b *cgroup.Group) int {
		switch ka, kb := w.known(a.Path), w.known(b.Path); {
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
