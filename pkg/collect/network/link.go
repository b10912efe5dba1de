package network

import (
	"bytes"
	"math"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// refreshAfter is how long speed and MTU are taken for unchanged while the
// state of the link does not change. Reading the speed asks the driver, under
// the lock that all changes to interfaces need; a bond's speed changes
// without the bond going down.
const refreshAfter = time.Minute

// linkState is what /sys/class/net/X says about an interface, and what it
// said last. Everything there may be missing or refuse: a link that is
// switched off has no carrier to read, loopback no speed.
type linkState struct {
	operPath, carrierPath, speedPath, mtuPath string

	known       bool
	at          time.Duration // boot clock of the last full reading
	up, carrier float64
	speed, mtu  float64
}

func newLinkState(sys, name string) linkState {
	dir := sys + "/class/net/" + name + "/"
	return linkState{operPath: dir + "operstate", carrierPath: dir + "carrier", speedPath: dir + "speed", mtuPath: dir + "mtu"}
}

// read fills the state of the link into r.
func (s *linkState) read(file *procfile.Reader, t store.Tick, r *reading.Network) {
	up := operUp(file, s.operPath)
	carrier := number(file, s.carrierPath)
	if !(carrier <= 1) {
		carrier = metric.NaN
	}
	if !s.known || !same(up, s.up) || !same(carrier, s.carrier) || t.Boot-s.at >= refreshAfter || t.Boot < s.at {
		s.known, s.at = true, t.Boot
		s.speed, s.mtu = linkSpeed(file, s.speedPath), number(file, s.mtuPath)
	}
	s.up, s.carrier = up, carrier
	r.Up, r.Carrier, r.Speed, r.MTU = up, carrier, s.speed, s.mtu
}

// same reports whether two values are equal or both absent.
func same(a, b float64) bool { return a == b || (math.IsNaN(a) && math.IsNaN(b)) }

// operUp reads the operational state (RFC 2863): interfaces that do not
// follow it, such as loopback and tunnels, are "unknown" while switched on.
func operUp(file *procfile.Reader, path string) float64 {
	b, err := file.Read(path)
	if err != nil {
		return metric.NaN
	}
	switch string(bytes.TrimSpace(b)) {
	case "up", "unknown":
		return 1
	case "down", "lowerlayerdown", "dormant", "testing", "notpresent":
		return 0
	default:
		return metric.NaN
	}
}

func number(file *procfile.Reader, path string) float64 {
	b, err := file.Read(path)
	if err != nil {
		return metric.NaN
	}
	v, ok := procfile.ParseUint(bytes.TrimSpace(b))
	if !ok {
		return metric.NaN
	}
	return float64(v)
}

// linkSpeed reads the speed, megabits per second in sysfs, in bytes per
// second. Drivers say that they do not know with -1, in 16, 32 bits or signed,
// or with 0.
func linkSpeed(file *procfile.Reader, path string) float64 {
	mbit := number(file, path)
	if !(mbit > 0) || mbit == math.MaxUint16 || mbit >= math.MaxInt32 {
		return metric.NaN
	}
	return mbit * 1e6 / 8
}
