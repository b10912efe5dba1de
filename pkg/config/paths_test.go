package config

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withTree returns a fresh directory that passes the checks, and a function
// that renders an error with $T in its place.
func withTree(t *testing.T) (dir string, relative func(error) string) {
	t.Helper()
	dir = t.TempDir()
	return dir, func(err error) string {
		if err == nil {
			return ""
		}
		return strings.ReplaceAll(err.Error(), dir, "$T")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDataDirectory(t *testing.T) {
	dir, relative := withTree(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.Mkdir(at("old"), 0o700))
	must(t, os.Mkdir(at("open"), 0o700))
	must(t, os.Chmod(at("open"), 0o777))
	must(t, os.Mkdir(at("sticky"), 0o700))
	must(t, os.Chmod(at("sticky"), 0o777|fs.ModeSticky))
	must(t, os.Mkdir(at("group"), 0o700))
	must(t, os.Chmod(at("group"), 0o775))
	must(t, os.Symlink("old", at("relative")))
	must(t, os.Symlink("sticky", at("to-sticky")))
	must(t, os.Symlink("../"+filepath.Base(dir)+"/./old/", at("up")))
	must(t, os.Symlink("/etc", at("to-etc")))
	must(t, os.Symlink("/proc/self", at("to-proc")))
	must(t, os.Symlink("/proc/self/cwd", at("cwd")))
	must(t, os.Symlink("/nowhere/../etc/x", at("missing-etc")))
	must(t, os.Symlink("circle", at("circle")))
	must(t, os.Symlink("nowhere", at("dangling")))
	write(t, dir, "file", "")

	const inEtc = "it leads into /etc, where the agent does not write: choose a place such as /var/lib/sysops-agent"
	tests := []struct{ name, path, real, want string }{
		{"new", at("new/deep"), at("new/deep"), ""},
		{"old", at("old"), at("old"), ""},
		{"not clean", dir + "//old/../old/.", at("old"), ""},
		{"through a link", at("relative/x"), at("old/x"), ""},
		{"through a link with ..", at("up/x"), at("old/x"), ""},
		{"through a link to nowhere", at("dangling/x"), at("nowhere/x"), ""},
		{"below a sticky directory", at("sticky/x"), at("sticky/x"), ""},
		{"below an open directory", at("open/x"), "", `everybody may write to the directory "$T/open" (mode 0777): chmod o-w it or choose another place`},
		{"open itself", at("open"), "", `everybody may write to the directory "$T/open" (mode 0777): chmod o-w it or choose another place`},
		{"sticky itself", at("sticky"), "", `others than its owner may write to this directory (mode 0777): chmod 700 "$T/sticky" when it is the agent's own, else name a directory of its own`},
		{"sticky itself, by a link", at("to-sticky"), "", `others than its owner may write to this directory (mode 0777): chmod 700 "$T/sticky" when it is the agent's own, else name a directory of its own`},
		{"a group's", at("group"), "", `others than its owner may write to this directory (mode 0775): chmod 700 "$T/group" when it is the agent's own, else name a directory of its own`},
		{"below a group's", at("group/x"), at("group/x"), ""},
		{"a file", at("file"), "", "this exists and is not a directory: move it away or name another"},
		{"below a file", at("file/x"), "", `"$T/file" is not a directory`},
		{"a circle", at("circle"), "", "more than 40 symbolic links on the way: they may form a circle"},
		{"the root", "/", "", "the root directory cannot hold the agent's files: name a directory of their own"},
		{"the root, in disguise", "/tmp/..", "", "the root directory cannot hold the agent's files: name a directory of their own"},
		{"in /etc", "/etc/sysops-agent/data", "", inEtc},
		{"/etc", "/etc", "", inEtc},
		{"in /etc, not clean", "/var/../etc/x", "", inEtc},
		{"in /etc, by a link", at("to-etc/x"), "", inEtc},
		{"in /proc, by a link", at("to-proc/cwd"), "", "it leads into /proc, where the agent does not write: choose a place such as /var/lib/sysops-agent"},
		{"through /proc", at("cwd/x"), "", "it leads into /proc, where the agent does not write: choose a place such as /var/lib/sysops-agent"},
		{"to /etc by a link to what is missing", at("missing-etc"), "", inEtc},
		{"in /usr", "/usr/local/lib/x", "", "it leads into /usr, where the agent does not write: choose a place such as /var/lib/sysops-agent"},
		{"only a similar name", "/etcetera/x", "/etcetera/x", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			real, err := checkDir(tt.path)
			if real != tt.real || relative(err) != tt.want {
				t.Errorf("got %q, error %s\nwant %q, error %s", real, relative(err), tt.real, tt.want)
			}
		})
	}
}

func TestStoreDirectory(t *testing.T) {
	dir, relative := withTree(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, mode := range map[string]fs.FileMode{"ours": 0o700, "old": 0o755, "group": 0o770, "sticky": 0o777 | fs.ModeSticky} {
		must(t, os.Mkdir(at(name), 0o700))
		must(t, os.Chmod(at(name), mode))
	}
	must(t, os.Symlink("ours", at("link")))
	write(t, dir, "file", "")
	for name, want := range map[string]string{
		"missing": "", "ours": "", "old": "",
		"group":  `others than its owner may write to the directory "$T/group" (mode 0770): look at who put what there, then chmod 700 it`,
		"sticky": `others than its owner may write to the directory "$T/sticky" (mode 0777): look at who put what there, then chmod 700 it`,
		"link":   `"$T/link" is not a directory but the history goes there: move it away`,
		"file":   `"$T/file" is not a directory but the history goes there: move it away`,
	} {
		if got := relative(checkStore(at(name))); got != want {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
	}
}

func TestStoreDirectoryIsCheckedWhenRead(t *testing.T) {
	for toml, ok := range map[string]bool{"": false, "[store]\ncheckpoint = false": true} {
		src, dir := from(t, toml)
		must(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
		must(t, os.Symlink("/tmp", filepath.Join(dir, "data/store")))
		_, _, err := Load(src)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "the history goes there") {
			t.Errorf("with %q: %v", toml, err)
		}
	}
}

func TestFiles(t *testing.T) {
	dir, relative := withTree(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, dir, "file", "")
	must(t, os.Mkdir(at("dir"), 0o700))
	listener, err := net.Listen("unix", at("socket"))
	must(t, err)
	defer listener.Close() //nolint:errcheck // the test is over
	must(t, os.Symlink("/dev/null", at("null")))

	tests := []struct {
		name, path string
		socket     bool
		want       string
	}{
		{"new", at("new"), false, ""},
		{"old", at("file"), false, ""},
		{"new socket", at("new"), true, ""},
		{"old socket", at("socket"), true, ""},
		{"below the data directory to be made", at("data/x"), false, ""},
		{"below another missing directory", at("data/deep/x"), false, `its directory "$T/data/deep" does not exist: create it, for the user of the agent`},
		{"below a file", at("file/x"), false, `"$T/file" is not a directory`},
		{"a directory", at("dir"), false, "this exists and is not a regular file: move it away or name another"},
		{"a socket as file", at("socket"), false, "this exists and is not a regular file: move it away or name another"},
		{"a file as socket", at("file"), true, "this exists and is not a socket: move it away or name another"},
		{"a link to a device", at("null"), false, "it leads into /dev, where the agent does not write: choose a place such as /var/lib/sysops-agent"},
		{"a device", "/dev/null", false, "it leads into /dev, where the agent does not write: choose a place such as /var/lib/sysops-agent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := relative(checkFile(tt.path, at("data"), tt.socket)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWhoCouldExchangeAPath(t *testing.T) {
	const foreign = `"/x" belongs to user 1001, who is neither root nor the user of the agent (1000): chown it or choose another place`
	const open = `everybody may write to the directory "/x" (mode 0777): chmod o-w it or choose another place`
	tests := []struct {
		name  string
		mode  fs.FileMode
		owner int
		want  string
	}{
		{"root's", fs.ModeDir | 0o755, 0, ""},
		{"ours", fs.ModeDir | 0o755, 1000, ""},
		{"another's", fs.ModeDir | 0o755, 1001, foreign},
		{"another's link", fs.ModeSymlink | 0o777, 1001, foreign},
		{"another's file", 0o600, 1001, foreign},
		{"a group's", fs.ModeDir | 0o775, 0, ""},
		{"everybody's", fs.ModeDir | 0o777, 0, open},
		{"everybody's, sticky", fs.ModeDir | fs.ModeSticky | 0o777, 0, ""},
		{"a link, whose mode means nothing", fs.ModeSymlink | 0o777, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := exchangeable("/x", tt.mode, tt.owner, 1000); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPathsAreCheckedWhenRead(t *testing.T) {
	tests := []struct{ name, toml, dataDir, want string }{
		{"data_dir", "[agent]\ndata_dir = \"/etc/x\"", "", `$F:2:12: agent.data_dir is "/etc/x": it leads into /etc, where the agent does not write: choose a place such as /var/lib/sysops-agent`},
		{
			"every one", "[agent]\nlog_file = \"/none/x.log\"\n[persist]\npath = \"/none/x.db\"\n[publish]\nsocket = \"/none/x.sock\"", "$T/data",
			`$F:2:12: agent.log_file is "/none/x.log": its directory "/none" does not exist: create it, for the user of the agent` + "\n" +
				`$F:4:8: persist.path is "/none/x.db": its directory "/none" does not exist: create it, for the user of the agent` + "\n" +
				`$F:6:10: publish.socket is "/none/x.sock": its directory "/none" does not exist: create it, for the user of the agent`,
		},
		{"no database, no check", "[persist]\nbackend = \"none\"\npath = \"/none/x.db\"", "$T/data", ""},
		{"a refused one is not looked at", "[agent]\ndata_dir = \"x\"\nlog_file = \"/none/x\"", "", "$F:2:12: agent.data_dir is \"x\": must be an absolute path\n" +
			`$F:3:12: agent.log_file is "/none/x": its directory "/none" does not exist: create it, for the user of the agent`},
		{"too long for a socket", "", "$T/" + strings.Repeat("d", 100), "--data-dir: the socket \"$T/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, dir := from(t, tt.toml)
			src.Overrides = nil
			if tt.dataDir != "" {
				src.Overrides = []Override{{"agent.data_dir", strings.ReplaceAll(tt.dataDir, "$T", dir), "--data-dir"}}
			}
			_, _, err := Load(src)
			got := ""
			if err != nil {
				got = strings.ReplaceAll(strings.ReplaceAll(err.Error(), src.File, "$F"), dir, "$T")
			}
			if got != tt.want && (!strings.HasSuffix(tt.want, "\"$T/") || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			src.SkipPaths = true
			if _, _, err := Load(src); err != nil && strings.Contains(err.Error(), "/none") {
				t.Errorf("paths were looked at against the wish of the caller: %v", err)
			}
		})
	}
}
