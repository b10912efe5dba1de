package procfile

import (
	"encoding/binary"
	"os"
	"strconv"
	"sync"
)

// atClkTck is AT_CLKTCK of <linux/auxvec.h>: USER_HZ, as the kernel tells
// every process at its start.
const atClkTck = 17

// ClockTicks returns USER_HZ, the ticks per second in which /proc/stat and
// /proc/PID/stat count. It is 100 on nearly all kernels, but not on all
// (Alpha has 1024), so the system is asked, once.
var ClockTicks = sync.OnceValue(func() uint64 {
	// Unreadable only when /proc is not mounted; then nothing is collected.
	b, _ := os.ReadFile("/proc/self/auxv")
	return clockTicks(b, strconv.IntSize/8)
})

// clockTicks finds AT_CLKTCK in an auxiliary vector of machine words of the
// given size; 100 when it is not there.
func clockTicks(auxv []byte, word int) uint64 {
	for ; len(auxv) >= 2*word; auxv = auxv[2*word:] {
		key, val := native(auxv, word), native(auxv[word:], word)
		if key == atClkTck && val > 0 && val <= 1_000_000 {
			return val
		}
	}
	return 100
}

func native(b []byte, word int) uint64 {
	if word == 4 {
		return uint64(binary.NativeEndian.Uint32(b))
	}
	return binary.NativeEndian.Uint64(b)
}
