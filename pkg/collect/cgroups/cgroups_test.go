package cgroups

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/store"
)

const step = 10

var containerID = strings.Repeat("4f1d", 16)

// rig is a collector on some host.
type rig struct {
	t     testing.TB
	store *store.Store
	c     *Collector
	now   int64
	err   error
}

func newRig(t testing.TB, proc, sys string, o Options) *rig {
	t.Helper()
	st := store.Open(store.Options{})
	env := collect.Env{Proc: proc, Sys: sys, Store: st, Interval: step * time.Second, Log: zerolog.Nop()}
	return &rig{t: t, store: st, c: New(env, o), now: 1_800_000_000}
}

// onHost copies a fixture, so that it may be changed.
func onHost(t testing.TB, host string, o Options) (*rig, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", host))); err != nil {
		t.Fatal(err)
	}
	return newRig(t, dir+"/proc", dir+"/sys", o), dir + "/sys/fs/cgroup"
}

func (r *rig) tick() {
	r.now += step
	r.err = r.c.Collect(context.Background(), store.At(r.now))
}

// rows returns the labels of the rows written in the newest tick, by path.
func (r *rig) rows() map[string][]string {
	out := map[string][]string{}
	for _, row := range r.store.Shard("cgroup").Rows() {
		if at, _, ok := row.Latest(); ok && at.Unix() == r.now {
			out[row.Labels()[0]] = row.Labels()
		}
	}
	return out
}

func (r *rig) value(reading, path, name string) float64 {
	r.t.Helper()
	sh := r.store.Shard(reading)
	i := sh.Schema().Field(name)
	if i < 0 {
		r.t.Fatalf("no metric %s", name)
	}
	for _, row := range sh.Rows() {
		if path != "" && row.Labels()[0] != path {
			continue
		}
		if at, raw, ok := row.Latest(); ok && at.Unix() == r.now {
			return sh.Schema().Fields[i].Value(raw[i])
		}
	}
	r.t.Fatalf("no row %s%s", reading, path)
	return 0
}

func (r *rig) want(path string, values map[string]float64) {
	r.t.Helper()
	for name, want := range values {
		got := r.value("cgroup", path, name)
		if math.Abs(got-want) > 1e-9*math.Abs(want) || math.IsNaN(got) != math.IsNaN(want) {
			r.t.Errorf("%s: %s is %v, want %v", path, name, got, want)
		}
	}
}

func (r *rig) partial() string {
	r.t.Helper()
	var p *collect.PartialError
	switch {
	case r.err == nil:
		return ""
	case !errors.As(r.err, &p):
		r.t.Fatalf("the tick failed: %v", r.err)
	case p.Hint == "":
		r.t.Errorf("%q has no hint", p.Reason)
	}
	return p.Reason
}

var none = math.NaN()

