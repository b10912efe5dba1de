// Package process collects the processes of the host from /proc.
//
// # One sweep
//
// Every process: /proc/PID/stat, and where the kernel tells it (Linux 6.2) the
// number of open fds as the size of /proc/PID/fd. That is all that most
// processes cost. The rest (status, io, limits, cgroup, and on older kernels
// the entries of fd) is read of selected processes in each sweep, of new ones
// and after an exec at once, and of all others in every tenth sweep. What was
// read stays known in the process table. smaps and smaps_rollup are never
// read: they hold the memory lock of a big process for milliseconds.
// Arguments are never read.
//
// # Selected processes
//
// A row in the store is kept for watched names, and for the top N by CPU, by
// RSS and by fds. A process enters after some sweeps among the top and leaves
// after some sweeps outside, so that the edge of the list does not flicker.
//
// RSS as stat tells it is the sum of per-CPU counters that the kernel does not
// add up exactly: on hosts with many CPUs it may be off by some 128 KiB a CPU.
package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/cgroup"
	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Options say which processes have rows.
type Options struct {
	Watch       []string // names, compared by the 15 bytes that the kernel keeps
	TopN        int      // rows by CPU, by RSS and by fds; 0 = none but the watched
	EnterSweeps int      // sweeps among the top before a row begins; 0 = 2
	LeaveSweeps int      // sweeps outside before it ends; 0 = 3
	MaxBytes    int64    // memory of the rows' history; 0 = the store's common budget
}

const (
	// rotation is the number of sweeps in which the details of every process
	// are read once.
	rotation = 10
	// maxNew is the default of Collector.maxNew.
	maxNew = 1000
	// maxWatched bounds the rows of watched names.
	maxWatched = 200
	// maxRows bounds the rows of the store: a row stays for 15 minutes after
	// its last slot, so more are open than are written.
	maxRows = 2000
)

// Collector sweeps over /proc. It is the one that feeds its table.
type Collector struct {
	env   collect.Env
	opt   Options
	table *proctable.Table
	tree  tree
	units units
	watch map[proctable.Name]bool
	// maxNew bounds the new processes whose details are read in one sweep, so
	// that the first sweep of a host with 20,000 is no burst of a second.
	maxNew int

	sweep   uint32
	pids    []uint32
	details []proctable.ID // to be read in this sweep
	groups  cgroup.Cache
	sel     selection
	top     []proctable.Process // scratch

	seen     outcome
	deniedAt uint32 // sweep in which something was denied last; 0 = never

	rows *store.Writer[reading.Process]
	all  *store.Writer[reading.Processes]
}

// outcome is how a sweep went.
type outcome struct {
	read     int  // processes whose stat was read
	fresh    int  // new ones whose details are read
	denied   int  // processes with a file that must not be read
	initSeen bool // pid 1
	faults   procfile.Faults

	deniedPID uint32 // the last of them
}

// New returns a collector that feeds table.
func New(env collect.Env, table *proctable.Table, o Options) *Collector {
	if o.EnterSweeps <= 0 {
		o.EnterSweeps = 2
	}
	if o.LeaveSweeps <= 0 {
		o.LeaveSweeps = 3
	}
	table.SetMaxGap((store.MaxGap + 1) * env.Interval) // as collect.Env.Elapsed
	shard := env.Shard()
	shard.MaxRows, shard.MaxBytes = maxRows, o.MaxBytes
	c := &Collector{
		env: env, opt: o, table: table, units: systemUnits(),
		tree:  tree{root: env.Proc},
		watch: map[proctable.Name]bool{}, maxNew: maxNew,
		sel:  selection{enter: o.EnterSweeps, leave: o.LeaveSweeps, tracks: map[proctable.ID]*track{}},
		rows: store.NewWriter[reading.Process](env.Store, shard),
		all:  store.NewWriter[reading.Processes](env.Store, env.Shard()),
	}
	for _, name := range o.Watch {
		c.watch[proctable.NameOf([]byte(name))] = true
	}
	return c
}

// Collect makes one sweep. A process that ends while it is read is left out
// silently.
func (c *Collector) Collect(ctx context.Context, t store.Tick) error {
	c.begin()
	if err := c.tree.open(); err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	defer c.tree.close()
	var err error
	if c.pids, err = c.tree.pids(c.pids[:0]); err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	c.table.Begin(t.Wall, t.Boot)
	if err := c.look(ctx); err != nil {
		c.table.Abort()
		return err
	}
	c.table.End()
	c.selectRows()
	err = c.readDetails(ctx)
	c.write(t)
	if err != nil {
		return err
	}
	return c.verdict()
}

func (c *Collector) begin() {
	c.sweep++
	c.seen = outcome{}
	c.details = c.details[:0]
	c.sel.begin()
}

// look reads stat and fd count of every process into the table.
func (c *Collector) look(ctx context.Context) error {
	var s proctable.Sample
	for i, pid := range c.pids {
		if i%64 == 0 && ctx.Err() != nil {
			return fmt.Errorf("read %d processes, of which %d were done: %w", len(c.pids), i, ctx.Err())
		}
		c.seen.initSeen = c.seen.initSeen || pid == 1
		if c.one(pid, &s) {
			c.seen.read++
			c.note(&s)
		}
	}
	if c.seen.read == 0 {
		return c.nothing()
	}
	return nil
}

