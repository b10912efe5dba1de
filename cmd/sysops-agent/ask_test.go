package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/overview"
)

var asking = [][]string{{"status"}, {"top"}, {"query", "mem.used_percent"}, {"query", "mem.used_percent", "--now"}}

// Without an agent each command says so and what to do.
func TestNoAgent(t *testing.T) {
	dir, file := dataDir(t), emptyFile(t)
	stale := dataDir(t) // its socket is left over
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(stale, "agent.sock")})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	address := closed.Listener.Addr().String()
	closed.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	const help = "start it with `sysops-agent run`, or pass --server HOST:PORT"
	for name, tc := range map[string]struct {
		flags []string
		want  string
	}{
		"no socket":         {[]string{"--data-dir", dir}, "no agent answers at " + dir + "/agent.sock: " + help},
		"left-over socket":  {[]string{"--data-dir", stale}, "no agent answers at " + stale + "/agent.sock: " + help},
		"nobody listens":    {[]string{"--server", address}, "no agent answers at " + address + ": " + help},
		"somebody else":     {[]string{"--server", other.Listener.Addr().String()}, "whoever answers is not a sysops-agent: at " + other.Listener.Addr().String()},
		"as JSON":           {[]string{"--data-dir", dir, "--json"}, "no agent answers at "},
		"relative data dir": {[]string{"--data-dir", "nowhere"}, "/nowhere/agent.sock: " + help},
	} {
		for _, args := range asking {
			t.Run(name+" "+strings.Join(args, " "), func(t *testing.T) {
				code, stdout, stderr := run(append(append(args[:len(args):len(args)], "--config", file), tc.flags...)...)
				if code != exitFailed || stdout != "" || !strings.HasPrefix(stderr, "sysops-agent: ") || !strings.Contains(stderr, tc.want) || strings.Count(stderr, "\n") != 1 {
					t.Errorf("exit code %d, %q\n%s\nwant one line with %q", code, stdout, stderr, tc.want)
				}
			})
		}
	}
}

// The commands against the agent's own server, over its socket.
func TestAsk(t *testing.T) {
	dir := dataDir(t)
	last := agentOn(t, dir)
	flags := []string{"--config", emptyFile(t), "--data-dir", dir}
	at := func(secs int64) string { return time.Unix(last-secs, 0).Format(time.DateTime) }
	for name, tc := range map[string]struct {
		args []string
		want string // regular expression
	}{
		"status":       {[]string{"status"}, `^web01  sysops-agent 1\.2\.3, pid \d+, up \d+s, on socket only: healthy\n\nKIND +NAME +STATE +SINCE +REASON\ncollector +gpu +off +\S+ \S+ +no GPU on this host\n`},
		"status json":  {[]string{"status", "--json"}, `^\[\n  \{\n    "name": "gpu",\n    "kind": "collector",\n    "state": "off",\n`},
		"top":          {[]string{"top"}, `^web01  .*\ncpu   -  .*\nmem   52\.0% used`},
		"top once":     {[]string{"top", "--once"}, `^web01  `},
		"top json":     {[]string{"top", "--json"}, `(?s)^\{\n.*"used_percent": 52,`},
		"query":        {[]string{"query", "mem.used_percent", "--since", "2m"}, `(?s)^mem\.used_percent  \[percent, step 10s\]\n.*` + at(20) + ` +50\n +?.*` + at(0) + ` +52\n`},
		"query json":   {[]string{"query", "mem.used_percent", "--json"}, `"metric": "mem\.used_percent",`},
		"second name":  {[]string{"query", "system.mem_used_pct", "--now"}, `^mem\.used_percent  52  ` + at(0) + `\n$`},
		"rates":        {[]string{"query", `disk.read_bytes{device="sda"}`, "--since", "2m"}, `(?s)^disk\.read_bytes\{device="sda"\}  \[bytes per second, step 10s\]\n.* 1048576\n`},
		"now":          {[]string{"query", "disk.util_percent", "--now"}, `(?m)^disk\.util_percent\{device="evil�\[31m�"\} +5 +` + at(0) + `$`},
		"now json":     {[]string{"query", "disk.util_percent", "--now", "--json"}, `"unit": "percent"`},
		"limit":        {[]string{"query", "disk.util_percent", "--now", "--limit", "1"}, `\nmore series match: narrow the selector or raise --limit\n$`},
		"nothing now":  {[]string{"query", "cpu.total_percent", "--now"}, `^cpu\.total_percent: no value now\n$`},
		"nothing then": {[]string{"query", "cpu.total_percent", "--since", "2m"}, `cpu\.total_percent: no data in this time\n$`},
	} {
		t.Run(name, func(t *testing.T) {
			got := must(t, append(tc.args, flags...)...)
			if !regexp.MustCompile(tc.want).MatchString(got) {
				t.Errorf("got\n%s\nwant %s", got, tc.want)
			}
			for _, r := range got {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Fatalf("%U is in the text", r)
				}
			}
			if strings.HasSuffix(name, "json") && !json.Valid([]byte(got)) {
				t.Errorf("no JSON: %s", got)
			}
		})
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"unknown metric": {[]string{"query", "mem.used_percnt"}, "mem.used_percnt"},
		"bad selector":   {[]string{"query", "disk.util_percent{device"}, "device"},
		"bad duration":   {[]string{"query", "mem.used_percent", "--since", "soon"}, "soon"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(append(tc.args, flags...)...)
			if code != exitFailed || stdout != "" || !strings.Contains(stderr, tc.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, %q, %q; want one line about %q", code, stdout, stderr, tc.want)
			}
		})
	}
}

