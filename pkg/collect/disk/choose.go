package disk

import (
	"cmp"
	"strings"

	"sysops-agent/pkg/config"
	"sysops-agent/pkg/procfile"
)

// maxMounts bounds the filesystems that are asked; the rest are counted.
const maxMounts = 1024

// remote are the filesystems that depend on something outside the kernel, a
// server or a process, which may not answer. /proc/filesystems calls nearly
// all of them nodev, as it does the kernel's pseudo filesystems.
var remote = config.Globs{
	"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "afs", "lustre", "gpfs", "beegfs", "orangefs",
	"9p", "virtiofs", "vboxsf", "prl_fs", "fuse", "fuse.*", "fuseblk", "fuseblk.*",
}

// pools are nodev too, because they manage their devices themselves.
var pools = config.Globs{"zfs", "ubifs"}

// memory lists where a tmpfs is worth watching: these fill up, and the host
// suffers. Others are many and private to one service or user.
var memory = config.Globs{"/tmp", "/dev/shm", "/run", "/var/tmp"}

// choose returns the mounts to be measured, in the order of mountinfo: those
// that
//
//   - can be reached by their path, not hidden under a later mount;
//   - hold data: on a device, or of a type in remote or pools, or a tmpfs in
//     memory, or an overlay that is the root (of a container or live system);
//   - are not excluded by type or mount point;
//   - are the only or the shortest mount of their filesystem: bind mounts of
//     the same tree, or of a directory where the whole is mounted too, would
//     repeat the same numbers. btrfs subvolumes that are mounted one by one
//     all stay.
//
// more is the number beyond maxMounts that was left out.
func choose(all []mount, nodev map[string]bool, cfg *config.Filesystem) (kept []mount, more int) {
	visible := visibility(all)
	for i := range all {
		m := &all[i]
		if visible(m) && holdsData(m, nodev) && !cfg.ExcludeTypes.Match(m.fstype) && !cfg.ExcludeMounts.Match(m.point) {
			kept = append(kept, *m)
		}
	}
	kept = once(kept)
	if len(kept) > maxMounts {
		return kept[:maxMounts], len(kept) - maxMounts
	}
	return kept, 0
}

func holdsData(m *mount, nodev map[string]bool) bool {
	base, _, _ := strings.Cut(m.fstype, ".")
	switch m.fstype {
	case "tmpfs":
		return memory.Match(m.point)
	case "overlay":
		return m.point == "/"
	default:
		return !nodev[base] || remote.Match(m.fstype) || pools.Match(m.fstype)
	}
}

// once keeps one mount of each filesystem and root, the one with the shortest
// mount point, and none of a directory where the whole filesystem is there.
func once(mounts []mount) []mount {
	type tree struct{ dev, root string }
	best := map[tree]*mount{}
	for i := range mounts {
		m := &mounts[i]
		k := tree{m.dev, m.root}
		if b := best[k]; b == nil || shorter(m.point, b.point) < 0 {
			best[k] = m
		}
	}
	var kept []mount
	for i := range mounts {
		m := &mounts[i]
		if best[tree{m.dev, m.root}] != m {
			continue
		}
		if m.root != "/" && best[tree{m.dev, "/"}] != nil {
			continue
		}
		kept = append(kept, *m)
	}
	return kept
}

func shorter(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// visibility returns a test whether the path of a mount leads to it. It does
// not when another mount, that is not on the way from the root to it, covers
// a part of the way: a second mount at the same place, or one above.
func visibility(all []mount) func(*mount) bool {
	byID := make(map[uint64]*mount, len(all))
	children := map[uint64][]*mount{}
	for i := range all {
		m := &all[i]
		byID[m.id] = m
		children[m.parent] = append(children[m.parent], m)
	}
	covered := func(over *mount, target string, way *mount) bool {
		for _, c := range children[over.id] {
			if c != way && c != over && within(target, c.point) {
				return true
			}
		}
		return false
	}
	return func(m *mount) bool {
		// From the mount up to the root: at each level the path must lead
		// into our child, whose mount point it must reach uncovered.
		if covered(m, m.point, nil) {
			return false
		}
		for child, steps := m, 0; steps < len(all); steps++ {
			over := byID[child.parent]
			if over == nil || over == child {
				return true // the root, or what this process cannot see of it
			}
			if covered(over, child.point, child) {
				return false
			}
			child = over
		}
		return false // a loop: no mountinfo has one
	}
}

// within reports whether p is dir or lies under it.
func within(p, dir string) bool {
	rest, ok := strings.CutPrefix(p, dir)
	return ok && (rest == "" || rest[0] == '/' || dir == "/")
}

// nodevTypes parses /proc/filesystems: the types that need no device.
func nodevTypes(b []byte) map[string]bool {
	types := map[string]bool{}
	for l := (procfile.Lines{Rest: b}); l.Next(); {
		first, rest := procfile.Field(l.Line)
		name, _ := procfile.Field(rest)
		if string(first) == "nodev" && len(name) > 0 {
			types[string(name)] = true
		}
	}
	return types
}
