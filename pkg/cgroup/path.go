// Package cgroup reads meaning out of control groups: which hierarchies the
// host has mounted and where, which group a process is in, and which systemd
// unit or container a group's path stands for.
//
// Paths come from anybody who may create groups, a container's inside among
// them. Whatever they hold, what comes out is short, printable text.
package cgroup

import (
	"strings"

	"sysops-agent/pkg/metric"
)

// Info is what a path stands for. The zero Info is the root or a group that
// belongs to nobody known.
type Info struct {
	// Unit is the innermost systemd unit, unescaped: "nginx.service", else a
	// slice. Those of a user's service manager have its name before them:
	// "user@1000.service/sync.service".
	Unit      string
	Container string // id of the innermost container, or its name where it has no id
	Runtime   string // what runs the container; empty when only the id tells of one
	Leaf      bool   // the group is the service, scope or container itself, nothing inside or around it
}

// The runtimes.
const (
	Docker     = "docker"
	Containerd = "containerd"
	CRIO       = "crio"
	Podman     = "podman"
	LXC        = "lxc"
	Kubernetes = "kubernetes" // under kubepods, the runtime itself unknown
	Nspawn     = "nspawn"
)

// Parse reads a group's path, as /proc/PID/cgroup or a walk over the
// hierarchy gives it.
//
// What is below a user's service manager belongs to that user, who may make
// groups of any name there, nginx.service or docker-<id>.scope. So it never
// gets the name of a unit of the host, and no container begins there.
func Parse(path string) Info {
	var in Info
	var parent, manager string
	kube := false
	for c := range strings.SplitSeq(path, "/") {
		if c == "" {
			continue
		}
		kube = kube || strings.HasPrefix(c, "kubepods")
		in.Leaf = false
		if manager != "" {
			if isUnit(c) {
				in.Unit, in.Leaf = manager+"/"+c, true
			}
			continue
		}
		if isUserManager(c) {
			manager = c
		}
		if isSlice(c) && (in.Unit == "" || isSlice(in.Unit)) {
			in.Unit = c
		}
		if isUnit(c) {
			in.Unit, in.Leaf = c, true
		}
		if id, rt := container(c, parent); id != "" {
			in.Container, in.Runtime, in.Leaf = id, rt, true
		}
		parent = c
	}
	if kube && in.Container != "" && in.Runtime == "" {
		in.Runtime = Kubernetes
	}
	in.Unit = clean(unescape(in.Unit))
	in.Container = clean(in.Container)
	return in
}

func isUserManager(c string) bool {
	return strings.HasPrefix(c, "user@") && strings.HasSuffix(c, ".service")
}

func isSlice(c string) bool { return strings.HasSuffix(c, ".slice") && c != ".slice" }

// isUnit reports whether a component is a unit that has processes of its own.
func isUnit(c string) bool {
	i := strings.LastIndexByte(c, '.')
	if i <= 0 {
		return false
	}
	switch c[i:] {
	case ".service", ".scope", ".mount", ".socket", ".swap":
		return true
	}
	return false
}

// prefixes are how runtimes name the scope of a container; an id follows.
var prefixes = []struct{ prefix, runtime string }{
	{"docker-", Docker},
	{"cri-containerd-", Containerd},
	{"nerdctl-", Containerd},
	{"crio-", CRIO},
	{"libpod-", Podman},
}

// container recognises one component, given the one before it.
func container(c, parent string) (id, runtime string) {
	name, _ := strings.CutSuffix(c, ".scope")
	for _, p := range prefixes {
		if id, ok := strings.CutPrefix(name, p.prefix); ok && isID(id, 12) {
			return id, p.runtime
		}
	}
	// runc with the systemd form of a path but without systemd:
	// "kubepods-pod1.slice:cri-containerd:<id>".
	if parts := strings.Split(c, ":"); len(parts) == 3 && isID(parts[2], 12) {
		for _, p := range prefixes {
			if parts[1]+"-" == p.prefix {
				return parts[2], p.runtime
			}
		}
		return parts[2], ""
	}
	switch {
	case isID(c, 64) && parent == "docker":
		return c, Docker
	case isID(c, 64) && (parent == "libpod_parent" || parent == "libpod"):
		return c, Podman
	case isID(c, 64):
		return c, ""
	case parent == "lxc" || parent == "lxc.payload":
		return c, LXC
	}
	if name, ok := strings.CutPrefix(c, "lxc.payload."); ok {
		return name, LXC
	}
	if name, ok := strings.CutPrefix(c, "systemd-nspawn@"); ok {
		name, _ = strings.CutSuffix(name, ".service")
		return unescape(name), Nspawn
	}
	return "", ""
}

// isID reports whether s is a lower-case hexadecimal number of atLeast to 64
// digits.
func isID(s string, atLeast int) bool {
	if len(s) < atLeast || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// unescape undoes systemd's \x2d (systemd.unit(5), STRING ESCAPING). What is
// no escape stays as it is.
func unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+3 < len(s) && s[i] == '\\' && s[i+1] == 'x' {
			hi, lo := hex(s[i+2]), hex(s[i+3])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func clean(s string) string {
	s, _ = metric.LabelValue(s)
	return s
}
