package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"sysops-agent/pkg/query"
)

// earliest is the least number read as Unix seconds (March 1973); below, a
// unit was forgotten.
const earliest = 100_000_000

// maxDuration keeps arithmetic on times from overflowing.
const maxDuration = 100 * 366 * 24 * time.Hour

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// ParseTime reads a time: RFC 3339, Unix seconds, "now", or a duration ago
// ("90s", "1h30m", "7d"). Errors wrap [query.ErrBadRequest].
func ParseTime(text string, now time.Time) (time.Time, error) {
	s := strings.TrimSpace(text)
	if s == "now" {
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	if sec, err := strconv.ParseFloat(s, 64); err == nil {
		if sec >= earliest && sec < 1<<36 {
			whole, frac := math.Modf(sec)
			return time.Unix(int64(whole), int64(frac*1e9)), nil
		}
		return time.Time{}, fmt.Errorf("%w: %q is too small or too large for a time in Unix seconds; for a time ago write its unit, as in 90s", query.ErrBadRequest, text)
	}
	d, err := ParseDuration(strings.TrimSpace(strings.TrimSuffix(s, "ago")))
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %q is not a time: write 2006-01-02T15:04:05Z, Unix seconds, or a duration ago such as 90s, 2h or 7d", query.ErrBadRequest, text)
	}
	return now.Add(-d), nil
}

// ParseDuration reads a duration as [time.ParseDuration] does, with d for 24
// hours and w for 7 days, from 0 to 100 years. Errors wrap
// [query.ErrBadRequest].
func ParseDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("%w: %q is not a duration: write a number with ms, s, m, h, d or w, as in 90s or 1h30m", query.ErrBadRequest, text)
	if text == "" {
		return 0, bad
	}
	var sum time.Duration
	for rest := text; rest != ""; {
		n := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if n <= 0 {
			return 0, bad
		}
		u := strings.IndexFunc(rest[n:], func(r rune) bool { return r < 'a' || r > 'z' })
		if u < 0 {
			u = len(rest) - n
		}
		v, err := strconv.ParseFloat(rest[:n], 64)
		unit, known := durationUnits[rest[n:n+u]]
		if err != nil || !known || v > float64(maxDuration/unit) {
			return 0, bad
		}
		if sum += time.Duration(v * float64(unit)); sum > maxDuration {
			return 0, bad
		}
		rest = rest[n+u:]
	}
	return sum, nil
}