// nothing says why not one process could be read, not even the agent itself.
func (c *Collector) nothing() error {
	if c.seen.denied > 0 {
		return fmt.Errorf("read %d processes in %s: %w; %s", len(c.pids), c.env.Proc, fs.ErrPermission, needsPtrace)
	}
	if err := c.seen.faults.Err(); err != nil {
		return fmt.Errorf("read %d processes in %s, none of them readable: %w", len(c.pids), c.env.Proc, err)
	}
	return fmt.Errorf("list processes: %s has none; is it a mounted procfs?", c.env.Proc)
}

// one reads what every process is asked for.
func (c *Collector) one(pid uint32, s *proctable.Sample) bool {
	b, err := c.tree.stat(pid)
	if err != nil {
		c.failed(pid, "stat", err)
		return false
	}
	*s = proctable.Sample{}
	if reason := parseStat(b, pid, c.units, s); reason != "" {
		c.garbled(pid, "stat", reason)
		c.table.Keep(pid)
		return false
	}
	if c.tree.sized && !s.Kernel {
		if n, err := c.tree.fdSize(pid); err == nil {
			s.FDs, s.Parts = n, proctable.HasFDs
		}
	}
	return true
}

// note hands a sample to the table and decides whether to read more of it.
func (c *Collector) note(s *proctable.Sample) {
	const once = proctable.HasStatus | proctable.HasLimits | proctable.HasCgroup
	known, ok := c.table.Observe(s)
	if !ok {
		return
	}
	if c.watch[s.Name] {
		c.sel.watched(s.ID)
	}
	if s.Kernel {
		return // has neither files nor limits nor a group of its own
	}
	switch fresh := known&once != once; {
	case fresh && c.seen.fresh < c.maxNew:
		c.seen.fresh++
		c.details = append(c.details, s.ID)
	case !fresh && (s.PID%rotation == c.sweep%rotation || c.sel.has(s.ID)):
		c.details = append(c.details, s.ID)
	}
}

// failed notes that a file of a process could not be read.
func (c *Collector) failed(pid uint32, file string, err error) {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH):
		return // it ended
	case errors.Is(err, fs.ErrPermission):
		if c.seen.deniedPID != pid { // of one process all files are read in a row
			c.seen.denied++
		}
		c.seen.deniedPID, c.deniedAt = pid, c.sweep
	default:
		c.seen.faults.Add(&fs.PathError{Op: "read", Path: fmt.Sprintf("%s/%d/%s", c.env.Proc, pid, file), Err: err})
	}
	c.table.Keep(pid)
}

func (c *Collector) garbled(pid uint32, file, reason string) {
	c.seen.faults.Line(fmt.Sprintf("%s/%d/%s", c.env.Proc, pid, file), 0, reason)
}

// selectRows updates which processes have rows.
func (c *Collector) selectRows() {
	if n := c.opt.TopN; n > 0 {
		for _, o := range []proctable.Order{proctable.ByCPU, proctable.ByRSS, proctable.ByFDs} {
			c.top = c.table.List(c.top[:0], o, n)
			for i := range c.top {
				if uses(&c.top[i], o) {
					c.sel.top(c.top[i].ID)
				}
			}
		}
	}
	c.details = append(c.details, c.sel.end()...)
}

// uses reports whether the process has any of what a list is sorted by: on a
// quiet host the end of the list does not.
func uses(p *proctable.Process, o proctable.Order) bool {
	switch o {
	case proctable.ByCPU:
		return p.CPUPercent > 0
	case proctable.ByFDs:
		return p.Parts&proctable.HasFDs != 0 && p.FDs > 0
	default:
		return p.RSS > 0
	}
}

// verdict says what was wrong with the sweep, in words that stay the same as
// long as the trouble does.
func (c *Collector) verdict() error {
	var why []string
	hint := "look at the file named; the other processes are collected"
	if err := c.seen.faults.Err(); err != nil {
		why = append(why, err.Error())
	}
	if over := c.sel.overflow; over > 0 {
		why = append(why, fmt.Sprintf("more than %d processes have watched names, only so many get rows", maxWatched))
		hint = "watch fewer names"
	}
	if c.table.Totals().Refused > 0 {
		why = append(why, "there are more processes than the process table may hold; procs.untracked counts them")
		hint = "find out who starts so many"
	}
	if c.deniedAt != 0 && c.sweep-c.deniedAt < rotation && !mayPtrace() {
		why = append(why, "files of other users' processes cannot be read: permission denied")
		hint = needsPtrace
	}
	if !c.seen.initSeen {
		why = append(why, fmt.Sprintf("%s does not show all processes (pid 1 is not there), so it is probably mounted with hidepid", c.env.Proc))
		hint = needsPtrace
	}
	if len(why) == 0 {
		return nil
	}
	return collect.Partial(hint, "%s", strings.Join(why, "; "))
}

// mayPtrace reports whether the agent has the capability that the files of
// other users' processes ask for. If one is refused nevertheless, by a
// security module or to protect that process, nobody can help it: it is
// counted, but no fault.
func mayPtrace() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&hdr, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_PTRACE) != 0
}

const needsPtrace = "run the agent as root or give it CAP_SYS_PTRACE (AmbientCapabilities= in its unit)"
