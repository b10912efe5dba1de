package cpu

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Frequency collects the clock of every online CPU from
// cpu*/cpufreq/scaling_cur_freq. Some drivers interrupt each CPU to ask it,
// which takes its time on big machines: hence a collector of its own, to run
// once a minute.
type Frequency struct {
	env     collect.Env
	file    procfile.Reader
	faults  procfile.Faults
	online  []byte // content of cpu/online that cpus was made for
	cpus    []clock
	sockets []socketClock // ascending
	seen    bool          // a clock, ever

	core   *store.Writer[reading.CPUCoreFrequency]
	socket *store.Writer[reading.CPUSocketFrequency]
}

// clock is one online CPU.
type clock struct {
	id     int
	socket int // index in sockets; unknown: none
	path   string
}

// socketClock sums up the clocks of one socket in a sweep.
type socketClock struct {
	id            int
	n             float64
	min, max, sum float64
}

// NewFrequency returns the collector of clocks.
func NewFrequency(env collect.Env) *Frequency {
	many := env.Shard()
	many.MaxRows = maxCPUs
	return &Frequency{
		env:    env,
		core:   store.NewWriter[reading.CPUCoreFrequency](env.Store, many),
		socket: store.NewWriter[reading.CPUSocketFrequency](env.Store, env.Shard()),
	}
}

// Collect reads the clocks and writes one sweep. When ctx ends it gives up
// between two CPUs and leaves out the sockets.
func (f *Frequency) Collect(ctx context.Context, t store.Tick) error {
	f.faults.Reset()
	if err := f.arrange(); err != nil {
		return err
	}
	n, err := f.writeCores(ctx, t)
	if err != nil {
		return err
	}
	if f.seen {
		f.writeSockets(t)
	}
	switch err := f.faults.Err(); {
	case n == 0 && err == nil:
		return collect.Unsupported("nothing to do in a virtual machine; on hardware, load the CPU's cpufreq driver",
			"no CPU below %s has cpufreq/scaling_cur_freq", f.cpuDir())
	case n == 0:
		return fmt.Errorf("cannot read the clock of any CPU: %w", err)
	case err != nil:
		return collect.Partial("", "some clocks are missing: %v", err)
	}
	return nil
}

func (f *Frequency) cpuDir() string { return f.env.Sys + "/devices/system/cpu/" }

// writeCores writes the rows of the CPUs, sums up the sockets and returns how
// many clocks it could read.
func (f *Frequency) writeCores(ctx context.Context, t store.Tick) (n int, err error) {
	for i := range f.sockets {
		f.sockets[i] = socketClock{id: f.sockets[i].id}
	}
	if f.seen {
		f.core.Begin(t)
	}
	defer f.core.End() // does nothing without Begin
	for i := range f.cpus {
		if err := ctx.Err(); err != nil {
			return n, fmt.Errorf("cannot read all clocks in time, only %d of %d: %w", i, len(f.cpus), err)
		}
		c := &f.cpus[i]
		khz, err := f.file.Uint(c.path)
		if err != nil {
			if !missing(err) {
				f.faults.Add(err)
			}
			continue
		}
		if n++; !f.seen { // not before the first clock: a sweep of nothing looks like history
			f.seen = true
			f.core.Begin(t)
		}
		hertz := float64(khz) * 1000
		f.core.Put(&reading.CPUCoreFrequency{Core: uint32(c.id), Current: hertz})
		if c.socket != unknown {
			f.sockets[c.socket].add(hertz)
		}
	}
	return n, nil
}

func (s *socketClock) add(hertz float64) {
	if s.n == 0 {
		s.min, s.max = hertz, hertz
	}
	s.n++
	s.min, s.max, s.sum = min(s.min, hertz), max(s.max, hertz), s.sum+hertz
}

func (f *Frequency) writeSockets(t store.Tick) {
	f.socket.Begin(t)
	for i := range f.sockets {
		if s := &f.sockets[i]; s.n > 0 {
			f.socket.Put(&reading.CPUSocketFrequency{Socket: uint32(s.id), Min: s.min, Avg: s.sum / s.n, Max: s.max})
		}
	}
	f.socket.End()
}

// arrange finds the CPUs and their sockets when the online CPUs changed.
func (f *Frequency) arrange() error {
	b, err := f.file.Read(f.cpuDir() + "online")
	if missing(err) {
		return collect.Unsupported("mount sysfs on "+f.env.Sys, "cannot find the online CPUs: %v", err)
	}
	if err != nil {
		return err
	}
	if f.online != nil && bytes.Equal(b, f.online) {
		return nil
	}
	online := string(b) // b is gone with the next read
	topo, err := ReadTopology(f.env.Sys)
	if topo == nil {
		return err
	}
	f.faults.Add(err)
	f.cpus, f.sockets, f.online = nil, nil, nil
	if err == nil { // else read again in the next sweep, and say so again
		f.online = []byte(online)
	}
	for i := range topo.Sockets {
		f.sockets = append(f.sockets, socketClock{id: topo.Sockets[i].ID})
	}
	for i := range topo.CPUs {
		if l := &topo.CPUs[i]; l.Online {
			f.cpus = append(f.cpus, clock{
				id:     l.ID,
				socket: slices.IndexFunc(f.sockets, func(s socketClock) bool { return s.id == l.Socket }),
				path:   f.cpuDir() + "cpu" + strconv.Itoa(l.ID) + "/cpufreq/scaling_cur_freq",
			})
		}
	}
	return nil
}
