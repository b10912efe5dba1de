package disk

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/store"
)

// inNamespace runs the calling test again, alone, in a process with its own
// mount namespace, where it may mount what it likes. It returns true there;
// the caller returns when it is false.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("SYSOPS_TEST_NAMESPACE") == t.Name() {
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("only root can mount: run the tests as root to cover this")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "SYSOPS_TEST_NAMESPACE="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(out), "operation not permitted") && !strings.Contains(string(out), "=== RUN"):
		t.Skipf("this system gives no mount namespace: %s", out)
	case err != nil:
		t.Errorf("in a mount namespace: %v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("in a mount namespace: %s", out)
	}
	return false
}

// A FUSE filesystem whose server never answers hangs in statfs(2) as a dead
// NFS mount does, in the real kernel.
func TestRealHang(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	server, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no FUSE here to hang on: %v", err)
	}
	dir := t.TempDir()
	point := filepath.Join(dir, "dead mount")
	if err := os.Mkdir(point, 0o755); err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", server.Fd())
	if err := unix.Mount("server.example:/x", point, "fuse.dead", 0, options); err != nil {
		t.Skipf("FUSE cannot be mounted here: %v", err)
	}
	// Our own mounts, not those of process 1: the namespace is for the test.
	tree := collecttest.Tree(t, map[string]string{
		"proc/self/mountinfo": "->/proc/self/mountinfo", "proc/1/mountinfo": "->/proc/self/mountinfo", "proc/filesystems": "->/proc/filesystems",
	})
	env := collecttest.Env(t, tree)
	c := newFilesystem(t, env, nil, config.Filesystem{ExcludeMounts: config.Globs{"/tmp"}, Timeout: 50 * time.Millisecond})
	key := point + "|server.example:/x|fuse.dead"
	sweep := func(at int64) (map[string]collecttest.Row, error) {
		err := c.Collect(context.Background(), store.At(at))
		return collecttest.Rows(t, env.Store, "filesystem", store.At(at)), err
	}
	for i := range int64(3) {
		rows, err := sweep(60 * (i + 1))
		if collect.Classify(err) != collect.PartialOK || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("error %v", err)
		}
		if v := rows[key].Values; v["filesystem.stuck"] != 1 || len(v) != 2 {
			t.Errorf("the dead mount: %v", v)
		}
		if len(rows) < 2 {
			t.Errorf("the living filesystems are missing: %v", rows)
		}
		if n := len(c.prober.out); n != 1 {
			t.Errorf("%d calls are outstanding for one dead mount", n)
		}
	}
	// The server goes away for good: the kernel ends the call with an error.
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	pr := <-c.prober.done
	c.prober.settle(pr)
	rows, err := sweep(240)
	if v := rows[key].Values; v["filesystem.stuck"] != 0 || err == nil || !strings.Contains(err.Error(), "cannot be asked") {
		t.Errorf("after the connection was cut: %v, %v", v, err)
	}
	if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
		t.Error(err)
	}
	if rows, err := sweep(300); err != nil || rows[key].Values != nil {
		t.Errorf("after the unmount: %v, %v", rows[key], err)
	}
}

// In a namespace such as systemd makes for ProtectSystem=strict and
// PrivateTmp the host's mounts are measured, not the sandbox's.
func TestRealSandbox(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	// The process outside stands for process 1, which is not everywhere ours.
	tree := collecttest.Tree(t, map[string]string{
		"proc/self": "->/proc/self", "proc/1": fmt.Sprintf("->/proc/%d", os.Getppid()), "proc/filesystems": "->/proc/filesystems",
	})
	before, err := sweepFilesystem(t, tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("the root cannot be made read-only: %v", err)
	}
	t.Cleanup(func() { // for the other cleanups
		if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, ""); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mount("private", "/dev/shm", "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || !strings.Contains(string(own), "private") {
		t.Fatalf("the sandbox is not one: %v\n%s", err, own)
	}
	after, err := sweepFilesystem(t, tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(before) == 0 {
		t.Error("nothing is measured")
	}
	for key, row := range before {
		for _, name := range []string{"filesystem.size_bytes", "filesystem.read_only", "filesystem.inodes"} {
			if got := after[key].Values[name]; got != row.Values[name] {
				t.Errorf("%s %s is %v in the sandbox, %v outside", key, name, got, row.Values[name])
			}
		}
	}
	for key := range after {
		if strings.Contains(key, "private") {
			t.Errorf("the sandbox's own mount is measured: %s", key)
		}
	}
}
