package network

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/procfs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// sweepSockets collects once and returns all rows of its four readings.
func sweepSockets(t testing.TB, dir string) (map[string]collecttest.Row, error) {
	t.Helper()
	env := collecttest.Env(t, dir)
	c, err := NewSockets(env)
	if err != nil {
		t.Fatal(err)
	}
	at := store.At(1_000_000)
	err = c.Collect(context.Background(), at)
	rows := map[string]collecttest.Row{}
	for _, name := range []string{"sockets", "tcp", "udp", "softnet"} {
		for key, r := range collecttest.Rows(t, env.Store, name, at) {
			rows[strings.Trim(name+" "+key, " ")] = r
		}
	}
	return rows, err
}

func TestSocketsHosts(t *testing.T) {
	page := float64(os.Getpagesize())
	for host, want := range map[string]struct {
		rows   map[string]map[string]float64 // some values, or all when there is "all": their number
		reason string
	}{
		"two-socket-smt-off": {map[string]map[string]float64{
			"sockets": {
				"all": 14, "sockets.used": 2301, "sockets.tcp4_inuse": 812, "sockets.tcp6_inuse": 60, "sockets.tcp_orphans": 4,
				"sockets.tcp_time_wait": 1203, "sockets.tcp_allocated": 830, "sockets.tcp_memory_bytes": 402 * page, "sockets.udp4_inuse": 22,
				"sockets.udp6_inuse": 9, "sockets.udp_memory_bytes": 17 * page, "sockets.raw4_inuse": 1, "sockets.raw6_inuse": 2,
				"sockets.fragments4_memory_bytes": 8832, "sockets.fragments6_memory_bytes": 0,
			},
			"tcp":      {"all": 30, "tcp.active_opens": 901234, "tcp.established": 812, "tcp.retransmitted_segments": 120334, "tcp.in_checksum_errors": 4, "tcp.listen_overflows": 300, "tcp.syn_retransmits": 20113, "tcp.timeouts": 44021},
			"udp ipv4": {"all": 7, "udp.in_datagrams": 70112233, "udp.send_buffer_errors": 2},
			"udp ipv6": {"all": 7, "udp.in_datagrams": 9012, "udp.receive_buffer_errors": 1},
			"softnet":  {"all": 5, "softnet.processed": 0x0a1b2c3d + 0xfffffff0 + 0x1000 + 0xabc, "softnet.dropped": 0x13, "softnet.time_squeezes": 0x304, "softnet.received_rps": 8, "softnet.flow_limits": 3},
		}, ""},
		"four-node": {map[string]map[string]float64{
			"sockets":  {"all": 14},
			"tcp":      {"all": 21, "tcp.established": 15, "tcp.listen_drops": 6, "tcp.zero_window_drops": 9},
			"udp ipv4": {"all": 8, "udp.memory_errors": 39, "udp.out_datagrams": 34},
			"udp ipv6": {"all": 8, "udp.memory_errors": 49, "udp.no_ports": 42},
			"softnet":  {"all": 5, "softnet.processed": 0x700, "softnet.time_squeezes": 7, "softnet.received_rps": 3},
		}, ""},
		"small-vm": {map[string]map[string]float64{ // without IPv6
			"sockets": {"all": 10, "sockets.used": 14}, "tcp": {"all": 21}, "udp ipv4": {"all": 8}, "softnet": {"all": 5},
		}, ""},
		"weird": {map[string]map[string]float64{
			"sockets":  {"all": 2, "sockets.tcp4_inuse": 5, "sockets.tcp_time_wait": 7},
			"tcp":      {"all": 1, "tcp.established": 9}, // the largest possible counter stands for absent
			"udp ipv4": {"all": 1, "udp.in_datagrams": 7},
		}, "net/snmp:2: 2 numbers under 3 names (and 7 more)"},
	} {
		t.Run(host, func(t *testing.T) {
			rows, err := sweepSockets(t, collecttest.Hosts(t)[host])
			if (err == nil) != (want.reason == "") || (err != nil && !strings.Contains(err.Error(), want.reason)) {
				t.Errorf("error %v, want %q", err, want.reason)
			}
			for key, values := range want.rows {
				for name, v := range values {
					got := rows[key].Values[name]
					if name == "all" {
						got = float64(len(rows[key].Values))
					}
					if got != v {
						t.Errorf("%s: %s is %v, want %v", key, name, got, v)
					}
				}
			}
			if len(rows) != len(want.rows) {
				t.Errorf("%d rows, want %d: %v", len(rows), len(want.rows), rows)
			}
		})
	}
}

