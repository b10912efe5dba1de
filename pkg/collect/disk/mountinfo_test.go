package disk

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs"

	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/collect/trouble"
)

func TestParseMount(t *testing.T) {
	for name, tc := range map[string]struct {
		line string
		want mount
		why  string
	}{
		"plain": {
			"36 35 98:0 / /mnt rw,noatime - ext3 /dev/root rw,errors=continue",
			mount{36, 35, "98:0", "/", "/mnt", "ext3", "/dev/root", false},
			"",
		},
		"optional fields": {
			"36 35 98:0 /a /b rw shared:1 master:2 propagate_from:3 unbindable - xfs /dev/x rw",
			mount{36, 35, "98:0", "/a", "/b", "xfs", "/dev/x", false},
			"",
		},
		"read-only mount":      {"1 2 8:1 / / ro,relatime - ext4 d rw", mount{1, 2, "8:1", "/", "/", "ext4", "d", true}, ""},
		"read-only filesystem": {"1 2 8:1 / / rw - ext4 d ro,errors=remount-ro", mount{1, 2, "8:1", "/", "/", "ext4", "d", true}, ""},
		"not read-only":        {"1 2 8:1 / / rw,ro_not,errors=remount-ro - ext4 d rw", mount{1, 2, "8:1", "/", "/", "ext4", "d", false}, ""},
		"escapes": {
			`1 2 8:1 /r\040o\011t /p\012o\134i\047 rw - ext4 d\040e rw`,
			mount{1, 2, "8:1", "/r o\tt", "/p\no\\i'", "ext4", "d e", false},
			"",
		},
		"no escapes":     {`1 2 8:1 / /a\04 rw - ext4 \999\ rw`, mount{1, 2, "8:1", "/", `/a\04`, "ext4", `\999\`, false}, ""},
		"empty source":   {"1 2 0:9 / /x rw - tmpfs  rw,size=1k", mount{1, 2, "0:9", "/", "/x", "tmpfs", "", false}, ""},
		"subtype":        {"1 2 0:9 / /x rw - fuse.sshfs u@h:/d rw", mount{1, 2, "0:9", "/", "/x", "fuse.sshfs", "u@h:/d", false}, ""},
		"password":       {"1 2 0:9 / /x rw - fuse.dav https://u:p@h:8/d@e rw", mount{1, 2, "0:9", "/", "/x", "fuse.dav", "https://h:8/d@e", false}, ""},
		"user only":      {"1 2 0:9 / /x rw - fuse.dav dav://u@h rw", mount{1, 2, "0:9", "/", "/x", "fuse.dav", "dav://h", false}, ""},
		"dash as name":   {"1 2 8:1 / /- rw - ext4 - rw", mount{1, 2, "8:1", "/", "/-", "ext4", "-", false}, ""},
		"empty":          {"", mount{}, "no separator"},
		"no separator":   {"1 2 8:1 / / rw ext4 d rw", mount{}, "no separator"},
		"few before":     {"1 2 8:1 / / - ext4 d rw", mount{}, "fewer than six fields before the separator"},
		"few after":      {"1 2 8:1 / / rw - ext4 d", mount{}, "fewer than three fields after the separator"},
		"no number":      {"x 2 8:1 / / rw - ext4 d rw", mount{}, "no number of the mount or its parent"},
		"no parent":      {"1 -2 8:1 / / rw - ext4 d rw", mount{}, "no number of the mount or its parent"},
		"relative point": {"1 2 8:1 / a rw - ext4 d rw", mount{}, "no absolute mount point"},
	} {
		t.Run(name, func(t *testing.T) {
			got, why := parseMount([]byte(tc.line))
			if why != tc.why {
				t.Fatalf("trouble %q, want %q", why, tc.why)
			}
			if why == "" && got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestMountinfoAgreesWithProcfs(t *testing.T) {
	hosts := collecttest.Hosts(t)
	delete(hosts, "weird") // procfs refuses the whole file
	hosts["this host"] = "/"
	for host, dir := range hosts {
		t.Run(host, func(t *testing.T) {
			pfs, err := procfs.NewFS(dir + "/proc")
			if err != nil {
				t.Fatal(err)
			}
			path := dir + "/proc/self/mountinfo"
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			oracle, err := pfs.GetMounts()
			if err != nil {
				t.Fatal(err)
			}
			var bad trouble.List
			got := parseMountinfo(path, b, &bad)
			if bad.Len() > 0 {
				t.Error(bad.First())
			}
			var want []mount
			for _, m := range oracle {
				_, ro1 := m.Options["ro"]
				_, ro2 := m.SuperOptions["ro"]
				want = append(want, mount{
					id: uint64(m.MountID), parent: uint64(m.ParentID), dev: m.MajorMinorVer, root: unescape([]byte(m.Root)),
					point: unescape([]byte(m.MountPoint)), fstype: m.FSType, source: m.Source, readOnly: ro1 || ro2,
				})
			}
			if d := cmp.Diff(want, got, cmp.AllowUnexported(mount{})); d != "" {
				t.Errorf("(-procfs +ours)\n%s", d)
			}
		})
	}
}

func TestMountinfoKeepsGoodLines(t *testing.T) {
	path := collecttest.Hosts(t)["weird"] + "/proc/self/mountinfo"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var bad trouble.List
	var points []string
	for _, m := range parseMountinfo(path, b, &bad) {
		points = append(points, m.point)
	}
	want := []string{"/", "/mnt/a\nb\tc\\d ", "/mnt/\xff\xfe\x1b[31m", "/mnt/dav", "/mnt/loop", "/mnt/loop"}
	if d := cmp.Diff(want, points); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if bad.Len() != 5 || !strings.HasSuffix(bad.First().Error(), `mountinfo:5: no separator in "not a mount at all"`) {
		t.Errorf("%d troubles, first %v", bad.Len(), bad.First())
	}
}

// The kernel's way to escape, as far as it matters here.
func escape(s string) string {
	return strings.NewReplacer("\\", `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(s)
}

func FuzzMountinfo(f *testing.F) {
	f.Add("/mnt", "/dev/sda1", "1 2 8:1 / / rw - ext4 d rw\n")
	f.Add("/a b\n\\", "", "1 2 8:1 / /a\\040 rw shared:1 - fuse.x http://u:p@h/ ro\n2")
	f.Fuzz(func(t *testing.T, point, source, raw string) {
		var bad trouble.List
		for _, m := range parseMountinfo("f", []byte(raw), &bad) {
			if m.point == "" || m.point[0] != '/' || m.fstype == "" {
				t.Errorf("%q gives %+v", raw, m)
			}
		}
		if strings.Contains(source, "://") {
			return
		}
		line := "1 2 8:1 / /" + escape(point) + " rw - ext4 " + escape(source) + " rw"
		m, why := parseMount([]byte(line))
		if why != "" || m.point != "/"+point || m.source != source {
			t.Errorf("%q: %q, %q, %q", line, m.point, m.source, why)
		}
	})
}
