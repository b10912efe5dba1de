package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sysops-agent/pkg/metric"
)

// machine drives a store and its model side by side.
type machine struct {
	tb   rapid.TB
	root string // of its directories
	dirs int
	st   *Store
	w    *Writer[sample]
	m    *model
	wall time.Time
	boot time.Duration
	busy map[string]metric.Count
	rnd  *rand.Rand // of values: to draw each would take too long
	base Counts     // of stores before
}

func newMachine(t *rapid.T, root string) *machine {
	x := &machine{tb: t, root: root, wall: time.Unix(1_700_000_003, 4e8), boot: time.Hour, busy: map[string]metric.Count{}}
	x.rnd = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	x.m = newModel(10, 6)
	x.open(x.dir())
	t.Cleanup(func() { _ = x.st.Close() })
	return x
}

func (x *machine) dir() string {
	x.dirs++
	return filepath.Join(x.root, fmt.Sprint(x.dirs))
}

func (x *machine) open(dir string) {
	x.st = Open(Options{Dir: dir, Retention: 10 * 365 * 24 * time.Hour, MaxRows: x.m.maxRows, Schemas: []*metric.Schema{metric.Of[sample]()}})
	x.w = NewWriter[sample](x.st, ShardOptions{Step: time.Duration(x.m.step) * time.Second})
	if r := x.st.Restored(); r.Damaged != 0 || len(r.Aside) != 0 || x.st.disk == nil {
		x.tb.Fatalf("restored with damage: %+v", r)
	}
}

func (x *machine) close() {
	if err := x.st.Close(); err != nil {
		x.tb.Fatal(err)
	}
}

func (x *machine) pass(d time.Duration) {
	x.wall, x.boot = x.wall.Add(d), x.boot+d
}

var modelNames = []string{"a", "b", "c", "d", "e", "f", "g", "h"}

// sweep writes one slot of the rows in names.
func (x *machine) sweep(names []string) {
	tick := Tick{Wall: x.wall, Boot: x.boot}
	x.w.Begin(tick)
	ok := x.m.begin(tick)
	for _, n := range names {
		r := x.value(n)
		x.w.Put(&r)
		if ok {
			x.m.put(r)
		}
	}
	x.w.End()
	if ok {
		x.m.end()
	}
}

// value makes up a reading of row n: mostly quiet, sometimes wild.
func (x *machine) value(n string) sample {
	r := metric.Blank[sample]()
	r.Name = n
	wild := x.rnd.IntN(20)
	x.busy[n] += metric.Count(wild * wild)
	anything := math.Float64frombits(x.rnd.Uint64()) // NaN and infinities too
	switch wild {
	case 0:
		return r // all absent
	case 1:
		x.busy[n] /= 2 // a reset
	case 2:
		x.busy[n] = metric.Count(x.rnd.Uint64N(math.MaxUint64) >> x.rnd.IntN(64))
	case 3:
		r.Ratio, r.Size = -1, math.Inf(1)
	case 4:
		r.Temp = anything
	case 5:
		r.Size = math.Abs(anything)
	default:
		r.Ratio = float64(wild) / 3
		r.Size = float64(4096 * (wild / 10))
		r.Temp = float64(wild-10) / 10
	}
	if wild != 6 {
		r.Busy = x.busy[n]
	}
	return r
}

// copied stands for a crash: the store that follows finds what a kill would
// have left.
func (x *machine) copied() string {
	synctest.Wait() // the journal's goroutine has written what it was given
	dir := x.dir()
	if err := os.CopyFS(dir, os.DirFS(x.st.opt.Dir)); err != nil {
		x.tb.Fatal(err)
	}
	return dir
}

