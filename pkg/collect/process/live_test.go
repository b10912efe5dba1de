package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/store"
)

// asNobody is set for the copy of this test that runs without privileges; its
// value is the /proc to look at.
const asNobody = "SYSOPS_TEST_PROC_AS_NOBODY"

func TestMain(m *testing.M) {
	if proc := os.Getenv(asNobody); proc != "" {
		os.Exit(lookAsNobody(proc))
	}
	os.Exit(m.Run())
}

// child starts a process that waits until the test is over.
func child(t *testing.T, path string, args ...string) (pid uint32, stdin io.Writer) {
	t.Helper()
	cmd := exec.Command(path, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return uint32(cmd.Process.Pid), in
}

func TestOwnProcess(t *testing.T) {
	r := newRig(t, "/proc", Options{})
	r.c.maxNew = 1 << 20 // however many there are
	if err := r.c.Collect(t.Context(), store.Now()); err != nil {
		t.Logf("partial: %v", err)
	}
	p := r.live(uint32(os.Getpid()))
	const all = proctable.HasStatus | proctable.HasIO | proctable.HasLimits | proctable.HasCgroup | proctable.HasFDs
	if p.Parts != all {
		t.Errorf("of this very process only %b is known, want %b", p.Parts, all)
	}
	if p.RSS < 1<<20 || p.Threads < 2 || int(p.PPID) != os.Getppid() || int(p.UID) != os.Getuid() || p.Kernel {
		t.Errorf("%+v", p)
	}
	if age := p.Uptime(); age <= 0 || age > 24*time.Hour {
		t.Errorf("this test runs for %s", age)
	}
	if p, ok := r.table.Live(2); ok && (!p.Kernel || p.Name.String() != "kthreadd") {
		t.Errorf("kthreadd is %+v", p)
	}
}

// TestManyFDs opens as many files as the limit allows and asks both ways of
// counting.
func TestManyFDs(t *testing.T) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	n := int(min(lim.Cur, 20000)) - 200
	if n < 100 {
		t.Skipf("only %d files may be opened here", lim.Cur)
	}
	for range n {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	tr := tree{root: "/proc"}
	if err := tr.open(); err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	dir, err := tr.dir(uint32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	entries, err := tr.fdEntries(dir)
	if err != nil || int(entries) < n || int(entries) > n+100 {
		t.Errorf("%d entries (%v), opened %d", entries, err, n)
	}
	if !tr.sized {
		t.Log("this kernel does not tell the number of fds as the size of the directory (it is older than 6.2)")
		return
	}
	size, err := tr.fdSize(uint32(os.Getpid()))
	if err != nil || size+1 != entries { // one is open while the entries are read
		t.Errorf("size %d (%v), entries %d", size, err, entries)
	}
}

func TestHundredThousandFDs(t *testing.T) {
	proc := memoryDir(t)
	if err := os.CopyFS(proc, os.DirFS(hosts+"small-vm/proc")); err != nil {
		t.Fatal(err)
	}
	fd := filepath.Join(proc, "980/fd")
	for i := 4; i < 100_000; i++ { // 0 to 3 are there
		if err := os.WriteFile(filepath.Join(fd, strconv.Itoa(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t, proc, Options{Watch: []string{"nginx"}})
	r.sweep()
	r.want(980, map[string]float64{"proc.fd_count": 100_000, "proc.fd_used_percent": 100_000 / 10.24})
}

// TestExec: the same process under another name is read again at once.
func TestExec(t *testing.T) {
	pid, stdin := child(t, "/bin/sh", "-c", "read x; exec cat")
	r := newRig(t, "/proc", Options{})
	r.c.maxNew = 1 << 20
	collectUntil(t, r, pid, "sh")
	before := r.live(pid)
	if _, err := io.WriteString(stdin, "go\n"); err != nil {
		t.Fatal(err)
	}
	collectUntil(t, r, pid, "cat")
	after := r.live(pid)
	if after.ID != before.ID || after.Parts&proctable.HasStatus == 0 {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if st := r.table.Stats(); st.Live == 0 {
		t.Error("nothing lives")
	}
}

// collectUntil sweeps until the process has that name: when a child has done
// its exec is up to the kernel.
func collectUntil(t *testing.T, r *rig, pid uint32, name string) {
	t.Helper()
	for {
		_ = r.c.Collect(t.Context(), store.Now())
		if p, ok := r.table.Live(pid); ok && p.Name.String() == name {
			return
		}
		if t.Context().Err() != nil {
			t.Fatalf("pid %d never became %s", pid, name)
		}
	}
}

// TestProcessesThatEndDuringTheSweep: processes come and go as fast as they
// can while sweeps run; no sweep may report anything.
func TestProcessesThatEndDuringTheSweep(t *testing.T) {
	pid, _ := child(t, "/bin/sh", "-c", "while :; do /bin/true & /bin/true & wait; done")
	r := newRig(t, "/proc", Options{TopN: 10})
	for range 100 {
		r.sweep()
		if why := r.partial(); why != "" {
			t.Fatalf("a process that ended is reported: %s", why)
		}
	}
	if st := r.table.Stats(); st.Exited == 0 || st.Started == 0 {
		t.Errorf("%+v with a child (%d) that starts processes all the time", st, pid)
	}
}

// TestWithoutPrivileges runs this test as nobody, on /proc as it is and on one
// that hides the processes of others.
func TestWithoutPrivileges(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become nobody and to mount /proc with hidepid")
	}
	bin := publicCopy(t)
	for name, c := range map[string]struct{ options, want, never string }{
		"open":      {"", "class 1", "hidepid"},
		"noaccess":  {"hidepid=noaccess", "class 1", "pid 1 is not there"},
		"invisible": {"hidepid=invisible", "hidepid", "class 0"},
	} {
		t.Run(name, func(t *testing.T) {
			proc := "/proc"
			if c.options != "" {
				proc = t.TempDir()
				if err := unix.Mount("proc", proc, "proc", 0, c.options); err != nil {
					t.Skipf("mount procfs with %s: %v", c.options, err)
				}
				t.Cleanup(func() { _ = unix.Unmount(proc, unix.MNT_DETACH) })
				for dir := filepath.Dir(proc); dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
					if err := os.Chmod(dir, 0o755); err != nil {
						t.Fatal(err)
					}
				}
			}
			cmd := exec.Command(bin)
			cmd.Env = []string{asNobody + "=" + proc}
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) || strings.Contains(string(out), c.never) ||
				!strings.Contains(string(out), "itself true") || !strings.Contains(string(out), "CAP_SYS_PTRACE") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// publicCopy returns a copy of this test that nobody may execute.
func publicCopy(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "sysops-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bin := filepath.Join(dir, "process.test")
	if err := os.WriteFile(bin, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return bin
}

// lookAsNobody is what the unprivileged copy does: one sweep, told in words.
func lookAsNobody(proc string) int {
	st := store.Open(store.Options{})
	tab := proctable.New(proctable.Options{})
	c := New(collect.Env{Proc: proc, Store: st, Interval: step * time.Second}, tab, Options{})
	c.maxNew = 1 << 20
	err := c.Collect(context.Background(), store.Now())
	var p *collect.PartialError
	hint := ""
	if errors.As(err, &p) {
		hint = p.Hint
	}
	me, ok := tab.Live(uint32(os.Getpid()))
	fmt.Printf("class %d; itself %v; %d processes; %v; %s\n",
		collect.Classify(err), ok && me.Parts&proctable.HasIO != 0, tab.Totals().Processes, err, hint)
	return 0
}
