package overview

import (
	"math"
	"slices"

	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/store"
)

// most sorts by key, greatest first, NaN last, and keeps the first few.
func most[T any](s []T, key func(T) float64) []T {
	slices.SortStableFunc(s, func(a, b T) int {
		x, y := key(a), key(b)
		switch {
		case math.IsNaN(x) && math.IsNaN(y), x == y:
			return 0
		case math.IsNaN(y), x > y:
			return -1
		default:
			return 1
		}
	})
	return s[:min(len(s), listed)]
}

// greater returns the greater of two numbers, of which any may be absent.
func greater(a, b Number) Number {
	if a.v == nil || b.v != nil && *b.v > *a.v {
		return b
	}
	return a
}

func zero(n Number) float64 {
	if n.v == nil {
		return 0
	}
	return *n.v
}

func (s source) disks() []Disk {
	out := []Disk{}
	var m store.Matrix
	for _, r := range s.rows("disk") {
		rate := r.rates(&m)
		out = append(out, Disk{
			r.label("device"), r.value("disk.util_percent"), rate.of("disk.read_bytes"), rate.of("disk.written_bytes"),
			greater(r.value("disk.read_await_seconds"), r.value("disk.write_await_seconds")),
		})
	}
	return most(out, func(d Disk) float64 { return d.Util.Value() })
}

// filesystems puts those that do not answer first: their use is absent, but
// they are what a person must know.
func (s source) filesystems() []Full {
	out := []Full{}
	for _, r := range s.rows("filesystem") {
		out = append(out, Full{
			r.label("mountpoint"), r.value("filesystem.used_percent"),
			r.value("filesystem.available_bytes"), zero(r.value("filesystem.stuck")) == 1,
		})
	}
	return most(out, func(f Full) float64 {
		if f.Stuck {
			return math.Inf(1)
		}
		return f.Used.Value()
	})
}

func (s source) networks() []Net {
	out := []Net{}
	var m store.Matrix
	for _, r := range s.rows("network") {
		if zero(r.value("net.up")) == 0 && !r.value("net.up").Absent() {
			continue // switched off
		}
		rate := r.rates(&m)
		out = append(out, Net{r.label("interface"), rate.of("net.rx_bytes"), rate.of("net.tx_bytes")})
	}
	return most(out, func(n Net) float64 {
		sum := zero(n.Rx) + zero(n.Tx)
		if n.Interface != "lo" {
			sum += 0.5 // of two idle ones the real one comes first
		}
		return sum
	})
}

// processes lists those that are greatest by o. One whose CPU use is not known
// yet is not among the busiest.
func processes(t *proctable.Table, o proctable.Order) []Process {
	out := []Process{}
	if t == nil {
		return out
	}
	for _, p := range t.List(nil, o, listed) {
		if o == proctable.ByCPU && math.IsNaN(p.CPUPercent) {
			continue
		}
		fds := Number{}
		if p.Parts&proctable.HasFDs != 0 {
			fds = Of(float64(p.FDs))
		}
		out = append(out, Process{p.PID, p.Name.String(), p.State.String(), Of(p.CPUPercent), p.RSS, fds, p.Threads})
	}
	return out
}
