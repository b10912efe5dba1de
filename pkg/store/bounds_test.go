package store

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sysops-agent/pkg/metric"
)

// noisy writes n slots of incompressible values into one row.
func noisy(w *Writer[sample], first, n int64, name string) {
	x := uint64(first)*2654435761 + 1
	for i := range n {
		w.Begin(At(first + i))
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		r := metric.Blank[sample]()
		r.Name, r.Size = name, float64(x>>20)
		w.Put(&r)
		w.End()
	}
}

func samplesOf(sh *Shard) (first, last int64, n int) {
	var p Points
	sh.Rows()[0].Read(fSize, 0, forever, &p)
	if len(p.T) == 0 {
		return 0, 0, 0
	}
	return p.T[0], p.T[len(p.T)-1], len(p.T)
}

// TestByteBudget: the oldest blocks go first, and are counted; the newest
// samples stay.
func TestByteBudget(t *testing.T) {
	const budget = 30 << 10
	st := open(t, Options{MaxBytes: budget})
	w := NewWriter[sample](st, ShardOptions{Step: time.Second})
	noisy(w, 10_000, 50_000, "a")
	sh := st.Shard("sample")
	if z := st.Size(); z.BlockBytes > budget || z.BlockBytes < budget/2 {
		t.Errorf("%d bytes of blocks with a budget of %d", z.BlockBytes, budget)
	}
	first, last, n := samplesOf(sh)
	if last != 59_999 || int64(n) != last-first+1 || first <= 10_000 {
		t.Errorf("%d samples from %d to %d", n, first, last)
	}
	if sh.Counts.Evicted.Load() == 0 || sh.Oldest() != first {
		t.Errorf("%d blocks evicted, oldest is %d", sh.Counts.Evicted.Load(), sh.Oldest())
	}
}

// TestTinyBudget: even when no block may stay, nothing is seen twice or comes
// back, and the heads are there.
func TestTinyBudget(t *testing.T) {
	st := open(t, Options{MaxBytes: 1})
	w := NewWriter[sample](st, ShardOptions{Step: time.Second})
	for i := range int64(1000) {
		noisy(w, 9000+i, 1, "a")
		want := int(i%smallSlots) + 1
		if _, last, n := samplesOf(st.Shard("sample")); n != want || last != 9000+i {
			t.Fatalf("%d samples to %d after sweep %d, want %d", n, last, i, want)
		}
	}
}

// TestOwnBudget: a shard with its own budget neither takes from the common one
// nor is evicted for it, also after a reload has changed who has one.
func TestOwnBudget(t *testing.T) {
	st := Open(Options{MaxBytes: 20 << 10, Schemas: []*metric.Schema{metric.Of[sample](), metric.Of[whole]()}})
	w := NewWriter[sample](st, ShardOptions{Step: time.Second, MaxBytes: 50 << 10})
	other := NewWriter[whole](st, ShardOptions{Step: time.Second})
	churn := func(first, n int64) {
		for i := range n {
			other.Begin(At(first + i))
			r := metric.Blank[whole]()
			r.A = math.Mod(float64(first+i)*math.Pi*1e9, 1e9)
			other.Put(&r)
			other.End()
		}
	}
	noisy(w, 10_000, 6000, "a") // within its budget
	churn(10_000, 60_000)       // far over the common one
	if first, _, n := samplesOf(st.Shard("sample")); first != 10_000 || n != 6000 {
		t.Errorf("%d samples from %d: the other shard evicted them", n, first)
	}
	if st.Shard("sample").Counts.Evicted.Load() != 0 || st.Shard("whole").Counts.Evicted.Load() == 0 {
		t.Error("the wrong shard lost blocks")
	}
	sum := func() (n int64) {
		for _, sh := range st.Shards() {
			if sh.maxBytes == 0 {
				n += sh.chain.Load().bytes
			}
		}
		return n
	}
	for _, own := range []int64{0, 40 << 10, 30 << 10, 0} {
		w = NewWriter[sample](st, ShardOptions{Step: time.Second, MaxBytes: own})
		if st.bytes != sum() {
			t.Fatalf("the common budget counts %d bytes, the shards hold %d", st.bytes, sum())
		}
	}
	noisy(w, 80_000, 2*bigSlots, "a")
	if st.bytes != sum() || st.bytes > st.opt.MaxBytes {
		t.Errorf("the common budget counts %d bytes, the shards hold %d", st.bytes, sum())
	}
}

