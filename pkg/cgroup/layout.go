package cgroup

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"sysops-agent/pkg/procfile"
)

// Layout is where the hierarchies of the host are mounted. It is immutable.
type Layout struct {
	unified *mount
	v1      map[string]*mount // by controller, "name=systemd" among them
}

// mount is one mounted hierarchy: dir in the file system shows the group root.
type mount struct{ dir, root string }

// ErrNone is returned when no hierarchy is mounted.
var ErrNone = errors.New("no cgroup hierarchy is mounted")

// Find reads proc/self/mountinfo. Mount points below /sys are looked for in
// the directory sys instead, which is /sys but in tests. The error is that of
// reading, or [ErrNone].
func Find(proc, sys string) (*Layout, error) {
	var r procfile.Reader
	b, err := r.Read(filepath.Join(proc, "self/mountinfo"))
	if err != nil {
		return nil, err
	}
	l := parseMounts(b, sys)
	if l.unified == nil && len(l.v1) == 0 {
		return nil, ErrNone
	}
	return l, nil
}

// Mode says how the controllers are spread: "unified" (v2), "legacy" (v1) or
// "hybrid" (v1, with a v2 hierarchy beside it).
func (l *Layout) Mode() string {
	switch {
	case len(l.v1) == 0:
		return "unified"
	case l.unified == nil:
		return "legacy"
	}
	return "hybrid"
}

// V1 reports whether controller is mounted as a hierarchy of its own.
func (l *Layout) V1(controller string) bool { return l.v1[controller] != nil }

// Dir returns the directory of the group path for a controller: in the
// controller's own hierarchy, else in the unified one. It is false when
// neither is mounted or the mount does not show that group.
func (l *Layout) Dir(controller, path string) (string, bool) {
	if m := l.v1[controller]; m != nil {
		return m.of(path)
	}
	return l.UnifiedDir(path)
}

// UnifiedDir returns the directory of the group path in the v2 hierarchy.
func (l *Layout) UnifiedDir(path string) (string, bool) {
	if l.unified == nil {
		return "", false
	}
	return l.unified.of(path)
}

func (m *mount) of(path string) (string, bool) {
	if m.root != "/" {
		var ok bool
		if path, ok = strings.CutPrefix(path, m.root); !ok || (path != "" && path[0] != '/') {
			return "", false
		}
	}
	if slices.Contains(strings.Split(path, "/"), "..") {
		return "", false // a group outside, never to be followed
	}
	return filepath.Join(m.dir, path), true
}

// parseMounts picks the hierarchies out of a mountinfo (proc(5)): fields,
// " - ", type, source, options. The first mount of a hierarchy counts, except
// that one which shows it from its root is better.
func parseMounts(b []byte, sys string) *Layout {
	l := &Layout{v1: map[string]*mount{}}
	for len(b) > 0 {
		var line []byte
		line, b = procfile.Line(b)
		head, tail, ok := bytes.Cut(line, []byte(" - "))
		f, o := bytes.Fields(head), bytes.Fields(tail)
		if !ok || len(f) < 5 || len(o) < 3 {
			continue
		}
		m := &mount{root: octal(f[3]), dir: relocate(octal(f[4]), sys)}
		switch string(o[0]) {
		case "cgroup2":
			l.unified = better(l.unified, m)
		case "cgroup":
			for c := range strings.SplitSeq(string(o[2]), ",") {
				if controller(c) {
					l.v1[c] = better(l.v1[c], m)
				}
			}
		}
	}
	return l
}

func better(old, m *mount) *mount {
	if old == nil || (old.root != "/" && m.root == "/") {
		return m
	}
	return old
}

// controller reports whether a mount option of a v1 hierarchy names what it
// controls.
func controller(option string) bool {
	if name, ok := strings.CutPrefix(option, "name="); ok {
		return name != ""
	}
	switch option {
	case "cpu", "cpuacct", "cpuset", "memory", "blkio", "pids", "devices", "freezer",
		"net_cls", "net_prio", "perf_event", "hugetlb", "rdma", "misc":
		return true
	}
	return false
}

func relocate(dir, sys string) string {
	if rest, ok := strings.CutPrefix(dir, "/sys/"); ok {
		return filepath.Join(sys, rest)
	}
	return dir
}

// octal undoes the \040 of mountinfo.
func octal(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) && isOctal(b[i+1:i+4]) {
			out = append(out, (b[i+1]-'0')<<6|(b[i+2]-'0')<<3|(b[i+3]-'0'))
			i += 3
			continue
		}
		out = append(out, b[i])
	}
	return string(out)
}

func isOctal(b []byte) bool {
	return b[0] >= '0' && b[0] <= '3' && b[1] >= '0' && b[1] <= '7' && b[2] >= '0' && b[2] <= '7'
}
