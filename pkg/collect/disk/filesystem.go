package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// defaultTimeout is how long one sweep waits for all filesystems together
// when the configuration does not say.
const defaultTimeout = 5 * time.Second

// Filesystem collects space and state of mounted filesystems, see choose for
// which.
//
// A service's own view of the mounts may be another than the host's: systemd
// shows a sandboxed unit all mounts read-only, or hides some. So when process
// 1 has other mounts than the agent, its mounts are read, and asked through
// /proc/1/root, which takes CAP_SYS_PTRACE. Without it the own view serves
// and the collector reports that it does.
type Filesystem struct {
	cfg     config.Filesystem
	proc    string
	w       *store.Writer[reading.Filesystem]
	prober  *prober
	file    procfile.Reader
	own     procfile.Reader
	mounts  []byte // the mountinfo that targets were made of
	root    string // and the root they are asked through
	targets []*target
	parsed  trouble.List // trouble of mounts
	bad     trouble.List
}

// NewFilesystem returns the collector.
func NewFilesystem(env collect.Env, cfg config.Filesystem) (*Filesystem, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	return &Filesystem{
		cfg: cfg, proc: env.Proc,
		w:      store.NewWriter[reading.Filesystem](env.Store, env.Shard()),
		prober: takeProber(cfg.Timeout, unix.Statfs),
	}, nil
}

// Close implements [collect.Closer]. Calls that do not return are left to the
// next collector of the process.
func (c *Filesystem) Close() error {
	c.prober.leave()
	return nil
}

const filesystemHint = "the other filesystems are measured; exclude some in collect.filesystem.exclude_types or exclude_mounts, " +
	"unmount a dead one with umount -l, give the agent CAP_SYS_PTRACE to see the host's mounts from a sandbox"

// Collect implements [collect.Collector]. It waits at most the configured
// timeout, whatever the filesystems do.
func (c *Filesystem) Collect(ctx context.Context, t store.Tick) error {
	c.bad.Reset()
	if err := c.look(); err != nil {
		return err
	}
	if err := c.prober.ask(ctx, c.targets); err != nil {
		return fmt.Errorf("asking the filesystems was interrupted: %w", err)
	}
	c.bad.Add(c.parsed.First())
	refused := c.w.Shard().Counts.RefusedRows.Load()
	c.w.Begin(t)
	for _, m := range c.targets {
		r := metric.Blank[reading.Filesystem]()
		r.Mount, r.Device, r.Type = m.point, m.source, m.fstype
		if c.fill(&r, m) {
			c.w.Put(&r)
		}
	}
	c.w.End()
	if n := c.w.Shard().Counts.RefusedRows.Load() - refused; n > 0 {
		c.bad.Add(fmt.Errorf("%d filesystems are left out: there are more than the store may hold", n))
	}
	return c.bad.Err(filesystemHint)
}

// look brings the targets up to date: only when the mounts changed.
func (c *Filesystem) look() error {
	path, b, root, err := c.view()
	if err != nil {
		return err
	}
	if root == c.root && bytes.Equal(b, c.mounts) && c.targets != nil {
		return nil
	}
	c.parsed.Reset()
	all := parseMountinfo(path, b, &c.parsed)
	if len(all) == 0 {
		return fmt.Errorf("cannot read the mounts: %w", c.parsed.First())
	}
	c.root, c.mounts = root, append(c.mounts[:0], b...)
	types, err := c.file.Read(c.proc + "/filesystems") // b is no longer valid
	c.parsed.Add(err)
	kept, more := choose(all, nodevTypes(types), &c.cfg)
	if more > 0 {
		c.parsed.Add(fmt.Errorf("%d filesystems are left out: more than %d are mounted", more, maxMounts))
	}
	c.targets = make([]*target, len(kept))
	for i, m := range kept {
		c.targets[i] = &target{mount: m, path: root + m.point, remote: remote.Match(m.fstype)}
	}
	return nil
}

// view returns the mounts to be measured and the root to ask them through.
func (c *Filesystem) view() (path string, mounts []byte, root string, err error) {
	path = c.proc + "/self/mountinfo"
	own, err := c.own.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, "", collect.Unsupported("mount procfs at /proc", "the kernel offers no list of mounts: %v", err)
	case err != nil:
		return "", nil, "", fmt.Errorf("cannot read the mounts: %w", err)
	}
	host, err := c.file.Read(c.proc + "/1/mountinfo")
	if err == nil && sameView(own, host) {
		return path, own, "", nil
	}
	if err == nil {
		// The link itself shows whether the way through it is open.
		_, err = os.Readlink(c.proc + "/1/root")
	}
	if err != nil {
		c.bad.Add(fmt.Errorf("the mounts that the agent sees, not the host's, are measured: %w", err))
		return path, own, "", nil
	}
	return c.proc + "/1/mountinfo", host, c.proc + "/1/root", nil
}

// sameView reports whether two mountinfo texts are of the same mount
// namespace and root: then their first lines have the same mount id, and
// otherwise never, since an id has one owner in the whole kernel.
func sameView(a, b []byte) bool {
	ida, _ := procfile.Field(a)
	idb, _ := procfile.Field(b)
	return bytes.Equal(ida, idb)
}

// fill fills r with what came of asking; false when the mount is gone or is
// nothing that has a size.
func (c *Filesystem) fill(r *reading.Filesystem, m *target) bool {
	if m.outcome == answered && m.err != nil {
		switch {
		case errors.Is(m.err, fs.ErrNotExist):
			return false // unmounted meanwhile
		case errors.Is(m.err, fs.ErrPermission) && m.remote:
			return false // a user's private FUSE mount, closed to root too
		}
		c.bad.Add(fmt.Errorf("the filesystem at %.80q cannot be asked for its size: %w", m.point, m.err))
	}
	r.ReadOnly = oneIf(m.readOnly)
	switch m.outcome {
	case unasked:
		c.bad.Add(fmt.Errorf("the filesystem at %.80q was not asked for its size: %d others do not answer", m.point, maxStuck))
	case stuck:
		r.Stuck = 1
		c.bad.Add(fmt.Errorf("the filesystem at %.80q (%s from %.80q) does not answer", m.point, m.fstype, m.source))
	case answered:
		r.Stuck = 0
		if m.err == nil {
			return sizes(r, &m.st)
		}
	}
	return true
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// sizes copies the answer of statfs(2); false when the filesystem has no
// blocks at all, as pseudo filesystems have none. The percentages are those
// of df(1), not rounded. Numbers that contradict each other stay absent.
func sizes(r *reading.Filesystem, st *unix.Statfs_t) bool {
	if st.Blocks == 0 {
		return false
	}
	block := float64(st.Frsize)
	if st.Frsize <= 0 {
		block = float64(st.Bsize)
	}
	if block > 0 && st.Bfree <= st.Blocks && st.Bavail <= st.Blocks {
		r.Size, r.Free, r.Available = float64(st.Blocks)*block, float64(st.Bfree)*block, float64(st.Bavail)*block
		if used := r.Size - r.Free; used+r.Available > 0 {
			r.Used = 100 * used / (used + r.Available)
		}
	}
	if st.Files > 0 && st.Ffree <= st.Files {
		r.Inodes, r.InodesFree = float64(st.Files), float64(st.Ffree)
		r.InodesUsed = 100 * float64(st.Files-st.Ffree) / r.Inodes
	}
	return true
}
