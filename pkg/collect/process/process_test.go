package process

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/cgroup"
	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/store"
)

func TestSmallVM(t *testing.T) {
	r := newRig(t, hosts+"small-vm/proc", Options{Watch: []string{"postgres", "kworker/R-rcu_gp"}, TopN: 1})
	r.sweep()
	if why := r.partial(); why != "" {
		t.Errorf("a healthy host is partial: %s", why)
	}
	hz := float64(r.c.units.hz)
	r.want(412, map[string]float64{
		"proc.cpu_percent": math.NaN(), "proc.cpu_user_seconds": 64000 / hz, "proc.cpu_system_seconds": 8100 / hz,
		"proc.rss_bytes": 46018 * float64(r.c.units.page), "proc.vsz_bytes": 226 << 20,
		"proc.rss_anon_bytes": 41000 << 10, "proc.rss_file_bytes": 12000 << 10, "proc.rss_shmem_bytes": 131072 << 10, "proc.swap_bytes": 2048 << 10,
		"proc.threads": 1, "proc.fd_count": 7, "proc.fd_limit": 1024, "proc.fd_used_percent": 700.0 / 1024, "proc.state": 2,
		"proc.uptime_seconds": float64(r.now) - 911/hz, "proc.minor_faults": 5000, "proc.major_faults": 30,
		"proc.read_bytes": 734003200, "proc.write_bytes": 94371840, "proc.read_syscalls": 51234, "proc.write_syscalls": 43210,
		"proc.voluntary_switches": 100, "proc.involuntary_switches": 7,
	})
	for label, want := range map[string]string{"name": "postgres", "unit": "postgresql@15-main.service", "uid": "114", "start": "911"} {
		if _, ok := r.value("process", "proc.state", label, want); !ok {
			t.Errorf("no row with %s %q", label, want)
		}
	}
	r.want(58, map[string]float64{"proc.rss_bytes": 0, "proc.fd_count": math.NaN(), "proc.read_bytes": math.NaN(), "proc.swap_bytes": math.NaN(), "proc.state": 7})
	for name, want := range map[string]float64{
		"procs.total": 6, "procs.kernel_threads": 3, "procs.threads": 6, "procs.state_sleeping": 4, "procs.state_idle": 2,
		"procs.state_zombie": 0, "procs.fd_count": 0, "procs.denied": 0, "procs.untracked": 0,
	} {
		if got := r.total(name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	if _, ok := r.value("process", "proc.state", "pid", "980"); ok {
		t.Error("nginx has a row, though it is neither watched nor a second time among the top")
	}
	r.sweep()
	if got := r.total("procs.fd_count"); got != 16 { // counted in the first sweep
		t.Errorf("%g fds, want 16", got)
	}
}

func TestKubernetesNode(t *testing.T) {
	r := newRig(t, hosts+"four-node/proc", Options{Watch: []string{"python3"}})
	r.sweep()
	r.want(7788, map[string]float64{
		"proc.rss_bytes": ((700 << 30) + (1 << 30) + (64 << 30)) / 4096 * float64(r.c.units.page),
		"proc.fd_count":  6, "proc.fd_limit": math.NaN(), "proc.fd_used_percent": math.NaN(), "proc.threads": 65,
	})
	if _, ok := r.value("process", "proc.state", "container", strings.Repeat("4f1d", 16)); !ok {
		t.Error("the row does not tell its container")
	}
}

func TestCPUPercentOfRows(t *testing.T) {
	proc := copyHost(t, "small-vm")
	r := newRig(t, proc, Options{Watch: []string{"nginx"}})
	r.sweep()
	file := filepath.Join(proc, "980/stat")
	b, _ := os.ReadFile(file)
	hz := int(r.c.units.hz)
	write(t, file, strings.Replace(string(b), " 500 120 ", " "+strconv.Itoa(500+40*hz)+" "+strconv.Itoa(120+5*hz)+" ", 1))
	r.sweep()
	r.want(980, map[string]float64{"proc.cpu_percent": 150}) // 45 s in 30
	write(t, file, string(b))
	r.sweep()
	r.want(980, map[string]float64{"proc.cpu_percent": math.NaN()})
	r.now += 3600 // the host slept
	r.sweep()
	r.want(980, map[string]float64{"proc.cpu_percent": math.NaN()})
	r.sweep()
	r.want(980, map[string]float64{"proc.cpu_percent": 0})
}

// TestSlowSweeps sweeps less often than proctable expects by itself.
func TestSlowSweeps(t *testing.T) {
	proc := copyHost(t, "small-vm")
	r := newRig(t, proc, Options{Watch: []string{"nginx"}})
	r.c.env.Interval = 10 * time.Minute
	r.c = New(r.c.env, r.table, r.c.opt)
	r.sweep()
	r.now += 570
	r.sweep()
	if p := r.live(980); math.IsNaN(p.CPUPercent) {
		t.Error("ten minutes count as a gap when the sweeps are ten minutes apart")
	}
}

// TestLongCgroup puts a process into a group with a path of 4 KB.
func TestLongCgroup(t *testing.T) {
	proc := copyHost(t, "small-vm")
	path := "/system.slice/deep.service" + strings.Repeat("/xxxxxxxxxxxxxxx", 250)
	write(t, filepath.Join(proc, "980/cgroup"), "0::"+path+"\n")
	r := newRig(t, proc, Options{Watch: []string{"nginx"}})
	r.sweep()
	r.sweep()
	if p := r.live(980); len(p.Cgroup) > cgroup.MaxShort || !strings.HasPrefix(p.Cgroup, path[:400]) {
		t.Errorf("%d bytes are kept: %s", len(p.Cgroup), p.Cgroup)
	}
	if _, ok := r.value("process", "proc.cpu_percent", "unit", "deep.service"); !ok {
		t.Error("the unit is lost")
	}
}

func TestTopEntersAndLeaves(t *testing.T) {
	proc := copyHost(t, "small-vm")
	r := newRig(t, proc, Options{TopN: 1})
	has := func(pid string) bool { _, ok := r.value("process", "proc.state", "pid", pid); return ok }
	r.sweep()
	if has("412") {
		t.Error("a row after one sweep among the top")
	}
	r.sweep()
	if !has("412") {
		t.Error("no row after two sweeps among the top")
	}
	// All of the top becomes small.
	if err := os.RemoveAll(filepath.Join(proc, "412/fd")); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []string{"412", "980"} {
		b, _ := os.ReadFile(filepath.Join(proc, "1/stat"))
		write(t, filepath.Join(proc, pid, "stat"), strings.Replace(strings.Replace(string(b), "1 (", pid+" (", 1), " 1150 ", " 2 ", 1))
	}
	for i := range 4 {
		r.sweep()
		if has("412") {
			t.Errorf("sweep %d: the pid was given again (another start), yet the row goes on", i)
		}
	}
	if !has("1") {
		t.Error("pid 1 is the greatest now and has no row")
	}
}

func TestPIDReuse(t *testing.T) {
	proc := copyHost(t, "small-vm")
	r := newRig(t, proc, Options{Watch: []string{"nginx"}})
	r.sweep()
	file := filepath.Join(proc, "980/stat")
	b, _ := os.ReadFile(file)
	started := strconv.FormatUint(uint64(r.now+5)*r.c.units.hz, 10)
	write(t, file, strings.Replace(string(b), " 1203 ", " "+started+" ", 1))
	r.sweep()
	// 6.2 s of CPU since the last sweep, though the pid had used as much before.
	used := 620 / float64(r.c.units.hz) / step * 100
	if got, ok := r.value("process", "proc.cpu_percent", "start", started); !ok || math.Abs(got-used) > 1e-9 {
		t.Errorf("the new process used %g %% (%v), want %g", got, ok, used)
	}
	if _, ok := r.value("process", "proc.cpu_percent", "start", "1203"); ok {
		t.Error("the process that ended still gets values")
	}
	if r.total("procs.started") != 1 || r.total("procs.exited") != 1 || r.total("procs.remembered") != 1 {
		t.Errorf("started %g, exited %g, remembered %g", r.total("procs.started"), r.total("procs.exited"), r.total("procs.remembered"))
	}
}

func TestEndedProcessLeavesSilently(t *testing.T) {
	proc := copyHost(t, "small-vm")
	r := newRig(t, proc, Options{Watch: []string{"nginx", "postgres"}})
	r.sweep()
	for _, gone := range []string{"980/status", "980/io", "980/limits", "980/cgroup", "980/fd", "412/stat"} {
		if err := os.RemoveAll(filepath.Join(proc, gone)); err != nil {
			t.Fatal(err)
		}
	}
	r.sweep()
	if why := r.partial(); why != "" {
		t.Errorf("ended processes are reported: %s", why)
	}
	if _, ok := r.table.Live(412); ok {
		t.Error("a process without stat is still alive")
	}
	if p := r.live(980); p.FDs != 4 || p.RSS == 0 {
		t.Errorf("what is known of a dying process is lost: %+v", p)
	}
}

func TestWeirdProcesses(t *testing.T) {
	r := newRig(t, hosts+"weird/proc", Options{Watch: []string{"unlimited", "zombie"}})
	r.sweep()
	if why := r.partial(); !strings.Contains(why, "weird/proc/2") || !strings.Contains(why, "more") {
		t.Errorf("no broken file is named: %s", why)
	}
	for pid, name := range map[uint32]string{
		10: "evil) S 1 1 1 (", 11: "new\ufffdline", 12: "\ufffd[2Jansi\ufffd", 14: "", 15: " spaces  ", 16: "zombie", 24: "huge",
	} {
		if p := r.live(pid); p.Name.String() != name {
			t.Errorf("pid %d is called %q, want %q", pid, p.Name, name)
		}
	}
	for _, pid := range []uint32{20, 21, 22, 25, 26, 27} {
		if _, ok := r.table.Live(pid); ok {
			t.Errorf("pid %d was made out of garbage", pid)
		}
	}
	r.want(16, map[string]float64{"proc.state": 5, "proc.rss_bytes": 0, "proc.rss_anon_bytes": math.NaN(), "proc.fd_limit": 0, "proc.fd_count": math.NaN()})
	r.want(17, map[string]float64{"proc.fd_limit": math.NaN(), "proc.fd_used_percent": math.NaN(), "proc.fd_count": 3})
	if p := r.live(24); p.RSS != math.MaxUint64/2 || p.Parts&^proctable.HasCgroup != 0 {
		t.Errorf("the process of huge numbers: %+v", p)
	}
	if got := r.total("procs.total"); got != 11 {
		t.Errorf("%g processes, want 11", got)
	}
}

// TestGarbage replaces each file of a process by each kind of garbage: that
// process at most loses what the file tells, all others keep theirs.
func TestGarbage(t *testing.T) {
	kinds := map[string]func(old string) string{
		"empty":   func(string) string { return "" },
		"binary":  func(string) string { return "\x00\xff\xfe\x01\n\x80(\x00)\n" },
		"huge":    func(string) string { return strings.Repeat("99999999999999999999999 ", 200) },
		"long":    func(s string) string { return s + strings.Repeat("x", 1<<17) },
		"half":    func(s string) string { return s[:len(s)/2] },
		"no line": func(s string) string { return strings.ReplaceAll(s, "\n", " ") },
	}
	for _, file := range []string{"stat", "status", "io", "limits", "cgroup"} {
		for kind, spoil := range kinds {
			t.Run(file+"/"+kind, func(t *testing.T) {
				proc := copyHost(t, "small-vm")
				path := filepath.Join(proc, "980", file)
				b, _ := os.ReadFile(path)
				write(t, path, spoil(string(b)))
				r := newRig(t, proc, Options{Watch: []string{"nginx", "postgres"}})
				r.sweep()
				r.partial()
				r.want(412, map[string]float64{"proc.fd_count": 7, "proc.read_bytes": 734003200, "proc.swap_bytes": 2048 << 10, "proc.fd_limit": 1024})
				if file != "stat" {
					r.want(980, map[string]float64{"proc.threads": 1, "proc.fd_count": 4})
				}
			})
		}
	}
	t.Run("every cut of stat", func(t *testing.T) {
		proc := copyHost(t, "small-vm")
		path := filepath.Join(proc, "980/stat")
		b, _ := os.ReadFile(path)
		r := newRig(t, proc, Options{Watch: []string{"nginx"}})
		for i := range len(b) {
			write(t, path, string(b[:i]))
			r.sweep()
			r.partial()
		}
	})
}

func TestUnreadableProcess(t *testing.T) {
	proc := copyHost(t, "small-vm")
	r := newRig(t, proc, Options{Watch: []string{"nginx"}})
	r.sweep()
	// Reading a directory gives EISDIR: neither gone nor forbidden.
	path := filepath.Join(proc, "980/stat")
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	r.sweep()
	if why := r.partial(); !strings.Contains(why, "980/stat") {
		t.Errorf("%q does not name the file", why)
	}
	if r.live(980).Ended {
		t.Error("a process that cannot be read counts as ended")
	}
}

func TestFailures(t *testing.T) {
	r := newRig(t, filepath.Join(t.TempDir(), "none"), Options{})
	r.sweep()
	if !errors.Is(r.err, fs.ErrNotExist) {
		t.Errorf("without /proc: %v", r.err)
	}
	r = newRig(t, t.TempDir(), Options{})
	r.sweep()
	if r.err == nil || !strings.Contains(r.err.Error(), "mounted procfs") {
		t.Errorf("with an empty /proc: %v", r.err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "1/stat"), "garbage")
	r = newRig(t, dir, Options{})
	r.sweep()
	if r.err == nil || collect.Classify(r.err) != collect.Transient || !strings.Contains(r.err.Error(), "1/stat") {
		t.Errorf("with nothing but garbage: %v", r.err)
	}
	r = newRig(t, hosts+"small-vm/proc", Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.c.Collect(ctx, store.At(t0)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestHiddenProcesses(t *testing.T) {
	proc := copyHost(t, "small-vm")
	if err := os.RemoveAll(filepath.Join(proc, "1")); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, proc, Options{})
	r.sweep()
	if why := r.partial(); !strings.Contains(why, "hidepid") {
		t.Errorf("without pid 1: %q", why)
	}
}

func TestNewProcessesAreReadOverSeveralSweeps(t *testing.T) {
	r := newRig(t, synthetic(t, 30), Options{})
	r.c.maxNew = 20
	r.sweep()
	count := func() (n int) {
		for _, p := range r.table.List(nil, proctable.ByRSS, 0) {
			if p.Parts&proctable.HasStatus != 0 {
				n++
			}
		}
		return n
	}
	if n := count(); n != 20 {
		t.Errorf("details of %d processes after the first sweep, want 20", n)
	}
	r.sweep()
	if n := count(); n != 30 {
		t.Errorf("details of %d processes after the second sweep, want all", n)
	}
}
