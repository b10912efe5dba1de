package process

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/cgroup"
	"sysops-agent/pkg/proctable"
)

// readDetails reads what only some processes are asked for in this sweep.
func (c *Collector) readDetails(ctx context.Context) error {
	for i, id := range c.details {
		if i%16 == 0 && ctx.Err() != nil {
			return fmt.Errorf("read the details of %d processes, of which %d were done: %w", len(c.details), i, ctx.Err())
		}
		c.detail(id)
	}
	return nil
}

// detail reads the details of one process, stat again among them: so it is
// certain that they belong to that process and not to the next of that pid.
func (c *Collector) detail(id proctable.ID) {
	dir, err := c.tree.dir(id.PID)
	if err != nil {
		c.failed(id.PID, "", err)
		return
	}
	defer unix.Close(dir)
	var s proctable.Sample
	b, ok := c.file(dir, id.PID, "stat")
	if !ok || parseStat(b, id.PID, c.units, &s) != "" || s.ID != id {
		return // garbage was reported when all were looked at
	}
	c.status(dir, &s)
	c.io(dir, &s)
	c.limits(dir, &s)
	if b, ok := c.file(dir, id.PID, "cgroup"); ok {
		s.Cgroup = c.groups.Short(cgroup.ProcessPath(b)).Path
		s.Parts |= proctable.HasCgroup
	}
	if !c.tree.sized {
		c.countFDs(dir, &s)
	}
	c.table.Observe(&s)
}

// file reads one file; what cannot be read is noted.
func (c *Collector) file(dir int, pid uint32, name string) ([]byte, bool) {
	b, err := c.tree.read(dir, name)
	if err != nil {
		c.failed(pid, name, err)
		return nil, false
	}
	return b, true
}

func (c *Collector) status(dir int, s *proctable.Sample) {
	b, ok := c.file(dir, s.PID, "status")
	if !ok {
		return
	}
	if !parseStatus(b, &s.Status) {
		c.garbled(s.PID, "status", "no line Uid with a number")
		return
	}
	s.Parts |= proctable.HasStatus
}

func (c *Collector) io(dir int, s *proctable.Sample) {
	b, ok := c.file(dir, s.PID, "io")
	if !ok {
		return
	}
	if !parseIO(b, &s.IO) {
		c.garbled(s.PID, "io", "syscr, syscw, read_bytes or write_bytes is missing or no number")
		return
	}
	s.Parts |= proctable.HasIO
}

func (c *Collector) limits(dir int, s *proctable.Sample) {
	b, ok := c.file(dir, s.PID, "limits")
	if !ok {
		return
	}
	if s.FDLimit, ok = parseLimits(b); !ok {
		c.garbled(s.PID, "limits", `no line "Max open files" with a number`)
		return
	}
	s.Parts |= proctable.HasLimits
}

func (c *Collector) countFDs(dir int, s *proctable.Sample) {
	n, err := c.tree.fdEntries(dir)
	if err != nil {
		c.failed(s.PID, "fd", err)
		return
	}
	s.FDs = n
	s.Parts |= proctable.HasFDs
}
