package cgroups

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"sysops-agent/pkg/cgroup"
)

// realGroup makes a group of that name in every hierarchy that the agent
// reads, with a memory limit, and returns its directories.
func realGroup(t *testing.T, name string, limit int) (dirs map[string]string) {
	t.Helper()
	l, err := cgroup.Find("/proc", "/sys")
	if err != nil {
		t.Skipf("no control groups here: %v", err)
	}
	dirs = map[string]string{}
	for _, ctl := range []string{"memory", "cpuacct", "cpu", "blkio", "pids"} {
		dir, ok := l.Dir(ctl, "/"+name)
		if !ok {
			continue
		}
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			t.Skipf("make a group (as root, on a host that allows it): %v", err)
		}
		t.Cleanup(func() { remove(t, dir) })
		dirs[ctl] = dir
	}
	file := "memory.max"
	if l.V1("memory") {
		file = "memory.limit_in_bytes"
	}
	if err := os.WriteFile(filepath.Join(dirs["memory"], file), []byte(strconv.Itoa(limit)), 0o644); err != nil {
		t.Skipf("limit the memory of a group: %v", err)
	}
	return dirs
}

// remove removes a group as soon as the kernel has let go of its last process.
func remove(t *testing.T, dir string) {
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("remove the group: %v", err)
			return
		}
	}
}

// TestRealOOMKill lets a process in a real group run into its limit and finds
// the kill, the limit and the CPU time in the group's row.
func TestRealOOMKill(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to make control groups")
	}
	name := fmt.Sprintf("sysops-test-%d.service", os.Getpid())
	dirs := realGroup(t, name, 16<<20)
	script := "for d in \"$@\"; do echo $$ > $d/cgroup.procs; done; exec tail /dev/zero"
	args := []string{"-c", script, "sh"}
	seen := map[string]bool{}
	for _, d := range dirs {
		if !seen[d] {
			seen[d] = true
			args = append(args, d)
		}
	}
	out, err := exec.Command("/bin/sh", args...).CombinedOutput()
	if err == nil {
		t.Fatalf("a process that wants all memory got it: %s", out)
	}
	r := newRig(t, "/proc", "/sys", Options{})
	r.tick()
	if why := r.partial(); why != "" {
		t.Error(why)
	}
	path := "/" + name
	r.want(path, map[string]float64{"cgroup.memory_limit_bytes": 16 << 20, "cgroup.oom_kills": 1, "cgroup.pids": 0})
	if got := r.value("cgroup", path, "cgroup.memory_max_events"); !(got > 0) {
		t.Errorf("%g times at the limit", got)
	}
	if got := r.value("cgroup", path, "cgroup.cpu_usage_seconds"); !(got > 0) || got > 60 {
		t.Errorf("%g s of CPU", got)
	}
	if got := r.value("cgroup", path, "cgroup.memory_bytes"); math.IsNaN(got) || got > 16<<20 {
		t.Errorf("%g bytes in a group of at most 16 MiB", got)
	}
	if l := r.rows()[path]; len(l) != 4 || l[1] != name {
		t.Errorf("labels %q", l)
	}
}

// TestGroupsThatComeAndGo: groups are made and removed while they are walked
// and read; no tick may report that.
func TestGroupsThatComeAndGo(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to make control groups")
	}
	name := fmt.Sprintf("sysops-test-churn-%d.service", os.Getpid())
	dir := realGroup(t, name, 16<<20)["memory"]
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			sub := fmt.Sprintf("%s/short%d.service", dir, i%10)
			if err := os.Mkdir(sub, 0o755); err == nil {
				_ = os.Remove(sub)
			}
		}
	}()
	r := newRig(t, "/proc", "/sys", Options{})
	for range 200 {
		r.tick()
		if why := r.partial(); why != "" {
			t.Errorf("a group that was removed is reported: %s", why)
			break
		}
	}
	close(stop)
	<-done
}
