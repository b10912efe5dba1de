package disk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/store"
)

// fakeFS answers for paths, or hangs until it is told to answer.
type fakeFS struct {
	mu    sync.Mutex
	hung  map[string]chan struct{}
	fails map[string]error
	calls map[string]int // begun
}

func newFakeFS() *fakeFS {
	return &fakeFS{hung: map[string]chan struct{}{}, fails: map[string]error{}, calls: map[string]int{}}
}

func (f *fakeFS) hang(path string) { f.mu.Lock(); f.hung[path] = make(chan struct{}); f.mu.Unlock() }

func (f *fakeFS) release(path string) {
	f.mu.Lock()
	close(f.hung[path])
	delete(f.hung, path)
	f.mu.Unlock()
}

// forget lets new calls through; those that hang go on hanging.
func (f *fakeFS) forget(path string) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	hung := f.hung[path]
	delete(f.hung, path)
	return hung
}

func (f *fakeFS) releaseAll() {
	for path := range f.hung {
		f.release(path)
	}
}

func (f *fakeFS) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[path]
}

func (f *fakeFS) statfs(path string, st *unix.Statfs_t) error {
	f.mu.Lock()
	f.calls[path]++
	hung, err := f.hung[path], f.fails[path]
	f.mu.Unlock()
	if hung != nil {
		<-hung
	}
	*st = unix.Statfs_t{Bsize: 4096, Frsize: 1024, Blocks: 1000, Bfree: 400, Bavail: 300, Files: 200, Ffree: 50}
	return err
}

func targetsOf(paths ...string) []*target {
	var list []*target
	for i, p := range paths {
		list = append(list, &target{mount: mount{id: uint64(i + 1)}, path: p, remote: strings.HasPrefix(p, "/nfs")})
	}
	return list
}

// outcomes renders what came of asking, for comparison.
func outcomes(list []*target) string {
	var s []string
	for _, t := range list {
		s = append(s, t.path+[]string{":unasked", ":answered", ":stuck"}[t.outcome])
	}
	return strings.Join(s, " ")
}

// TestReloadKeepsWhatIsStuck closes the collector again and again, as reloads
// with other options do, while one filesystem is dead.
func TestReloadKeepsWhatIsStuck(t *testing.T) {
	dir := collecttest.Hosts(t)["two-socket-smt-off"]
	synctest.Test(t, func(t *testing.T) {
		f := newFakeFS()
		defer f.releaseAll()
		f.hang("/home")
		for range 3 {
			env := collecttest.Env(t, dir)
			c := newFilesystem(t, env, f, config.Filesystem{Timeout: time.Second})
			if err := c.Collect(t.Context(), store.At(60)); err == nil || !strings.Contains(err.Error(), `"/home"`) {
				t.Errorf("the dead one is not told: %v", err)
			}
			if v := collecttest.Rows(t, env.Store, "filesystem", store.At(60))["/|/dev/mapper/vg0-root|xfs"].Values; v["filesystem.stuck"] != 0 || len(v) < 3 {
				t.Errorf("the living one: %v", v)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if n := f.count("/home"); n != 1 {
			t.Errorf("%d threads hang in one filesystem", n)
		}
		f.release("/home")
		synctest.Wait()
		c := newFilesystem(t, collecttest.Env(t, dir), f, config.Filesystem{Timeout: time.Second})
		if err := c.Collect(t.Context(), store.At(60)); err != nil || f.count("/home") != 2 {
			t.Errorf("it answers again: %v", err)
		}
		if c.Close(); left.Load() != nil {
			t.Error("a prober without outstanding calls is kept")
		}
	})
}

func TestProberHangAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeFS()
		f.hang("/nfs/dead")
		p := newProber(5*time.Second, f.statfs)
		list := targetsOf("/", "/nfs/dead", "/nfs/alive", "/data")
		ask := func(want string, wait time.Duration) {
			t.Helper()
			begin := time.Now()
			if err := p.ask(t.Context(), list); err != nil {
				t.Fatal(err)
			}
			if got := outcomes(list); got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
			if took := time.Since(begin); took != wait {
				t.Errorf("took %v, want %v", took, wait)
			}
		}
		hung := "/:answered /nfs/dead:stuck /nfs/alive:answered /data:answered"
		ask(hung, 5*time.Second)
		ask(hung, 0) // known by now: nobody waits for it again
		ask(hung, 0)
		if n := f.count("/nfs/dead"); n != 1 {
			t.Errorf("the dead mount was asked %d times at once", n)
		}
		f.release("/nfs/dead")
		synctest.Wait()
		ask("/:answered /nfs/dead:answered /nfs/alive:answered /data:answered", 0)
		if n := f.count("/nfs/dead"); n != 2 {
			t.Errorf("the mount that came back was asked %d times", n)
		}
		if len(p.out) != 0 || p.busy != [2]int{} {
			t.Errorf("outstanding at the end: %v, %v", p.out, p.busy)
		}
	})
}

func TestProberBoundsStuckThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeFS()
		var paths []string
		for i := range 50 {
			paths = append(paths, fmt.Sprintf("/nfs/%d", i))
			f.hang(paths[i])
		}
		list := targetsOf(append(slices.Clone(paths), "/", "/data")...)
		p := newProber(time.Second, f.statfs)
		for range 5 {
			if err := p.ask(t.Context(), list); err != nil {
				t.Fatal(err)
			}
			var n [3]int
			for _, x := range list {
				n[x.outcome]++
			}
			if n != [3]int{unasked: 50 - maxStuck, answered: 2, stuck: maxStuck} {
				t.Errorf("outcomes %v", n)
			}
			if list[50].outcome != answered || list[51].outcome != answered {
				t.Error("dead servers kept local filesystems from being asked")
			}
		}
		f.releaseAll()
		synctest.Wait()
		if err := p.ask(t.Context(), list); err != nil || strings.Contains(outcomes(list), "stuck") || strings.Contains(outcomes(list), "unasked") {
			t.Errorf("after all came back: %v, %s", err, outcomes(list))
		}
	})
}

// More filesystems than threads are all asked when they answer.
func TestProberAsksAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var paths []string
		for i := range 300 {
			paths = append(paths, fmt.Sprintf("/%d", i))
		}
		list := targetsOf(paths...)
		if err := newProber(time.Second, newFakeFS().statfs).ask(t.Context(), list); err != nil || strings.Count(outcomes(list), ":answered") != 300 {
			t.Errorf("%v, %s", err, outcomes(list))
		}
	})
}

// A new mount at the path of a dead one that was unmounted by force.
func TestProberNewMountAtSamePath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeFS()
		f.hang("/nfs/x")
		p := newProber(time.Second, f.statfs)
		old := targetsOf("/nfs/x")
		_ = p.ask(t.Context(), old)
		hung := f.forget("/nfs/x")
		fresh := targetsOf("/nfs/x")
		fresh[0].id = 77
		if err := p.ask(t.Context(), fresh); err != nil || fresh[0].outcome != answered {
			t.Errorf("%v, %s", err, outcomes(fresh))
		}
		close(hung)
		synctest.Wait()
		p.collectLate()
		if old[0].outcome != stuck || len(p.out) != 0 {
			t.Errorf("the late answer: %s, %d outstanding", outcomes(old), len(p.out))
		}
	})
}

func TestProberInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeFS()
		f.hang("/nfs/x")
		defer f.releaseAll()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		begin := time.Now()
		err := newProber(time.Hour, f.statfs).ask(ctx, targetsOf("/nfs/x"))
		if !errors.Is(err, context.Canceled) || time.Since(begin) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// A deadline shorter than the timeout costs the stuck filesystem only.
func TestProberHurriesBeforeDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeFS()
		f.hang("/nfs/x")
		defer f.releaseAll()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		list := targetsOf("/nfs/x", "/")
		if err := newProber(time.Hour, f.statfs).ask(ctx, list); err != nil || outcomes(list) != "/nfs/x:stuck /:answered" || ctx.Err() != nil {
			t.Errorf("%v, %v, %s", err, ctx.Err(), outcomes(list))
		}
	})
}

func TestProberRepeatsInterruptedCalls(t *testing.T) {
	n := 0
	p := newProber(time.Minute, func(string, *unix.Statfs_t) error {
		if n++; n < 3 {
			return unix.EINTR
		}
		return unix.EIO
	})
	list := targetsOf("/x")
	if err := p.ask(t.Context(), list); err != nil || n != 3 || !errors.Is(list[0].err, unix.EIO) {
		t.Errorf("%v after %d calls: %v", err, n, list[0].err)
	}
}
