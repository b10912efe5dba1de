package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sysops-agent/pkg/metric"
)

// seedRecords returns the payloads of a real directory, by type.
func seedRecords(t testing.TB) map[byte][][]byte {
	t.Helper()
	dir := fastDir(t)
	st := Open(Options{Dir: dir, Schemas: []*metric.Schema{metric.Of[sample]()}})
	w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
	for i := range int64(bigSlots + smallSlots + 5) {
		w.Begin(At(1_700_000_400 + 10*i))
		r := metric.Blank[sample]()
		r.Name, r.Size, r.Ratio, r.Busy = "a", float64(i*4096), float64(i%5), metric.Count(i*i)
		w.Put(&r)
		if i < 10 {
			r.Name = "b"
			w.Put(&r)
		}
		w.End()
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	zdec, err := newUnzstd()
	if err != nil {
		t.Fatal(err)
	}
	defer zdec.Close()
	out := map[byte][][]byte{}
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		eachRecord(b[headerSize:], func(typ byte, p []byte) {
			if typ != recFrame {
				if p, err = zdec.DecodeAll(p, nil); err != nil {
					t.Fatal(err)
				}
			}
			out[typ] = append(out[typ], bytes.Clone(p))
		})
	}
	return out
}

// FuzzBlock feeds garbage to the decoder of block records. What it accepts is
// read without fail, and survives being written again.
func FuzzBlock(f *testing.F) {
	records := seedRecords(f)
	for _, p := range append(records[recBlock], records[recSnapshot]...) {
		f.Add(p)
		f.Add(p[:len(p)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rb, err := parseBlock(b)
		if err != nil {
			return
		}
		st := Open(Options{Schemas: []*metric.Schema{metric.Of[sample]()}})
		s := st.Shard("sample")
		rb.block.layout.mapTo(s.schema)
		s.setChain((&chain{}).appended(rb.block))
		var m Matrix
		for _, id := range rb.block.ids[:min(len(rb.block.ids), 50)] {
			sameAsRead(t, &Row{id: id, shard: s}, 0, forever, &m)
		}
		s.Departed(0, forever)
	})
}

// FuzzFrame feeds garbage to the decoder of frames.
func FuzzFrame(f *testing.F) {
	st := Open(Options{Schemas: []*metric.Schema{metric.Of[sample]()}})
	var fr frame
	s := st.Shard("sample")
	s.cur = extent{epoch: 3, step: 10, base: 60, slots: smallSlots}
	s.epoch, s.step, s.slot = 3, 10, 77
	st.disk = &disk{} // a frame is made for a journal only
	fr.begin(s)
	fr.row(&Row{id: 7, shard: s, values: []string{"a", "b"}}, []uint64{1, 2, 3, 4})
	f.Add(fr.end(9)[recordHeader:])
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := parseFrame(b)
		if err != nil {
			return
		}
		if !fr.extent.valid() || fr.slot < fr.extent.base || fr.slot >= fr.extent.base+smallSlots {
			t.Errorf("slot %d in %+v", fr.slot, fr.extent)
		}
		_ = eachRowDef(fr.defs, 2, func(rowDef) {})
	})
}

// FuzzRestore opens a store on a file of garbage, behind a good header or not:
// it never fails, and works afterwards.
func FuzzRestore(f *testing.F) {
	records := seedRecords(f)
	for typ, payloads := range records {
		b := appendHeader(nil, bootID{}, 7)
		for _, p := range payloads[:min(len(payloads), 3)] {
			at := len(b)
			b = append(beginRecord(b, typ), p...) // blocks are not compressed: also garbage
			finishRecord(b, at)
		}
		f.Add(b, true)
		f.Add(b[:len(b)-3], false)
	}
	f.Add([]byte(fileMagic), true)
	f.Fuzz(func(t *testing.T, b []byte, journal bool) {
		dir := t.TempDir()
		name := "blocks-0000000000000001.seg"
		if journal {
			name = "journal-0000000000000001.seg"
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		// Without its goroutine, which would make the coverage random.
		st := Open(Options{Schemas: []*metric.Schema{metric.Of[sample]()}})
		st.disk = &disk{st: st, dir: dir, wake: make(chan struct{}, 1)}
		if _, err := st.disk.restore(); err != nil {
			t.Fatal(err)
		}
		w := NewWriter[sample](st, ShardOptions{Step: time.Second})
		before := len(st.Shard("sample").Rows())
		w.Begin(Now())
		w.Put(&sample{Name: "new one", Size: 3})
		w.End()
		if got := len(st.Shard("sample").Rows()); got != before+1 {
			t.Errorf("%d rows, before there were %d", got, before)
		}
	})
}

// FuzzRecords feeds garbage to the reader of segments: every record that it
// reports lies within and checks.
func FuzzRecords(f *testing.F) {
	b := append(beginRecord(nil, recFrame), "payload"...)
	finishRecord(b, 0)
	f.Add(append(b, b...))
	f.Add(append(bytes.Clone(b[:9]), b...))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		damaged, torn := eachRecord(b, func(_ byte, p []byte) { n += recordHeader + len(p) })
		if n > len(b) || (n < len(b)) != (damaged > 0 || torn) {
			t.Errorf("%d of %d bytes in records, damaged %d, torn %v", n, len(b), damaged, torn)
		}
	})
}
