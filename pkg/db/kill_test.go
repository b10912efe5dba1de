package db

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"sysops-agent/pkg/db/sqlite"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
)

const killRows = 20 // rows of one transaction

func init() {
	// write writes minute after minute behind the mark, as persist does, and
	// says which minute is committed, until it is killed.
	children["write"] = func(path string) error {
		d := Open(Options{Path: path, Host: "host", Schemas: []*metric.Schema{things}}, state.New())
		ctx := context.Background()
		if err := d.Wait(ctx); err != nil {
			return err
		}
		for {
			var next int64
			if err := d.Do(ctx, func(tx *Tx) (err error) { next, err = writeMinute(tx); return err }); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(os.Stdout, next); err != nil {
				return err
			}
			if next%(60*7) == 0 { // free pages and moved pages too
				if err := d.Vacuum(ctx, 10); err != nil {
					return err
				}
			}
		}
	}
}

// writeMinute writes the minute at the mark, deletes an old one and moves the
// mark to the next.
func writeMinute(tx *Tx) (int64, error) {
	ts, _, err := tx.Mark("thing", Minute)
	if err != nil {
		return 0, err
	}
	rows := make([]ReadingRow, killRows)
	for i := range rows {
		rows[i] = ReadingRow{Time: ts, N: 6, Val: []float64{float64(i) + 0.5, float64(ts), float64(ts)}}
		if rows[i].Row, err = tx.RowID("thing", strconv.Itoa(i), "{}", ts); err != nil {
			return 0, err
		}
	}
	if err := tx.UpsertReadings(things, Minute, rows); err != nil {
		return 0, err
	}
	if _, err := tx.Exec("DELETE FROM thing_minute WHERE ts < $1", ts-60*killKept); err != nil {
		return 0, err
	}
	return ts + 60, tx.SetMark("thing", Minute, ts+60)
}

const killKept = 50 // minutes

// A writer that is killed at any moment leaves a whole file in which every
// transaction that it saw committed is there, once, and none by half.
func TestKilledWriterLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills many processes")
	}
	path := t.TempDir() + "/test.db"
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	var acked int64
	for range killRounds {
		c := startChild(t, "write", path)
		for range 1 + rng.IntN(12) {
			ts, err := strconv.ParseInt(c.line(t), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if ts <= acked {
				t.Fatalf("minute %d was written again after %d", ts, acked)
			}
			acked = ts
		}
		for range rng.IntN(20_000) { // somewhere in the next transaction
			_ = os.Getpid()
		}
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for c.out.Scan() { // what it still committed
			acked, _ = strconv.ParseInt(c.out.Text(), 10, 64)
		}
		_ = c.cmd.Wait()
		acked = checkKilled(t, path, acked)
	}
}

// checkKilled opens the database with a full check and counts. It returns the
// mark: a commit that could not be told any more is a commit all the same.
func checkKilled(t *testing.T, path string, acked int64) int64 {
	t.Helper()
	s, err := openSession(t.Context(), Options{Path: path}, sqlite.Suspect)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if len(sqlite.Aside(path)) > 0 {
		t.Fatal("the file was corrupt")
	}
	var mark int64
	err = s.read(t.Context(), func(q *Querier) error {
		q.host = 1
		if mark, _, err = q.Mark("thing", Minute); err != nil {
			return err
		}
		if mark < acked {
			t.Errorf("committed up to %d, but the mark is %d", acked, mark)
		}
		oldest := max(0, mark-60-60*killKept)
		var rows, minutes, first, last int64
		err := q.QueryRow("SELECT count(*), count(DISTINCT ts), coalesce(min(ts), 0), coalesce(max(ts), -60) FROM thing_minute",
			nil, &rows, &minutes, &first, &last)
		if err != nil {
			return err
		}
		if want := (mark - oldest) / 60; minutes != want || rows != want*killRows || last != mark-60 || first != oldest && mark > 0 {
			t.Errorf("mark %d: %d rows in %d minutes from %d to %d, want %d minutes from %d", mark, rows, minutes, first, last, want, oldest)
		}
		var verdict string
		if err := q.QueryRow("PRAGMA integrity_check(1)", nil, &verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			t.Errorf("integrity: %s", verdict)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return mark
}
