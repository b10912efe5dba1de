package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/metric"
)

// The environment of a child that writes until it is killed.
const (
	killDir   = "STORE_TEST_KILL_DIR"
	killFirst = "STORE_TEST_KILL_FIRST"
)

const (
	killStart  = 1_700_000_000
	killReport = 64 // bytes; a pipe of a page holds 64 of them, so a child does not run far ahead
)

func killNames(slot int64) []string {
	return []string{"always", fmt.Sprint("now and then ", slot/50%3), fmt.Sprint("short ", slot/20)}
}

// TestKillChild is the child of TestKill9: it writes slot after slot and
// reports each once it is in the journal.
func TestKillChild(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		t.Skip("runs as the child of TestKill9 only")
	}
	slot, err := strconv.ParseInt(os.Getenv(killFirst), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	st := Open(Options{Dir: dir, Schemas: []*metric.Schema{metric.Of[sample]()}})
	w := NewWriter[sample](st, ShardOptions{Step: time.Second})
	written := make(chan struct{}, 1)
	at(t, func(point string) {
		if point == "frames.written" {
			written <- struct{}{}
		}
	})
	for ; ; slot++ {
		if slot%700 == 0 {
			st.disk.mu.Lock()
			st.disk.stale = true // rotations in the midst of it
			st.disk.mu.Unlock()
		}
		writeKillSlot(w, slot)
		<-written
		if _, err := os.Stdout.Write(binary.LittleEndian.AppendUint64(make([]byte, 0, killReport), uint64(slot))[:killReport]); err != nil {
			return
		}
	}
}

func writeKillSlot(w *Writer[sample], slot int64) {
	w.Begin(At(killStart + slot))
	for _, n := range killNames(slot) {
		r := metric.Blank[sample]()
		r.Name, r.Size, r.Busy = n, float64(slot), metric.Count(slot*1000)
		w.Put(&r)
	}
	w.End()
}

// TestKill9 kills a writing store at random moments, again and again on the
// same files: what it reported is there, the slot after that may be, nothing
// else is, nothing is damaged.
func TestKill9(t *testing.T) {
	loops := 200
	if testing.Short() || underRace {
		loops = 20
	}
	dir := fastDir(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	next, torn := int64(0), 0
	for i := range loops {
		last, err := runAndKill(t, dir, next, rnd)
		if err != nil {
			t.Fatal(err)
		}
		last = max(last, next-1)
		copied := fastDir(t)
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		found, res := checkKilled(t, copied, last)
		if t.Failed() {
			t.Fatalf("after kill %d: %+v", i, res)
		}
		torn += res.Torn
		next = found + 1
		os.RemoveAll(copied)
	}
	t.Logf("%d slots survived %d kills, %d of which tore a record", next, loops, torn)
	if next < int64(loops) {
		t.Errorf("only %d slots were written in %d lives", next, loops)
	}
}

// runAndKill lets a child write from slot first on, kills it, and returns the
// last slot that it reported.
func runAndKill(t *testing.T, dir string, first int64, rnd *rand.Rand) (int64, error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillChild$")
	cmd.Env = append(os.Environ(), killDir+"="+dir, fmt.Sprintf("%s=%d", killFirst, first), "GOMAXPROCS=2")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if _, err := unix.FcntlInt(out.(*os.File).Fd(), unix.F_SETPIPE_SZ, os.Getpagesize()); err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	last, wait := first-1, rnd.IntN(60)
	var b [killReport]byte
	for range wait {
		if _, err := io.ReadFull(out, b[:]); err != nil {
			return 0, fmt.Errorf("the child ended by itself: %w", errors.Join(err, cmd.Wait()))
		}
		last = int64(binary.LittleEndian.Uint64(b[:]))
	}
	for range rnd.IntN(200_000) { // somewhere within a slot
		runtime.KeepAlive(b)
	}
	if err := cmd.Process.Kill(); err != nil {
		return 0, err
	}
	for { // what it still reported
		if _, err := io.ReadFull(out, b[:]); err != nil {
			break
		}
		last = int64(binary.LittleEndian.Uint64(b[:]))
	}
	_ = cmd.Wait() // killed
	return last, nil
}

// checkKilled opens what a kill left and returns the newest slot in it.
func checkKilled(t *testing.T, dir string, last int64) (newest int64, res Restored) {
	st := open(t, Options{Dir: dir, Retention: forever})
	res = st.Restored()
	if res.Damaged != 0 || len(res.Aside) != 0 {
		t.Errorf("damage: %+v", res)
	}
	sh := st.Shard("sample")
	got := map[string][]int64{}
	ids := map[uint32]bool{}
	for _, r := range slices.Concat(sh.Rows(), sh.Departed(0, forever)) {
		if ids[r.id] {
			continue
		}
		ids[r.id] = true
		var p Points
		r.Read(fSize, 0, forever, &p)
		for i, at := range p.T {
			if p.V[i] != float64(at-killStart) {
				t.Errorf("row %q has %g at slot %d", r.values[0], p.V[i], at-killStart)
			}
			got[r.values[0]] = append(got[r.values[0]], at-killStart)
		}
	}
	newest = last
	if all := got["always"]; len(all) > 0 {
		newest = slices.Max(all)
	}
	if newest < last || newest > last+1 {
		t.Errorf("newest slot is %d, reported were those to %d", newest, last)
	}
	want := map[string][]int64{}
	for s := range newest + 1 {
		for _, n := range killNames(s) {
			want[n] = append(want[n], s)
		}
	}
	for n, slots := range want {
		slices.Sort(got[n])
		if !slices.Equal(got[n], slots) {
			t.Errorf("row %q has %d slots, want %d: %v", n, len(got[n]), len(slots), firstDifference(got[n], slots))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d names, want %d", len(got), len(want))
	}
	return newest, res
}

func firstDifference(got, want []int64) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("number %d is %d, want %d", i, got[i], want[i])
		}
	}
	return "one is longer"
}
