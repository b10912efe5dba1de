package cpu

import (
	"bytes"
	"fmt"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
)

// The columns of a cpu line of /proc/stat, in ticks since boot (proc(5)).
const (
	user = iota
	nice
	system
	idle
	iowait
	irq
	softirq
	steal     // since 2.6.11
	guest     // since 2.6.24; part of user
	guestNice // since 2.6.33; part of nice
	columns
)

// minColumns is what a cpu line must have at least: a missing steal is 0.
const minColumns = steal

// maxCPUs is the most that any kernel is built for (x86 and arm64 MAXSMP).
const maxCPUs = 8192

// ticks is one cpu line.
type ticks [columns]uint64

// core is the line of one logical CPU.
type core struct {
	id int
	t  ticks
}

// stat is /proc/stat. The slice is reused from sweep to sweep.
type stat struct {
	total    ticks
	columns  int    // how many of them this kernel has
	cores    []core // online CPUs by ascending number
	scalars  scalars
	faults   procfile.Faults
	path     string
	lastCore int
}

// scalars are the lines of /proc/stat that hold one number of interest.
type scalars struct {
	interrupts, softIRQs, switches, forks metric.Count
	running, blocked, boot                float64
}

// parse reads b into s, reusing what s holds. It fails when the aggregate
// line is unusable; what is wrong with other lines is left in s.faults and
// costs only that line.
func (s *stat) parse(b []byte) error {
	s.cores, s.lastCore = s.cores[:0], -1
	s.scalars = scalars{
		interrupts: metric.NoCount, softIRQs: metric.NoCount, switches: metric.NoCount, forks: metric.NoCount,
		running: metric.NaN, blocked: metric.NaN, boot: metric.NaN,
	}
	s.faults.Reset()
	l := procfile.Lines{Rest: b}
	if !l.Next() {
		return l.Torn(s.path)
	}
	if err := s.parseTotal(l.Line); err != nil {
		return err
	}
	for l.Next() {
		if reason := s.parseLine(l.Line); reason != "" {
			s.faults.Line(s.path, l.N, reason)
		}
	}
	s.faults.Add(l.Torn(s.path))
	return nil
}

func (s *stat) parseTotal(line []byte) error {
	fail := func(reason string) error { return &procfile.ParseError{Path: s.path, Line: 1, Reason: reason} }
	name, numbers := procfile.Field(line)
	if string(name) != "cpu" {
		return fail(fmt.Sprintf("starts with %.20q, expected the line of all CPUs, %q", name, "cpu"))
	}
	s.total = ticks{}
	if s.columns = procfile.Uints(numbers, s.total[:]); s.columns < minColumns {
		return fail(fmt.Sprintf("%d numbers in the line of all CPUs, expected at least %d", s.columns, minColumns))
	}
	return nil
}

// parseLine reads any line but the first and says what is wrong with it.
// Lines that are not known are skipped: kernels add some.
func (s *stat) parseLine(line []byte) string {
	name, rest := procfile.Field(line)
	if id, ok := bytes.CutPrefix(name, []byte("cpu")); ok {
		return s.parseCore(id, rest)
	}
	var count *metric.Count
	var gauge *float64
	switch string(name) {
	case "intr":
		count = &s.scalars.interrupts
	case "softirq":
		count = &s.scalars.softIRQs
	case "ctxt":
		count = &s.scalars.switches
	case "processes":
		count = &s.scalars.forks
	case "procs_running":
		gauge = &s.scalars.running
	case "procs_blocked":
		gauge = &s.scalars.blocked
	case "btime":
		gauge = &s.scalars.boot
	default:
		return ""
	}
	// The first number is the total; intr and softirq go on by kind.
	value, _ := procfile.Field(rest)
	v, ok := procfile.ParseUint(value)
	switch {
	case !ok:
		return "no number after the name"
	case count != nil:
		*count = metric.Count(v)
	default:
		*gauge = float64(v)
	}
	return ""
}

func (s *stat) parseCore(number, rest []byte) string {
	id, ok := procfile.ParseUint(number)
	if !ok || id >= maxCPUs {
		return "no CPU has such a number"
	}
	if int(id) <= s.lastCore {
		return "the CPUs are not in ascending order"
	}
	s.lastCore = int(id)
	s.cores = append(s.cores, core{id: int(id)})
	if n := procfile.Uints(rest, s.cores[len(s.cores)-1].t[:]); n < min(s.columns, columns) {
		s.cores = s.cores[:len(s.cores)-1]
		return "fewer numbers than in the line of all CPUs"
	}
	return ""
}

// sameCores reports whether the same CPUs are online in both.
func (s *stat) sameCores(o *stat) bool {
	if len(s.cores) != len(o.cores) {
		return false
	}
	for i := range s.cores {
		if s.cores[i].id != o.cores[i].id {
			return false
		}
	}
	return true
}
