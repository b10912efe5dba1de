package reading

// Filesystem is one mounted filesystem, once, however often it is mounted.
// Sources: /proc/PID/mountinfo, statfs(2).
type Filesystem struct {
	_      struct{} `reading:"filesystem" domain:"system" help:"Space, inodes and state of one mounted filesystem."`
	Mount  string   `label:"mountpoint" help:"Where it is mounted; the shortest path when there are several."`
	Device string   `label:"device" help:"What is mounted: a device, a server and its export, a pool."`
	Type   string   `label:"fstype" help:"Type of the filesystem."`

	Size       float64 `metric:"filesystem.size_bytes" unit:"bytes" help:"Size of the filesystem."`
	Free       float64 `metric:"filesystem.free_bytes" unit:"bytes" help:"Free space, with what is reserved for root."`
	Available  float64 `metric:"filesystem.available_bytes" unit:"bytes" help:"Free space for everybody."`
	Used       float64 `metric:"filesystem.used_percent" unit:"percent" help:"Used space by used and available space, as df has it: 100 is full for everybody but root."`
	Inodes     float64 `metric:"filesystem.inodes" unit:"count" help:"Inodes that exist, used or free; absent where the filesystem makes them as needed."`
	InodesFree float64 `metric:"filesystem.inodes_free" unit:"count" help:"Inodes that are free."`
	InodesUsed float64 `metric:"filesystem.inodes_used_percent" unit:"percent" help:"Used inodes by all inodes."`
	ReadOnly   float64 `metric:"filesystem.read_only" max:"1" help:"1 when nothing can be written, by the way it is mounted or because the kernel found it damaged."`
	Stuck      float64 `metric:"filesystem.stuck" max:"1" help:"1 when the filesystem does not answer, as a network filesystem without its server; its numbers are then absent."`
}
