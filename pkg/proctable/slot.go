package proctable

import "math"

// minutes is the length of a process's memory.
const minutes = 60

// slot is one minute of one process, in 12 bytes:
//
//	rss      units of 4 KiB, the smallest page: to 16 TiB
//	fds      exact to 4.2 billion
//	threads  exact to 65,534
//	cpu      to 327.67 % in steps of 0.01 %, beyond in steps of 1 % to 32,766 %
//
// A greater value is kept as the greatest; all ones means not known. RSS, fds
// and threads are the greatest of the minute, so that a peak between two
// looks is not lost; CPU is the mean.
type slot struct {
	rss, fds     uint32
	threads, cpu uint16
}

// unknown is a minute without observation.
var unknown = slot{none32, none32, none16, none16}

const (
	rssUnit  = 4096
	none32   = math.MaxUint32
	none16   = math.MaxUint16
	fineCPU  = 1 << 15 // from here on, whole percents
	fineStep = 100     // steps per percent below
)

// put merges an observation into the minute.
func (m *slot) put(s *Sample) {
	raise(&m.rss, packRSS(s.RSS))
	if s.Parts&HasFDs != 0 {
		raise(&m.fds, min(s.FDs, none32-1))
	}
	raise(&m.threads, uint16(min(s.Threads, none16-1)))
}

// raise keeps the greater of *p and v, all ones being less than anything.
func raise[T uint16 | uint32](p *T, v T) {
	if *p == ^T(0) || v > *p {
		*p = v
	}
}

func packRSS(bytes uint64) uint32 { return uint32(min(bytes/rssUnit, none32-1)) }

func unpackRSS(v uint32) float64 {
	if v == none32 {
		return math.NaN()
	}
	return float64(v) * rssUnit
}

func packCPU(percent float64) uint16 {
	if !(percent >= 0) { //nolint:staticcheck // also true for NaN
		return none16
	}
	if fine := math.Round(percent * fineStep); fine < fineCPU {
		return uint16(fine)
	}
	return uint16(fineCPU + min(math.Round(percent), fineCPU-2))
}

func unpackCPU(v uint16) float64 {
	switch {
	case v == none16:
		return math.NaN()
	case v < fineCPU:
		return float64(v) / fineStep
	default:
		return float64(v - fineCPU)
	}
}

func unpack32(v uint32) float64 {
	if v == none32 {
		return math.NaN()
	}
	return float64(v)
}

func unpack16(v uint16) float64 {
	if v == none16 {
		return math.NaN()
	}
	return float64(v)
}
