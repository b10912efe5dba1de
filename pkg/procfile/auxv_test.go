package procfile

import (
	"encoding/binary"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func auxv(word int, pairs ...uint64) []byte {
	var b []byte
	for _, v := range pairs {
		if word == 4 {
			b = binary.NativeEndian.AppendUint32(b, uint32(v))
		} else {
			b = binary.NativeEndian.AppendUint64(b, v)
		}
	}
	return b
}

func TestClockTicksFromAuxv(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		word int
		want uint64
	}{
		"64 bit":             {auxv(8, 33, 7, atClkTck, 1024, 0, 0), 8, 1024},
		"32 bit":             {auxv(4, 6, 4096, atClkTck, 250, 0, 0), 4, 250},
		"not there":          {auxv(8, 6, 4096, 0, 0), 8, 100},
		"no file":            {nil, 8, 100},
		"zero":               {auxv(8, atClkTck, 0), 8, 100},
		"impossible":         {auxv(8, atClkTck, 1<<60), 8, 100},
		"cut after the key":  {auxv(8, atClkTck), 8, 100},
		"cut inside the key": {auxv(8, atClkTck)[:5], 8, 100},
	} {
		t.Run(name, func(t *testing.T) {
			if got := clockTicks(c.in, c.word); got != c.want {
				t.Errorf("%d ticks a second, want %d", got, c.want)
			}
		})
	}
}

func TestClockTicksOfThisHost(t *testing.T) {
	out, err := exec.Command("getconf", "CLK_TCK").Output()
	if err != nil {
		t.Skipf("getconf cannot tell what to expect: %v", err)
	}
	want, err := strconv.ParseUint(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if got := ClockTicks(); got != want {
		t.Errorf("%d ticks a second, getconf says %d", got, want)
	}
}
