package query

import (
	"fmt"
	"time"
)

// ladder is the steps, in seconds, that are chosen from when the request
// leaves it open; multiples of a day follow.
var ladder = []int64{
	1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800,
	3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600, 86400,
}

// latest bounds times, so that sums of them stay far from overflow: the year
// 9999.
const latest = 253_402_300_800

// window returns the request's times in Unix seconds, widened to whole steps,
// and the step. native is the step of the store's grid.
func (r *Request) window(native int64) (from, to, step int64, err error) {
	from, to = r.From.Unix(), r.To.Unix()
	if r.To.Nanosecond() > 0 {
		to++
	}
	switch {
	case !r.From.Before(r.To):
		return 0, 0, 0, fmt.Errorf("%w: the time from %s to %s is empty", ErrBadRequest, stamp(r.From), stamp(r.To))
	case from < 0 || to > latest:
		return 0, 0, 0, fmt.Errorf("%w: from %s to %s is not within the years 1970 to 9999", ErrBadRequest, stamp(r.From), stamp(r.To))
	case r.Step < 0 || r.Step%time.Second != 0:
		return 0, 0, 0, fmt.Errorf("%w: a step of %v; it must be whole seconds", ErrBadRequest, r.Step)
	}
	if step = int64(r.Step / time.Second); step == 0 {
		step = finest(to-from, native)
	}
	from, to = floor(from, step), ceil(to, step)
	if n := (to - from) / step; n > MaxPoints+1 { // one more may come from widening
		least := time.Duration(finest(to-from, 1)) * time.Second
		return 0, 0, 0, fmt.Errorf("%w: a step of %v gives %d points in each series; at most %d are allowed, as with a step of %v",
			ErrBadRequest, r.Step, n, MaxPoints, least)
	}
	return from, to, step, nil
}

// finest returns the finest step of the ladder, at least native, that cuts
// length into at most MaxPoints.
func finest(length, native int64) int64 {
	if length <= native*MaxPoints {
		return native
	}
	for _, s := range ladder {
		if s >= native && length <= s*MaxPoints {
			return s
		}
	}
	return ceil(ceil(length, MaxPoints)/MaxPoints, 86400)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func floor(t, step int64) int64 { return t - t%step }

func ceil(t, step int64) int64 { return floor(t+step-1, step) }
