package network

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/sysfs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/store"
)

const (
	devFile = "proc/net/dev"
	heading = "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
)

func newNetwork(t testing.TB, env collect.Env, exclude ...string) *Network {
	t.Helper()
	c, err := NewNetwork(env, config.Network{ExcludeDevices: exclude})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sweepNetwork collects twice, ten seconds apart, with a change in between.
func sweepNetwork(t testing.TB, dir string, between func()) (map[string]collecttest.Row, error) {
	t.Helper()
	env := collecttest.Env(t, dir)
	c := newNetwork(t, env)
	_ = c.Collect(context.Background(), store.At(1_000_000))
	if between != nil {
		between()
	}
	at := store.At(1_000_010)
	err := c.Collect(context.Background(), at)
	return collecttest.Rows(t, env.Store, "network", at), err
}

// state leaves the values that are not counters.
func state(r collecttest.Row) map[string]float64 {
	m := map[string]float64{}
	for _, n := range []string{"net.up", "net.carrier", "net.mtu_bytes", "net.speed_bytes_per_second", "net.util_percent"} {
		if v, ok := r.Values[n]; ok {
			m[strings.TrimPrefix(n, "net.")] = v
		}
	}
	return m
}

func TestNetworkHosts(t *testing.T) {
	for host, want := range map[string]map[string]map[string]float64{
		"two-socket-smt-off": {
			"lo":    {"up": 1, "carrier": 1, "mtu_bytes": 65536},
			"eno1":  {"up": 1, "carrier": 1, "mtu_bytes": 9000, "speed_bytes_per_second": 1.25e9, "util_percent": 0},
			"eno2":  {"up": 0, "mtu_bytes": 1500},
			"bond0": {"up": 1, "carrier": 1, "mtu_bytes": 9000, "speed_bytes_per_second": 2.5e9, "util_percent": 0},
		},
		"four-node": {
			"lo":          {"up": 1, "carrier": 1, "mtu_bytes": 65536},
			"mlx5_ib0np0": {"up": 1, "carrier": 1, "mtu_bytes": 4092, "speed_bytes_per_second": 5e10, "util_percent": 0},
			"veth12ab34c": {"up": 1, "carrier": 1, "mtu_bytes": 1500, "speed_bytes_per_second": 1.25e9, "util_percent": 0},
		},
		"small-vm": {"lo": {"up": 1, "carrier": 1, "mtu_bytes": 65536}, "eth0": {"up": 1, "carrier": 1, "mtu_bytes": 1500}},
		"weird":    {"lo": {}, "a:b": {}, "new": {}, "\ufffd\ufffd": {}},
	} {
		t.Run(host, func(t *testing.T) {
			rows, err := sweepNetwork(t, collecttest.Hosts(t)[host], nil)
			got := map[string]map[string]float64{}
			for key, r := range rows {
				got[key] = state(r)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if (host == "weird") != (collect.Classify(err) == collect.PartialOK) {
				t.Errorf("error %v", err)
			}
			if host == "weird" && !strings.Contains(err.Error(), `net/dev:5: "  short: 1 2 3" is not an interface with 16 numbers (and 2 more)`) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestNetworkAgreesWithProcfs(t *testing.T) {
	hosts := collecttest.Hosts(t)
	delete(hosts, "weird") // procfs refuses the whole file
	hosts["this host"] = "/"
	for host, dir := range hosts {
		t.Run(host, func(t *testing.T) {
			pfs, err := procfs.NewFS(dir + "/proc")
			if err != nil {
				t.Fatal(err)
			}
			devs, err := pfs.NetDev()
			if err != nil {
				t.Fatal(err)
			}
			sfs, err := sysfs.NewFS(dir + "/sys")
			if err != nil {
				t.Fatal(err)
			}
			class, err := sfs.NetClass()
			if err != nil {
				t.Fatal(err)
			}
			rows, err := sweepNetwork(t, dir, nil)
			if err != nil || len(rows) != len(devs) {
				t.Errorf("%d rows of %d interfaces, %v", len(rows), len(devs), err)
			}
			for name, d := range devs {
				slack := 0.
				if host == "this host" {
					slack = 1 << 30
				}
				for metric, want := range map[string]uint64{
					"net.rx_bytes": d.RxBytes, "net.rx_packets": d.RxPackets, "net.rx_errors": d.RxErrors, "net.rx_dropped": d.RxDropped,
					"net.rx_fifo_errors": d.RxFIFO, "net.rx_frame_errors": d.RxFrame, "net.rx_compressed": d.RxCompressed,
					"net.rx_multicast": d.RxMulticast, "net.tx_bytes": d.TxBytes, "net.tx_packets": d.TxPackets,
					"net.tx_errors": d.TxErrors, "net.tx_dropped": d.TxDropped, "net.tx_fifo_errors": d.TxFIFO,
					"net.tx_collisions": d.TxCollisions, "net.tx_carrier_errors": d.TxCarrier, "net.tx_compressed": d.TxCompressed,
				} {
					if got, ok := rows[name].Values[metric]; !ok || math.Abs(got-float64(want)) > slack {
						t.Errorf("%s %s is %v, procfs says %d", name, metric, got, want)
					}
				}
				for metric, want := range map[string]*int64{"net.carrier": class[name].Carrier, "net.mtu_bytes": class[name].MTU} {
					got, ok := rows[name].Values[metric]
					if ok != (want != nil) || (ok && got != float64(*want)) {
						t.Errorf("%s %s is %v (present %v), procfs says %v", name, metric, got, ok, want)
					}
				}
			}
		})
	}
}

// line is an interface with so many bytes received and sent.
func line(name string, rx, tx uint64) string {
	return fmt.Sprintf("%s: %d 1 0 0 0 0 0 0 %d 1 0 0 0 0 0 0\n", name, rx, tx)
}

func netTree(t testing.TB, lines string) string {
	return collecttest.Tree(t, map[string]string{
		devFile: heading + lines, "sys/class/net/eth0/operstate": "up\n", "sys/class/net/eth0/carrier": "1\n", "sys/class/net/eth0/speed": "1000\n",
	})
}

func TestNetworkUtilisation(t *testing.T) {
	const speed = 125_000_000 // a gigabit, in bytes
	for name, tc := range map[string]struct {
		rx, tx, rx2, tx2 uint64
		want             float64 // −1: absent
	}{
		"idle":            {5, 5, 5, 5, 0},
		"receiving":       {0, 0, speed * 5, speed, 50},
		"sending":         {0, 0, speed, speed * 10, 100},
		"late sweep":      {0, 0, speed * 12, 0, 100},
		"counter fell":    {1000, 1000, 999, 5000, -1},
		"huge counters":   {1 << 63, 1<<64 - 1 - speed, 1<<63 + 1, 1<<64 - 1, 10},
		"new and smaller": {1 << 40, 1 << 40, 1, 1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := netTree(t, line("eth0", tc.rx, tc.tx))
			rows, err := sweepNetwork(t, dir, func() { collecttest.Write(t, dir, devFile, heading+line("eth0", tc.rx2, tc.tx2)) })
			if err != nil {
				t.Error(err)
			}
			got, ok := rows["eth0"].Values["net.util_percent"]
			if !ok {
				got = -1
			}
			if math.Abs(got-tc.want) > 1e-9 {
				t.Errorf("utilisation %v, want %v", got, tc.want)
			}
		})
	}
}

func TestNetworkGoneAndBack(t *testing.T) {
	dir := netTree(t, line("eth0", 9000, 9000))
	env := collecttest.Env(t, dir)
	c := newNetwork(t, env)
	step := func(seconds int64, lines string) map[string]float64 {
		t.Helper()
		collecttest.Write(t, dir, devFile, heading+lines)
		if err := c.Collect(context.Background(), store.At(seconds)); err != nil {
			t.Error(err)
		}
		return collecttest.Rows(t, env.Store, "network", store.At(seconds))["eth0"].Values
	}
	step(10, line("eth0", 9000, 9000))
	if v := step(20, line("eth0", 9100, 9100)); v["net.util_percent"] == 0 {
		t.Errorf("no utilisation: %v", v)
	}
	if v := step(30, line("lo", 1, 1)); v != nil || len(c.known) != 1 {
		t.Errorf("gone, but %v and %d remembered", v, len(c.known))
	}
	if v := step(40, line("eth0", 10, 10)); v["net.rx_bytes"] != 10 {
		t.Errorf("back: %v", v)
	} else if _, ok := v["net.util_percent"]; ok {
		t.Errorf("utilisation across the absence: %v", v)
	}
	if _, ok := step(400, line("eth0", 20, 20))["net.util_percent"]; ok {
		t.Error("utilisation across a gap of six minutes")
	}
}

// Speed and MTU are read again when the link changes, and every minute.
func TestNetworkLinkRefresh(t *testing.T) {
	dir := netTree(t, line("eth0", 1, 1))
	env := collecttest.Env(t, dir)
	c := newNetwork(t, env)
	speed := func(seconds int64) float64 {
		t.Helper()
		if err := c.Collect(context.Background(), store.At(seconds)); err != nil {
			t.Error(err)
		}
		return collecttest.Rows(t, env.Store, "network", store.At(seconds))["eth0"].Values["net.speed_bytes_per_second"]
	}
	want := func(seconds int64, mbit float64) {
		t.Helper()
		if got := speed(seconds); got != mbit*125000 {
			t.Errorf("at %d s: %v Mbit/s, want %v", seconds, got/125000, mbit)
		}
	}
	want(10, 1000)
	collecttest.Write(t, dir, "sys/class/net/eth0/speed", "2500\n")
	want(20, 1000)
	want(70, 2500) // a minute later
	collecttest.Write(t, dir, "sys/class/net/eth0/speed", "100\n")
	collecttest.Write(t, dir, "sys/class/net/eth0/operstate", "down\n")
	want(80, 100) // the link changed
}

func TestLinkSpeed(t *testing.T) {
	for content, want := range map[string]float64{
		"1000\n": 1.25e8, "100000\n": 1.25e10, "-1\n": math.NaN(), "0\n": math.NaN(), "65535\n": math.NaN(),
		"4294967295\n": math.NaN(), "2147483647\n": math.NaN(), "fast\n": math.NaN(), "": math.NaN(),
	} {
		dir := collecttest.Tree(t, map[string]string{"speed": content})
		if got := linkSpeed(&newNetwork(t, collecttest.Env(t, dir)).link, dir+"/speed"); !same(got, want) {
			t.Errorf("%q is %v, want %v", content, got, want)
		}
	}
}

func TestNetworkExcludes(t *testing.T) {
	env := collecttest.Env(t, collecttest.Hosts(t)["four-node"])
	c := newNetwork(t, env, "veth*", "lo")
	if err := c.Collect(context.Background(), store.At(10)); err != nil {
		t.Fatal(err)
	}
	if rows := collecttest.Rows(t, env.Store, "network", store.At(10)); len(rows) != 1 {
		t.Errorf("rows %v", rows)
	}
}

func TestNetworkTooMany(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		b.WriteString(line(fmt.Sprintf("veth%d", i), 1, 1))
	}
	env := collecttest.Env(t, netTree(t, b.String()))
	c := newNetwork(t, env)
	err := c.Collect(context.Background(), store.At(10))
	limit := len(env.Store.Shard("network").Rows())
	if want := fmt.Sprintf("%d interfaces are left out", 20_000-limit); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("with %d rows: %v, want %q", limit, err, want)
	}
	if len(c.known) > maxNames {
		t.Errorf("%d names are remembered", len(c.known))
	}
}

func TestNetworkGarbage(t *testing.T) {
	dir := collecttest.Copy(t, collecttest.Hosts(t)["two-socket-smt-off"])
	full, _ := sweepNetwork(t, dir, nil)
	collecttest.Spoil(t, dir, devFile, func(v collecttest.Variant) {
		rows, err := sweepNetwork(t, dir, nil)
		if v.Cut {
			collecttest.Same(t, v.Name, rows, full)
		}
		// "maximum" gives two interfaces the same name
		if err == nil && len(rows) < len(full) && !strings.Contains(v.Name, "cut after") && !strings.HasSuffix(v.Name, "maximum") {
			t.Errorf("%s: %d of %d rows and no error", v.Name, len(rows), len(full))
		}
		if strings.HasSuffix(v.Name, "missing") && collect.Classify(err) != collect.Permanent {
			t.Errorf("%s: %v, want unsupported", v.Name, err)
		}
	})
	for _, path := range collecttest.Files(t, dir, `^sys/class/net/eno1/`) {
		collecttest.Spoil(t, dir, path, func(v collecttest.Variant) {
			rows, err := sweepNetwork(t, dir, nil)
			if err != nil {
				t.Errorf("%s: %v", v.Name, err)
			}
			if len(rows["eno1"].Values) < len(full["eno1"].Values)-2 { // utilisation goes with the speed
				t.Errorf("%s: only %v is left", v.Name, rows["eno1"].Values)
			}
		})
	}
}

func TestNetworkSteadyState(t *testing.T) {
	env := collecttest.Env(t, collecttest.Hosts(t)["two-socket-smt-off"])
	c := newNetwork(t, env)
	at := int64(0)
	collectNext := func() {
		at += 10
		if err := c.Collect(context.Background(), store.At(at)); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		collectNext()
	}
	// Opening a file costs its path, once in a while with an error.
	if n := testing.AllocsPerRun(100, collectNext); n > 14 {
		t.Errorf("%v allocations in a sweep of 4 interfaces, 9 files", n)
	}
}

func FuzzNetDev(f *testing.F) {
	f.Add([]byte(heading + "lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"))
	f.Add([]byte(heading + "a:b:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n: 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var bad trouble.List
		for _, d := range parseNetDev("f", b, nil, &bad) {
			if len(d.name) == 0 || strings.Contains(string(d.name), "/") {
				t.Errorf("%q gives the name %q", b, d.name)
			}
			if u := utilisation(new([columns]uint64), &d.v, 10, 1); u < 0 || u > 100 {
				t.Errorf("%q gives %v", b, u)
			}
		}
	})
}

func BenchmarkNetwork(b *testing.B) {
	env := collecttest.Env(b, "/")
	c := newNetwork(b, env)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.Collect(context.Background(), store.At(int64(i+1)*10)); err != nil {
			b.Fatal(err)
		}
	}
}
