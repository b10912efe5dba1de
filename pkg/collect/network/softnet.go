package network

import (
	"fmt"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
)

// maxCPUs bounds the CPU numbers that are believed: the most that Linux can
// be built for.
const maxCPUs = 8192

// The columns of /proc/net/softnet_stat that are used, in hexadecimal
// (softnet_seq_show in net/core/net-procfs.c), and the column that has the
// CPU's number since Linux 5.10.
var softnetColumns = [softnetValues]int{0, 1, 2, 9, 10}

const (
	softnetValues = 5
	softnetCPU    = 12
	softnetMin    = 9 // columns in the oldest format
)

// softnet adds up the CPUs. Their counters have 32 bits, which a busy CPU
// fills within the hour, and a CPU that is switched off has no line although
// its counters live on. So each CPU's growth since its last line is added to
// 64-bit totals, which begin with the sum of the first sweep.
type softnet struct {
	rows  []softnetRow // of this sweep
	last  []softnetRow // by CPU number, or by line where there is none
	lines int          // of the last sweep
	total [softnetValues]uint64
	width int
}

type softnetRow struct {
	cpu uint32
	has bool
	v   [softnetValues]uint32
}

// add takes one reading of the file. After an error nothing has changed: a
// sum without one CPU would be wrong.
func (s *softnet) add(path string, b []byte) error {
	width, err := s.parse(path, b)
	if err != nil {
		return err
	}
	first := s.lines == 0
	// Without CPU numbers a CPU that came or went moves all lines behind it:
	// then this sweep is a new beginning.
	rebase := width <= softnetCPU && len(s.rows) != s.lines
	for i := range s.rows {
		r := &s.rows[i]
		for int(r.cpu) >= len(s.last) {
			s.last = append(s.last, softnetRow{})
		}
		l := &s.last[r.cpu]
		for k, v := range r.v {
			switch {
			case first:
				s.total[k] += uint64(v)
			case l.has && !rebase:
				s.total[k] += grown(l.v[k], v)
			}
		}
		*l = *r
	}
	s.lines, s.width = len(s.rows), width
	return nil
}

// grown is the growth of a 32-bit counter that may have wrapped. Growth by
// more than half of what it can hold is taken for a reset.
func grown(last, cur uint32) uint64 {
	if d := cur - last; d < 1<<31 {
		return uint64(d)
	}
	return 0
}

// parse reads the rows of one sweep and the number of their columns.
func (s *softnet) parse(path string, b []byte) (width int, err error) {
	s.rows = s.rows[:0]
	l := procfile.Lines{Rest: b}
	for l.Next() {
		r := softnetRow{cpu: uint32(l.N - 1), has: true}
		n, ok := r.parse(l.Line)
		switch {
		case !ok || n < softnetMin:
			return 0, &procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%.60q is not %d or more hexadecimal numbers of 32 bits", l.Line, softnetMin)}
		case r.cpu >= maxCPUs:
			return 0, &procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("there is no CPU %d", r.cpu)}
		case width != 0 && n != width:
			return 0, &procfile.ParseError{Path: path, Line: l.N, Reason: fmt.Sprintf("%d columns where other CPUs have %d", n, width)}
		}
		width = n
		s.rows = append(s.rows, r)
	}
	return width, l.Torn(path)
}

// parse returns the number of columns.
func (r *softnetRow) parse(line []byte) (n int, ok bool) {
	for ; ; n++ {
		var f []byte
		f, line = procfile.Field(line)
		if len(f) == 0 {
			return n, true
		}
		v, ok := procfile.ParseHex(f)
		if !ok || v >= 1<<32 {
			return n, false
		}
		if n == softnetCPU {
			r.cpu = uint32(v)
		}
		for k, c := range softnetColumns {
			if c == n {
				r.v[k] = uint32(v)
			}
		}
	}
}

// fill copies the totals that this kernel has.
func (s *softnet) fill(r *reading.Softnet) {
	for k, d := range [softnetValues]*metric.Count{&r.Processed, &r.Dropped, &r.TimeSqueeze, &r.ReceivedRPS, &r.FlowLimit} {
		if softnetColumns[k] < s.width {
			*d = metric.Count(s.total[k])
		}
	}
}
