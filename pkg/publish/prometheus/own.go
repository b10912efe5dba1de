package prometheus

import (
	"maps"
	"slices"
	"sync/atomic"

	"sysops-agent/pkg/event"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// The families that are not in the store.
var (
	famBuild = family{"sysops_build_info", info, "", "Version, commit and Go version of the running agent."}

	famHealth   = family{"sysops_health", gauge, "", "Health of the agent: 1 at the level that it is at, 0 at the others."}
	famWanted   = family{"sysops_collectors", gauge, "", "Collectors that should work: all but those switched off."}
	famFailed   = family{"sysops_collectors_failed", gauge, "", "Collectors that should work and do not."}
	famCircuits = family{"sysops_collectors_open_circuits", gauge, "", "Collectors that rest after repeated failures."}
	famState    = family{"sysops_state", gauge, "", "State of each part of the agent: 1 for the state that it is in, 0 for the others."}
	famFault    = family{"sysops_state_fault", gauge, "", "1 when the part is in its state through a fault, 0 when by choice or because all is well."}

	famEventDrops = family{"sysops_event_drops_total", counter, "", "Events that did not fit into a subscriber's queue."}
	famStoreRows  = family{"sysops_store_rows", gauge, "", "Rows of the reading that are alive in the store."}
)

// levels and states in the order in which they are shown.
var (
	levels = []state.Level{state.Healthy, state.Impaired, state.Critical}
	states = []state.State{state.Starting, state.Active, state.Degraded, state.Fallback, state.Off}
)

// count is one of the store's own counts.
type count[T any] struct {
	family
	of func(*T) *atomic.Uint64
}

func storeCount[T any](name, help string, of func(*T) *atomic.Uint64) count[T] {
	return count[T]{family{"sysops_store_" + name + "_total", counter, "", help}, of}
}

// counts are all fields of [store.Counts], kept per reading; a test sees to it.
var counts = []count[store.Counts]{
	storeCount("late_sweeps", "Sweeps dropped because their slot of time was already written.", func(c *store.Counts) *atomic.Uint64 { return &c.LateSweeps }),
	storeCount("double_writes", "Second writes of one row in one slot of time, dropped.", func(c *store.Counts) *atomic.Uint64 { return &c.DoubleWrites }),
	storeCount("refused_rows", "Writes dropped because the reading has all the rows that it may have.", func(c *store.Counts) *atomic.Uint64 { return &c.RefusedRows }),
	storeCount("out_of_range", "Values dropped because they were outside the plausible range.", func(c *store.Counts) *atomic.Uint64 { return &c.OutOfRange }),
	storeCount("cut_labels", "Label values that were shortened or cleaned.", func(c *store.Counts) *atomic.Uint64 { return &c.CutLabels }),
	storeCount("epochs", "Steps of the wall clock seen.", func(c *store.Counts) *atomic.Uint64 { return &c.Epochs }),
	storeCount("dead_rows", "Rows that fell silent and left the catalogue.", func(c *store.Counts) *atomic.Uint64 { return &c.DeadRows }),
	storeCount("evicted_blocks", "Blocks of history dropped for space before their time.", func(c *store.Counts) *atomic.Uint64 { return &c.Evicted }),
}

// diskCounts are all fields of [store.DiskCounts]; a test sees to it.
var diskCounts = []count[store.DiskCounts]{
	storeCount("disk_dropped_frames", "Sweeps that did not reach the journal on disk.", func(c *store.DiskCounts) *atomic.Uint64 { return &c.FramesDropped }),
	storeCount("disk_dropped_blocks", "Blocks of history that did not reach the disk.", func(c *store.DiskCounts) *atomic.Uint64 { return &c.BlocksDropped }),
	storeCount("disk_write_errors", "Writes to the files of the store that failed.", func(c *store.DiskCounts) *atomic.Uint64 { return &c.WriteErrors }),
	storeCount("disk_written_bytes", "Bytes written to the files of the store.", func(c *store.DiskCounts) *atomic.Uint64 { return &c.BytesWritten }),
	storeCount("disk_damaged_records", "Damaged records skipped while the store was restored.", func(c *store.DiskCounts) *atomic.Uint64 { return &c.DamagedRecords }),
	storeCount("disk_files_set_aside", "Files of another version found, renamed and not read.", func(c *store.DiskCounts) *atomic.Uint64 { return &c.FilesSetAside }),
}

// ownFamilies are all families that are not in the store.
func ownFamilies() []family {
	all := []family{
		famBuild, famHealth, famWanted, famFailed, famCircuits, famState, famFault, famEventDrops, famStoreRows,
	}
	for _, c := range counts {
		all = append(all, c.family)
	}
	for _, c := range diskCounts {
		all = append(all, c.family)
	}
	return all
}

func (o *writer) build(b Build) {
	o.family(famBuild)
	o.sample()
	o.label("version", clean(b.Version))
	o.label("revision", clean(b.Revision))
	o.label("goversion", clean(b.GoVersion))
	o.value(1)
}

func (o *writer) states(reg *state.Registry) {
	h, all := reg.Health(), reg.All()
	o.family(famHealth)
	for _, l := range levels {
		o.sample()
		o.label("level", string(l))
		o.value(flag(l == h.Level))
	}
	o.single(famWanted, h.Collectors)
	o.single(famFailed, h.Failed)
	o.single(famCircuits, h.OpenCircuits)

	o.family(famState)
	for i := range all {
		for _, s := range states {
			o.part(&all[i])
			o.label("state", string(s))
			o.value(flag(s == all[i].State))
		}
	}
	o.family(famFault)
	for i := range all {
		o.part(&all[i])
		o.value(flag(all[i].Fault))
	}
}

// part begins a sample about one part.
func (o *writer) part(s *state.Status) {
	o.sample()
	o.label("kind", clean(string(s.Kind)))
	o.label("name", clean(s.Name))
}

func (o *writer) single(f family, v int) {
	o.family(f)
	o.sample()
	o.value(float64(v))
}

func (o *writer) storeCounts(st *store.Store) {
	shards := st.Shards()
	o.family(famStoreRows)
	for _, sh := range shards {
		o.sample()
		o.label("reading", sh.Schema().Name)
		o.value(float64(len(sh.Rows())))
	}
	for _, c := range counts {
		o.family(c.family)
		for _, sh := range shards {
			o.sample()
			o.label("reading", sh.Schema().Name)
			o.value(float64(c.of(&sh.Counts).Load()))
		}
	}
	disk := st.Disk()
	if disk == nil {
		return
	}
	for _, c := range diskCounts {
		o.family(c.family)
		o.sample()
		o.value(float64(c.of(disk).Load()))
	}
}

func (o *writer) eventDrops(bus *event.Bus) {
	dropped := bus.Dropped()
	o.family(famEventDrops)
	for _, name := range slices.Sorted(maps.Keys(dropped)) {
		o.sample()
		o.label("subscriber", clean(name))
		o.value(float64(dropped[name]))
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// clean makes text fit for a label; the store has done so for its rows.
func clean(s string) string {
	s, _ = metric.LabelValue(s)
	return s
}