// reopened lets the model follow what only the files can say: a row that left
// after the last snapshot lives again.
func (x *machine) reopened() {
	x.m.restart()
	x.compare(0, forever)
	for _, r := range x.st.Shard("sample").Rows() {
		i := slices.IndexFunc(x.m.rows, func(m *modelRow) bool { return m.id == r.id })
		if i < 0 {
			x.tb.Fatalf("row %d %q was never written", r.id, r.values)
		}
		if !x.m.rows[i].live && x.m.find(x.m.rows[i].name) != nil {
			x.tb.Fatalf("row %d %q came back beside its successor", r.id, r.values)
		}
		x.m.rows[i].live = true
		if got, want := r.heard, x.m.rows[i].heard; got != want {
			x.tb.Fatalf("row %d %q was heard at %d, want %d", r.id, r.values, got, want)
		}
	}
	if got, want := x.st.Shard("sample").swept, x.m.swept; got != want {
		x.tb.Fatalf("swept until %d, want %d", got, want)
	}
	for _, m := range x.m.rows {
		if m.live && !slices.ContainsFunc(x.st.Shard("sample").Rows(), func(r *Row) bool { return r.id == m.id }) {
			x.tb.Fatalf("row %d %q is lost", m.id, m.name)
		}
	}
}

// link learns the ids that the store gave to new rows.
func (x *machine) link() {
	for _, r := range x.st.Shard("sample").Rows() {
		m := x.m.find(r.values[0])
		if m == nil {
			x.tb.Fatalf("row %d %q should not be alive", r.id, r.values)
		}
		if m.id == 0 {
			for _, other := range x.m.rows {
				if other.id == r.id {
					x.tb.Fatalf("id %d was given to %q and again to %q", r.id, other.name, m.name)
				}
			}
			m.id = r.id
		}
		if m.id != r.id {
			x.tb.Fatalf("row %q has id %d, want %d", m.name, r.id, m.id)
		}
	}
	if got, want := len(x.st.Shard("sample").Rows()), x.m.live(); got != want {
		x.tb.Fatalf("%d rows live, want %d", got, want)
	}
}

func (x *machine) compare(from, to int64) {
	sh := x.st.Shard("sample")
	byID := map[uint32]*Row{}
	for _, r := range slices.Concat(sh.Departed(0, forever), sh.Rows()) {
		byID[r.id] = r
	}
	var p Points
	var mx Matrix
	for _, m := range x.m.rows {
		r := byID[m.id]
		for f := range sh.schema.Fields {
			want := x.m.read(m, f, from, to)
			if r == nil {
				if len(want) > 0 {
					x.tb.Fatalf("row %d %q is gone", m.id, m.name)
				}
				continue
			}
			p.Reset()
			r.Read(f, from, to, &p)
			if err := x.m.same(f, p, want); err != nil {
				x.tb.Fatalf("row %d %q, field %s of [%d, %d): %v", m.id, m.name, sh.schema.Fields[f].Name, from, to, err)
			}
		}
		if r != nil {
			sameAsRead(x.tb, r, from, to, &mx)
		}
	}
	c := &sh.Counts
	for _, k := range []struct {
		name      string
		got, base uint64
		want      int
	}{
		{"late sweeps", c.LateSweeps.Load(), x.base.LateSweeps.Load(), x.m.late},
		{"refused rows", c.RefusedRows.Load(), x.base.RefusedRows.Load(), x.m.refused},
		{"double writes", c.DoubleWrites.Load(), x.base.DoubleWrites.Load(), x.m.double},
		{"out of range", c.OutOfRange.Load(), x.base.OutOfRange.Load(), x.m.invalid},
	} {
		if int(k.got+k.base) != k.want {
			x.tb.Fatalf("%d %s, want %d", k.got+k.base, k.name, k.want)
		}
	}
}

// carry keeps the counts of a store that ends.
func (x *machine) carry() {
	c := &x.st.Shard("sample").Counts
	x.base.LateSweeps.Add(c.LateSweeps.Load())
	x.base.RefusedRows.Add(c.RefusedRows.Load())
	x.base.DoubleWrites.Add(c.DoubleWrites.Load())
	x.base.OutOfRange.Add(c.OutOfRange.Load())
}

