package config

import (
	"reflect"
	"time"
)

// Collect is section [collect]: one section for each collector, in the order
// in which they are shown.
type Collect struct {
	CPU        Common     `toml:"cpu" defaults:"interval=10s" help:"CPU time in total, by core, socket and NUMA node; load, run queue, context switches, interrupts, forks, topology."`
	CPUFreq    Common     `toml:"cpufreq" defaults:"interval=60s" help:"Frequency of the cores."`
	Memory     Common     `toml:"memory" defaults:"interval=10s" help:"Memory, swap and huge pages."`
	VMStat     Common     `toml:"vmstat" defaults:"interval=10s" help:"Paging, reclaim and OOM kills."`
	NUMA       Common     `toml:"numa" defaults:"interval=10s" help:"Memory and allocations of each NUMA node."`
	PSI        Common     `toml:"psi" defaults:"interval=10s" help:"Pressure stall information of CPU, memory and I/O."`
	EDAC       Common     `toml:"edac" defaults:"interval=60s" help:"Memory errors, corrected and uncorrected."`
	Disk       Disk       `toml:"disk" defaults:"interval=10s" help:"I/O of block devices."`
	Filesystem Filesystem `toml:"filesystem" defaults:"interval=60s" help:"Space, inodes and read-only state of mounted filesystems."`
	MD         Common     `toml:"md" defaults:"interval=60s" help:"Software RAID."`
	Network    Network    `toml:"network" defaults:"interval=10s" help:"Traffic, errors and carrier of network interfaces."`
	Sockets    Common     `toml:"sockets" defaults:"interval=10s" help:"TCP, UDP, socket and softnet counters."`
	Conntrack  Common     `toml:"conntrack" defaults:"interval=60s" help:"Entries and limit of connection tracking."`
	FD         Common     `toml:"fd" defaults:"interval=10s" help:"File descriptors and inodes of the system."`
	Process    Process    `toml:"process" defaults:"interval=30s" help:"Processes: totals of all of them, and rows of the watched and the largest."`
	Cgroup     Cgroup     `toml:"cgroup" defaults:"interval=30s" help:"Units and containers, from the cgroup tree (v1 and v2)."`
	Self       Common     `toml:"self" defaults:"interval=10s" help:"The agent's own use of the machine."`
}

// Common is what every collector has.
type Common struct {
	Enabled  bool          `toml:"enabled" default:"true" reload:"live" help:"Whether this collector runs."`
	Interval time.Duration `toml:"interval" min:"1s" max:"1h" step:"1s" reload:"live" help:"Time between two collections."`
}

// Disk is section [collect.disk].
type Disk struct {
	Common
	ExcludeDevices Globs `toml:"exclude_devices" default:"loop*,ram*,fd*,sr*" check:"glob" reload:"live" help:"Block devices to leave out. * stands for any characters, ? for one."`
}

// Filesystem is section [collect.filesystem].
type Filesystem struct {
	Common
	ExcludeTypes  Globs         `toml:"exclude_types" default:"autofs,binfmt_misc,bpf,cgroup,cgroup2,configfs,debugfs,devpts,devtmpfs,efivarfs,erofs,fusectl,fuse.lxcfs,hugetlbfs,iso9660,mqueue,nsfs,proc,pstore,ramfs,rpc_pipefs,securityfs,selinuxfs,squashfs,sysfs,tracefs" check:"glob" reload:"live" help:"Types of filesystems to leave out."`
	ExcludeMounts Globs         `toml:"exclude_mounts" default:"/proc/*,/sys/*,/snap/*,/run/user/*,/run/credentials/*,/run/netns/*,/run/docker/*,/run/containerd/*,/var/lib/docker/*,/var/lib/containers/*,/var/lib/containerd/*,/var/lib/kubelet/*" check:"glob" reload:"live" help:"Mount points to leave out; * also stands for slashes."`
	Timeout       time.Duration `toml:"timeout" default:"5s" min:"1s" max:"60s" reload:"live" help:"Longest wait for one filesystem: a dead network mount is reported, not waited for."`
}

// Network is section [collect.network].
type Network struct {
	Common
	ExcludeDevices Globs `toml:"exclude_devices" default:"veth*,cali*,lxc*" check:"glob" reload:"live" help:"Network interfaces to leave out."`
}

// Process is section [collect.process].
type Process struct {
	Common
	Watch       []string `toml:"watch" default:"" check:"name" reload:"live" help:"Names of processes that always have a row. The kernel keeps 15 bytes of a name; longer ones are compared by their first 15."`
	TopN        int      `toml:"top_n" default:"20" min:"0" max:"500" reload:"live" help:"Processes with a row of their own: so many by CPU, by memory and by file descriptors."`
	EnterSweeps int      `toml:"enter_sweeps" default:"2" min:"1" max:"60" reload:"live" help:"A process gets a row after so many sweeps among the top."`
	LeaveSweeps int      `toml:"leave_sweeps" default:"3" min:"1" max:"60" reload:"live" help:"A process loses its row after so many sweeps outside the top."`
}

// Cgroup is section [collect.cgroup].
type Cgroup struct {
	Common
	MaxRows int `toml:"max_rows" default:"200" min:"1" max:"2000" reload:"live" help:"Most cgroups with a row of their own. More are counted and left out."`
}

// Names returns the names of all collectors, in the order of the tree.
func (c *Collect) Names() []string {
	t := reflect.TypeFor[Collect]()
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("toml")
	}
	return names
}

// Common returns what the named collector shares with all others; false when
// there is no collector of that name.
func (c *Collect) Common(name string) (Common, bool) {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("toml") != name {
			continue
		}
		if common, ok := v.Field(i).Interface().(Common); ok {
			return common, true
		}
		return v.Field(i).FieldByName("Common").Interface().(Common), true
	}
	return Common{}, false
}
