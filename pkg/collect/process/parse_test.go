package process

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/procfs"

	"sysops-agent/pkg/proctable"
)

var testUnits = units{hz: 100, page: 4096}

// statLine is a valid stat of a process of that name and flags.
func statLine(name string, flags int) string {
	return "7 (" + name + ") S 3 7 7 0 -1 " + strconv.Itoa(flags) + " 11 12 13 14 150 16 17 18 20 0 21 0 2200 2300 24 18446744073709551615 1\n"
}

func TestParseStat(t *testing.T) {
	var s proctable.Sample
	if why := parseStat([]byte(statLine("x", 0)), 7, testUnits, &s); why != "" {
		t.Fatal(why)
	}
	want := proctable.Sample{ID: proctable.ID{PID: 7, Start: 2200}, Basic: proctable.Basic{
		Name: proctable.NameOf([]byte("x")), State: proctable.Sleeping, PPID: 3, Threads: 21,
		CPUUser: 1_500_000, CPUSystem: 160_000, MinorFaults: 11, MajorFaults: 13, RSS: 24 * 4096, VSZ: 2300,
	}}
	if s != want {
		t.Errorf("\n got %+v\nwant %+v", s, want)
	}
}

func TestParseStatNames(t *testing.T) {
	for name, c := range map[string]struct {
		comm  string
		flags int
		want  string
	}{
		"plain":              {"bash", 0, "bash"},
		"parentheses":        {"a) R 1 2 (b", 0, "a) R 1 2 (b"},
		"only parentheses":   {"))))((", 0, "))))(("},
		"empty":              {"", 0, ""},
		"newline":            {"a\nb", 0, "a\ufffdb"},
		"escape sequence":    {"\x1b[31m", 0, "\ufffd[31m"},
		"invalid UTF-8":      {"\xff\xfe", 0, "\ufffd\ufffd"},
		"worker at work":     {"kworker/3:2H-kblockd", pfKthread, "kworker/3:2H"},
		"worker done":        {"kworker/u8:2+flush-254:0", pfKthread, "kworker/u8:2"},
		"idle worker":        {"kworker/0:1", pfKthread, "kworker/0:1"},
		"rescuer":            {"kworker/R-rcu_gp", pfKthread, "kworker/R-rcu_g"},
		"rescuer with colon": {"kworker/R-ab:c-d", pfKthread, "kworker/R-ab:c-"},
		"pretender":          {"kworker/0:1-evl", 0, "kworker/0:1-evl"},
		"other thread":       {"rcu_exp_par_gp_kthread_worker/0", pfKthread, "rcu_exp_par_gp_"},
	} {
		t.Run(name, func(t *testing.T) {
			var s proctable.Sample
			if why := parseStat([]byte(statLine(c.comm, c.flags)), 7, testUnits, &s); why != "" {
				t.Fatal(why)
			}
			if s.Name.String() != c.want || s.Threads != 21 || s.Kernel != (c.flags != 0) {
				t.Errorf("%q, %d threads, kernel %v; want %q", s.Name, s.Threads, s.Kernel, c.want)
			}
		})
	}
}

func TestParseStatRefuses(t *testing.T) {
	whole := statLine("x", 0)
	for name, in := range map[string]string{
		"empty":           "",
		"no name":         "7 x S 1 2 3",
		"wrong order":     ")(",
		"no state":        "7 (x)\n",
		"long state":      "7 (x) SS 1\n",
		"letters":         strings.Replace(whole, "2200", "22oo", 1),
		"too big":         strings.Replace(whole, "2200", "99999999999999999999", 1),
		"cut in the RSS":  whole[:strings.Index(whole, " 24 ")],
		"binary":          "\x00\x01\x02(\xff)\x00",
		"only the name":   "7 (x",
		"cut after flags": "7 (x) S 3 7 7 0 -1 4194560",
	} {
		t.Run(name, func(t *testing.T) {
			var s proctable.Sample
			if why := parseStat([]byte(in), 7, testUnits, &s); why == "" {
				t.Errorf("%q gives %+v", in, s)
			}
		})
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		u          units
		ticks, rss uint64
		us, bytes  uint64
	}{
		{units{100, 4096}, 12345, 2, 123_450_000, 8192},
		{units{1024, 65536}, 1536, 3, 1_500_000, 196608},
		{units{1000, 16384}, 1, 1, 1000, 16384},
		{units{100, 4096}, math.MaxUint64, math.MaxUint64, math.MaxUint64 / 2, math.MaxUint64 / 2},
	} {
		if got := c.u.micros(c.ticks); got != c.us && c.ticks != math.MaxUint64 || got > math.MaxUint64-1<<40 {
			t.Errorf("%d ticks at %d Hz are %d µs, want %d", c.ticks, c.u.hz, got, c.us)
		}
		if got := mul(c.rss, c.u.page); got != c.bytes {
			t.Errorf("%d pages of %d are %d bytes, want %d", c.rss, c.u.page, got, c.bytes)
		}
	}
}