// TestRetention: blocks go when all they hold is older than the retention,
// also those of a shard that is no longer written.
func TestRetention(t *testing.T) {
	st := Open(Options{Retention: time.Hour, Schemas: []*metric.Schema{metric.Of[sample](), metric.Of[whole]()}})
	w := NewWriter[sample](st, ShardOptions{Step: time.Second})
	noisy(w, 0, 5*3600, "a")
	first, last, n := samplesOf(st.Shard("sample"))
	if kept := last - first + 1; kept < 3600 || kept > 3600+2*bigSlots || int64(n) != kept {
		t.Errorf("%d samples from %d to %d", n, first, last)
	}
	other := NewWriter[whole](st, ShardOptions{Step: time.Second})
	for i := int64(5 * 3600); i < 7*3600; i++ {
		other.Begin(At(i))
		other.Put(&whole{})
		other.End()
	}
	if n := len(st.Shard("sample").chain.Load().blocks); n > 0 {
		t.Errorf("%d blocks are kept of a shard that was not written for two hours", n)
	}
}

// TestLabelExplosion: of 10,000 label values as many rows are kept as are
// allowed; the rest is counted and costs nothing.
func TestLabelExplosion(t *testing.T) {
	st := open(t, Options{MaxRows: 500})
	w := NewWriter[sample](st, ShardOptions{Step: time.Second})
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprint("value ", i)
	}
	sweep := func(at int64, names []string) {
		w.Begin(At(at))
		for _, n := range names {
			r := metric.Blank[sample]()
			r.Name, r.Size = n, 1
			w.Put(&r)
		}
		w.End()
	}
	sweep(1, names)
	sh := st.Shard("sample")
	if n, refused := len(sh.Rows()), sh.Counts.RefusedRows.Load(); n != 500 || refused != 9500 {
		t.Errorf("%d rows, %d refused", n, refused)
	}
	at := int64(1)
	if n := testing.AllocsPerRun(20, func() { at++; sweep(at, names[500:]) }); n != 0 {
		t.Errorf("a sweep of refused rows allocates %g times", n)
	}
	if r := w.Row(&sample{Name: "value 9999"}); r != nil {
		t.Error("a handle for a refused row")
	}
}

// TestHostileLabels: values that are too long or not printable are cut and
// cleaned, counted, and keep rows apart.
func TestHostileLabels(t *testing.T) {
	st := open(t, Options{})
	w := NewWriter[sample](st, ShardOptions{Step: time.Second})
	long := strings.Repeat("x", 10_000)
	names := []string{long, long + "y", "line\nfeed", "linefeed", "\x1b[2J", "\xff", "", "ä", strings.Repeat("ü", 200)}
	for at := range int64(3) {
		w.Begin(At(at))
		for i, n := range names {
			r := metric.Blank[sample]()
			r.Name, r.Note, r.Size = n, long, float64(i)
			w.Put(&r)
		}
		w.End()
	}
	sh := st.Shard("sample")
	if n := len(sh.Rows()); n != len(names) {
		t.Errorf("%d rows of %d names", n, len(names))
	}
	for i, r := range sh.Rows() {
		for _, v := range r.Labels() {
			if len(v) > metric.MaxLabelValue || strings.ContainsAny(v, "\n\x1b") || !utf8.ValidString(v) {
				t.Errorf("label %q", v)
			}
		}
		var p Points
		r.Read(fSize, 0, forever, &p)
		if !slices.Equal(p.V, []float64{float64(i), float64(i), float64(i)}) {
			t.Errorf("row %q has %v", r.Labels(), p.V)
		}
	}
	if n := sh.Counts.CutLabels.Load(); n < uint64(len(names)) {
		t.Errorf("%d labels counted as cut", n)
	}
}

