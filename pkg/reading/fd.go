package reading

// FD is the file descriptors and inodes of the whole system. Sources:
// /proc/sys/fs/file-nr, inode-nr and nr_open.
type FD struct {
	_ struct{} `reading:"fd" domain:"system" help:"File descriptors and inodes of the whole system."`

	Used            float64 `metric:"fd.system_used" unit:"count" help:"Open files of the whole system."`
	Allocated       float64 `metric:"fd.system_allocated" unit:"count" help:"Structures for open files that the kernel holds, used or not."`
	Max             float64 `metric:"fd.system_max" unit:"count" help:"Most open files of the whole system (fs.file-max); 2^63 means no limit."`
	UsedPercent     float64 `metric:"fd.system_used_percent" unit:"percent" help:"Open files by the most there can be; 0 where there is no limit to speak of."`
	ProcessMax      float64 `metric:"fd.process_max" unit:"count" help:"Highest limit of open files that a process can be given (fs.nr_open)."`
	InodesAllocated float64 `metric:"fd.inodes_allocated" unit:"count" help:"Inodes that the kernel holds in memory."`
	InodesFree      float64 `metric:"fd.inodes_free" unit:"count" help:"Inodes in memory that nobody uses."`
}