func TestParseStatus(t *testing.T) {
	none := uint64(proctable.Absent)
	for name, c := range map[string]struct {
		in   string
		ok   bool
		want proctable.Status
	}{
		"process": {
			"Name:\tx\nUid:\t33\t0\t0\t0\nRssAnon:\t 10 kB\nRssFile:\t20 kB\nRssShmem:\t0 kB\nVmSwap:\t3 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n", true,
			proctable.Status{UID: 33, Anon: 10240, File: 20480, Shmem: 0, Swap: 3072, Voluntary: 5, Involuntary: 6},
		},
		"zombie":            {"Uid:\t7\n", true, proctable.Status{UID: 7, Anon: none, File: none, Shmem: none, Swap: none, Voluntary: none, Involuntary: none}},
		"no uid":            {"RssAnon:\t 10 kB\n", false, proctable.Status{Anon: 10240, File: none, Shmem: none, Swap: none, Voluntary: none, Involuntary: none}},
		"uid no number":     {"Uid:\tx\n", false, proctable.Status{Anon: none, File: none, Shmem: none, Swap: none, Voluntary: none, Involuntary: none}},
		"huge":              {"Uid:\t1\nRssAnon:\t18446744073709551615 kB\nVmSwap:\t99999999999999999999 kB\n", true, proctable.Status{UID: 1, Anon: none, File: none, Shmem: none, Swap: none, Voluntary: none, Involuntary: none}},
		"name like a field": {"Name:\tUid: 5\\nUid: 6\nUid:\t1\n", true, proctable.Status{UID: 1, Anon: none, File: none, Shmem: none, Swap: none, Voluntary: none, Involuntary: none}},
	} {
		t.Run(name, func(t *testing.T) {
			var got proctable.Status
			if ok := parseStatus([]byte(c.in), &got); ok != c.ok || got.Anon != c.want.Anon || (c.ok && got != c.want) {
				t.Errorf("%v\n got %+v\nwant %+v", ok, got, c.want)
			}
		})
	}
}

func TestParseIOAndLimits(t *testing.T) {
	for name, c := range map[string]struct {
		in string
		ok bool
	}{
		"whole":     {"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 0\n", true},
		"cut":       {"rchar: 1\nwchar: 2\nsyscr: 3\nsysc", false},
		"no number": {"syscr: 3\nsyscw: 4\nread_bytes: -5\nwrite_bytes: 6\n", false},
		"empty":     {"", false},
	} {
		var s proctable.IO
		if ok := parseIO([]byte(c.in), &s); ok != c.ok || (ok && s != proctable.IO{ReadCalls: 3, WriteCalls: 4, ReadBytes: 5, WriteBytes: 6}) {
			t.Errorf("%s: %v, %+v", name, ok, s)
		}
	}
	for in, want := range map[string]struct {
		limit uint64
		ok    bool
	}{
		"Limit  Soft\nMax open files            1024                 524288               files     \n": {1024, true},
		"Max open files            unlimited            unlimited            files     \n":              {proctable.Unlimited, true},
		"Max open files": {0, false}, "": {0, false}, "Max open files  many": {0, false},
	} {
		if got, ok := parseLimits([]byte(in)); ok != want.ok || (ok && got != want.limit) {
			t.Errorf("%q: %d, %v", in, got, ok)
		}
	}
}

