package network

import (
	"fmt"
	"strings"
	"testing"
)

// softnetFile renders CPUs: number → the first three columns. Without
// numbered it is the format before Linux 5.10.
func softnetFile(numbered bool, cpus ...[4]uint32) string {
	var b strings.Builder
	for _, c := range cpus {
		fmt.Fprintf(&b, "%08x %08x %08x 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000", c[1], c[2], c[3])
		if numbered {
			fmt.Fprintf(&b, " 00000000 %08x", c[0])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestSoftnet(t *testing.T) {
	const almost = 1<<32 - 10
	numbered := func(cpus ...[4]uint32) string { return softnetFile(true, cpus...) }
	old := func(cpus ...[4]uint32) string { return softnetFile(false, cpus...) }
	for name, tc := range map[string]struct {
		sweeps []string
		want   []uint64 // processed after each sweep
	}{
		"the first sweep is the sum": {[]string{numbered([4]uint32{0, 5}, [4]uint32{1, 7})}, []uint64{12}},
		"growth":                     {[]string{numbered([4]uint32{0, 5}), numbered([4]uint32{0, 9})}, []uint64{5, 9}},
		"wrap of 32 bits": {
			[]string{numbered([4]uint32{0, almost}), numbered([4]uint32{0, 20}), numbered([4]uint32{0, 25})},
			[]uint64{almost, almost + 30, almost + 35},
		},
		"a CPU goes and comes back": {
			[]string{
				numbered([4]uint32{0, 100}, [4]uint32{1, 1000}), numbered([4]uint32{0, 110}), numbered([4]uint32{0, 120}, [4]uint32{1, 1003}),
			},
			[]uint64{1100, 1110, 1123},
		},
		"a CPU that was off at the start": {
			[]string{numbered([4]uint32{0, 100}), numbered([4]uint32{0, 110}, [4]uint32{7, 5_000_000}), numbered([4]uint32{0, 110}, [4]uint32{7, 5_000_004})},
			[]uint64{100, 110, 114},
		},
		"a counter that fell a little": {[]string{numbered([4]uint32{0, 100}), numbered([4]uint32{0, 99}), numbered([4]uint32{0, 101})}, []uint64{100, 100, 102}},
		"old format, CPU 0 goes": { // line 1 is now another CPU
			[]string{old([4]uint32{0, 100}, [4]uint32{0, 5000}), old([4]uint32{0, 5001}), old([4]uint32{0, 5011})},
			[]uint64{5100, 5100, 5110},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var s softnet
			for i, file := range tc.sweeps {
				if err := s.add("f", []byte(file)); err != nil {
					t.Fatal(err)
				}
				if s.total[0] != tc.want[i] {
					t.Errorf("after sweep %d: %d, want %d", i+1, s.total[0], tc.want[i])
				}
			}
		})
	}
}

func TestSoftnetErrors(t *testing.T) {
	good := softnetFile(true, [4]uint32{0, 5})
	for name, tc := range map[string]struct{ file, want string }{
		"few columns":     {"1 2 3 4 5 6 7 8\n", "f:1: \"1 2 3 4 5 6 7 8\" is not 9 or more hexadecimal numbers of 32 bits"},
		"no number":       {"1 2 3 4 5 6 7 8 x\n", "f:1:"},
		"64 bits":         {"1 2 3 4 5 6 7 8 100000000\n", "f:1:"},
		"unlike lines":    {good + "1 2 3 4 5 6 7 8 9\n", "f:2: 9 columns where other CPUs have 13"},
		"impossible CPU":  {softnetFile(true, [4]uint32{8192, 5}), "f:1: there is no CPU 8192"},
		"torn":            {good + "1 2", "f:2: the file ends within this line"},
		"empty":           {"", "f: the file is empty"},
		"an empty line":   {good + "\n", "f:2:"},
		"torn after line": {strings.TrimSuffix(good, "\n"), "f:1: the file ends within this line"},
	} {
		t.Run(name, func(t *testing.T) {
			var s softnet
			if err := s.add("f", []byte(good)); err != nil {
				t.Fatal(err)
			}
			err := s.add("f", []byte(tc.file))
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if s.total[0] != 5 {
				t.Errorf("the total moved to %d", s.total[0])
			}
		})
	}
}

func FuzzSoftnet(f *testing.F) {
	f.Add(softnetFile(true, [4]uint32{0, 5}, [4]uint32{3, 9}), softnetFile(true, [4]uint32{3, 4}))
	f.Add(softnetFile(false, [4]uint32{0, 5}), softnetFile(false))
	f.Fuzz(func(t *testing.T, a, b string) {
		var s softnet
		for _, file := range []string{a, b, a, b} {
			before := s.total
			grownBy := uint64(maxCPUs) << 32
			err := s.add("f", []byte(file))
			for i := range s.total {
				if s.total[i] < before[i] || s.total[i]-before[i] > grownBy || (err != nil && s.total[i] != before[i]) {
					t.Errorf("total %d went from %d to %d with %v", i, before[i], s.total[i], err)
				}
			}
			if len(s.last) > maxCPUs {
				t.Errorf("%d CPUs are remembered", len(s.last))
			}
		}
	})
}