func (x *machine) actions(t *rapid.T) map[string]func(*rapid.T) {
	sweeps := func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom(modelNames), 1, 6).Draw(t, "names") // twice the same: a double write
		for range rapid.IntRange(1, 100).Draw(t, "sweeps") {
			x.pass(time.Duration(x.m.step) * time.Second)
			x.sweep(names)
		}
		x.link()
	}
	slots := func(n float64) time.Duration { return time.Duration(n * float64(x.m.step) * float64(time.Second)) }
	return map[string]func(*rapid.T){
		"sweeps": sweeps, "sweeps again": sweeps, "more sweeps": sweeps,
		"gap": func(t *rapid.T) { // suspend, a collector that rested
			x.pass(slots(rapid.SampledFrom([]float64{0.3, 1, 5, 6, 7, 8, 100, 500}).Draw(t, "slots")))
		},
		"late": func(t *rapid.T) {
			wall, boot := x.wall, x.boot
			x.pass(-slots(rapid.Float64Range(0, 3).Draw(t, "slots")))
			x.sweep(modelNames[:2])
			x.wall, x.boot = wall, boot
			x.link()
		},
		"clock step": func(t *rapid.T) {
			by := rapid.SampledFrom([]float64{0.2, 0.49, 0.5, 0.51, 1, 3, 40, 500}).Draw(t, "slots")
			if rapid.Bool().Draw(t, "back") {
				by = -by
			}
			x.wall = x.wall.Add(slots(by))
		},
		"step change": func(t *rapid.T) {
			x.m.step = rapid.SampledFrom([]int64{1, 10, 60}).Draw(t, "step")
			x.w = NewWriter[sample](x.st, ShardOptions{Step: time.Duration(x.m.step) * time.Second})
		},
		"silence": func(t *rapid.T) { // the shard is swept, but only one row written
			for range 1 + 920/x.m.step {
				x.pass(time.Duration(x.m.step) * time.Second)
				x.sweep(modelNames[:1])
			}
			x.link()
		},
		"restart": func(t *rapid.T) {
			x.carry()
			x.close()
			x.open(x.st.opt.Dir)
			x.reopened()
		},
		"crash": func(t *rapid.T) {
			dir := x.copied()
			x.carry()
			x.close()
			x.open(dir)
			x.reopened()
		},
		"reboot": func(t *rapid.T) {
			x.carry()
			x.close()
			x.newBoot()
			x.boot = time.Minute
			x.m.reboot = true
			x.open(x.st.opt.Dir)
			x.reopened()
		},
		"old journal": func(t *rapid.T) { // a new one begins with the next sweep
			synctest.Wait()
			x.st.disk.since = time.Time{}
		},
		"read": func(t *rapid.T) {
			now := x.wall.Unix()
			from := now - rapid.Int64Range(0, 20_000).Draw(t, "before")
			x.compare(from, from+rapid.Int64Range(0, 20_000).Draw(t, "for"))
		},
	}
}

// newBoot lets the next store believe that the host was booted.
func (x *machine) newBoot() {
	x.dirs++
	bootIDFile = filepath.Join(x.root, fmt.Sprint("boot", x.dirs))
	if err := os.WriteFile(bootIDFile, fmt.Appendf(nil, "00000000-0000-0000-0000-%012d\n", x.dirs), 0o600); err != nil {
		x.tb.Fatal(err)
	}
}

func TestModel(t *testing.T) {
	old := bootIDFile
	defer func() { bootIDFile = old }()
	base := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		// In a bubble rapid must not ask for the deadline of t.
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) {
			root, err := os.MkdirTemp(base, "")
			if err != nil {
				rt.Fatal(err)
			}
			defer os.RemoveAll(root)
			bootIDFile = old
			x := newMachine(rt, root)
			rt.Repeat(x.actions(rt))
			x.compare(0, forever)
			x.close()
		})
	})
}

// fastDir returns a directory for files that are synced very often: in memory
// where the host has that.
func fastDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "store-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
