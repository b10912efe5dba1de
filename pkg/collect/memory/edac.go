package memory

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// EDAC collects the errors of ECC memory by controller and by module from
// /sys/devices/system/edac/mc (Documentation/admin-guide/RAS). It lists the
// directories in every sweep, which is meant to run once a minute.
type EDAC struct {
	dir        string
	file       procfile.Reader
	faults     procfile.Faults
	controller *store.Writer[reading.EDAC]
	module     *store.Writer[reading.EDACModule]
}

// NewEDAC returns the collector of memory errors.
func NewEDAC(env collect.Env) *EDAC {
	return &EDAC{
		dir:        env.Sys + "/devices/system/edac/mc/",
		controller: store.NewWriter[reading.EDAC](env.Store, env.Shard()),
		module:     store.NewWriter[reading.EDACModule](env.Store, env.Shard()),
	}
}

const edacHint = "on a server with ECC memory, load the EDAC driver of its memory controller; machines without ECC have none"

// Collect writes one sweep of all controllers and modules.
func (e *EDAC) Collect(_ context.Context, t store.Tick) error {
	e.faults.Reset()
	controllers, err := numbered(e.dir, "mc")
	if err != nil {
		return unreadable(err, edacHint)
	}
	if len(controllers) == 0 {
		return collect.Unsupported(edacHint, "no memory controller in %s reports errors", e.dir)
	}
	e.controller.Begin(t)
	for _, mc := range controllers {
		e.writeController(mc)
	}
	e.controller.End()
	e.module.Begin(t)
	for _, mc := range controllers {
		e.writeModules(mc)
	}
	e.module.End()
	return partial(&e.faults)
}

func (e *EDAC) writeController(mc string) {
	dir := e.dir + mc + "/"
	e.controller.Put(&reading.EDAC{
		Controller: mc, Driver: e.text(dir + "mc_name"),
		Corrected: e.count(dir + "ce_count"), Uncorrected: e.count(dir + "ue_count"),
		CorrectedNoInfo: e.count(dir + "ce_noinfo_count"), UncorrectedNoInfo: e.count(dir + "ue_noinfo_count"),
		Size: e.gauge(dir+"size_mb", 1<<20), SecondsSinceCleared: e.gauge(dir+"seconds_since_reset", 1),
	})
}

// writeModules writes the modules that the controller counts by: DIMMs, ranks
// on controllers that see only those, or else chip-select rows, which are what
// kernels before 3.6 had and what stays when a driver knows no modules.
func (e *EDAC) writeModules(mc string) {
	dir := e.dir + mc + "/"
	for _, kind := range []string{"dimm", "rank"} {
		slots, err := numbered(dir, kind)
		e.faults.Add(err)
		for _, slot := range slots {
			e.writeDIMM(mc, slot, dir+slot+"/")
		}
		if len(slots) > 0 {
			return
		}
	}
	rows, err := numbered(dir, "csrow")
	e.faults.Add(err)
	for _, slot := range rows {
		d := dir + slot + "/"
		e.module.Put(&reading.EDACModule{
			Controller: mc, Slot: slot, DIMM: e.channelLabels(d),
			Corrected: e.count(d + "ce_count"), Uncorrected: e.count(d + "ue_count"), Size: e.gauge(d+"size_mb", 1<<20),
		})
	}
}

func (e *EDAC) writeDIMM(mc, slot, dir string) {
	e.module.Put(&reading.EDACModule{
		Controller: mc, Slot: slot, DIMM: e.text(dir + "dimm_label"), Location: e.text(dir + "dimm_location"),
		Corrected: e.count(dir + "dimm_ce_count"), Uncorrected: e.count(dir + "dimm_ue_count"), Size: e.gauge(dir+"size", 1<<20),
	})
}

// maxChannels bounds the labels of one chip-select row.
const maxChannels = 8

// channelLabels joins the labels of the modules that a chip-select row spans.
func (e *EDAC) channelLabels(dir string) string {
	var labels []string
	for ch := range maxChannels {
		if l := e.text(dir + "ch" + strconv.Itoa(ch) + "_dimm_label"); l != "" {
			labels = append(labels, l)
		}
	}
	return strings.Join(labels, " ")
}

// text reads a file with a line of text; empty when there is none.
func (e *EDAC) text(path string) string {
	b, err := e.file.Read(path)
	if err != nil {
		e.note(err)
		return ""
	}
	return string(bytes.TrimSpace(b))
}

// count reads a file with a counter; absent when there is none.
func (e *EDAC) count(path string) metric.Count {
	v, err := e.file.Uint(path)
	if err != nil {
		e.note(err)
		return metric.NoCount
	}
	return metric.Count(v)
}

// gauge reads a file with a number of the given unit; absent when there is
// none.
func (e *EDAC) gauge(path string, unit float64) float64 {
	v, err := e.file.Uint(path)
	if err != nil {
		e.note(err)
		return metric.NaN
	}
	return float64(v) * unit
}

// note keeps an error, unless it is that the driver has no such file.
func (e *EDAC) note(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		e.faults.Add(err)
	}
}

// numbered lists the entries of dir that are prefix and a number.
func numbered(dir, prefix string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), prefix)
		if _, err := strconv.ParseUint(number, 10, 32); ok && err == nil {
			names = append(names, entry.Name())
		}
	}
	return names, err
}
