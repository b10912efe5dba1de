package db

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
)

// The test binary is also the other process that some tests need.
func TestMain(m *testing.M) {
	if task := os.Getenv("DB_TEST_CHILD"); task != "" {
		if err := children[task](os.Getenv("DB_TEST_PATH")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

var children = map[string]func(path string) error{}

// child starts this binary again to do a task on a database.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startChild(t *testing.T, task, path string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DB_TEST_CHILD="+task, "DB_TEST_PATH="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, in: in, out: bufio.NewScanner(out)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return c
}

// line returns the next line that the child prints.
func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.out.Scan() {
		t.Fatalf("the child ended: %v", c.out.Err())
	}
	return c.out.Text()
}

// end lets the child end by itself and waits for it.
func (c *child) end(t *testing.T) {
	t.Helper()
	_ = c.in.Close()
	for c.out.Scan() {
	}
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("the child failed: %v", err)
	}
}

type thing struct {
	_     struct{}     `reading:"thing" domain:"test" help:"A thing."`
	ID    string       `label:"id"`
	Load  float64      `metric:"thing.load" res:"0.01" help:"Load."`
	Size  float64      `metric:"thing.size_bytes" unit:"bytes" help:"Size."`
	Moved metric.Count `metric:"thing.moved_bytes" unit:"bytes" help:"Bytes moved."`
}

var things = metric.Of[thing]()

// testDB is a database whose states can be waited for.
type testDB struct {
	*DB
	path   string
	reg    *state.Registry
	states chan state.Status
}

const patience = 60 * time.Second // for what happens in other goroutines and processes

func start(t *testing.T, o Options) *testDB {
	t.Helper()
	if o.Path == "" {
		o.Path = t.TempDir() + "/test.db"
	}
	if o.retry == 0 {
		o.retry = 5 * time.Millisecond
	}
	o.Host, o.Schemas = "host", append(o.Schemas, things)
	reg := state.New()
	states := make(chan state.Status, 10000)
	reg.OnChange(func(_, cur state.Status) { states <- cur })
	d := &testDB{DB: Open(o, reg), path: o.Path, reg: reg, states: states}
	t.Cleanup(d.Close)
	return d
}

// open is start and waits until the database is open.
func open(t *testing.T, o Options) *testDB {
	t.Helper()
	d := start(t, o)
	d.await(t)
	return d
}

func (d *testDB) await(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

// until waits for a state whose reason has all these words.
func (d *testDB) until(t *testing.T, want state.State, words ...string) state.Status {
	t.Helper()
	deadline := time.After(patience)
	var seen []string
next:
	for {
		select {
		case s := <-d.states:
			seen = append(seen, string(s.State)+": "+s.Reason)
			for _, w := range words {
				if !strings.Contains(s.Reason, w) {
					continue next
				}
			}
			if s.State == want {
				return s
			}
		case <-deadline:
			t.Fatalf("no state %s with %q, only:\n%s", want, words, strings.Join(seen, "\n"))
		}
	}
}

func (d *testDB) do(t *testing.T, fn func(*Tx) error) {
	t.Helper()
	if err := d.Do(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func (d *testDB) read(t *testing.T, fn func(*Querier) error) {
	t.Helper()
	if err := d.Read(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// persistently tries until the database takes it, as callers do.
func (d *testDB) persistently(t *testing.T, fn func(*Tx) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		err := d.Do(ctx, fn)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

// put writes one minute of one thing.
func put(id string, ts int64, val ...float64) func(*Tx) error {
	return func(tx *Tx) error {
		row, err := tx.RowID("thing", JSON([]string{"id"}, []string{id}), "{}", ts)
		if err != nil {
			return err
		}
		for len(val) < len(things.Fields) {
			val = append(val, float64(len(val)))
		}
		return tx.UpsertReadings(things, Minute, []ReadingRow{{Row: row, Time: ts, N: 6, Val: val}})
	}
}

// count returns the number of rows in a table.
func (d *testDB) count(t *testing.T, table string) (n int) {
	t.Helper()
	d.read(t, func(q *Querier) error {
		return q.QueryRow(fmt.Sprintf("SELECT count(*) FROM %q", table), nil, &n)
	})
	return n
}
