package disk

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/config"
)

// points parses a mountinfo text and returns what is chosen of it.
func points(t testing.TB, mountinfo, filesystems string, cfg *config.Filesystem) []string {
	t.Helper()
	var bad trouble.List
	kept, more := choose(parseMountinfo("f", []byte(mountinfo), &bad), nodevTypes([]byte(filesystems)), cfg)
	if more != 0 {
		t.Errorf("%d were left out", more)
	}
	var got []string
	for _, m := range kept {
		got = append(got, m.point)
	}
	return got
}

func readHost(t testing.TB, host, path string) string {
	t.Helper()
	b, err := os.ReadFile(collecttest.Hosts(t)[host] + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestChooseHosts(t *testing.T) {
	for host, want := range map[string][]string{
		// the bind mounts of /srv/data are not there twice, nor other tmpfs
		"two-socket-smt-off": {"/dev/shm", "/run", "/", "/boot", "/srv/data", "/home"},
		// both subvolumes; the mount over /scratch, not what it hides
		"four-node": {"/", "/home", "/boot/efi", "/tank", "/tank/jobs", `/mnt/user files\x`, "/snap/core/1", "/scratch"},
		"small-vm":  {"/", "/dev/shm"},
		// a loop of parents is nowhere
		"weird": {"/", "/mnt/a\nb\tc\\d ", "/mnt/\xff\xfe\x1b[31m", "/mnt/dav"},
	} {
		t.Run(host, func(t *testing.T) {
			got := points(t, readHost(t, host, "proc/self/mountinfo"), readHost(t, host, "proc/filesystems"), &config.Filesystem{})
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

const nodev = "nodev\tproc\nnodev\ttmpfs\nnodev\toverlay\nnodev\tnfs4\nnodev\tfuse\n\text4\n\tbtrfs\n\tfuseblk\n"

func TestChoose(t *testing.T) {
	for name, tc := range map[string]struct {
		mounts string
		cfg    config.Filesystem
		want   []string
	}{
		"pseudo":             {"1 0 8:1 / / rw - ext4 a rw\n2 1 0:2 / /proc rw - proc proc rw\n", config.Filesystem{}, []string{"/"}},
		"root overlay":       {"1 0 0:3 / / rw - overlay o rw\n2 1 0:4 / /x rw - overlay o rw\n", config.Filesystem{}, []string{"/"}},
		"tmpfs":              {"1 0 8:1 / / rw - ext4 a rw\n2 1 0:2 / /tmp rw - tmpfs t rw\n3 1 0:3 / /x rw - tmpfs t rw\n", config.Filesystem{}, []string{"/", "/tmp"}},
		"remote":             {"1 0 0:9 / /n rw - nfs4 s:/ rw\n2 0 0:8 / /f rw - fuse.sshfs s rw\n3 0 8:2 / /b rw - fuseblk /dev/sdb rw\n", config.Filesystem{}, []string{"/n", "/f", "/b"}},
		"excluded type":      {"1 0 0:9 / /n rw - nfs4 s:/ rw\n2 0 0:8 / /f rw - fuse.sshfs s rw\n", config.Filesystem{ExcludeTypes: config.Globs{"fuse.*"}}, []string{"/n"}},
		"excluded mount":     {"1 0 8:1 / /a rw - ext4 a rw\n2 0 8:2 / /b/c/d rw - ext4 b rw\n", config.Filesystem{ExcludeMounts: config.Globs{"/b/*"}}, []string{"/a"}},
		"bind of all":        {"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /long/way rw - ext4 b rw\n3 1 8:2 / /short rw - ext4 b rw\n", config.Filesystem{}, []string{"/", "/short"}},
		"bind of a part":     {"1 0 8:1 / / rw - ext4 a rw\n2 1 8:1 /srv /jail/srv rw - ext4 a rw\n", config.Filesystem{}, []string{"/"}},
		"parts only":         {"1 0 0:7 /@ / rw - btrfs a rw\n2 1 0:7 /@home /home rw - btrfs a rw\n3 1 0:7 /@home /h rw - btrfs a rw\n", config.Filesystem{}, []string{"/", "/h"}},
		"excluded bind":      {"1 0 8:2 / /x rw - ext4 b rw\n2 0 8:2 / /data rw - ext4 b rw\n", config.Filesystem{ExcludeMounts: config.Globs{"/x"}}, []string{"/data"}},
		"twice at one place": {"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /m rw - ext4 b rw\n3 2 8:3 / /m rw - ext4 c rw\n", config.Filesystem{}, []string{"/", "/m"}},
		"covered from above": {"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /a/b rw - ext4 b rw\n3 1 8:3 / /a rw - ext4 c rw\n", config.Filesystem{}, []string{"/", "/a"}},
		"within the cover":   {"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /a/b rw - ext4 b rw\n3 1 8:3 / /a rw - ext4 c rw\n4 3 8:4 / /a/b rw - ext4 d rw\n", config.Filesystem{}, []string{"/", "/a", "/a/b"}},
		"neighbours":         {"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /a rw - ext4 b rw\n3 1 8:3 / /ab rw - ext4 c rw\n", config.Filesystem{}, []string{"/", "/a", "/ab"}},
		"own parent":         {"1 1 8:1 / / rw - ext4 a rw\n", config.Filesystem{}, []string{"/"}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, points(t, tc.mounts, nodev, &tc.cfg)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestChooseCoveringMountIsTheOneKept(t *testing.T) {
	var bad trouble.List
	all := parseMountinfo("f", []byte("1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /m rw - ext4 below rw\n3 2 8:3 / /m rw - ext4 above rw\n"), &bad)
	kept, _ := choose(all, nil, &config.Filesystem{})
	if len(kept) != 2 || kept[1].source != "above" {
		t.Errorf("kept %+v", kept)
	}
}

func TestChooseIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("1 0 8:1 / / rw - ext4 a rw\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "%d 1 9:%d / /m/%d rw - ext4 d rw\n", i+2, i, i)
	}
	var bad trouble.List
	kept, more := choose(parseMountinfo("f", []byte(b.String()), &bad), nil, &config.Filesystem{})
	if len(kept) != maxMounts || len(kept)+more != 3001 {
		t.Errorf("kept %d, left out %d of 3001", len(kept), more)
	}
}

func TestNodevTypes(t *testing.T) {
	got := nodevTypes([]byte("nodev\tsysfs\n\text4\nnodev\n\nnodev\ttmpfs\nnodev\ttor"))
	if d := cmp.Diff(map[string]bool{"sysfs": true, "tmpfs": true}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("1 0 8:1 / / rw - ext4 a rw\n2 3 8:2 / /m rw - ext4 b rw\n3 2 8:3 / /m rw - ext4 c rw\n", nodev)
	f.Fuzz(func(t *testing.T, mounts, types string) {
		var bad trouble.List
		all := parseMountinfo("f", []byte(mounts), &bad)
		kept, more := choose(all, nodevTypes([]byte(types)), &config.Filesystem{})
		if len(kept)+more > len(all) {
			t.Errorf("%d of %d", len(kept)+more, len(all))
		}
	})
}
