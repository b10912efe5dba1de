package network

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

func sweepConntrack(t testing.TB, dir string) (map[string]float64, error) {
	t.Helper()
	env := collecttest.Env(t, dir)
	c, err := NewConntrack(env)
	if err != nil {
		t.Fatal(err)
	}
	at := store.At(1_000_000)
	err = c.Collect(context.Background(), at)
	return collecttest.Rows(t, env.Store, "conntrack", at)[""].Values, err
}

func TestConntrackHosts(t *testing.T) {
	for host, want := range map[string]struct {
		values map[string]float64
		class  collect.Class
	}{
		"two-socket-smt-off": {map[string]float64{
			"conntrack.entries": 196608, "conntrack.max": 262144, "conntrack.used_percent": 75,
			"conntrack.drops": 256, "conntrack.early_drops": 3, "conntrack.insert_failures": 9,
		}, collect.OK},
		"four-node": {map[string]float64{ // no limit
			"conntrack.entries": 17, "conntrack.max": 0, "conntrack.drops": 2, "conntrack.early_drops": 3, "conntrack.insert_failures": 1,
		}, collect.OK},
		"small-vm": {nil, collect.Permanent},
		"weird":    {map[string]float64{"conntrack.entries": 900, "conntrack.max": 800, "conntrack.used_percent": 100}, collect.PartialOK},
	} {
		t.Run(host, func(t *testing.T) {
			got, err := sweepConntrack(t, collecttest.Hosts(t)[host])
			if collect.Classify(err) != want.class {
				t.Errorf("error %v", err)
			}
			if d := cmp.Diff(want.values, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestConntrackAgreesWithProcfs(t *testing.T) {
	hosts := collecttest.Hosts(t)
	delete(hosts, "weird") // procfs refuses the whole file
	hosts["this host"] = "/"
	for host, dir := range hosts {
		t.Run(host, func(t *testing.T) {
			got, err := sweepConntrack(t, dir)
			pfs, perr := procfs.NewFS(dir + "/proc")
			if perr != nil {
				t.Fatal(perr)
			}
			cpus, perr := pfs.ConntrackStat()
			if perr != nil {
				if err == nil {
					t.Errorf("procfs says %v, we nothing", perr)
				}
				return
			}
			var drop, early, failed float64
			for _, c := range cpus {
				drop, early, failed = drop+float64(c.Drop), early+float64(c.EarlyDrop), failed+float64(c.InsertFailed)
			}
			if got["conntrack.drops"] != drop || got["conntrack.early_drops"] != early || got["conntrack.insert_failures"] != failed {
				t.Errorf("got %v, procfs says %v, %v, %v", got, drop, early, failed)
			}
		})
	}
}

func TestConntrackGarbage(t *testing.T) {
	dir := collecttest.Copy(t, collecttest.Hosts(t)["two-socket-smt-off"])
	full, _ := sweepConntrack(t, dir)
	for _, path := range []string{"proc/sys/net/netfilter/nf_conntrack_count", "proc/sys/net/netfilter/nf_conntrack_max", "proc/net/stat/nf_conntrack"} {
		collecttest.Spoil(t, dir, path, func(v collecttest.Variant) {
			got, err := sweepConntrack(t, dir)
			main := strings.HasSuffix(path, "count")
			if _, ok := got["conntrack.entries"]; !ok && (!main || err == nil) {
				t.Errorf("%s: no entries, and %v", v.Name, err)
			}
			if v.Cut && strings.HasPrefix(path, "proc/net") {
				if err == nil {
					t.Errorf("%s: no error", v.Name)
				}
				for name, g := range got {
					if g != full[name] {
						t.Errorf("%s: %s is %v, want %v or absent", v.Name, name, g, full[name])
					}
				}
			}
		})
	}
}

func TestConntrackRefused(t *testing.T) {
	dir := collecttest.Copy(t, collecttest.Hosts(t)["two-socket-smt-off"])
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "proc/net/stat/nf_conntrack"), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // t.TempDir keeps others out
		t.Fatal(err)
	}
	collecttest.AsNobody(t, func() {
		got, err := sweepConntrack(t, dir)
		if collect.Classify(err) != collect.PartialOK || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("error %v, want a partial one", err)
		}
		if _, ok := got["conntrack.drops"]; ok || got["conntrack.entries"] == 0 {
			t.Errorf("got %v, want only what can be read", got)
		}
	})
}

func TestParseConntrack(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want [3]metric.Count // drop, early drop, insert failed
		bad  string
	}{
		"any order":      {"early_drop x drop\n1 2 a\n1 2 5\n", [3]metric.Count{15, 2, metric.NoCount}, ""},
		"fewer numbers":  {"drop early_drop\n1\n", [3]metric.Count{metric.NoCount, metric.NoCount, metric.NoCount}, "f:2: 1 numbers under 2 names"},
		"bad number":     {"drop\n1\nzz\n", [3]metric.Count{metric.NoCount, metric.NoCount, metric.NoCount}, `f:3: "zz" is not a hexadecimal number`},
		"no CPU":         {"drop\n", [3]metric.Count{metric.NoCount, metric.NoCount, metric.NoCount}, "f: names but no CPU"},
		"nothing wanted": {"a b\n1 2\n", [3]metric.Count{metric.NoCount, metric.NoCount, metric.NoCount}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := metric.Blank[reading.Conntrack]()
			err := parseConntrack("f", []byte(tc.in), &r)
			if got := [3]metric.Count{r.Drop, r.EarlyDrop, r.InsertFailed}; got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if (err == nil) != (tc.bad == "") || (err != nil && err.Error() != tc.bad) {
				t.Errorf("error %v, want %q", err, tc.bad)
			}
		})
	}
}

func FuzzConntrack(f *testing.F) {
	f.Add([]byte("entries drop early_drop insert_failed\n1 2 3 4\nff ff ff ff\n"))
	f.Add([]byte("drop drop\n1 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := metric.Blank[reading.Conntrack]()
		if err := parseConntrack("f", b, &r); err != nil && r.Drop != metric.NoCount {
			t.Errorf("%q gives a value and %v", b, err)
		}
	})
}
