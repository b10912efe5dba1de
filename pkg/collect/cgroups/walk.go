package cgroups

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/cgroup"
	"sysops-agent/pkg/procfile"
)

const (
	// maxDepth is how far below the root is looked: a unit in a user manager in
	// a container of a pod lies nine deep.
	maxDepth = 10
	// maxVisits bounds the groups that one walk looks at. Whoever may make
	// groups can make any number of them, side by side or nested.
	maxVisits = 10_000
	// keptQueue is the length of a queue that is used again; a longer one is
	// given back.
	keptQueue = 2048
)

// walk walks over a hierarchy, breadth first, so that what is left out is what
// lies deepest. Its buffers are used again by the next walk.
type walk struct {
	root  string
	max   int                    // units and containers to return
	most  int                    // groups to look at: maxVisits but in tests
	known func(path string) bool // those measured last time come first
	cache *cgroup.Cache

	units    []*cgroup.Group // what was found
	visited  int
	unwalked int // groups that were not looked at, or whose children were not
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

// run finds the units and containers below the root, until ctx ends.
func (w *walk) run(ctx context.Context) error {
	w.units, w.visited, w.unwalked, w.leftOut, w.err = w.units[:0], 0, 0, 0, nil
	w.queue = append(w.queue[:0], place{w.cache.Known("/"), 0})
	for i := 0; i < len(w.queue); i++ {
		if i%64 == 0 && ctx.Err() != nil {
			return w.cutShort(ctx)
		}
		at := w.queue[i]
		w.visited++
		if at.group.Leaf {
			w.units = append(w.units, at.group)
		}
		switch {
		case at.group.Leaf && at.group.Container != "":
			// What is inside a container is its own business.
		case at.depth == maxDepth || len(w.queue) >= w.most:
			w.unwalked++
		default:
			w.children(ctx, at)
		}
	}
	if ctx.Err() != nil { // perhaps within a list, which then is not whole
		return w.cutShort(ctx)
	}
	w.limit()
	if len(w.queue) > keptQueue {
		w.queue = nil
	}
	return nil
}

func (w *walk) cutShort(ctx context.Context) error {
	return fmt.Errorf("look for units and containers among the cgroups, of which %d were looked at: %w", w.visited, ctx.Err())
}

// children queues the groups in a group, in the order of their names.
func (w *walk) children(ctx context.Context, at place) {
	first := len(w.queue)
	if err := w.list(ctx, at); err != nil && !gone(err) {
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

// list queues the groups in a group as the kernel lists them; those that are
// too many are only counted.
func (w *walk) list(ctx context.Context, at place) error {
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
	for ctx.Err() == nil {
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
			if len(w.queue) >= w.most {
				w.unwalked++
				continue
			}
			child := w.cache.Group(append(w.path, name...))
			w.queue = append(w.queue, place{child, at.depth + 1})
		}
	}
	return nil
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
	clear(w.units[w.max:]) // or they would keep their groups in memory
	w.units = w.units[:w.max]
}
