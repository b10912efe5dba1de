package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
)

// faulty is a ledger on a directory that something happens to.
type faulty struct {
	*ledger
	part *state.Part
}

func newFaulty(t testing.TB, dir string) *faulty {
	part := state.New().Part(state.Store, "store")
	return &faulty{newLedger(t, Options{Dir: dir, State: part}), part}
}

// sweeps writes n slots, giving the journal the time to write each.
func (f *faulty) sweeps(n int) {
	for range n {
		f.sweep("a", "b")
		synctest.Wait()
	}
}

func (f *faulty) mustBe(t *testing.T, s state.State, reason string) {
	t.Helper()
	if got := f.part.Get(); got.State != s || !strings.Contains(got.Reason, reason) {
		t.Errorf("state is %s: %q, want %s with %q", got.State, got.Reason, s, reason)
	}
}

// mustHave checks memory and what a kill would leave; of the latter the last
// lost slots may be missing.
func (f *faulty) mustHave(t *testing.T, lost int) {
	t.Helper()
	for _, n := range []string{"a", "b"} {
		if d := outside(f.read(n), f.want[n], f.want[n]); d != "" {
			t.Errorf("in memory, row %q: %s", n, d)
		}
	}
	again := &ledger{st: open(t, Options{Dir: killed(t, f.st)})}
	for _, n := range []string{"a", "b"} {
		if d := outside(again.read(n), f.want[n][:len(f.want[n])-lost], f.want[n]); d != "" {
			t.Errorf("on disk, row %q: %s", n, d)
		}
	}
}

// tmpfs mounts a small file system of its own.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mounting a tmpfs needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillUp writes a file until the file system is full.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 4096); len(b) > 0; {
		if _, err = f.Write(b); err != nil {
			b = b[:len(b)/2]
		}
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filling up ended with %v", err)
	}
}

// TestFullDisk: sweeps go on in memory, the state says why nothing is written,
// and once there is space everything is on disk again, also what came
// meanwhile.
func TestFullDisk(t *testing.T) {
	dir := tmpfs(t, "size=1m")
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, filepath.Join(dir, "store"))
		f.sweeps(40)
		f.mustBe(t, state.Active, "")
		filler := filepath.Join(dir, "filler")
		fillUp(t, filler)
		f.sweeps(bigSlots) // frames and a block
		f.mustBe(t, state.Degraded, "no space left on device")
		if c := f.st.Disk(); c.FramesDropped.Load() == 0 || c.WriteErrors.Load() == 0 {
			t.Errorf("%d frames dropped, %d errors", c.FramesDropped.Load(), c.WriteErrors.Load())
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		f.sweeps(1)
		f.mustBe(t, state.Active, "")
		f.mustHave(t, 0)
		f.sweeps(3)
		f.mustHave(t, 0)
	})
}

// TestFullDiskWhileRotating: a journal that cannot be begun anew leaves the old
// one in place, and no litter.
func TestFullDiskWhileRotating(t *testing.T) {
	dir := tmpfs(t, "size=1m")
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, filepath.Join(dir, "store"))
		f.sweeps(40)
		filler := filepath.Join(dir, "filler")
		fillUp(t, filler)
		for range 5 {
			f.st.disk.since = time.Time{}
			f.st.disk.nudge()
			synctest.Wait()
		}
		f.mustBe(t, state.Degraded, "no space left on device")
		if files, _ := filepath.Glob(filepath.Join(dir, "store", "journal-*")); len(files) != 1 {
			t.Errorf("journals: %v", files)
		}
		f.mustHave(t, 0)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		f.sweeps(1)
		f.mustBe(t, state.Active, "")
		f.mustHave(t, 0)
	})
}

