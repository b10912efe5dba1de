package config

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseBytes(t *testing.T) {
	tests := map[string]Bytes{
		"0": 0, "1": 1, "1048576": 1 << 20, "5B": 5, "1kB": 1000, "2MB": 2e6, "3GB": 3e9, "1TB": 1e12,
		"1KiB": 1 << 10, "64MiB": 64 << 20, "64 MiB": 64 << 20, "2GiB": 2 << 30, "1TiB": 1 << 40,
		"-1KiB": -1024, "9223372036854775807": math.MaxInt64,
	}
	for text, want := range tests {
		if got, err := ParseBytes(text); got != want || err != nil {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "MiB", "x", "1.5MiB", "1mib", "1KB", "1M", "1 0", " 1", "0x10", "1_000", "9223372036854775808",
		"9223372036854775807KiB", "-9223372036854775807KiB", "8388608TiB", "1MiBB", "∞",
	} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", text, got)
		}
	}
}

func TestBytesString(t *testing.T) {
	for b, want := range map[Bytes]string{
		0: "0B", 1: "1B", 1000: "1000B", 1024: "1KiB", 1536: "1536B", 64 << 20: "64MiB", 1 << 30: "1GiB",
		3 << 40: "3TiB", 1025 << 20: "1025MiB", -2048: "-2KiB",
	} {
		if got := b.String(); got != want {
			t.Errorf("%d prints as %s, want %s", int64(b), got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "10": 10 * time.Second, "10s": 10 * time.Second, "1m30s": 90 * time.Second, "24h": 24 * time.Hour,
		"9223372036": 9223372036 * time.Second, "1.5s": 1500 * time.Millisecond, "-1": -time.Second,
	} {
		if got, ok := parseDuration(text); got != want || !ok {
			t.Errorf("parseDuration(%q) = %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "s", "10 s", "1d", "9223372037", "-9223372037", "99999999999999999999", "1e3", "NaN"} {
		if got, ok := parseDuration(text); ok {
			t.Errorf("parseDuration(%q) = %v, want nothing", text, got)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", time.Hour: "1h", 24 * time.Hour: "24h",
		90 * time.Second: "1m30s", time.Hour + time.Second: "1h0m1s", time.Hour + time.Minute: "1h1m",
		10 * time.Minute: "10m", 10 * time.Second: "10s", time.Millisecond: "1ms",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v prints as %s, want %s", d, got, want)
		}
	}
}

func TestChecks(t *testing.T) {
	long := strings.Repeat("a", 256)
	tests := map[string]struct{ good, bad []string }{
		"hostname": {
			[]string{"a", "web1.example.org", "A-1", long[:255], "-"},
			[]string{"", "a_b", "a b", "ä", "a/b", "a\n", long},
		},
		"listen": {
			[]string{"off", "127.0.0.1:9100", "[::1]:9100", "[fe80::1%eth0]:1", ":9100", "localhost:1", "0.0.0.0:0", "[::]:65535"},
			[]string{
				"", "on", "9100", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:0x1",
				"127.0.0.1:01", "::1:9100", "[127.0.0.1]:1", "[::1:1", "::1]:1", "example.org:1", "1.2.3:1", "[localhost]:1",
			},
		},
		"host":   {[]string{"a.b", "::1", "10.0.0.1", "x"}, []string{"", "a:1", "a/b", "[::1]", "*"}},
		"glob":   {[]string{"*", "a?[b-c]", `\[`, "/a/*", long[:255]}, []string{"", "[", "[a", `\`, "[]", long}},
		"name":   {[]string{"nginx", "a b", "ä"}, []string{"", "a/b", long}},
		"dir":    {[]string{"/", "/a", "/a/"}, []string{"", "a", "./a", "~"}},
		"file":   {[]string{"/a", "/a/b"}, []string{"", "a", "/", "/a/"}},
		"socket": {[]string{"/a", "/" + long[:106]}, []string{"", "a", "/", "/" + long[:107]}},
	}
	for name, c := range checks {
		tt, ok := tests[name]
		if !ok {
			t.Errorf("check %s has no test", name)
		}
		for _, text := range tt.good {
			if !c.ok(text) {
				t.Errorf("%s refuses %q", name, text)
			}
		}
		for _, text := range tt.bad {
			if c.ok(text) {
				t.Errorf("%s takes %q", name, text)
			}
		}
	}
}

func TestLoopback(t *testing.T) {
	for listen, want := range map[string]bool{
		"off": true, "127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false,
	} {
		if got := isLoopback(listen); got != want {
			t.Errorf("isLoopback(%q) = %v", listen, got)
		}
	}
}

func TestGlobs(t *testing.T) {
	tests := []struct {
		globs Globs
		text  string
		want  bool
	}{
		{nil, "sda", false},
		{Globs{"loop*", "sr?"}, "loop12", true},
		{Globs{"loop*", "sr?"}, "sr0", true},
		{Globs{"loop*", "sr?"}, "sr10", false},
		{Globs{"loop*"}, "xloop1", false},
		{Globs{"/run/*"}, "/run/user/1000/doc", true},
		{Globs{"/run/*"}, "/run", false},
		{Globs{"/var/*/merged"}, "/var/lib/docker/overlay2/ab/merged", true},
		{Globs{"sd[a-c]"}, "sdb", true},
		{Globs{`a\*`}, "a*", true},
		{Globs{`a\*`}, "ab", false},
		{Globs{"*"}, "", true},
		{Globs{"["}, "[", false},
	}
	for _, tt := range tests {
		if got := tt.globs.Match(tt.text); got != tt.want {
			t.Errorf("%q on %q = %v", tt.globs, tt.text, got)
		}
	}
}

func TestListsAreBounded(t *testing.T) {
	o := declared().byKey["collect.process.watch"]
	names := make([]string, maxList+1)
	for i := range names {
		names[i] = "x"
	}
	if _, bad := o.parseList(names[:maxList]); bad != -1 {
		t.Errorf("%d names: the one at %d is bad", maxList, bad)
	}
	if _, bad := o.parseList(names); bad != maxList {
		t.Errorf("%d names: the one at %d is bad, want %d", maxList+1, bad, maxList)
	}
}
