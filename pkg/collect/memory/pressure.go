package memory

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Pressure collects pressure stall information from /proc/pressure (kernel
// 4.20; Documentation/accounting/psi.rst). The cpu file has a full line since
// 5.13, always 0 for the host; the irq file, full only, exists since 6.1 where
// the kernel accounts the time of interrupts.
type Pressure struct {
	resources []resource
	file      procfile.Reader
	faults    procfile.Faults
	w         *store.Writer[reading.Pressure]
}

type resource struct {
	name, path string
	optional   bool
}

// NewPressure returns the collector of pressure stall information.
func NewPressure(env collect.Env) *Pressure {
	p := &Pressure{w: store.NewWriter[reading.Pressure](env.Store, env.Shard())}
	for _, name := range []string{"cpu", "memory", "io", "irq"} {
		p.resources = append(p.resources, resource{name: name, path: env.Proc + "/pressure/" + name, optional: name == "irq"})
	}
	return p
}

// Collect writes one sweep of all resources.
func (p *Pressure) Collect(_ context.Context, t store.Tick) error {
	p.faults.Reset()
	var absent procfile.Faults
	written := 0
	p.w.Begin(t)
	defer p.w.End()
	for _, res := range p.resources {
		b, err := p.file.Read(res.path)
		switch {
		case err == nil:
		case !switchedOff(err):
			p.faults.Add(err)
			continue
		case !res.optional:
			absent.Add(err)
			continue
		default:
			continue
		}
		r := metric.Blank[reading.Pressure]()
		r.Resource = res.name
		if parsePressure(b, res.path, &p.faults, &r) {
			p.w.Put(&r)
			written++
		}
	}
	if written == 0 && p.faults.Err() == nil {
		return collect.Unsupported("boot the kernel with psi=1; it must be built with CONFIG_PSI", "no pressure stall information: %v", absent.Err())
	}
	p.faults.Add(absent.Err())
	if err := p.faults.Err(); written == 0 {
		return err
	}
	return partial(&p.faults)
}

// switchedOff reports whether err is how a kernel without PSI answers.
func switchedOff(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EOPNOTSUPP)
}

// line is the fields of one line of a pressure file.
type line struct {
	avg10, avg60, avg300 *float64
	total                *metric.Count
}

// parsePressure reads a pressure file into r; false when nothing in it is good.
func parsePressure(b []byte, path string, faults *procfile.Faults, r *reading.Pressure) bool {
	good := false
	lines := procfile.Lines{Rest: b}
	for lines.Next() {
		kind, rest := procfile.Field(lines.Line)
		var l line
		switch string(kind) {
		case "some":
			l = line{&r.SomeAvg10, &r.SomeAvg60, &r.SomeAvg300, &r.SomeSeconds}
		case "full":
			l = line{&r.FullAvg10, &r.FullAvg60, &r.FullAvg300, &r.FullSeconds}
		default:
			faults.Line(path, lines.N, "expected some or full")
			continue
		}
		if l.parse(rest) {
			good = true
		} else {
			faults.Line(path, lines.N, "expected avg10= avg60= avg300= total=")
		}
	}
	faults.Add(lines.Torn(path))
	return good
}

// parse reads "avg10=0.12 avg60=0.10 avg300=0.02 total=12345", all or nothing.
func (l *line) parse(b []byte) bool {
	avgs := [3]float64{}
	for i, key := range [...]string{"avg10=", "avg60=", "avg300="} {
		var f []byte
		f, b = procfile.Field(b)
		number, ok := bytes.CutPrefix(f, []byte(key))
		v, isNumber := procfile.ParseFloat(number)
		if !ok || !isNumber || v < 0 {
			return false
		}
		avgs[i] = v
	}
	f, _ := procfile.Field(b)
	number, ok := bytes.CutPrefix(f, []byte("total="))
	total, isNumber := procfile.ParseUint(number)
	if !ok || !isNumber {
		return false
	}
	*l.avg10, *l.avg60, *l.avg300, *l.total = avgs[0], avgs[1], avgs[2], metric.Count(total)
	return true
}