// An agent that lies does nothing to the terminal of whoever asks it.
func TestHostileAgent(t *testing.T) {
	const evil = "\x1b]0;owned\x07\u009b2J\u202e\nfake: line\ttab"
	q, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{
		"/api/v1/status":      `[{"name":$,"kind":$,"state":$,"reason":$,"enable_hint":$}]`,
		"/api/v1/agent":       `{"hostname":$,"version":$,"listen":$,"health":{"level":$}}`,
		"/api/v1/overview":    `{"host":$,"disks":[{"device":$}],"by_cpu":[{"name":$,"state":$}]}`,
		"/api/v1/query":       `{"metric":$,"unit":$,"series":[{"labels":{$:$},"t":1,"v":1}]}`,
		"/api/v1/query_range": `{"metric":$,"unit":$,"notes":[$],"step_seconds":10,"series":[{"labels":{$:$},"points":[{"t":1,"v":1}]}]}`,
	}
	for _, status := range []int{http.StatusOK, http.StatusTeapot} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Server", "sysops-agent")
			w.WriteHeader(status)
			body := answers[r.URL.Path]
			if status != http.StatusOK {
				body = `{"error":$,"hint":$}`
			}
			fmt.Fprint(w, strings.ReplaceAll(body, "$", string(q)))
		}))
		for _, args := range asking {
			t.Run(fmt.Sprint(status, args), func(t *testing.T) {
				code, stdout, stderr := run(append(args[:len(args):len(args)], "--config", emptyFile(t), "--server", s.Listener.Addr().String())...)
				if want := status != http.StatusOK; want != (code == exitFailed) {
					t.Errorf("exit code %d", code)
				}
				text := stdout + stderr
				if !strings.Contains(text, "owned") {
					t.Errorf("the answer is not shown: %q", text)
				}
				for _, r := range text {
					if r != '\n' && !unicode.IsPrint(r) {
						t.Fatalf("%U is in %q", r, text)
					}
				}
				if strings.Contains("\n"+text, "\nfake") {
					t.Errorf("a line is forged:\n%s", text)
				}
			})
		}
		s.Close()
	}
}

// terminal opens a pseudo terminal of that many rows.
func terminal(t *testing.T, rows uint16) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: 80}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// On a terminal top draws again and again until interrupted, and that is no
// failure.
func TestTopOnATerminal(t *testing.T) {
	dir := dataDir(t)
	agentOn(t, dir)
	master, slave := terminal(t, 50)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	seen := make(chan string, 1)
	go func() {
		var text []byte
		buf := make([]byte, 4096)
		for bytes.Count(text, []byte("\x1b[H")) < 3 {
			n, err := master.Read(buf)
			text = append(text, buf[:n]...)
			if err != nil {
				break
			}
		}
		cancel()
		seen <- string(text)
	}()
	var errs bytes.Buffer
	code := execute(ctx, []string{"top", "--interval", "100ms", "--config", emptyFile(t), "--data-dir", dir}, slave, &errs)
	slave.Close() // whatever was drawn, reading ends now
	text := <-seen
	if code != exitOK || errs.Len() > 0 {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
	if !strings.HasPrefix(text, "\x1b[Hweb01  ") || !strings.Contains(text, "\x1b[K\r\n") || !strings.Contains(text, "\x1b[J\x1b[H") {
		t.Errorf("drawn: %q", text)
	}
}

func TestDrawFitsTheTerminal(t *testing.T) {
	var o overview.Overview
	for i := range 64 {
		o.Nodes = append(o.Nodes, overview.Group{ID: fmt.Sprint(i)})
	}
	for _, tc := range []struct {
		rows  int
		over  bool
		lines int
	}{{24, false, 21}, {24, true, 21}, {10, true, 9}, {1, true, 0}, {0, true, 0}} {
		var b bytes.Buffer
		if err := draw(&b, &o, tc.rows, tc.over); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "\n"); got != tc.lines {
			t.Errorf("%d rows, over %v: %d lines, want %d", tc.rows, tc.over, got, tc.lines)
		}
		if tc.over != strings.HasPrefix(b.String(), "\x1b[H") || tc.over != strings.HasSuffix(b.String(), "\x1b[J") {
			t.Errorf("%d rows, over %v: %q", tc.rows, tc.over, b.String())
		}
	}
}
