package config

import (
	"net/netip"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// check is one kind of text. What depends on the state of the host (whether a
// directory exists, who owns it) is looked at after all values are known, in
// paths.go.
type check struct {
	allowed string // completes "must be …"
	ok      func(string) bool
}

var checks = map[string]check{
	"hostname": {"1 to 255 letters, digits, '-' and '.'", isHostname},
	"dir":      {"an absolute path", filepath.IsAbs},
	"file":     {"an absolute path of a file", isFilePath},
	"socket":   {"an absolute path of at most 107 bytes (the kernel's limit for sockets)", isSocketPath},
	"listen":   {"off, or IP:PORT such as 127.0.0.1:9100, localhost:PORT, or :PORT for all addresses", isListen},
	"host":     {"a host name or IP address without a port", isHost},
	"glob":     {"a pattern of 1 to 255 bytes whose [ ] are closed", isGlob},
	"name":     {"a name of 1 to 255 bytes without '/'", isName},
}

// maxName is the longest name or pattern: a file name's limit in Linux.
const maxName = 255

// maxSocketPath is what fits into sockaddr_un with its final NUL.
const maxSocketPath = 107

// isHostname follows SEC-12 and SEC-13: length and characters only, so that
// any name that a system really has is accepted.
func isHostname(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return !hostnameRune(r) })
}

func hostnameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '.'
}

func isFilePath(s string) bool { return filepath.IsAbs(s) && !strings.HasSuffix(s, "/") }

func isSocketPath(s string) bool { return isFilePath(s) && len(s) <= maxSocketPath }

func isListen(s string) bool {
	if s == "off" {
		return true
	}
	host, port, ok := cutPort(s)
	if n, err := strconv.ParseUint(port, 10, 16); !ok || err != nil || strconv.FormatUint(n, 10) != port {
		return false
	}
	if host == "" || host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && addr.Is6() == strings.HasPrefix(host, "[") && addr.Is6() == strings.HasSuffix(host, "]")
}

// cutPort splits at the last colon; the brackets of an IPv6 address stay.
func cutPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// isLoopback reports whether an accepted listening address is reachable from
// this host only.
func isLoopback(listen string) bool {
	host, _, _ := cutPort(listen)
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return listen == "off" || host == "localhost" || err == nil && addr.IsLoopback()
}

func isHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil || isHostname(s)
}

func isGlob(s string) bool {
	_, err := path.Match(s, "")
	return s != "" && len(s) <= maxName && err == nil
}

func isName(s string) bool {
	return s != "" && len(s) <= maxName && !strings.Contains(s, "/")
}
