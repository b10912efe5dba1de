package overview

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

const gib = 1 << 30

// bigHost has two sockets, four nodes of which one has memory only, and all
// that an overview shows.
func bigHost(t *testing.T) (*host, *proctable.Table) {
	h := newHost(t)
	put(every[reading.CPUTopology](h, 60), 0, func(r *reading.CPUTopology) { r.Online = 96 })
	put(every[reading.CPU](h, 10), 10, func(r *reading.CPU) {
		r.Usage, r.User, r.System, r.IOWait, r.Steal = 37.25, 30, 7, 1.5, 0
	})
	put(every[reading.Load](h, 10), 10, func(r *reading.Load) { r.Avg1, r.Avg5, r.Avg15 = 12.5, 10.25, 8 })
	put(every[reading.CPUSocket](h, 10), 10,
		func(r *reading.CPUSocket) { r.Socket, r.Usage = 1, 50 },
		func(r *reading.CPUSocket) { r.Socket, r.Usage = 0, 24.5 })
	put(every[reading.CPUNode](h, 10), 10,
		func(r *reading.CPUNode) { r.Node, r.Usage = 10, 3 },
		func(r *reading.CPUNode) { r.Node, r.Usage = 2, 2 },
		func(r *reading.CPUNode) { r.Node, r.Usage = 0, 1 })
	put(every[reading.NUMANode](h, 10), 10,
		func(r *reading.NUMANode) { r.Node, r.UsedPercent = 0, 90 },
		func(r *reading.NUMANode) { r.Node, r.UsedPercent = 1, 5 }, // without processors
		func(r *reading.NUMANode) { r.Node, r.UsedPercent = 2, 40 })
	put(every[reading.Memory](h, 10), 10, func(r *reading.Memory) {
		r.Total, r.Available, r.UsedPercent, r.SwapTotal, r.SwapUsed = 512*gib, 128*gib, 75, 8*gib, 512<<20
	})
	put(every[reading.Pressure](h, 10), 10,
		func(r *reading.Pressure) { r.Resource, r.SomeAvg10 = "cpu", 12.5 },
		func(r *reading.Pressure) { r.Resource, r.SomeAvg10, r.FullAvg10 = "memory", 1, 0.5 })
	disks := every[reading.Disk](h, 10)
	for i := range uint64(2) {
		put(disks, int64(10*i),
			func(r *reading.Disk) {
				r.Device, r.Utilisation, r.ReadAwait, r.WriteAwait = "sda", 4, 0.001, 0.0125
				r.ReadBytes, r.WrittenBytes = metric.Count(1000+i*20480), metric.Count(i*2048)
			},
			func(r *reading.Disk) {
				r.Device, r.Utilisation = "nvme0n1", 99.5
				r.ReadBytes, r.WrittenBytes = metric.Count(i*204800), 0
			})
	}
	put(every[reading.Filesystem](h, 60), 0,
		func(r *reading.Filesystem) { r.Mount, r.Used, r.Available, r.Stuck = "/", 81, 20*gib, 0 },
		func(r *reading.Filesystem) { r.Mount, r.Used, r.Available, r.Stuck = "/data", 97.5, gib, 0 },
		func(r *reading.Filesystem) { r.Mount, r.Stuck = "/mnt/nfs", 1 })
	nets := every[reading.Network](h, 10)
	for i := range uint64(2) {
		put(nets, int64(10*i),
			func(r *reading.Network) {
				r.Interface, r.RxBytes, r.TxBytes = "lo", metric.Count(i*10), metric.Count(i*10)
			},
			func(r *reading.Network) {
				r.Interface, r.RxBytes, r.TxBytes = "eth0", metric.Count(i*10<<20), metric.Count(i*10<<10)
			})
	}
	put(every[reading.Processes](h, 30), 0, func(r *reading.Processes) {
		r.Total, r.Threads, r.Running, r.Disk, r.Zombie = 2000, 9000, 12, 3, 1
	})
	put(every[reading.Agent](h, 10), 10, func(r *reading.Agent) { r.CPUPercent, r.RSS = 0.25, 24<<20 })
	return h, bigTable()
}

// bigTable has processes with hostile names and with unknown numbers.
func bigTable() *proctable.Table {
	procs := proctable.New(proctable.Options{})
	for i := range uint64(2) {
		procs.Begin(time.Unix(start+int64(i)*10, 0), time.Hour+time.Duration(i)*10*time.Second)
		for pid, name := range map[uint32]string{100: "postgres", 200: "java", 300: "\x1b[2J\n\u202eevil", 400: "kworker/0:1"} {
			s := proctable.Sample{ID: proctable.ID{PID: pid, Start: 1000}}
			s.Name, s.State, s.Threads = proctable.NameOf([]byte(name)), proctable.Sleeping, pid/100
			s.RSS, s.CPUUser = uint64(pid)<<20, i*uint64(pid)*10_000
			if pid == 200 {
				s.Parts, s.FDs, s.State, s.CPUUser = proctable.HasFDs, 1024, proctable.Running, i*15_000_000
			}
			procs.Observe(&s)
		}
		procs.End()
	}
	return procs
}

func TestBuild(t *testing.T) {
	h, procs := bigHost(t)
	o := h.at(16, procs)
	got, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/big.json", append(got, '\n'))
	var back Overview
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(o, back, cmp.Comparer(sameNumber)); d != "" {
		t.Errorf("JSON there and back (-want +got):\n%s", d)
	}

	var text bytes.Buffer
	if err := back.Render(&text, 6); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/big.txt", text.Bytes())
}

func sameNumber(a, b Number) bool {
	return a.Value() == b.Value() || math.IsNaN(a.Value()) && math.IsNaN(b.Value())
}

// An agent that has just started knows nothing and says so.
func TestEmpty(t *testing.T) {
	o := newHost(t).at(0, nil)
	got, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/empty.json", append(got, '\n'))
	if lists := strings.Count(string(got), "[]"); lists != 8 {
		t.Errorf("%d empty lists, want 8: none may be null", lists)
	}
	var text bytes.Buffer
	if err := o.Render(&text, 10); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/empty.txt", text.Bytes())
	if zero := build(source{store.Open(store.Options{}), time.Unix(start, 0)}, nil, ""); !zero.Time.IsZero() || zero.CPU.Usage.v != nil {
		t.Errorf("a store without shards gives %+v", zero)
	}
}

func TestBuildIsOfNow(t *testing.T) {
	h := newHost(t)
	put(every[reading.Memory](h, 10), time.Now().Unix()-start, func(r *reading.Memory) { r.UsedPercent = 50 })
	number(t, "memory", Build(h.st, nil, "web01").Memory.Used, 50)
}
