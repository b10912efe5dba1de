package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
)

const damageStart = 1_700_000_400 - 1_700_000_400%(bigSlots*10)

// written makes a directory with two big blocks, small ones, a snapshot and
// frames, and returns it with its number of slots.
func written(t *testing.T) (dir string, slots int64) {
	t.Helper()
	slots = 2*bigSlots + 3*smallSlots + 7
	work, dir := fastDir(t), fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		st := Open(Options{Dir: work, Schemas: []*metric.Schema{metric.Of[sample]()}})
		w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
		for i := range slots {
			if i == slots-20 {
				synctest.Wait()
				st.disk.since = time.Time{} // a snapshot; the rest are frames
				st.disk.nudge()
				synctest.Wait()
			}
			w.Begin(At(damageStart + 10*i))
			for _, n := range []string{"a", "b"} {
				r := metric.Blank[sample]()
				r.Name, r.Size, r.Ratio = n, float64(i), float64(i*7%100)
				w.Put(&r)
			}
			w.End()
		}
		synctest.Wait()
		if err := os.CopyFS(dir, os.DirFS(work)); err != nil {
			t.Fatal(err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return dir, slots
}

// readDamaged opens dir and returns how many of the slots row "a" and "b" have
// lost; whatever is there must be right.
func readDamaged(t testing.TB, dir string, slots int64) (lost int64, st *Store) {
	t.Helper()
	st = open(t, Options{Dir: dir, Retention: forever})
	have := map[string]map[int64]bool{"a": {}, "b": {}}
	sh := st.Shard("sample")
	for _, r := range slices.Concat(sh.Rows(), sh.Departed(0, forever)) {
		var p Points
		r.Read(fSize, 0, forever, &p)
		for i, at := range p.T {
			if p.V[i] != float64((at-damageStart)/10) || have[r.values[0]][at] {
				t.Fatalf("row %d %q: %g at %d", r.id, r.values, p.V[i], at)
			}
			have[r.values[0]][at] = true
		}
	}
	return slots - int64(min(len(have["a"]), len(have["b"]))), st
}

// without returns a copy of dir with one file's content changed.
func without(t testing.TB, dir, file string, change func([]byte) []byte) string {
	t.Helper()
	out := fastDir(t)
	if err := os.CopyFS(out, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, file))
	if err == nil {
		err = os.WriteFile(filepath.Join(out, file), change(bytes.Clone(b)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	return files
}

// TestFlippedBytes: a flipped bit or byte anywhere costs at most the record
// that it hits, and is counted.
func TestFlippedBytes(t *testing.T) {
	dir, slots := written(t)
	if lost, st := readDamaged(t, without(t, dir, segments(t, dir)[0], bytes.Clone), slots); lost != 0 || st.Restored().Damaged+st.Restored().Torn != 0 {
		t.Fatalf("%d slots lost without damage: %+v", lost, st.Restored())
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, file := range segments(t, dir) {
		b, _ := os.ReadFile(filepath.Join(dir, file))
		var places []int
		for i := range headerSize + 20 { // all of the header and of a record's
			places = append(places, i)
		}
		for range 150 {
			places = append(places, rnd.IntN(len(b)))
		}
		for _, at := range places {
			mask := byte(1 << rnd.IntN(8))
			if rnd.IntN(3) == 0 {
				mask = 0xff
			}
			flipped := without(t, dir, file, func(b []byte) []byte { b[at] ^= mask; return b })
			lost, st := readDamaged(t, flipped, slots)
			most := int64(smallSlots)
			if strings.HasPrefix(file, "blocks") {
				most = bigSlots
			}
			res := st.Restored()
			if lost > most {
				t.Errorf("%s: byte %d ^ %02x costs %d slots: %+v", file, at, mask, lost, res)
			}
			if res.Damaged+res.Torn != 1 || len(res.Aside) != 0 {
				t.Errorf("%s: byte %d ^ %02x is counted as %+v", file, at, mask, res)
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			os.RemoveAll(flipped)
		}
	}
}

// TestTornTail: a file cut at any byte loses what is cut, nothing else, and a
// tail of zeros is an end.
func TestTornTail(t *testing.T) {
	dir, slots := written(t)
	for _, file := range segments(t, dir) {
		b, _ := os.ReadFile(filepath.Join(dir, file))
		whole := 0
		ends := []int{headerSize}
		eachRecord(b[headerSize:], func(_ byte, p []byte) {
			whole++
			ends = append(ends, ends[len(ends)-1]+recordHeader+len(p))
		})
		for cut := headerSize; cut <= len(b); cut++ {
			want := 0
			for want+1 < len(ends) && ends[want+1] <= cut {
				want++
			}
			for _, zeros := range []int{0, 3, 4096} {
				got := 0
				damaged, torn := eachRecord(append(bytes.Clone(b[headerSize:cut]), make([]byte, zeros)...), func(byte, []byte) { got++ })
				ok := got == want && damaged == 0 && torn == (zeros > 0 || cut != ends[want])
				if zeros == 3 { // so few may be a payload's own: that is damage
					ok = got == want && torn != (damaged == 1)
				}
				if !ok {
					t.Fatalf("%s cut at %d of %d with %d zeros: %d records, want %d, damaged %d, torn %v", file, cut, len(b), zeros, got, want, damaged, torn)
				}
			}
		}
		for _, cut := range []int{0, 5, headerSize - 1, headerSize, len(b) / 2, len(b) - 1} {
			d := without(t, dir, file, func(b []byte) []byte { return b[:cut] })
			if _, st := readDamaged(t, d, slots); st.Restored().Damaged != 0 || cut != headerSize && st.Restored().Torn != 1 {
				t.Errorf("%s cut at %d: %+v", file, cut, st.Restored())
			}
		}
	}
}

// TestHugeLength: a length that reaches far beyond the file neither allocates
// nor hides what follows.
func TestHugeLength(t *testing.T) {
	var b []byte
	for i := range 3 {
		at := len(b)
		b = append(beginRecord(b, recFrame), fmt.Sprint("payload ", i)...)
		finishRecord(b, at)
	}
	second := recordHeader + len("payload 0")
	for _, size := range []uint32{maxRecord, maxRecord + 1, 1<<32 - 1, 40, 1 << 20} {
		c := bytes.Clone(b)
		binary.LittleEndian.PutUint32(c[second+5:], size)
		var got []string
		damaged, torn := eachRecord(c, func(_ byte, p []byte) { got = append(got, string(p)) })
		if !slices.Equal(got, []string{"payload 0", "payload 2"}) || damaged != 1 || torn {
			t.Errorf("length %d: %q, damaged %d, torn %v", size, got, damaged, torn)
		}
	}
}

// TestOtherVersion: a file of another version is set aside as it is, and the
// state says so.
func TestOtherVersion(t *testing.T) {
	dir, slots := written(t)
	for _, version := range []uint32{0, fileVersion + 1, 77} {
		for _, file := range segments(t, dir) {
			var content []byte
			d := without(t, dir, file, func(b []byte) []byte {
				binary.LittleEndian.PutUint32(b[8:], version)
				binary.LittleEndian.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], castagnoli))
				content = b
				return b
			})
			part := state.New().Part(state.Store, "store")
			st := open(t, Options{Dir: d, State: part, Retention: forever})
			aside := filepath.Join(d, file+".unreadable")
			if res := st.Restored(); !slices.Equal(res.Aside, []string{aside}) || res.Damaged != 0 {
				t.Errorf("version %d of %s: %+v", version, file, res)
			}
			if b, err := os.ReadFile(aside); err != nil || !bytes.Equal(b, content) {
				t.Errorf("the file set aside was changed: %v", err)
			}
			if s := part.Get(); s.State != state.Degraded || !strings.Contains(s.Reason, "1 files set aside") {
				t.Errorf("state is %+v", s)
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			if lost, _ := readDamaged(t, d, slots); lost == 0 {
				t.Error("nothing was lost: the file was read all the same")
			}
		}
	}
}