// TestAgainstProcfs compares every file of every process, in the fixtures and
// on this host, with what prometheus/procfs reads.
func TestAgainstProcfs(t *testing.T) {
	for _, root := range []string{hosts + "small-vm/proc", hosts + "two-socket-smt-off/proc", hosts + "four-node/proc", hosts + "weird/proc", "/proc"} {
		t.Run(root, func(t *testing.T) {
			oracle, err := procfs.NewFS(root)
			if err != nil {
				t.Fatal(err)
			}
			dirs, _ := filepath.Glob(filepath.Join(root, "[0-9]*"))
			same := 0
			for _, dir := range dirs {
				pid, err := strconv.Atoi(filepath.Base(dir))
				if err != nil {
					continue
				}
				if p, err := oracle.Proc(pid); err == nil && agrees(t, p, dir) {
					same++
				}
			}
			if same == 0 {
				t.Error("nothing compared")
			}
		})
	}
}

// agrees compares what both can read; numbers that move while they are read
// are compared only when both readings of ours are the same.
func agrees(t *testing.T, p procfs.Proc, dir string) bool {
	t.Helper()
	u := systemUnits()
	var s, again proctable.Sample
	b, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil || parseStat(b, uint32(p.PID), u, &s) != "" {
		return false
	}
	o, err := p.Stat()
	if err != nil {
		return false
	}
	if b, err = os.ReadFile(filepath.Join(dir, "stat")); err != nil || parseStat(b, uint32(p.PID), u, &again) != "" || s != again {
		return false
	}
	if s.Start != o.Starttime || int(s.Threads) != o.NumThreads || int(s.PPID) != o.PPID || s.VSZ != uint64(o.VSize) ||
		s.RSS != uint64(max(0, o.RSS))*u.page || s.State != proctable.StateOf(o.State[0]) ||
		s.CPUUser != u.micros(uint64(o.UTime)) || s.CPUSystem != u.micros(uint64(o.STime)) ||
		s.MinorFaults != uint64(o.MinFlt) || s.MajorFaults != uint64(o.MajFlt) {
		t.Errorf("pid %d\n ours %+v\ntheirs %+v", p.PID, s, o)
	}
	if st, err := p.NewStatus(); err == nil && !s.Kernel && s.State != proctable.Zombie {
		b, _ := os.ReadFile(filepath.Join(dir, "status"))
		var ours proctable.Status
		if !parseStatus(b, &ours) || ours.UID != uint32(st.UIDs[0]) || ours.Swap != st.VmSwap || ours.Shmem != st.RssShmem {
			t.Errorf("pid %d: status\n ours %+v\ntheirs %+v", p.PID, ours, st)
		}
	}
	if l, err := p.Limits(); err == nil && !s.Kernel {
		b, _ := os.ReadFile(filepath.Join(dir, "limits"))
		if ours, ok := parseLimits(b); !ok || ours != l.OpenFiles {
			t.Errorf("pid %d: limit %d, theirs %d", p.PID, ours, l.OpenFiles)
		}
	}
	return true
}

func FuzzStat(f *testing.F) {
	f.Add([]byte(statLine("a) b (", pfKthread)))
	f.Add([]byte(statLine("kworker/1:2-x", pfKthread)))
	f.Add([]byte("1 () "))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s proctable.Sample
		if parseStat(b, 1, testUnits, &s) == "" && s.Name[15] != 0 {
			t.Errorf("name %q is not ended", s.Name[:])
		}
	})
}

func FuzzOthers(f *testing.F) {
	f.Add([]byte("Uid:\t1\nRssAnon:\t1 kB\nsyscr: 1\nMax open files 3 4\n"))
	f.Add([]byte("Max open files unlimited"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var st proctable.Status
		var io proctable.IO
		parseStatus(b, &st)
		parseIO(b, &io)
		if limit, ok := parseLimits(b); !ok && limit != 0 {
			t.Errorf("no limit, but %d", limit)
		}
	})
}
