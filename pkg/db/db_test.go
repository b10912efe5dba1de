package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sysops-agent/pkg/state"
)

const endlessSQL = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n`

func TestOpenIsActiveAndStaysAfterRestart(t *testing.T) {
	path := t.TempDir() + "/deep/er/test.db"
	d := open(t, Options{Path: path})
	d.until(t, state.Active)
	d.do(t, put("a", 60))
	d.Close()
	d.Close() // idempotent

	d = open(t, Options{Path: path})
	if n := d.count(t, "thing_minute"); n != 1 {
		t.Errorf("%d rows after the restart, want 1", n)
	}
}

func TestDoFailsAtOnceWhileAway(t *testing.T) {
	d := start(t, Options{Path: "/proc/nowhere/test.db"})
	d.until(t, state.Degraded, "make the directory")
	called := false
	err := d.Do(t.Context(), func(*Tx) error { called = true; return nil })
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "make the directory") || called {
		t.Errorf("Do: %v, called %v", err, called)
	}
	err = d.Read(t.Context(), func(*Querier) error { called = true; return nil })
	if !errors.Is(err, ErrUnavailable) || called {
		t.Errorf("Read: %v, called %v", err, called)
	}
	if s := d.Stats(); s.Refused != 2 || s.LastError == "" || s.Failures == 0 {
		t.Errorf("stats %+v", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Wait(ctx); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Wait: %v", err)
	}
}

func TestClosedIsUnavailable(t *testing.T) {
	d := open(t, Options{})
	d.Close()
	if err := d.Do(t.Context(), put("a", 60)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Do: %v", err)
	}
	if err := d.Read(t.Context(), func(*Querier) error { return nil }); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Read: %v", err)
	}
	if err := d.Wait(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Wait: %v", err)
	}
}

func TestCloseWhileItCannotOpen(t *testing.T) {
	d := start(t, Options{Path: "/proc/nowhere/test.db", retry: time.Hour})
	d.until(t, state.Degraded)
	d.Close()
	if err := d.Do(t.Context(), put("a", 60)); !errors.Is(err, errClosed) {
		t.Errorf("Do: %v", err)
	}
}

func TestRollback(t *testing.T) {
	mine := errors.New("mine")
	for name, fn := range map[string]func(*Tx) error{
		"error after a write": func(tx *Tx) error {
			return errors.Join(put("a", 60)(tx), mine)
		},
		"bad statement": func(tx *Tx) error {
			if err := put("a", 60)(tx); err != nil {
				return err
			}
			_, err := tx.Exec("INSERT INTO nowhere VALUES (1)")
			return errors.Join(err, mine)
		},
		"constraint": func(tx *Tx) error {
			if err := put("a", 60)(tx); err != nil {
				return err
			}
			_, err := tx.Exec("INSERT INTO host (id, name, boot_id, first_seen, last_seen) VALUES (9, NULL, '', 0, 0)")
			if err == nil {
				return nil
			}
			return errors.Join(err, mine)
		},
		"foreign key": func(tx *Tx) error {
			_, err := tx.Exec("INSERT INTO mark VALUES (77, 'thing', 'minute', 1)")
			if err == nil {
				return nil
			}
			return errors.Join(err, mine)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, Options{})
			if err := d.Do(t.Context(), fn); !errors.Is(err, mine) || errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v, want the caller's own error", err)
			}
			if n := d.count(t, "thing_minute") + d.count(t, "reading_row") + d.count(t, "mark"); n != 0 {
				t.Errorf("%d rows stayed", n)
			}
			d.do(t, put("a", 60)) // and the id it learnt was forgotten
			if n := d.count(t, "reading_row"); n != 1 {
				t.Errorf("%d reading rows after a good write", n)
			}
		})
	}
}

func TestPanicRollsBackAndFreesTheWriter(t *testing.T) {
	d := open(t, Options{})
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic was swallowed")
			}
		}()
		_ = d.Do(t.Context(), func(tx *Tx) error {
			_ = put("a", 60)(tx)
			panic("boom")
		})
	}()
	d.do(t, put("b", 60))
	if n := d.count(t, "thing_minute"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func TestDeadlineInterruptsAndRollsBack(t *testing.T) {
	d := open(t, Options{Timeout: 50 * time.Millisecond})
	err := d.Do(t.Context(), func(tx *Tx) error {
		if err := put("a", 60)(tx); err != nil {
			return err
		}
		var n int
		return tx.QueryRow(endlessSQL, nil, &n)
	})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUnavailable) {
		t.Errorf("Do: %v", err)
	}
	err = d.Read(t.Context(), func(q *Querier) error {
		var n int
		return q.QueryRow(endlessSQL, nil, &n)
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Read: %v", err)
	}
	d.persistently(t, put("b", 60))
	if n := d.count(t, "thing_minute"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	if st := d.part.Get(); st.State != state.Active {
		t.Errorf("a slow statement is no fault of the database: %+v", st)
	}
}

// After an interrupted statement SQLite has rolled back by itself; what a
// careless caller runs then must not be committed on its own.
func TestNothingRunsAfterTheTransactionBroke(t *testing.T) {
	d := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := d.Do(ctx, func(tx *Tx) error {
		time.AfterFunc(10*time.Millisecond, cancel)
		var n int
		if tx.QueryRow(endlessSQL, nil, &n) == nil {
			t.Error("the endless statement ended")
		}
		tx.ctx = context.WithoutCancel(ctx) // even if its context were alive
		if _, err := tx.Exec("INSERT INTO mark VALUES (1, 'thing', 'minute', 1)"); err == nil {
			t.Error("Exec ran")
		}
		if _, err := tx.RowID("thing", "{}", "{}", 1); err == nil {
			t.Error("RowID ran")
		}
		if err := tx.UpsertReadings(things, Minute, make([]ReadingRow, 1)); err == nil {
			t.Error("UpsertReadings ran")
		}
		if err := tx.Rows("thing", func(*RowInfo) error { return nil }); err == nil {
			t.Error("Query ran")
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Do hid the failure: %v", err)
	}
	if n := d.count(t, "mark"); n != 0 {
		t.Errorf("%d rows were committed behind the back", n)
	}
}

func TestWaitingForTheTurnEndsWithTheContext(t *testing.T) {
	d := open(t, Options{})
	inside, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		d.do(t, func(*Tx) error { close(inside); <-leave; return nil })
	})
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Do(ctx, put("a", 60)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(leave)
	wg.Wait()
}

func TestWritesAreSerialAndReadsSeeOneMoment(t *testing.T) {
	d := open(t, Options{})
	d.do(t, func(tx *Tx) error { return tx.SetMark("thing", Minute, 0) })
	var inside, most atomic.Int32
	var wg sync.WaitGroup
	const writers, each = 8, 40
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := d.Do(t.Context(), func(tx *Tx) error {
					if n := inside.Add(1); n > most.Load() {
						most.Store(n)
					}
					defer inside.Add(-1)
					ts, _, err := tx.Mark("thing", Minute)
					if err != nil {
						return err
					}
					if err := put(fmt.Sprint(w), int64(i*60))(tx); err != nil {
						return err
					}
					return tx.SetMark("thing", Minute, ts+1)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 4 { // more than there are readers
		wg.Go(func() {
			for range each {
				err := d.Read(t.Context(), func(q *Querier) error {
					ts, _, err := q.Mark("thing", Minute)
					if err != nil {
						return err
					}
					var rows int64
					err = q.QueryRow("SELECT count(*) FROM thing_minute", nil, &rows)
					if err == nil && rows != ts {
						t.Errorf("one reading saw %d rows and the mark of %d", rows, ts)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d writers at once", most.Load())
	}
	if n := d.count(t, "thing_minute"); n != writers*each {
		t.Errorf("%d rows, want %d", n, writers*each)
	}
	s := d.Stats()
	if s.Flushes != writers*each || s.RowsWritten != writers*each || s.Commits != s.Flushes+1 {
		t.Errorf("stats %+v", s)
	}
	if s.LastWrite <= 0 || s.MaxWrite < s.LastWrite || s.WriteTime < s.MaxWrite || s.FileBytes == 0 || s.WALBytes == 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	d := open(t, Options{})
	for _, sql := range []string{
		"DELETE FROM host", "CREATE TABLE x (y)", "PRAGMA query_only=0; DELETE FROM host", "PRAGMA journal_mode=DELETE",
	} {
		err := d.Read(t.Context(), func(q *Querier) error {
			rows, err := q.Query(sql)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		})
		if err == nil && !strings.HasPrefix(sql, "PRAGMA journal") {
			t.Errorf("%s worked", sql)
		}
	}
	if n := d.count(t, "host"); n != 1 {
		t.Errorf("%d hosts", n)
	}
	var mode string
	d.do(t, func(tx *Tx) error { return tx.QueryRow("PRAGMA journal_mode", nil, &mode) })
	if mode != "wal" {
		t.Errorf("journal mode %s", mode)
	}
}

func TestPragmas(t *testing.T) {
	d := open(t, Options{})
	want := map[string]string{
		"auto_vacuum": "2", "foreign_keys": "1", "synchronous": "1", "journal_mode": "wal", "temp_store": "2",
		"trusted_schema": "0", "cell_size_check": "1", "journal_size_limit": "8388608", "wal_autocheckpoint": "1000",
	}
	d.do(t, func(tx *Tx) error {
		for name, w := range want {
			var got string
			if err := tx.QueryRow("PRAGMA "+name, nil, &got); err != nil {
				return err
			}
			if got != w {
				t.Errorf("%s is %s, want %s", name, got, w)
			}
		}
		return nil
	})
}