// TestReadOnlyDirectory: the file system turns read-only, as it does after an
// error of its disk, at the start or later, and comes back.
func TestReadOnlyDirectory(t *testing.T) {
	remount := func(t *testing.T, dir string, flags uintptr) {
		t.Helper()
		if err := unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("at the start", func(t *testing.T) {
		dir := tmpfs(t, "size=8m")
		remount(t, dir, unix.MS_RDONLY)
		synctest.Test(t, func(t *testing.T) {
			f := newFaulty(t, dir)
			f.sweeps(40)
			f.mustBe(t, state.Degraded, "read-only file system")
			remount(t, dir, 0)
			f.sweeps(1)
			f.mustBe(t, state.Active, "")
			f.mustHave(t, 0)
		})
	})
	t.Run("while frames are dropped", func(t *testing.T) {
		dir := tmpfs(t, "size=8m")
		synctest.Test(t, func(t *testing.T) {
			f := newFaulty(t, dir)
			f.sweeps(40)
			// The journal is closed, as a file that is open for writing keeps
			// the file system from turning read-only by hand.
			f.st.disk.journal.close()
			f.st.disk.journal = nil
			remount(t, dir, unix.MS_RDONLY)
			f.sweeps(bigSlots)
			f.mustBe(t, state.Degraded, "read-only file system")
			remount(t, dir, 0)
			f.sweeps(1)
			f.mustBe(t, state.Active, "")
			f.mustHave(t, 0)
		})
	})
}

// TestDirectoryVanishes: somebody removes the files, or all of the directory;
// the store writes everything anew.
func TestDirectoryVanishes(t *testing.T) {
	for name, remove := range map[string]func(dir string) error{
		"directory": os.RemoveAll,
		"files": func(dir string) error {
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			for _, p := range files {
				err = errors.Join(err, os.Remove(p))
			}
			return err
		},
	} {
		bubble(t, name, func(t *testing.T) {
			f := newFaulty(t, filepath.Join(fastDir(t), "store"))
			f.sweeps(2*bigSlots + 40)
			f.mustHave(t, 0)
			if err := remove(f.st.opt.Dir); err != nil {
				t.Fatal(err)
			}
			f.sweeps(1)
			f.mustBe(t, state.Active, "")
			f.mustHave(t, 0)
			f.sweeps(bigSlots)
			f.mustHave(t, 0)
		})
	}
	bubble(t, "cannot be made again", func(t *testing.T) {
		parent := fastDir(t)
		dir := filepath.Join(parent, "here", "store")
		f := newFaulty(t, dir)
		f.sweeps(bigSlots + 40)
		if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Dir(dir), nil, 0o600); err != nil { // a file in its place
			t.Fatal(err)
		}
		f.sweeps(20)
		f.mustBe(t, state.Degraded, "not a directory")
		if err := os.Remove(filepath.Dir(dir)); err != nil {
			t.Fatal(err)
		}
		f.sweeps(1)
		f.mustBe(t, state.Active, "")
		f.mustHave(t, 0)
	})
}

// TestUnusableDirectory: without a directory the store lives in memory, and
// says what to do.
func TestUnusableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, filepath.Join(file, "store"))
		f.sweeps(40)
		f.mustBe(t, state.Degraded, "not a directory")
		if hint := f.part.Get().EnableHint; !strings.Contains(hint, "restart") {
			t.Errorf("hint: %q", hint)
		}
		if f.st.Disk() != nil {
			t.Error("a store in memory has files")
		}
		if d := outside(f.read("a"), f.want["a"], f.want["a"]); d != "" {
			t.Error(d)
		}
	})
}

// TestUnreadableFile: what cannot be read is kept aside, not removed with the
// old journals.
func TestUnreadableFile(t *testing.T) {
	bubble(t, "too large", func(t *testing.T) {
		dir := fastDir(t)
		path := filepath.Join(dir, "journal-0000000000000001.seg")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, maxFile+1); err != nil { // sparse
			t.Fatal(err)
		}
		f := newFaulty(t, dir)
		f.sweeps(3)
		f.mustBe(t, state.Degraded, "1 files set aside")
		if _, err := os.Stat(path + ".unreadable"); err != nil {
			t.Error(err)
		}
	})
}

// TestHangingDisk: a write that does not return holds up nobody; what waits is
// bounded and counted, and a stop gives up after its ten seconds.
func TestHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := Open(Options{Dir: fastDir(t), MaxRows: 10, Schemas: []*metric.Schema{metric.Of[whole]()}})
		w := NewWriter[whole](st, ShardOptions{Step: time.Second})
		hang := make(chan struct{})
		at(t, func(point string) {
			if point == "frames.written" {
				<-hang
			}
		})
		rows := make([]whole, 10)
		slot := int64(0)
		sweep := func() {
			slot++
			w.Begin(At(slot))
			for i := range rows {
				rows[i].ID = uint32(i)
				w.Put(&rows[i])
			}
			w.End()
		}
		for range 8000 {
			sweep()
		}
		st.disk.mu.Lock()
		waiting := len(st.disk.pending)
		st.disk.mu.Unlock()
		if waiting > maxPending || st.Disk().FramesDropped.Load() == 0 {
			t.Errorf("%d bytes wait, %d frames were dropped", waiting, st.Disk().FramesDropped.Load())
		}
		before := time.Now()
		if err := st.Close(); err == nil || time.Since(before) != 10*time.Second {
			t.Errorf("closing took %s: %v", time.Since(before), err)
		}
		close(hang)
		synctest.Wait()
		if c := cap(st.disk.pending) + cap(st.disk.spare); c > 2*keepPending {
			t.Errorf("buffers of %d bytes are kept", c)
		}
		again := Open(Options{Dir: st.opt.Dir, Schemas: st.opt.Schemas, Retention: forever})
		var p Points
		again.Shard("whole").Rows()[3].Read(0, 0, forever, &p)
		if int64(len(p.T)) != slot { // the last snapshot has what the journal had not
			t.Errorf("%d samples restored of %d", len(p.T), slot)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
}
