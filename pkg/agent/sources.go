package agent

import (
	"fmt"
	"time"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/cgroups"
	"sysops-agent/pkg/collect/cpu"
	"sysops-agent/pkg/collect/disk"
	"sysops-agent/pkg/collect/fd"
	"sysops-agent/pkg/collect/memory"
	"sysops-agent/pkg/collect/network"
	"sysops-agent/pkg/collect/process"
	"sysops-agent/pkg/collect/self"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/state"
)

// sources lists the collectors that the configuration asks for. A collector
// whose part of the configuration changed has another Key and is built anew.
func (a *agent) sources(c *config.Config) []collect.Source {
	type make = func(collect.Env) (collect.Collector, error)
	list := map[string]make{
		"cpu":        func(e collect.Env) (collect.Collector, error) { return cpu.New(e), nil },
		"cpufreq":    func(e collect.Env) (collect.Collector, error) { return cpu.NewFrequency(e), nil },
		"memory":     func(e collect.Env) (collect.Collector, error) { return memory.New(e), nil },
		"vmstat":     func(e collect.Env) (collect.Collector, error) { return memory.NewVMStat(e), nil },
		"numa":       func(e collect.Env) (collect.Collector, error) { return memory.NewNUMA(e), nil },
		"psi":        func(e collect.Env) (collect.Collector, error) { return memory.NewPressure(e), nil },
		"edac":       func(e collect.Env) (collect.Collector, error) { return memory.NewEDAC(e), nil },
		"disk":       func(e collect.Env) (collect.Collector, error) { return disk.NewDisk(e, c.Collect.Disk) },
		"filesystem": func(e collect.Env) (collect.Collector, error) { return disk.NewFilesystem(e, c.Collect.Filesystem) },
		"md":         func(e collect.Env) (collect.Collector, error) { return disk.NewMD(e) },
		"network":    func(e collect.Env) (collect.Collector, error) { return network.NewNetwork(e, c.Collect.Network) },
		"sockets":    func(e collect.Env) (collect.Collector, error) { return network.NewSockets(e) },
		"conntrack":  func(e collect.Env) (collect.Collector, error) { return network.NewConntrack(e) },
		"fd":         func(e collect.Env) (collect.Collector, error) { return fd.New(e) },
		"process": func(e collect.Env) (collect.Collector, error) {
			p := c.Collect.Process
			return process.New(e, a.procs, process.Options{
				Watch: p.Watch, TopN: p.TopN, EnterSweeps: p.EnterSweeps, LeaveSweeps: p.LeaveSweeps,
				MaxBytes: int64(c.Store.ProcessMaxBytes),
			}), nil
		},
		"cgroup": func(e collect.Env) (collect.Collector, error) {
			return cgroups.New(e, cgroups.Options{Max: c.Collect.Cgroup.MaxRows}), nil
		},
		"self": func(e collect.Env) (collect.Collector, error) {
			return self.New(e, self.Options{
				Net: a.traffic, Publish: a.bus.Publish,
				State: a.reg.Part(state.Agent, "budget"),
			}), nil
		},
	}
	keys := map[string]any{
		"disk": c.Collect.Disk, "filesystem": c.Collect.Filesystem, "network": c.Collect.Network,
		"process": c.Collect.Process, "cgroup": c.Collect.Cgroup,
	}
	var out []collect.Source
	for _, name := range c.Collect.Names() {
		common, _ := c.Collect.Common(name)
		s := collect.Source{Name: name, Enabled: common.Enabled, Interval: common.Interval, New: list[name]}
		if k, ok := keys[name]; ok {
			s.Key = fmt.Sprintf("%+v", k)
		}
		if s.New != nil {
			out = append(out, s)
		}
	}
	// How the collectors fare is always watched.
	return append(out, collect.Source{
		Name: "collectors", Enabled: true, Interval: 10 * time.Second,
		New: func(e collect.Env) (collect.Collector, error) { return newParts(e, a) },
	})
}
