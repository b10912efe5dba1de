package procfile

import (
	"bytes"
	"fmt"
)

// ParseList reads a list of CPUs or nodes as the kernel writes it, "0-3,8",
// of numbers below limit, ascending. An empty list is a list.
func ParseList(b []byte, limit int) ([]int, error) {
	var ids []int
	b = bytes.TrimSpace(b)
	for len(b) > 0 {
		var part []byte
		part, b, _ = bytes.Cut(b, []byte{','})
		low, high, isRange := bytes.Cut(part, []byte{'-'})
		if !isRange {
			high = low
		}
		from, ok1 := ParseUint(low)
		to, ok2 := ParseUint(high)
		switch {
		case !ok1 || !ok2 || from > to:
			return nil, fmt.Errorf("%.40q is not a number or a range", part)
		case to >= uint64(limit):
			return nil, fmt.Errorf("%d is not below %d", to, limit)
		case len(ids) > 0 && int(from) <= ids[len(ids)-1]:
			return nil, fmt.Errorf("%d is not above what stands before it", from)
		}
		for id := int(from); id <= int(to); id++ {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
