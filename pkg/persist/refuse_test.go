package persist

import (
	"context"
	"strings"
	"testing"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
)

// refuse makes the database refuse rows of a table that meet a condition.
func (h *host) refuse(table, condition string) {
	h.t.Helper()
	h.exec(`CREATE TRIGGER refuse_` + table + ` BEFORE INSERT ON ` + table +
		` WHEN ` + condition + ` BEGIN SELECT RAISE(ABORT, 'poison'); END`)
}

func TestPoisonIsLeftOut(t *testing.T) {
	for _, c := range []struct {
		name, table, condition string
		skipped                uint64
		minutes                int
	}{
		{"a value", "probe_minute", `NEW.ts = 1700006520`, 2, 2*10 - 2},
		{"a label", "reading_row", `NEW.labels LIKE '%bad%'`, 10, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, midnight)
			h.refuse(c.table, c.condition)
			for range 60 {
				h.sweep(sampleAt("good", h.boot), sampleAt("bad", h.boot))
				h.pass(10)
			}
			h.settle()
			if n := len(h.table(t, db.Minute)); n != c.minutes {
				t.Errorf("%d rows, want %d", n, c.minutes)
			}
			st := h.p.Stats()
			if st.Skipped != c.skipped || st.Rows != uint64(c.minutes) || st.Backlog != 0 {
				t.Errorf("stats %+v", st)
			}
			if text := h.log.String(); !strings.Contains(text, "poison") || strings.Count(text, "refused rows") > maxRefusalLines {
				t.Errorf("the log says %s", text)
			}
			h.run("good", 120, true)
			h.settle()
			if st := h.p.Stats(); st.Skipped != c.skipped {
				t.Errorf("the same rows were refused again: %+v", st)
			}
		})
	}
}

// When every row of a reading is refused it is not the rows' fault: its mark
// waits, the others go on, and all is caught up when the cause is gone.
func TestRefusedReadingWaits(t *testing.T) {
	h := newHost(t, midnight)
	h.refuse("probe_minute", `1`)
	for range 60 {
		h.sweep(sampleAt("a", h.boot))
		h.pass(10)
	}
	h.pass(200)
	h.p.rows = 3 // several parts of one reading
	err := h.p.Flush(context.Background())
	if err == nil || !strings.Contains(err.Error(), "every row of reading probe") || temporary(err) {
		t.Fatalf("got %v", err)
	}
	if st := h.p.Stats(); st.Skipped != 0 || st.Rows != 0 || st.Backlog < 10 {
		t.Errorf("stats %+v", st)
	}
	h.exec(`DROP TRIGGER refuse_probe_minute`)
	h.flush()
	if n := len(h.table(t, db.Minute)); n != 10 {
		t.Errorf("%d rows, want 10", n)
	}
}

// A reading that cannot have tables stays in memory; the others do not mind.
func TestReadingWithoutTable(t *testing.T) {
	h := newHost(t, midnight)
	bad := *tides
	bad.Name = strings.Repeat("x", 80)
	h.p.tables[bad.Name] = false
	if err := h.p.o.DB.EnsureTables(context.Background(), []*metric.Schema{&bad}); err == nil || temporary(err) {
		t.Fatalf("a table of 80 letters: %v", err)
	}
	h.run("a", 600, true)
	h.settle()
	if n := len(h.table(t, db.Minute)); n != 10 {
		t.Errorf("%d rows, want 10", n)
	}
}