func TestUnified(t *testing.T) {
	r, root := onHost(t, "unified", Options{})
	r.tick()
	if why := r.partial(); why != "" {
		t.Errorf("a healthy host is partial: %s", why)
	}
	pod := "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-" + containerID + ".scope"
	user := "/user.slice/user-1000.slice/user@1000.service"
	got := r.rows()
	for path, labels := range map[string][]string{
		"/system.slice/nginx.service":    {"nginx.service", "", ""},
		"/system.slice/cron.service":     {"cron.service", "", ""},
		user:                             {"user@1000.service", "", ""},
		user + "/app.slice/sync.service": {"user@1000.service/sync.service", "", ""},
		pod:                              {"cri-containerd-" + containerID + ".scope", containerID, "containerd"},
	} {
		if l := got[path]; len(l) != 4 || l[1] != labels[0] || l[2] != labels[1] || l[3] != labels[2] {
			t.Errorf("%s has %q, want %q", path, l, labels)
		}
		delete(got, path)
	}
	if len(got) > 0 {
		t.Errorf("these are neither unit nor container: %v", got)
	}
	r.want("/system.slice/nginx.service", map[string]float64{
		"cgroup.memory_bytes": 50 << 20, "cgroup.memory_limit_bytes": 100 << 20, "cgroup.memory_high_bytes": 90 << 20, "cgroup.memory_used_percent": 50,
		"cgroup.memory_anon_bytes": 30000000, "cgroup.memory_file_bytes": 20000000, "cgroup.memory_kernel_bytes": 1000000,
		"cgroup.memory_shmem_bytes": 65536, "cgroup.memory_slab_bytes": 524288, "cgroup.memory_swap_bytes": 4096,
		"cgroup.page_faults": 777, "cgroup.major_faults": 7, "cgroup.memory_high_events": 3, "cgroup.memory_max_events": 20,
		"cgroup.oom_events": 2, "cgroup.oom_kills": 1, "cgroup.cpu_percent": none,
		"cgroup.cpu_usage_seconds": 5, "cgroup.cpu_user_seconds": 3, "cgroup.cpu_system_seconds": 2,
		"cgroup.cpu_periods": 100, "cgroup.cpu_throttled_periods": 10, "cgroup.cpu_throttled_seconds": 0.25,
		"cgroup.io_read_bytes": 1010, "cgroup.io_write_bytes": 2020, "cgroup.io_reads": 4, "cgroup.io_writes": 6,
		"cgroup.pids": 9, "cgroup.pid_limit": 4915,
		"cgroup.pressure_cpu_some_percent": 1.5, "cgroup.pressure_memory_some_percent": 0.25, "cgroup.pressure_memory_full_percent": 0.12,
		"cgroup.pressure_io_full_percent": 2, "cgroup.pressure_cpu_some_seconds": 1, "cgroup.pressure_memory_full_seconds": 0.5, "cgroup.pressure_io_full_seconds": 2.5,
	})
	r.want("/system.slice/cron.service", map[string]float64{
		"cgroup.memory_limit_bytes": none, "cgroup.memory_used_percent": none, "cgroup.memory_high_bytes": none, "cgroup.cpu_periods": none,
		"cgroup.io_read_bytes": 0, "cgroup.pid_limit": none,
	})
	r.want(user, map[string]float64{"cgroup.memory_bytes": 3 << 20, "cgroup.cpu_usage_seconds": none, "cgroup.oom_kills": none, "cgroup.pids": none, "cgroup.io_reads": none, "cgroup.pressure_io_some_seconds": none})
	if v, m := r.value("cgroups", "", "cgroups.visited"), r.value("cgroups", "", "cgroups.measured"); v != 14 || m != 5 {
		t.Errorf("%g visited, %g measured", v, m)
	}
	write(t, root+"/system.slice/nginx.service/cpu.stat", "usage_usec 12500000\n")
	r.tick()
	r.want("/system.slice/nginx.service", map[string]float64{"cgroup.cpu_percent": 75})
	write(t, root+"/system.slice/nginx.service/cpu.stat", "usage_usec 1\n")
	r.tick()
	r.want("/system.slice/nginx.service", map[string]float64{"cgroup.cpu_percent": none})
	r.now += 3600
	r.tick()
	r.want("/system.slice/nginx.service", map[string]float64{"cgroup.cpu_percent": none})
}

func TestHybrid(t *testing.T) {
	r, _ := onHost(t, "hybrid", Options{})
	r.tick()
	if why := r.partial(); why != "" {
		t.Errorf("a healthy host is partial: %s", why)
	}
	r.want("/system.slice/tomcat.service", map[string]float64{
		"cgroup.memory_bytes": 200 << 20, "cgroup.memory_limit_bytes": 400 << 20, "cgroup.memory_used_percent": 50, "cgroup.memory_high_bytes": none,
		"cgroup.memory_anon_bytes": 80 << 20, "cgroup.memory_file_bytes": 100 << 20, "cgroup.memory_kernel_bytes": 8 << 20, "cgroup.memory_shmem_bytes": 4096,
		"cgroup.memory_slab_bytes": none, "cgroup.memory_swap_bytes": 8192, "cgroup.page_faults": 555, "cgroup.major_faults": 5,
		"cgroup.memory_max_events": 12, "cgroup.oom_kills": 2, "cgroup.oom_events": none,
		"cgroup.cpu_usage_seconds": 7, "cgroup.cpu_user_seconds": 4, "cgroup.cpu_system_seconds": 3,
		"cgroup.cpu_periods": 200, "cgroup.cpu_throttled_periods": 20, "cgroup.cpu_throttled_seconds": 5,
		"cgroup.io_read_bytes": 4097, "cgroup.io_write_bytes": 8194, "cgroup.io_reads": 1, "cgroup.io_writes": 2, "cgroup.pids": 42, "cgroup.pid_limit": none,
		"cgroup.pressure_memory_some_percent": 0.5, "cgroup.pressure_memory_full_seconds": 800e-6, "cgroup.pressure_cpu_some_percent": none,
	})
	r.want("/docker/"+containerID, map[string]float64{
		"cgroup.memory_limit_bytes": none, "cgroup.memory_used_percent": none, "cgroup.io_read_bytes": 4097, "cgroup.io_writes": 2,
	})
	if l := r.rows()["/docker/"+containerID]; len(l) != 4 || l[2] != containerID || l[3] != "docker" {
		t.Errorf("the container is %q", l)
	}
}

