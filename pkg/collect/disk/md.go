package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// mdStates and mdActions are the words of array_state and sync_action; the
// number that is stored is their place (reading.MD names them).
var (
	mdStates = []string{
		"clear", "inactive", "suspended", "readonly", "read-auto", "clean", "active", "write-pending", "active-idle", "broken",
	}
	mdActions = []string{"idle", "resync", "recover", "check", "repair", "reshape", "frozen"}
)

// MD collects the software RAID arrays. Source: /sys/block/mdX/md, whose
// format is stable, unlike that of /proc/mdstat.
type MD struct {
	w    *store.Writer[reading.MD]
	dir  string // /sys/block
	file procfile.Reader
	seen bool // an array, ever
	rows []reading.MD
	bad  trouble.List
}

// NewMD returns the collector.
func NewMD(env collect.Env) (*MD, error) {
	return &MD{w: store.NewWriter[reading.MD](env.Store, env.Shard()), dir: env.Sys + "/block"}, nil
}

// Collect implements [collect.Collector].
func (c *MD) Collect(_ context.Context, t store.Tick) error {
	const hint = "reload after an array was created"
	devices, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return collect.Unsupported(hint, "the kernel lists no block devices: %v", err)
	}
	if err != nil {
		return fmt.Errorf("cannot list the block devices: %w", err)
	}
	c.bad.Reset()
	c.rows = c.rows[:0]
	for _, d := range devices {
		if name := d.Name(); strings.HasPrefix(name, "md") {
			c.array(name)
		}
	}
	c.seen = c.seen || len(c.rows) > 0
	if !c.seen { // without a sweep: one of nothing looks like history
		return collect.Unsupported(hint, "this host has no software RAID array")
	}
	c.w.Begin(t)
	for i := range c.rows {
		c.w.Put(&c.rows[i])
	}
	c.w.End()
	return c.bad.Err("the other values are collected; mdadm --detail shows the array")
}

// array reads one array into c.rows, unless name is none.
func (c *MD) array(name string) {
	dir := c.dir + "/" + name + "/md"
	state, err := c.word(dir + "/array_state")
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	r := metric.Blank[reading.MD]()
	r.Device = name
	r.Level, _ = c.word(dir + "/level") // an array without one has not begun
	if err == nil {
		r.State, err = place(dir+"/array_state", mdStates, state)
	}
	c.bad.Add(err)
	action, err := c.word(dir + "/sync_action") // not there without redundancy
	if err == nil {
		r.Action, err = place(dir+"/sync_action", mdActions, action)
	}
	c.bad.Optional(err)
	r.Disks = c.number(dir + "/raid_disks")
	r.Degraded = c.number(dir + "/degraded")
	r.Mismatches = c.number(dir + "/mismatch_cnt")
	r.Sync = c.progress(dir + "/sync_completed")
	c.members(dir, &r)
	c.rows = append(c.rows, r)
}

// word reads a file of one word.
func (c *MD) word(path string) (string, error) {
	b, err := c.file.Read(path)
	if err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(b)), nil
}

func place(path string, words []string, word string) (float64, error) {
	for i, w := range words {
		if w == word {
			return float64(i), nil
		}
	}
	return metric.NaN, &procfile.ParseError{Path: path, Line: 1, Reason: fmt.Sprintf("%.40q is not one of %s", word, strings.Join(words, ", "))}
}

// number reads a file that begins with a number; while an array is reshaped,
// raid_disks has the former number behind it: "5 (4)". An array that has not
// begun has an empty file, and one without redundancy lacks some files.
func (c *MD) number(path string) float64 {
	b, err := c.file.Read(path)
	if err != nil {
		c.bad.Optional(err)
		return metric.NaN
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return metric.NaN
	}
	first, _ := procfile.Field(b)
	v, ok := procfile.ParseUint(first)
	if !ok {
		c.bad.Add(&procfile.ParseError{Path: path, Line: 1, Reason: fmt.Sprintf("%.40q does not begin with a number", b)})
		return metric.NaN
	}
	return float64(v)
}

// progress reads sync_completed: "done / all" in sectors, or "none", or
// "delayed" while another array on the same disks has its turn.
func (c *MD) progress(path string) float64 {
	b, err := c.file.Read(path)
	if err != nil {
		c.bad.Optional(err)
		return metric.NaN
	}
	v, err := parseProgress(path, bytes.TrimSpace(b))
	c.bad.Add(err)
	return v
}

func parseProgress(path string, b []byte) (float64, error) {
	switch string(b) {
	case "none":
		return metric.NaN, nil
	case "delayed":
		return 0, nil
	}
	done, rest := procfile.Field(b)
	slash, rest := procfile.Field(rest)
	all, _ := procfile.Field(rest)
	d, ok1 := procfile.ParseUint(done)
	a, ok2 := procfile.ParseUint(all)
	if !ok1 || !ok2 || string(slash) != "/" || a == 0 || d > a {
		return metric.NaN, &procfile.ParseError{Path: path, Line: 1, Reason: fmt.Sprintf("%.40q is neither a progress nor none", b)}
	}
	return 100 * float64(d) / float64(a), nil
}

// members counts the array's devices by their state.
func (c *MD) members(dir string, r *reading.MD) {
	list, err := os.ReadDir(dir)
	if err != nil {
		c.bad.Add(fmt.Errorf("cannot list the devices of an array: %w", err))
		return
	}
	var active, failed, spare float64
	for _, m := range list {
		if !strings.HasPrefix(m.Name(), "dev-") {
			continue
		}
		state, err := c.word(dir + "/" + m.Name() + "/state")
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed this moment
		case err != nil:
			c.bad.Add(fmt.Errorf("the devices of an array cannot be counted: %w", err))
			return
		case has(state, "faulty"):
			failed++
		case has(state, "in_sync"):
			active++
		case has(state, "spare"): // or being rebuilt
			spare++
		} // what remains is a journal
	}
	r.Active, r.Failed, r.Spare = active, failed, spare
}

// has reports whether a comma-separated list has that word.
func has(list, word string) bool { return hasOption([]byte(list), word) }
