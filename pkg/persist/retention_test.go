package persist

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/state"
)

// clean runs the retention when it is due.
func (h *host) clean() {
	h.t.Helper()
	if err := h.p.clean(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// old writes n rows of a tier of probe, one a step, the last before now; the
// oldest first, as the agent does.
func (h *host) old(tier db.Tier, label string, n int64) {
	h.t.Helper()
	err := h.d.Do(context.Background(), func(tx *db.Tx) error {
		last := floor(h.wall, tier.Step()) - tier.Step()
		rows := make([]db.ReadingRow, n)
		for i := range rows {
			at := last - (n-1-int64(i))*tier.Step()
			id, err := tx.RowID("probe", `{"name":"`+label+`"}`, `{"note":""}`, at)
			if err != nil {
				return err
			}
			rows[i] = db.ReadingRow{Row: id, Time: at, N: 6, Val: make([]float64, 4)}
		}
		return tx.UpsertReadings(probes, tier, rows)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestRetention(t *testing.T) {
	h := newHost(t, midnight)
	h.old(db.Minute, "a", 3*1440)
	h.old(db.Hourly, "a", 5*24)
	h.old(db.Daily, "a", 9)
	h.exec(`INSERT INTO reading_row (host, reading, labels, attrs, first_seen, last_seen) VALUES (1, 'probe', '{"name":"gone"}', '{}', 0, 5)`)
	h.exec(`INSERT INTO host (name, boot_id, first_seen, last_seen) VALUES ('other', '', 0, 0), ('late', '', 0, 0)`)
	h.exec(`INSERT INTO heartbeat VALUES (2, $1, 1, '', 0, ''), (3, $2, 1, '', 0, '')`, midnight-86400, midnight-86400+7200)
	h.p.SetRetention(Retention{MinuteDays: 1, HourlyDays: 2, DailyDays: 3})
	h.flush()

	h.clean()
	if n := h.number(`SELECT count(*) FROM probe_minute`); n != 3*1440 {
		t.Fatal("the retention ran at the start, before the clock can be trusted")
	}
	h.pass(900)
	h.clean()
	for query, want := range map[string]int64{
		`SELECT count(*) FROM probe_minute`: 1440 - 15,
		`SELECT count(*) FROM probe_hourly`: 47,
		`SELECT count(*) FROM probe_daily`:  2,
		`SELECT count(*) FROM reading_row`:  1,
		`SELECT count(*) FROM heartbeat`:    1,
	} {
		if n := h.number(query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	if st := h.p.Stats(); st.Deleted != 3*1440-1425+120-47+9-2 {
		t.Errorf("%d rows reported deleted", st.Deleted)
	}
	if !strings.Contains(h.log.String(), "deleted what is older") {
		t.Error("nothing in the log")
	}

	h.pass(1800)
	h.clean()
	if n := h.number(`SELECT count(*) FROM probe_minute`); n != 1440-15 {
		t.Error("it ran again before the hour was over")
	}
	h.pass(1800)
	h.clean()
	if n := h.number(`SELECT count(*) FROM probe_minute`); n != 1440-75 {
		t.Errorf("%d minutes after another hour", n)
	}
}

// Deleting much goes in small transactions with pauses, and a shorter
// retention gives the disk its room back.
func TestRetentionInSmallSteps(t *testing.T) {
	h := newHost(t, midnight)
	for _, name := range []string{"a", "b"} {
		h.old(db.Minute, name, 8*1440)
	}
	h.flush()
	before := h.number(`SELECT page_count FROM pragma_page_count`)
	most, calls := int64(0), 0
	h.p.do = func(ctx context.Context, fn func(*db.Tx) error) error {
		calls++
		was := h.number(`SELECT count(*) FROM probe_minute`)
		err := h.d.Do(ctx, fn)
		most = max(most, was-h.number(`SELECT count(*) FROM probe_minute`))
		return err
	}
	h.p.SetRetention(Retention{MinuteDays: 1, HourlyDays: 2, DailyDays: 3})
	h.pass(900)
	h.rests = nil
	h.clean()
	if most > deleteRows || calls < 20 || len(h.rests) < 20 {
		t.Errorf("at most %d rows in one of %d transactions, %d pauses", most, calls, len(h.rests))
	}
	if after := h.number(`SELECT page_count FROM pragma_page_count`); after > before/2 {
		t.Errorf("%d pages of %d stay", after, before)
	}
}

func TestRetentionStopsWithItsContext(t *testing.T) {
	h := newHost(t, midnight)
	h.old(db.Minute, "a", 4*1440)
	h.p.SetRetention(Retention{MinuteDays: 1, HourlyDays: 1, DailyDays: 1})
	h.flush()
	h.pass(900)
	ctx, cancel := context.WithCancel(context.Background())
	h.p.rest = func(context.Context, time.Duration) bool { cancel(); return false }
	if err := h.p.clean(ctx); err == nil {
		t.Error("it went on")
	}
	h.p.rest = func(context.Context, time.Duration) bool { return true }
	h.clean()
	if n := h.number(`SELECT count(*) FROM probe_minute`); n != 1440-15 {
		t.Errorf("%d rows left: the interrupted run was not taken up again", n)
	}
}

// A host of many short-lived rows, where one transaction can neither look
// through all of them nor delete from all.
func TestRetentionOfManyRows(t *testing.T) {
	h := newHost(t, midnight)
	for _, name := range []string{"a", "b", "c"} {
		h.old(db.Minute, name, 600)
	}
	err := h.d.Do(context.Background(), func(tx *db.Tx) error {
		var rows []db.ReadingRow
		for i := range 3 * int64(findRows) {
			at := midnight - 86400 + i%2*7200 // half of them too old
			id, err := tx.RowID("probe", fmt.Sprintf(`{"name":"%d"}`, i), `{}`, at)
			if err != nil {
				return err
			}
			rows = append(rows, db.ReadingRow{Row: id, Time: at, N: 1, Val: make([]float64, 4)})
		}
		return tx.UpsertReadings(probes, db.Minute, rows)
	})
	if err != nil {
		t.Fatal(err)
	}
	h.p.SetRetention(Retention{MinuteDays: 1, HourlyDays: 1, DailyDays: 1})
	h.flush()
	h.pass(900)
	h.clean()
	if n := h.number(`SELECT count(*) FROM probe_minute`); n != 3*600+3*findRows/2 {
		t.Errorf("%d rows stay", n)
	}
}

func TestADatabaseAtItsBoundKeepsAllHistoryShorter(t *testing.T) {
	h := newHost(t, midnight)
	for i := range 4 {
		h.old(db.Minute, fmt.Sprint("a", i), 10*1440)
	}
	size := func() (n int64) {
		t.Helper()
		if err := h.d.Read(context.Background(), func(q *db.Querier) (err error) { n, err = q.LiveBytes(); return err }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := size()
	bound := before / 2
	keep := Retention{MinuteDays: 30, HourlyDays: 90, DailyDays: 365, MaxBytes: bound}
	h.p.SetRetention(keep)
	h.p.o.Size = h.reg.Part(state.Database, "size")
	h.flush()
	h.pass(900)
	h.clean()
	if n := size(); n > bound {
		t.Fatalf("%d bytes are left of %d, the bound is %d", n, before, bound)
	}
	share := h.p.Stats().Share
	if share >= 1 || h.p.o.Size.Get().State != state.Degraded {
		t.Fatalf("share %g, %+v", share, h.p.o.Size.Get())
	}
	newest := floor(h.wall, 60) - 1800
	if n := h.number(fmt.Sprintf(`SELECT count(*) FROM probe_minute WHERE ts > %d`, newest)); n == 0 {
		t.Fatal("the newest history went")
	}
	if oldest := h.number(`SELECT min(ts) FROM probe_minute`); oldest < h.wall-int64(30*86400*share)-60 {
		t.Fatalf("rows older than the share of the retention are left: %d", h.wall-oldest)
	}

	keep.MaxBytes = 100 * before // somebody bought a disk
	h.p.SetRetention(keep)
	for range 60 {
		h.pass(3600)
		h.clean()
	}
	if share := h.p.Stats().Share; share != 1 || h.p.o.Size.Get().State != state.Active {
		t.Fatalf("share %g, %+v", share, h.p.o.Size.Get())
	}
}