func TestRemovedGroupIsSkipped(t *testing.T) {
	r, root := onHost(t, "unified", Options{})
	if err := os.Mkdir(root+"/system.slice/gone.service", 0o755); err != nil {
		t.Fatal(err) // a directory without files: the group was removed when they were opened
	}
	r.tick()
	if why := r.partial(); why != "" {
		t.Errorf("a removed group is reported: %s", why)
	}
	if _, ok := r.rows()["/system.slice/gone.service"]; ok {
		t.Error("a removed group has a row")
	}
	if err := os.RemoveAll(root + "/system.slice"); err != nil {
		t.Fatal(err)
	}
	r.tick()
	if why := r.partial(); why != "" || len(r.rows()) != 3 {
		t.Errorf("after a slice was removed: %d rows, %s", len(r.rows()), why)
	}
	if len(r.c.groups) != 3 {
		t.Errorf("%d groups are remembered, three are left", len(r.c.groups))
	}
}

func TestLimitKeepsTheOldOnes(t *testing.T) {
	r, root := onHost(t, "unified", Options{Max: 5})
	r.tick()
	if why := r.partial(); why != "" {
		t.Fatal(why)
	}
	first := r.rows()
	for i := range 20 {
		write(t, fmt.Sprintf("%s/aaa%02d.service/memory.current", root, i), "1\n")
	}
	r.tick()
	if why := r.partial(); !strings.Contains(why, "more than 5 units") {
		t.Errorf("%q does not say that groups are left out", why)
	}
	for path := range r.rows() {
		if _, ok := first[path]; !ok {
			t.Errorf("the newcomer %s pushed an old one out", path)
		}
	}
	if got := r.value("cgroups", "", "cgroups.left_out"); got != 20 || len(r.rows()) != 5 {
		t.Errorf("%g left out, %d rows", got, len(r.rows()))
	}
}

func TestDepthAndNumberAreBounded(t *testing.T) {
	dir := t.TempDir()
	deep := dir + strings.Repeat("/d", maxDepth+3)
	write(t, deep+"/x.service/memory.current", "1\n")
	w := walk{root: dir, max: 10, most: 100, cache: &newRig(t, "", "", Options{}).c.cache}
	must(t, w.run(context.Background()))
	if w.visited != maxDepth+1 || w.unwalked != 1 || len(w.units) != 0 {
		t.Errorf("%d visited, %d unwalked, %d units", w.visited, w.unwalked, len(w.units))
	}
}

func TestNumberIsBounded(t *testing.T) {
	for name, dirs := range map[string]func(i int) string{
		"nested":   func(i int) string { return fmt.Sprintf("/%02d/%02d", i/90, i%90) },
		"siblings": func(i int) string { return fmt.Sprintf("/%05d", i) },
	} {
		t.Run(name, func(t *testing.T) {
			const most, all = keptQueue + 100, keptQueue + 200
			dir := t.TempDir()
			for i := range all {
				must(t, os.MkdirAll(dir+dirs(i), 0o755))
			}
			w := walk{root: dir, max: 10, most: most, cache: &newRig(t, "", "", Options{}).c.cache}
			must(t, w.run(context.Background()))
			if w.visited != most || w.unwalked < all-most || w.unwalked > all {
				t.Errorf("%d of %d visited, the bound is %d; %d unwalked", w.visited, all, most, w.unwalked)
			}
			if cap(w.queue) > keptQueue {
				t.Errorf("a queue of %d is kept", cap(w.queue))
			}
		})
	}
}

