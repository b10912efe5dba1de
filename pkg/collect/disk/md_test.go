package disk

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs/sysfs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/store"
)

func sweepMD(t testing.TB, dir string) (map[string]collecttest.Row, error) {
	t.Helper()
	env := collecttest.Env(t, dir)
	c, err := NewMD(env)
	if err != nil {
		t.Fatal(err)
	}
	at := store.At(1_000_000)
	err = c.Collect(context.Background(), at)
	return collecttest.Rows(t, env.Store, "md", at), err
}

func TestMDHosts(t *testing.T) {
	for host, want := range map[string]map[string]map[string]float64{
		"two-socket-smt-off": {"md0": {
			"md.disks": 2, "md.disks_active": 1, "md.disks_failed": 1, "md.disks_spare": 1, "md.disks_missing": 1,
			"md.state": 6, "md.sync_action": 2, "md.sync_percent": 31.25, "md.mismatches": 0,
		}},
		"four-node": {
			"md127": { // being reshaped, after another array had its turn; one device is a journal
				"md.disks": 6, "md.disks_active": 6, "md.disks_failed": 0, "md.disks_spare": 1, "md.disks_missing": 0,
				"md.state": 5, "md.sync_action": 5, "md.sync_percent": 0, "md.mismatches": 128,
			},
			"md1":   {"md.disks": 2, "md.disks_active": 2, "md.disks_failed": 0, "md.disks_spare": 0, "md.state": 5}, // no redundancy
			"md126": {"md.state": 1, "md.disks_active": 0, "md.disks_failed": 0, "md.disks_spare": 0},                // not begun
		},
	} {
		t.Run(host, func(t *testing.T) {
			rows, err := sweepMD(t, collecttest.Hosts(t)[host])
			if err != nil {
				t.Error(err)
			}
			got := map[string]map[string]float64{}
			for key, r := range rows {
				got[key] = r.Values
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestMDAgreesWithProcfs(t *testing.T) {
	for _, host := range []string{"two-socket-smt-off", "four-node"} {
		dir := collecttest.Copy(t, collecttest.Hosts(t)[host])
		if host == "four-node" { // procfs does not know "delayed"
			collecttest.Write(t, dir, "sys/block/md127/md/sync_completed", "1024 / 4096\n")
		}
		pfs, err := sysfs.NewFS(dir + "/sys")
		if err != nil {
			t.Fatal(err)
		}
		arrays, err := pfs.Mdraids()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := sweepMD(t, dir)
		if err != nil || len(rows) != len(arrays) || len(arrays) == 0 {
			t.Errorf("%s: %d rows of %d arrays, %v", host, len(rows), len(arrays), err)
		}
		for _, a := range arrays {
			row := rows[a.Device]
			if row.Labels[1] != a.Level {
				t.Errorf("%s: level %q, procfs says %q", a.Device, row.Labels[1], a.Level)
			}
			if got := mdStates[int(row.Values["md.state"])]; got != a.ArrayState {
				t.Errorf("%s: state %s, procfs says %s", a.Device, got, a.ArrayState)
			}
			if a.Disks != nil && row.Values["md.disks"] != float64(*a.Disks) {
				t.Errorf("%s: %v disks, procfs says %d", a.Device, row.Values["md.disks"], *a.Disks)
			}
			if row.Values["md.disks_missing"] != float64(a.DegradedDisks) {
				t.Errorf("%s: %v missing, procfs says %d", a.Device, row.Values["md.disks_missing"], a.DegradedDisks)
			}
			if got := row.Values["md.sync_percent"]; math.Abs(got-100*a.SyncCompleted) > 1e-9 {
				t.Errorf("%s: sync %v, procfs says %v", a.Device, got, a.SyncCompleted)
			}
			if action, ok := row.Values["md.sync_action"]; ok && mdActions[int(action)] != a.SyncAction {
				t.Errorf("%s: action %s, procfs says %s", a.Device, mdActions[int(action)], a.SyncAction)
			}
		}
	}
}

func TestMDUnsupported(t *testing.T) {
	for name, dir := range map[string]string{"no sysfs": t.TempDir(), "no array": collecttest.Hosts(t)["small-vm"], "this host": "/"} {
		rows, err := sweepMD(t, dir)
		if name == "this host" && len(rows) > 0 {
			continue // it has arrays
		}
		if collect.Classify(err) != collect.Permanent {
			t.Errorf("%s: %v, want unsupported", name, err)
		}
	}
}

// A host without arrays has no sweeps: empty ones would look like history
// with holes in it.
func TestMDSweepsNothingBeforeTheFirstArray(t *testing.T) {
	dir := collecttest.Tree(t, map[string]string{"sys/block/sda/dev": "8:0\n"})
	env := collecttest.Env(t, dir)
	c, err := NewMD(env)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Collect(context.Background(), store.At(60)) // TestMDUnsupported
	if n := env.Store.Shard("md").Newest(); n != 0 {
		t.Errorf("a sweep of nothing at %d", n)
	}
	collecttest.Write(t, dir, "sys/block/md0/md/array_state", "clean\n")
	if err := c.Collect(context.Background(), store.At(120)); err != nil || env.Store.Shard("md").Newest() != 120 {
		t.Errorf("with an array: %v, sweep at %d", err, env.Store.Shard("md").Newest())
	}
}

// The last array may be stopped: nothing to collect is then no reason to give
// up, as it may be started again.
func TestMDStopped(t *testing.T) {
	dir := collecttest.Tree(t, map[string]string{"sys/block/md0/md/array_state": "clean\n", "sys/block/sda/dev": "8:0\n"})
	env := collecttest.Env(t, dir)
	c, err := NewMD(env)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Collect(context.Background(), store.At(60)); err != nil {
		t.Error(err)
	}
	c.dir = t.TempDir()
	if err := c.Collect(context.Background(), store.At(120)); err != nil {
		t.Errorf("after the array was stopped: %v", err)
	}
}

func TestMDGarbage(t *testing.T) {
	dir := collecttest.Copy(t, collecttest.Hosts(t)["two-socket-smt-off"])
	full, _ := sweepMD(t, dir)
	for _, path := range collecttest.Files(t, dir, `^sys/block/md0/md/`) {
		collecttest.Spoil(t, dir, path, func(v collecttest.Variant) {
			rows, err := sweepMD(t, dir)
			lost := 0
			for name := range full["md0"].Values {
				if _, ok := rows["md0"].Values[name]; !ok {
					lost++
				}
			}
			if strings.HasSuffix(path, "array_state") {
				return // without it there is no array
			}
			if lost > 1 {
				t.Errorf("%s: %d values are lost: %v", v.Name, lost, err)
			}
			if lost > 0 && err == nil && !strings.HasSuffix(v.Name, "missing") && !v.Cut && !strings.HasSuffix(v.Name, "empty") {
				// blank files are of arrays that have not begun
				if !strings.HasSuffix(v.Name, "newlines") && !strings.HasSuffix(v.Name, "spaces") {
					t.Errorf("%s: a value is lost without an error", v.Name)
				}
			}
		})
	}
}

func FuzzMDProgress(f *testing.F) {
	for _, s := range []string{"none", "delayed", "1 / 2", "5 / 0", "2 / 1", "1/2", " / "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseProgress("f", b)
		if v < 0 || v > 100 || (err != nil && !math.IsNaN(v)) {
			t.Errorf("%q gives %v, %v", b, v, err)
		}
	})
}