// near allows what this host may have done between two readings.
func near(t *testing.T, live bool, what string, got map[string]float64, want map[string]*float64) {
	t.Helper()
	slack := 0.
	if live {
		slack = 1 << 24
	}
	for name, w := range want {
		g, ok := got[name]
		if ok != (w != nil) || (ok && math.Abs(g-*w) > slack) {
			t.Errorf("%s: %s is %v (present %v), procfs says %v", what, name, g, ok, w)
		}
	}
}

func TestSocketsAgreeWithProcfs(t *testing.T) {
	hosts := collecttest.Hosts(t)
	delete(hosts, "weird") // procfs refuses the whole files
	hosts["this host"] = "/"
	for host, dir := range hosts {
		t.Run(host, func(t *testing.T) {
			live := host == "this host"
			rows, err := sweepSockets(t, dir)
			if err != nil {
				t.Error(err)
			}
			proc := procAt(t, dir)
			snmp, err := proc.Snmp()
			if err != nil {
				t.Fatal(err)
			}
			netstat, err := proc.Netstat()
			if err != nil {
				t.Fatal(err)
			}
			near(t, live, "snmp", rows["tcp"].Values, map[string]*float64{
				"tcp.active_opens": snmp.ActiveOpens, "tcp.passive_opens": snmp.PassiveOpens, "tcp.attempt_failures": snmp.AttemptFails,
				"tcp.established_resets": snmp.EstabResets, "tcp.established": snmp.CurrEstab, "tcp.in_segments": snmp.InSegs,
				"tcp.out_segments": snmp.OutSegs, "tcp.retransmitted_segments": snmp.RetransSegs, "tcp.in_errors": snmp.Tcp.InErrs,
				"tcp.out_resets": snmp.OutRsts, "tcp.in_checksum_errors": snmp.Tcp.InCsumErrors,
				"tcp.listen_overflows": netstat.ListenOverflows, "tcp.listen_drops": netstat.ListenDrops, "tcp.timeouts": netstat.TCPTimeouts,
				"tcp.syn_retransmits": netstat.TCPSynRetrans, "tcp.syncookies_failed": netstat.SyncookiesFailed, "tcp.pruned": netstat.PruneCalled,
				"tcp.receive_queue_drops": netstat.TCPRcvQDrop,
			})
			near(t, live, "snmp", rows["udp ipv4"].Values, map[string]*float64{
				"udp.in_datagrams": snmp.Udp.InDatagrams, "udp.out_datagrams": snmp.Udp.OutDatagrams, "udp.no_ports": snmp.Udp.NoPorts,
				"udp.in_errors": snmp.Udp.InErrors, "udp.receive_buffer_errors": snmp.Udp.RcvbufErrors, "udp.send_buffer_errors": snmp.Udp.SndbufErrors,
			})
			if snmp6, err := proc.Snmp6(); err == nil && snmp6.Udp6.InDatagrams != nil {
				near(t, live, "snmp6", rows["udp ipv6"].Values, map[string]*float64{
					"udp.in_datagrams": snmp6.Udp6.InDatagrams, "udp.out_datagrams": snmp6.Udp6.OutDatagrams, "udp.no_ports": snmp6.Udp6.NoPorts,
					"udp.in_errors": snmp6.Udp6.InErrors, "udp.in_checksum_errors": snmp6.Udp6.InCsumErrors,
				})
			}
			agreeSockstat(t, live, dir, rows["sockets"].Values)
			agreeSoftnet(t, live, dir, rows["softnet"].Values)
		})
	}
}