// TestGarbage replaces each file by each kind of garbage: the group loses at
// most what the file tells, the others lose nothing.
func TestGarbage(t *testing.T) {
	kinds := map[string]string{
		"empty": "", "binary": "\x00\xff\xfe\n\x01", "huge": strings.Repeat("9", 30) + "\n", "text": "no such number\n",
		"cut": "usage_usec 12", "minus": "-5\n",
	}
	for _, c := range []struct{ host, group, glob string }{
		{"unified", "/system.slice/nginx.service", "/system.slice/nginx.service/*.*"},
		{"hybrid", "/system.slice/tomcat.service", "/*/system.slice/tomcat.service/*.*"},
	} {
		files, err := filepath.Glob("testdata/" + c.host + "/sys/fs/cgroup" + c.glob)
		if err != nil || len(files) < 10 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, file := range files {
			for kind, content := range kinds {
				name := strings.TrimPrefix(file, "testdata/"+c.host+"/sys/fs/cgroup")
				t.Run(name+"/"+kind, func(t *testing.T) {
					r, root := onHost(t, c.host, Options{})
					write(t, root+name, content)
					r.tick()
					if why := r.partial(); kind == "binary" && !strings.Contains(why, filepath.Base(name)) {
						t.Errorf("%q does not name the file", why)
					}
					if !strings.Contains(name, "memory.") {
						r.want(c.group, map[string]float64{"cgroup.memory_used_percent": 50})
					}
					if !strings.Contains(name, "pids.") && math.IsNaN(r.value("cgroup", c.group, "cgroup.pids")) {
						t.Error("the other files are lost too")
					}
				})
			}
		}
	}
}

func TestNoHierarchy(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, dir, Options{})
	r.tick()
	if r.err == nil || collect.Classify(r.err) != collect.Transient {
		t.Errorf("without mountinfo: %v", r.err)
	}
	write(t, dir+"/self/mountinfo", "1 0 0:1 / / rw - ext4 /dev/sda rw\n")
	r.tick()
	if collect.Classify(r.err) != collect.Permanent {
		t.Errorf("without a hierarchy: %v", r.err)
	}
	write(t, dir+"/self/mountinfo", "1 0 0:1 /docker/x /sys/fs/cgroup rw - cgroup2 none rw\n")
	r.tick()
	if collect.Classify(r.err) != collect.Permanent {
		t.Errorf("with a part of a hierarchy: %v", r.err)
	}
}

// ended is a context that ends when it was asked so many times.
type ended struct {
	context.Context
	after int
}

func (e *ended) Err() error {
	if e.after--; e.after < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestDeadline ends the time at every moment at which it is looked for. What
// was measured until then does not distort the next tick.
func TestDeadline(t *testing.T) {
	for after := range 100 {
		r, root := onHost(t, "unified", Options{})
		const one = "/system.slice/cron.service"
		for i := range 20 {
			write(t, fmt.Sprintf("%s/system.slice/a%02d.service/cpu.stat", root, i), "usage_usec 0\n")
		}
		write(t, root+one+"/cpu.stat", "usage_usec 0\n")
		r.tick()
		for i := range 20 {
			write(t, fmt.Sprintf("%s/system.slice/a%02d.service/cpu.stat", root, i), "usage_usec 5000000\n")
		}
		r.now += step
		err := r.c.Collect(&ended{context.Background(), after}, store.At(r.now))
		if err == nil {
			if after < 8 {
				t.Errorf("the context was asked only %d times", after)
			}
			return
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("after %d: %v", after, err)
		}
		for i := range 20 {
			write(t, fmt.Sprintf("%s/system.slice/a%02d.service/cpu.stat", root, i), "usage_usec 10000000\n")
		}
		r.tick()
		for i := range 20 {
			r.want(fmt.Sprintf("/system.slice/a%02d.service", i), map[string]float64{"cgroup.cpu_percent": 50})
		}
	}
	t.Error("no end")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}
