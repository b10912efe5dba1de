package reading

// MD is one Linux software RAID array. Source: /sys/block/mdX/md
// (Documentation/admin-guide/md.rst).
type MD struct {
	_      struct{} `reading:"md" domain:"system" help:"One software RAID array."`
	Device string   `label:"device" help:"The kernel's name of the array."`
	Level  string   `attr:"level" help:"RAID level as the kernel calls it."`

	Disks      float64 `metric:"md.disks" unit:"count" help:"Devices that the array has when it is complete."`
	Active     float64 `metric:"md.disks_active" unit:"count" help:"Devices that are in the array and up to date."`
	Failed     float64 `metric:"md.disks_failed" unit:"count" help:"Devices that failed and were not yet removed."`
	Spare      float64 `metric:"md.disks_spare" unit:"count" help:"Devices that stand by or are being rebuilt."`
	Degraded   float64 `metric:"md.disks_missing" unit:"count" help:"Devices by which the array is short of complete; absent for levels without redundancy."`
	State      float64 `metric:"md.state" max:"9" help:"0 clear, 1 inactive, 2 suspended, 3 read-only, 4 read-auto, 5 clean, 6 active, 7 write-pending, 8 active-idle, 9 broken."`
	Action     float64 `metric:"md.sync_action" max:"6" help:"0 idle, 1 resync, 2 recover, 3 check, 4 repair, 5 reshape, 6 frozen; absent for levels without redundancy."`
	Sync       float64 `metric:"md.sync_percent" unit:"percent" help:"How far the resync, recovery, check, repair or reshape is; absent when there is none."`
	Mismatches float64 `metric:"md.mismatches" unit:"count" help:"Sectors that differed between copies in the last check or repair."`
}
