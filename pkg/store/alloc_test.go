package store

import (
	"testing"
	"time"

	"sysops-agent/pkg/metric"
)

// TestWriteAllocatesNothing: sweeps of known rows, between the beginnings of
// extents, neither by label nor by handle, with or without a journal.
func TestWriteAllocatesNothing(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "journal": fastDir(t)} {
		t.Run(name, func(t *testing.T) {
			st := Open(Options{Dir: dir, Schemas: []*metric.Schema{metric.Of[sample](), metric.Of[whole]()}})
			w := NewWriter[sample](st, ShardOptions{Step: time.Second})
			r := sample{Name: "a name", Note: "a note", Size: 5}
			slot := int64(1_700_000_400)
			sweep := func() {
				w.Begin(At(slot))
				w.Put(&r)
				w.End()
				slot++
			}
			for range smallSlots + 3 { // the second head is of full size
				sweep()
			}
			if dir != "" {
				st.disk.mu.Lock() // or the goroutine would allocate meanwhile
				st.disk.pending = make([]byte, 0, 1<<16)
				st.disk.mu.Unlock()
				if err := st.Close(); err != nil {
					t.Fatal(err)
				}
				sweep()
			}
			row := w.Row(&r)
			if n := testing.AllocsPerRun(10, sweep); n != 0 {
				t.Errorf("a sweep allocates %g times", n)
			}
			byHandle := func() {
				w.Begin(At(slot))
				w.Write(row, &r)
				w.End()
				slot++
			}
			if n := testing.AllocsPerRun(10, byHandle); n != 0 {
				t.Errorf("a sweep by handle allocates %g times", n)
			}
		})
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	st := open(t, Options{})
	w := NewWriter[sample](st, ShardOptions{Step: time.Second})
	noisy(w, 0, bigSlots*3+100, "a")
	row := st.Shard("sample").Rows()[0]
	var p Points
	var m Matrix
	read := func() {
		p.Reset()
		row.Read(fSize, 0, forever, &p)
		row.ReadAll(0, forever, &m)
		if _, _, ok := row.Latest(); !ok || len(st.Shard("sample").Rows()) != 1 {
			t.Error("nothing there")
		}
	}
	read()
	if n := testing.AllocsPerRun(20, read); n != 0 {
		t.Errorf("reading allocates %g times", n)
	}
}
