package disk

import (
	"bytes"
	"fmt"
	"strings"

	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/procfile"
)

// mount is one line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
type mount struct {
	id, parent uint64
	dev        string // major:minor of the filesystem
	root       string // what of the filesystem is mounted: "/" is all of it
	point      string // where, as seen from the process's root
	fstype     string // with a subtype: "fuse.sshfs"
	source     string
	readOnly   bool
}

// parseMountinfo returns the mounts of the good lines of b, in their order,
// and notes the others.
func parseMountinfo(path string, b []byte, bad *trouble.List) []mount {
	var mounts []mount
	l := procfile.Lines{Rest: b}
	for l.Next() {
		m, why := parseMount(l.Line)
		if why != "" {
			bad.Add(&procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%s in %.60q", why, l.Line)})
			continue
		}
		mounts = append(mounts, m)
	}
	bad.Add(l.Torn(path))
	return mounts
}

// parseMount reads
//
//	36 35 98:0 /root /point rw,noatime [optional fields] - ext4 /dev/root rw
//
// and says what is wrong. Fields are parted by single spaces, since one of
// them, the source, may be empty.
func parseMount(line []byte) (m mount, why string) {
	before, after, ok := bytes.Cut(line, []byte(" - "))
	if !ok {
		return m, "no separator"
	}
	var f [6][]byte
	for i := range f {
		f[i], before, ok = bytes.Cut(before, []byte{' '})
		if len(f[i]) == 0 || (!ok && i < len(f)-1) {
			return m, "fewer than six fields before the separator"
		}
	}
	fstype, after, ok := bytes.Cut(after, []byte{' '})
	source, super, ok2 := bytes.Cut(after, []byte{' '})
	if !ok || !ok2 || len(fstype) == 0 {
		return m, "fewer than three fields after the separator"
	}
	var ok3, ok4 bool
	m.id, ok3 = procfile.ParseUint(f[0])
	m.parent, ok4 = procfile.ParseUint(f[1])
	if !ok3 || !ok4 {
		return m, "no number of the mount or its parent"
	}
	m.dev = string(f[2])
	m.root, m.point = unescape(f[3]), unescape(f[4])
	if m.point[0] != '/' {
		return m, "no absolute mount point"
	}
	m.fstype, m.source = unescape(fstype), withoutPassword(unescape(source))
	m.readOnly = hasOption(f[5], "ro") || hasOption(super, "ro")
	return m, ""
}

func hasOption(list []byte, option string) bool {
	for len(list) > 0 {
		var o []byte
		o, list, _ = bytes.Cut(list, []byte{','})
		if string(o) == option {
			return true
		}
	}
	return false
}

// unescape undoes the octal escapes with which the kernel hides spaces, tabs,
// newlines and backslashes. What only looks like one stays as it is.
func unescape(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) && b[i+1] <= '3' && octal(b[i+1]) && octal(b[i+2]) && octal(b[i+3]) {
			out = append(out, (b[i+1]-'0')<<6|(b[i+2]-'0')<<3|(b[i+3]-'0'))
			i += 3
			continue
		}
		out = append(out, b[i])
	}
	return string(out)
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

// withoutPassword takes the user and password out of a source that is a URL,
// as those of WebDAV mounts may be.
func withoutPassword(source string) string {
	scheme, rest, ok := strings.Cut(source, "://")
	if !ok {
		return source
	}
	host, path, slash := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	if slash {
		path = "/" + path
	}
	return scheme + "://" + host + path
}
