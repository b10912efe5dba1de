package network

import (
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
)

// The names on the left are the kernel's (net/ipv4/proc.c, net/ipv6/proc.c;
// RFC 4022 and RFC 4113 define the older ones).

func count(c *metric.Count) dst { return dst{count: c} }

func gauge(g *float64) dst { return dst{gauge: g} }

func tcpColumns(r *reading.TCP) map[string]dst {
	return map[string]dst{
		"ActiveOpens":  count(&r.ActiveOpens),
		"PassiveOpens": count(&r.PassiveOpens),
		"AttemptFails": count(&r.AttemptFails),
		"EstabResets":  count(&r.EstabResets),
		"CurrEstab":    gauge(&r.Established),
		"InSegs":       count(&r.InSegments),
		"OutSegs":      count(&r.OutSegments),
		"RetransSegs":  count(&r.Retransmits),
		"InErrs":       count(&r.InErrors),
		"OutRsts":      count(&r.OutResets),
		"InCsumErrors": count(&r.InChecksumErrors),
	}
}

func tcpExtColumns(r *reading.TCP) map[string]dst {
	return map[string]dst{
		"ListenOverflows":      count(&r.ListenOverflows),
		"ListenDrops":          count(&r.ListenDrops),
		"TCPReqQFullDrop":      count(&r.RequestFullDrops),
		"TCPReqQFullDoCookies": count(&r.RequestCookies),
		"SyncookiesSent":       count(&r.CookiesSent),
		"SyncookiesRecv":       count(&r.CookiesReceived),
		"SyncookiesFailed":     count(&r.CookiesFailed),
		"TCPTimeouts":          count(&r.Timeouts),
		"TCPSynRetrans":        count(&r.SynRetransmits),
		"TCPFastRetrans":       count(&r.FastRetransmits),
		"TCPLostRetransmit":    count(&r.LostRetransmits),
		"TCPSpuriousRTOs":      count(&r.SpuriousTimeouts),
		"TCPRetransFail":       count(&r.RetransmitFails),
		"TCPBacklogDrop":       count(&r.BacklogDrops),
		"TCPRcvQDrop":          count(&r.ReceiveDrops),
		"TCPZeroWindowDrop":    count(&r.ZeroWindowDrops),
		"PruneCalled":          count(&r.Pruned),
		"TCPMemoryPressures":   count(&r.MemoryPressures),
		"TCPAbortOnMemory":     count(&r.MemoryAborts),
		"TCPAbortOnTimeout":    count(&r.TimeoutAborts),
		"TCPTimeWaitOverflow":  count(&r.TimeWaitOverflow),
	}
}

// udpColumns are named alike in snmp and, with a prefix, in snmp6.
func udpColumns(prefix string, r *reading.UDP) map[string]dst {
	return map[string]dst{
		prefix + "InDatagrams":  count(&r.InDatagrams),
		prefix + "OutDatagrams": count(&r.OutDatagrams),
		prefix + "NoPorts":      count(&r.NoPorts),
		prefix + "InErrors":     count(&r.InErrors),
		prefix + "RcvbufErrors": count(&r.ReceiveErrors),
		prefix + "SndbufErrors": count(&r.SendErrors),
		prefix + "InCsumErrors": count(&r.InChecksumErrors),
		prefix + "MemErrors":    count(&r.MemoryErrors),
	}
}

// sockstatColumns are of sockstat and sockstat6 together, whose groups differ.
func sockstatColumns(r *reading.Sockets) wanted {
	return wanted{
		"sockets": {"used": gauge(&r.Used)},
		"TCP": {
			"inuse": gauge(&r.TCP4), "orphan": gauge(&r.TCPOrphans), "tw": gauge(&r.TCPTimeWait),
			"alloc": gauge(&r.TCPAllocated), "mem": gauge(&r.TCPMemory),
		},
		"UDP":   {"inuse": gauge(&r.UDP4), "mem": gauge(&r.UDPMemory)},
		"RAW":   {"inuse": gauge(&r.Raw4)},
		"FRAG":  {"memory": gauge(&r.Frag4)},
		"TCP6":  {"inuse": gauge(&r.TCP6)},
		"UDP6":  {"inuse": gauge(&r.UDP6)},
		"RAW6":  {"inuse": gauge(&r.Raw6)},
		"FRAG6": {"memory": gauge(&r.Frag6)},
	}
}