// procAt makes a process of the tree whose net files lie in proc/net, as
// procfs wants them under a process.
func procAt(t *testing.T, dir string) procfs.Proc {
	t.Helper()
	tree := collecttest.Tree(t, map[string]string{"proc/1/net": "->" + filepath.Join(dir, "proc/net")})
	pfs, err := procfs.NewFS(tree + "/proc")
	if err != nil {
		t.Fatal(err)
	}
	p, err := pfs.Proc(1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func agreeSockstat(t *testing.T, live bool, dir string, got map[string]float64) {
	t.Helper()
	pfs, err := procfs.NewFS(dir + "/proc")
	if err != nil {
		t.Fatal(err)
	}
	number := func(n *int, unit int) *float64 {
		if n == nil {
			return nil
		}
		v := float64(*n * unit)
		return &v
	}
	four, err := pfs.NetSockstat()
	if err != nil {
		t.Fatal(err)
	}
	near(t, live, "sockstat", got, map[string]*float64{"sockets.used": number(four.Used, 1)})
	six, err := pfs.NetSockstat6()
	if err != nil {
		six = &procfs.NetSockstat{}
	}
	for _, p := range append(four.Protocols, six.Protocols...) {
		inuse := p.InUse
		switch p.Protocol {
		case "TCP":
			near(t, live, "sockstat", got, map[string]*float64{
				"sockets.tcp4_inuse": &[]float64{float64(inuse)}[0], "sockets.tcp_orphans": number(p.Orphan, 1), "sockets.tcp_time_wait": number(p.TW, 1),
				"sockets.tcp_allocated": number(p.Alloc, 1), "sockets.tcp_memory_bytes": number(p.Mem, os.Getpagesize()),
			})
		case "UDP":
			near(t, live, "sockstat", got, map[string]*float64{"sockets.udp4_inuse": number(&inuse, 1), "sockets.udp_memory_bytes": number(p.Mem, os.Getpagesize())})
		case "FRAG":
			near(t, live, "sockstat", got, map[string]*float64{"sockets.fragments4_memory_bytes": number(p.Memory, 1)})
		case "TCP6", "UDP6":
			near(t, live, "sockstat6", got, map[string]*float64{"sockets." + strings.ToLower(p.Protocol) + "_inuse": number(&inuse, 1)})
		}
	}
}

func agreeSoftnet(t *testing.T, live bool, dir string, got map[string]float64) {
	t.Helper()
	pfs, err := procfs.NewFS(dir + "/proc")
	if err != nil {
		t.Fatal(err)
	}
	cpus, err := pfs.NetSoftnetStat()
	if err != nil {
		t.Fatal(err)
	}
	var sum [5]float64
	for _, c := range cpus {
		for i, v := range []uint32{c.Processed, c.Dropped, c.TimeSqueezed, c.ReceivedRps, c.FlowLimitCount} {
			sum[i] += float64(v)
		}
	}
	near(t, live, "softnet", got, map[string]*float64{
		"softnet.processed": &sum[0], "softnet.dropped": &sum[1], "softnet.time_squeezes": &sum[2], "softnet.received_rps": &sum[3], "softnet.flow_limits": &sum[4],
	})
}

func TestSocketsGarbage(t *testing.T) {
	dir := collecttest.Copy(t, collecttest.Hosts(t)["two-socket-smt-off"])
	full, _ := sweepSockets(t, dir)
	for path, rows := range map[string]int{ // rows that must survive
		"proc/net/snmp": 0, "proc/net/netstat": 5, "proc/net/snmp6": 4, "proc/net/sockstat": 4, "proc/net/sockstat6": 4, "proc/net/softnet_stat": 4,
	} {
		collecttest.Spoil(t, dir, path, func(v collecttest.Variant) {
			got, err := sweepSockets(t, dir)
			if len(got) < rows {
				t.Errorf("%s: %d rows are left, want %d", v.Name, len(got), rows)
			}
			if v.Cut {
				collecttest.Same(t, v.Name, got, full)
				if err == nil {
					t.Errorf("%s: no error", v.Name)
				}
			}
			if strings.HasSuffix(v.Name, "missing") {
				want := collect.OK // kernels differ in what they have
				if rows == 0 {
					want = collect.Permanent
				}
				if collect.Classify(err) != want {
					t.Errorf("%s: %v", v.Name, err)
				}
			}
		})
	}
}

func TestParsePairs(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want map[string]uint64
		bad  string
	}{
		"any order":        {"X: c a\nX: 3 1\n", map[string]uint64{"a": 1, "c": 3}, ""},
		"other groups":     {"Y: a\nY: 9\nX: a\nX: 1\nZ: a\nZ: 8\n", map[string]uint64{"a": 1}, ""},
		"more numbers":     {"X: a\nX: 1 2\n", nil, "f:2: 2 numbers under 1 names"},
		"fewer numbers":    {"X: a b\nX: 1\n", nil, "f:2: 1 numbers under 2 names"},
		"negative":         {"X: a b c\nX: 1 -1 3\n", map[string]uint64{"a": 1, "c": 3}, `f:2: "-1" is not a count of b`},
		"unwanted is free": {"X: a q\nX: 1 -1\n", map[string]uint64{"a": 1}, ""},
		"numbers missing":  {"X: a\nY: b\nY: 2\nX: a\nX: 1\n", map[string]uint64{"a": 1}, "f:1: no line of numbers follows the names of \"X\""},
		"torn":             {"X: a b\nX: 1 2", nil, "f:2: the file ends within this line; the line is left out"},
		"no colon":         {"X a\nX: a\nX: 1\n", map[string]uint64{"a": 1}, `f:1: no colon in "X a"`},
		"empty":            {"", nil, "f: the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			var v [3]metric.Count
			for i := range v {
				v[i] = metric.NoCount
			}
			want := wanted{"X": {"a": count(&v[0]), "b": count(&v[1]), "c": count(&v[2])}}
			var bad trouble.List
			parsePairs("f", []byte(tc.in), want, &bad)
			var got map[string]uint64
			for i, n := range []string{"a", "b", "c"} {
				if v[i] != metric.NoCount {
					if got == nil {
						got = map[string]uint64{}
					}
					got[n] = uint64(v[i])
				}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if err := bad.First(); (err == nil) != (tc.bad == "") || (err != nil && err.Error() != tc.bad) {
				t.Errorf("trouble %v, want %q", err, tc.bad)
			}
		})
	}
}

func TestSocketsSteadyState(t *testing.T) {
	env := collecttest.Env(t, collecttest.Hosts(t)["two-socket-smt-off"])
	c, err := NewSockets(env)
	if err != nil {
		t.Fatal(err)
	}
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
	// Six files cost two paths each, unwanted groups their names.
	if n := testing.AllocsPerRun(100, collectNext); n > 24 {
		t.Errorf("%v allocations per sweep", n)
	}
}

func FuzzProtocols(f *testing.F) {
	f.Add("Tcp: ActiveOpens CurrEstab\nTcp: 1 2\n", "Udp6InDatagrams 1\n", "TCP: inuse 1 mem 2\nFRAG: memory 3\n")
	f.Add("Tcp: ActiveOpens\nUdp: InErrors\nUdp: -1\n", "Udp6NoPorts\n", "TCP:\nsockets used 1\nTCP: mem\n")
	f.Fuzz(func(t *testing.T, pairs, six, stat string) {
		var tcp reading.TCP
		var udp reading.UDP
		var sockets reading.Sockets
		var bad trouble.List
		parsePairs("f", []byte(pairs), wanted{"Tcp": tcpColumns(&tcp), "Udp": udpColumns("", &udp)}, &bad)
		parseSnmp6("f", []byte(six), udpColumns("Udp6", &udp), &bad)
		parseSockstat("f", []byte(stat), sockstatColumns(&sockets), &bad)
		if tcp.Established < 0 || sockets.TCPMemory < 0 {
			t.Errorf("negative: %+v %+v", tcp, sockets)
		}
	})
}

func BenchmarkSockets(b *testing.B) {
	env := collecttest.Env(b, "/")
	c, err := NewSockets(env)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.Collect(context.Background(), store.At(int64(i+1)*10)); err != nil {
			b.Fatal(err)
		}
	}
}
