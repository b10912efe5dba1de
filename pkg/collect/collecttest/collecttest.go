// Package collecttest helps to test collectors: fixture hosts, spoiled files,
// and what came into the store.
package collecttest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/store"
)

// Interval is the interval of every Env made here.
const Interval = 10 * time.Second

// Hosts returns the directories of all fixture hosts, by name.
func Hosts(t testing.TB) map[string]string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "../../../testdata/hosts")
	list, err := os.ReadDir(root)
	if err != nil {
		t.Fatalf("no fixture hosts: %v", err)
	}
	hosts := map[string]string{}
	for _, d := range list {
		hosts[d.Name()] = filepath.Join(root, d.Name())
	}
	return hosts
}

// Env returns an environment with an empty store whose procfs and sysfs lie
// in dir; "/" is this very host.
func Env(t testing.TB, dir string) collect.Env {
	t.Helper()
	st := store.Open(store.Options{})
	t.Cleanup(func() { _ = st.Close() })
	return collect.Env{
		Proc: filepath.Join(dir, "proc"), Sys: filepath.Join(dir, "sys"),
		Store: st, Interval: Interval,
	}
}

// Tree makes a directory of the given files: relative path → content. A
// content that begins with "->" is a symbolic link to what follows.
func Tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		Write(t, dir, path, content)
	}
	return dir
}

// Write creates or replaces one file of a tree.
func Write(t testing.TB, dir, path, content string) {
	t.Helper()
	full := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if target, ok := strings.CutPrefix(content, "->"); ok {
		err = os.Symlink(target, full)
	} else {
		err = os.WriteFile(full, []byte(content), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Copy copies a fixture host, to be changed.
func Copy(t testing.TB, host string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(host)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Row is what one row holds now: labels in their order, and the values that
// are not absent by metric name; counters scaled, cumulative.
type Row struct {
	Labels []string
	Values map[string]float64
}

// Rows returns the rows of a reading that were written at tick t or later, by
// their identifying labels joined with "|".
func Rows(t testing.TB, st *store.Store, reading string, since store.Tick) map[string]Row {
	t.Helper()
	sh := st.Shard(reading)
	if sh == nil {
		t.Fatalf("no shard %q", reading)
	}
	rows := map[string]Row{}
	for _, r := range sh.Rows() {
		at, raw, ok := r.Latest()
		if !ok || at.Before(since.Wall) {
			continue
		}
		row := Row{Labels: r.Labels(), Values: map[string]float64{}}
		var key []string
		for i, l := range sh.Schema().Labels {
			if !l.Attr {
				key = append(key, row.Labels[i])
			}
		}
		for i := range sh.Schema().Fields {
			f := &sh.Schema().Fields[i]
			if v := f.Value(raw[i]); v == v { //nolint:staticcheck // not NaN
				row.Values[f.Name] = v
			}
		}
		rows[strings.Join(key, "|")] = row
	}
	return rows
}

// Same reports every value of got that differs from want, or is not in want.
// Values that got lacks are not reported.
func Same(t testing.TB, what string, got, want map[string]Row) {
	t.Helper()
	for key, row := range got {
		for name, v := range row.Values {
			if w, ok := want[key].Values[name]; !ok || v != w {
				t.Errorf("%s: row %q: %s is %v, want %v or absent", what, key, name, v, w)
			}
		}
	}
}

var digits = regexp.MustCompile(`[0-9]+`)

// Variant is one way in which a file is spoiled.
type Variant struct {
	Name string
	Cut  bool // cut off within a line: what is still there is right
}

// Spoil replaces one file of a tree by garbage of many kinds, calls f after
// each, and puts the file back.
func Spoil(t testing.TB, dir, path string, f func(Variant)) {
	t.Helper()
	full := filepath.Join(dir, path)
	good, err := os.ReadFile(full)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"empty":    {},
		"newlines": bytes.Repeat([]byte("\n"), 9),
		"binary":   bytes.Repeat([]byte{0, 0xff, ':', ' ', 0x80, '\n', '-', '\t'}, 300),
		"spaces":   bytes.Repeat([]byte(" "), 5000),
		"one line": bytes.ReplaceAll(good, []byte("\n"), []byte(" ")),
		"long":     bytes.Repeat(bytes.TrimSuffix(good, []byte("\n")), 20),
		"huge":     digits.ReplaceAll(good, []byte("99999999999999999999999999")),
		"maximum":  digits.ReplaceAll(good, []byte("18446744073709551615")),
		"negative": digits.ReplaceAll(good, []byte("-7")),
		"letters":  digits.ReplaceAll(good, []byte("x")),
		"words":    []byte(strings.Repeat("name ", 4000) + "\n"),
	} {
		Write(t, dir, path, string(bad))
		f(Variant{Name: path + " " + name})
	}
	for n := 0; n < len(good); n += 1 + len(good)/200 {
		Write(t, dir, path, string(good[:n]))
		f(Variant{Name: path + " cut after byte " + strconv.Itoa(n), Cut: n == 0 || good[n-1] != '\n'})
	}
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	f(Variant{Name: path + " missing"})
	Write(t, dir, path, string(good))
}

// Files returns the regular files of a tree whose relative path matches
// pattern.
func Files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var list []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && re.MatchString(path) {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// AsNobody runs f without the rights of root over files, in a thread of its
// own: what f opens must be opened by f's own goroutine.
func AsNobody(t testing.TB, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Getuid() == 0 {
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			t.Fatal(err)
		}
		defer unix.SetfsuidRetUid(0) //nolint:errcheck // it reports the former id, never an error
	}
	f()
}