// TestChurn lets 20,000 short-lived processes come and go over three days:
// memory stays, the catalogue shrinks, no id is given twice, and those of the
// last day are still found.
func TestChurn(t *testing.T) {
	const (
		start = 1_700_000_000
		step  = 30
		slots = 3 * 86400 / step
		lives = 4 // slots of each process
		total = 20_000
	)
	st := open(t, Options{MaxRows: 1000})
	w := NewWriter[sample](st, ShardOptions{Step: step * time.Second, MaxBytes: 4 << 20})
	sh := st.Shard("sample")
	ids := map[uint32]string{}
	var after1 int64
	most, next := 0, 0
	alive := map[int]int{}
	for slot := range int64(slots) {
		for next < total && int64(next)*slots/total <= slot {
			alive[next] = lives
			next++
		}
		w.Begin(At(start + slot*step))
		for p, left := range alive {
			r := metric.Blank[sample]()
			r.Name, r.Size, r.Busy = fmt.Sprint("pid ", p), float64(p*4096), metric.Count(lives-left)
			w.Put(&r)
			if alive[p]--; left == 1 {
				delete(alive, p)
			}
		}
		w.End()
		rows := sh.Rows()
		most = max(most, len(rows))
		for _, r := range rows {
			if n, ok := ids[r.ID()]; ok && n != r.Labels()[0] {
				t.Fatalf("id %d was %q and is %q", r.ID(), n, r.Labels()[0])
			}
			ids[r.ID()] = r.Labels()[0]
		}
		if slot == slots*4/9 {
			after1 = heapNow() - int64(len(ids))*64
		}
	}
	after3 := heapNow() - int64(len(ids))*64
	t.Logf("%d rows at most at once, %d ids, heap %d KB after a day and a third, %d KB after three", most, len(ids), after1>>10, after3>>10)
	if most > total/3/(86400/step)*(deadAfter/step+lives+10) || len(ids) != total {
		t.Errorf("%d rows at once, %d in all", most, len(ids))
	}
	if after3 > after1+after1/5+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", after1, after3)
	}
	runtime.KeepAlive(st)
	const lastDay = start + 2*86400
	found := map[string]int{}
	var p Points
	for _, r := range sh.Departed(lastDay, forever) {
		p.Reset()
		r.Read(fSize, 0, forever, &p)
		found[r.Labels()[0]] += len(p.T)
	}
	for _, r := range sh.Rows() {
		p.Reset()
		r.Read(fSize, 0, forever, &p)
		found[r.Labels()[0]] += len(p.T)
	}
	for i := total*2/3 + 10; i < total-20; i++ {
		if n := found[fmt.Sprint("pid ", i)]; n != lives {
			t.Fatalf("process %d has %d samples", i, n)
		}
	}
}

// TestExpire: files older than the retention go, and the oldest of too many.
func TestExpire(t *testing.T) {
	st := open(t, Options{Dir: fastDir(t), MaxBytes: 10_000})
	now := time.Now()
	d := &disk{st: st, dir: fastDir(t)}
	file := func(name string, age time.Duration, size int) {
		path := d.dir + "/" + name
		if err := writeOld(path, now.Add(-age), size); err != nil {
			t.Fatal(err)
		}
	}
	file("blocks-0000000000000001.seg", 40*time.Hour, 10)
	file("blocks-0000000000000002.seg", 20*time.Hour, 6000)
	file("blocks-0000000000000003.seg", 10*time.Hour, 6000)
	file("blocks-0000000000000004.seg", time.Hour, 2000)
	file("journal-0000000000000005.seg", 90*time.Hour, 10)
	file("blocks-0000000000000000.seg.unreadable", 90*time.Hour, 10)
	file("blocks-0000000000000006.seg.unreadable", time.Hour, 10)
	d.expire(now)
	want := []string{
		"blocks-0000000000000003.seg", "blocks-0000000000000004.seg",
		"blocks-0000000000000006.seg.unreadable", "journal-0000000000000005.seg",
	}
	if got := listDir(t, d.dir); !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
}
