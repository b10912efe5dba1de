package self

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestRealBPFMap makes a map in the kernel: its descriptor must not count
// against the ordinary ones (K22).
func TestRealBPFMap(t *testing.T) {
	r := newRig(t, "/proc", Options{})
	if err := r.tick(); err != nil {
		t.Fatal(err)
	}
	ordinary, sensors := r.value("agent.fd_count"), r.value("agent.sensor_fd_count")
	attr := make([]byte, 72)
	for i, v := range []uint32{unix.BPF_MAP_TYPE_ARRAY, 4, 8, 1} { // type, key size, value size, entries
		binary.NativeEndian.PutUint32(attr[4*i:], v)
	}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr[0])), uintptr(len(attr)))
	if errno != 0 {
		t.Skipf("make a BPF map: %v (needs CAP_BPF)", errno)
	}
	defer unix.Close(int(fd))
	if err := r.tick(); err != nil {
		t.Fatal(err)
	}
	if n, s := r.value("agent.fd_count"), r.value("agent.sensor_fd_count"); n != ordinary || s != sensors+1 {
		t.Errorf("%g ordinary and %g sensor fds, before the map %g and %g", n, s, ordinary, sensors)
	}
}
