package agent

import (
	"math"
	"os"
	"strings"
	"syscall"
	"time"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/overview"
	"sysops-agent/pkg/proctable"
)

// processInfo is one process in the JSON API. What is not known is null.
type processInfo struct {
	PID        uint32          `json:"pid"`
	Name       string          `json:"name"`
	PPID       uint32          `json:"ppid"`
	State      string          `json:"state"`
	Kernel     bool            `json:"kernel_thread"`
	Started    time.Time       `json:"started"`
	Seen       time.Time       `json:"seen"` // when it was read
	CPUPercent overview.Number `json:"cpu_percent"`
	RSS        uint64          `json:"rss_bytes"`
	VSZ        uint64          `json:"vsz_bytes"`
	Threads    uint32          `json:"threads"`
	FDs        *uint32         `json:"fds"`
	FDLimit    *uint64         `json:"fd_limit"` // null also when unlimited
	UID        *uint32         `json:"uid"`
	Anon       *uint64         `json:"rss_anon_bytes"`
	File       *uint64         `json:"rss_file_bytes"`
	Shmem      *uint64         `json:"rss_shmem_bytes"`
	Swap       *uint64         `json:"swap_bytes"`
	ReadBytes  *uint64         `json:"read_bytes"`
	WriteBytes *uint64         `json:"write_bytes"`
	Cgroup     string          `json:"cgroup"`
}

var orders = map[string]proctable.Order{"cpu": proctable.ByCPU, "rss": proctable.ByRSS, "fds": proctable.ByFDs}

// processes answers /api/v1/processes.
func (a *agent) processes(sort string, limit int) any {
	list := a.procs.List(nil, orders[sort], limit)
	out := make([]processInfo, len(list))
	for i := range list {
		p := &list[i]
		o := processInfo{
			PID: p.PID, Name: p.Name.String(), PPID: p.PPID, State: p.State.String(), Kernel: p.Kernel,
			Started: p.Started, Seen: p.Seen, CPUPercent: overview.Of(p.CPUPercent), RSS: p.RSS, VSZ: p.VSZ,
			Threads: p.Threads, Cgroup: p.Cgroup,
		}
		if p.Parts&proctable.HasFDs != 0 {
			o.FDs = &p.FDs
		}
		if p.Parts&proctable.HasLimits != 0 {
			o.FDLimit = known(&p.FDLimit)
		}
		if p.Parts&proctable.HasStatus != 0 {
			o.UID = &p.UID
			o.Anon, o.File, o.Shmem, o.Swap = known(&p.Anon), known(&p.File), known(&p.Shmem), known(&p.Swap)
		}
		if p.Parts&proctable.HasIO != 0 {
			o.ReadBytes, o.WriteBytes = &p.ReadBytes, &p.WriteBytes
		}
		out[i] = o
	}
	return out
}

// known is nil for proctable.Absent and proctable.Unlimited, which are the
// same number.
func known(v *uint64) *uint64 {
	if *v == proctable.Absent {
		return nil
	}
	return v
}

// queues lists the bounded queues between the parts.
func (a *agent) queues() []collect.Queue {
	nan := math.NaN()
	var out []collect.Queue
	for name, dropped := range a.bus.Dropped() {
		out = append(out, collect.Queue{Name: "events_" + name, Depth: nan, Capacity: nan, Bytes: nan, Dropped: dropped})
	}
	if d := a.store.Disk(); d != nil {
		out = append(out, collect.Queue{
			Name: "store_journal", Depth: nan, Capacity: nan, Bytes: nan,
			Dropped: d.FramesDropped.Load() + d.BlocksDropped.Load(),
		})
	}
	if a.persist != nil {
		st := a.persist.Stats()
		out = append(out, collect.Queue{Name: "database_minutes", Depth: float64(st.Backlog), Capacity: nan, Bytes: nan, Dropped: st.Lost})
	}
	return out
}

// traffic is what the HTTP server sent and received, for the self collector.
func (a *agent) traffic() (sent, received uint64) {
	t := a.web.Traffic()
	return t.BytesOut, t.BytesIn
}

// bootID is the kernel's id of this boot, empty when it cannot be read.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func inode(fi os.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
