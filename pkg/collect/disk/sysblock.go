package disk

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// sysName is the name of a device in sysfs, which has ! where the kernel's
// own name has a slash (cciss/c0d0).
func sysName(name string) string { return strings.ReplaceAll(name, "/", "!") }

// isWhole reports whether a name from /proc/diskstats is a whole device:
// /sys/block lists these, /sys/class/block partitions too. A name that sysfs
// does not know came or went this moment and is taken for a device. Without
// sysfs, which the error reports, so is every partition: better two rows too
// many than a disk that nobody sees.
func isWhole(sys, name string) (bool, error) {
	n := sysName(name)
	if _, err := os.Stat(sys + "/block/" + n); err == nil {
		return true, nil
	}
	if _, err := os.Stat(sys + "/class/block/" + n); err == nil {
		return false, nil
	}
	if _, err := os.Stat(sys + "/block"); err != nil {
		return true, fmt.Errorf("cannot tell partitions from disks, so both are collected: %w", err)
	}
	return true, nil
}

// names returns the name of a device-mapper device and the model of a disk,
// each empty when there is none.
func names(sys, name string) (mapper, model string) {
	dir := sys + "/block/" + sysName(name)
	return text(dir + "/dm/name"), text(dir + "/device/model")
}

func text(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b))
}
