package reading

import "sysops-agent/pkg/metric"

// Sockets is the use of sockets in the agent's network namespace. Sources:
// /proc/net/sockstat and sockstat6, which count IPv4 and IPv6 apart, except
// memory, orphans, time-wait and allocated, which are of both.
type Sockets struct {
	_ struct{} `reading:"sockets" domain:"system" help:"Sockets in use and their memory."`

	Used         float64 `metric:"sockets.used" unit:"count" help:"Sockets of all kinds."`
	TCP4         float64 `metric:"sockets.tcp4_inuse" unit:"count" help:"TCP sockets over IPv4, listening ones included."`
	TCP6         float64 `metric:"sockets.tcp6_inuse" unit:"count" help:"TCP sockets over IPv6, listening ones included."`
	TCPOrphans   float64 `metric:"sockets.tcp_orphans" unit:"count" help:"TCP sockets that no process holds any more."`
	TCPTimeWait  float64 `metric:"sockets.tcp_time_wait" unit:"count" help:"TCP connections that are closed and wait for stray packets."`
	TCPAllocated float64 `metric:"sockets.tcp_allocated" unit:"count" help:"TCP sockets in any state."`
	TCPMemory    float64 `metric:"sockets.tcp_memory_bytes" unit:"bytes" help:"Memory of the buffers of all TCP sockets of the host."`
	UDP4         float64 `metric:"sockets.udp4_inuse" unit:"count" help:"UDP sockets over IPv4."`
	UDP6         float64 `metric:"sockets.udp6_inuse" unit:"count" help:"UDP sockets over IPv6."`
	UDPMemory    float64 `metric:"sockets.udp_memory_bytes" unit:"bytes" help:"Memory of the buffers of all UDP sockets of the host."`
	Raw4         float64 `metric:"sockets.raw4_inuse" unit:"count" help:"Raw sockets over IPv4."`
	Raw6         float64 `metric:"sockets.raw6_inuse" unit:"count" help:"Raw sockets over IPv6."`
	Frag4        float64 `metric:"sockets.fragments4_memory_bytes" unit:"bytes" help:"Memory of IPv4 packets that wait for their missing fragments."`
	Frag6        float64 `metric:"sockets.fragments6_memory_bytes" unit:"bytes" help:"Memory of IPv6 packets that wait for their missing fragments."`
}

// TCP is what TCP did, over IPv4 and IPv6 together. Sources: /proc/net/snmp
// (Tcp) and /proc/net/netstat (TcpExt).
type TCP struct {
	_ struct{} `reading:"tcp" domain:"system" help:"Counters of TCP, over IPv4 and IPv6."`

	ActiveOpens      metric.Count `metric:"tcp.active_opens" unit:"count" help:"Connections begun from here."`
	PassiveOpens     metric.Count `metric:"tcp.passive_opens" unit:"count" help:"Connections accepted."`
	AttemptFails     metric.Count `metric:"tcp.attempt_failures" unit:"count" help:"Connections that failed while being opened."`
	EstabResets      metric.Count `metric:"tcp.established_resets" unit:"count" help:"Open connections that were reset."`
	Established      float64      `metric:"tcp.established" unit:"count" help:"Connections that are open."`
	InSegments       metric.Count `metric:"tcp.in_segments" unit:"count" help:"Segments received."`
	OutSegments      metric.Count `metric:"tcp.out_segments" unit:"count" help:"Segments sent, without those sent again."`
	Retransmits      metric.Count `metric:"tcp.retransmitted_segments" unit:"count" help:"Segments sent again."`
	InErrors         metric.Count `metric:"tcp.in_errors" unit:"count" help:"Segments received with an error."`
	InChecksumErrors metric.Count `metric:"tcp.in_checksum_errors" unit:"count" help:"Segments received with a wrong checksum."`
	OutResets        metric.Count `metric:"tcp.out_resets" unit:"count" help:"Resets sent."`

	ListenOverflows  metric.Count `metric:"tcp.listen_overflows" unit:"count" help:"Connections refused because the accept queue of their socket was full."`
	ListenDrops      metric.Count `metric:"tcp.listen_drops" unit:"count" help:"Connections dropped by a listening socket, for whatever reason."`
	RequestFullDrops metric.Count `metric:"tcp.request_queue_full_drops" unit:"count" help:"Connection requests dropped because too many were half open."`
	RequestCookies   metric.Count `metric:"tcp.request_queue_full_cookies" unit:"count" help:"Connection requests answered with a SYN cookie because too many were half open."`
	CookiesSent      metric.Count `metric:"tcp.syncookies_sent" unit:"count" help:"SYN cookies sent."`
	CookiesReceived  metric.Count `metric:"tcp.syncookies_received" unit:"count" help:"SYN cookies that came back."`
	CookiesFailed    metric.Count `metric:"tcp.syncookies_failed" unit:"count" help:"SYN cookies that came back and were wrong."`
	Timeouts         metric.Count `metric:"tcp.timeouts" unit:"count" help:"Retransmission timeouts."`
	SynRetransmits   metric.Count `metric:"tcp.syn_retransmits" unit:"count" help:"SYN and SYN+ACK segments sent again."`
	FastRetransmits  metric.Count `metric:"tcp.fast_retransmits" unit:"count" help:"Segments sent again before a timeout."`
	LostRetransmits  metric.Count `metric:"tcp.lost_retransmits" unit:"count" help:"Segments sent again that were lost again."`
	SpuriousTimeouts metric.Count `metric:"tcp.spurious_timeouts" unit:"count" help:"Retransmission timeouts that turned out to be needless."`
	RetransmitFails  metric.Count `metric:"tcp.retransmit_failures" unit:"count" help:"Segments that could not be sent again, for want of memory or a route."`
	BacklogDrops     metric.Count `metric:"tcp.backlog_drops" unit:"count" help:"Segments dropped because the backlog of a busy socket was full."`
	ReceiveDrops     metric.Count `metric:"tcp.receive_queue_drops" unit:"count" help:"Segments dropped because the receive buffer of a socket was full."`
	ZeroWindowDrops  metric.Count `metric:"tcp.zero_window_drops" unit:"count" help:"Segments dropped because the receiver had announced that it takes none."`
	Pruned           metric.Count `metric:"tcp.pruned" unit:"count" help:"Times that a socket's receive buffer was overrun and had to be pruned."`
	MemoryPressures  metric.Count `metric:"tcp.memory_pressures" unit:"count" help:"Times that TCP came under memory pressure."`
	MemoryAborts     metric.Count `metric:"tcp.aborts_on_memory" unit:"count" help:"Connections dropped for want of memory."`
	TimeoutAborts    metric.Count `metric:"tcp.aborts_on_timeout" unit:"count" help:"Connections dropped after too many timeouts."`
	TimeWaitOverflow metric.Count `metric:"tcp.time_wait_overflows" unit:"count" help:"Connections closed without time-wait because there were too many of them."`
}

// UDP is what UDP did over one version of IP. Sources: /proc/net/snmp (Udp)
// and /proc/net/snmp6 (Udp6).
type UDP struct {
	_      struct{} `reading:"udp" domain:"system" help:"Counters of UDP, for IPv4 and IPv6 apart."`
	Family string   `label:"family" help:"ipv4 or ipv6."`

	InDatagrams      metric.Count `metric:"udp.in_datagrams" unit:"count" help:"Datagrams received and delivered."`
	OutDatagrams     metric.Count `metric:"udp.out_datagrams" unit:"count" help:"Datagrams sent."`
	NoPorts          metric.Count `metric:"udp.no_ports" unit:"count" help:"Datagrams received for a port where nobody listens."`
	InErrors         metric.Count `metric:"udp.in_errors" unit:"count" help:"Datagrams received that could not be delivered for other reasons."`
	ReceiveErrors    metric.Count `metric:"udp.receive_buffer_errors" unit:"count" help:"Datagrams dropped because the receive buffer of their socket was full."`
	SendErrors       metric.Count `metric:"udp.send_buffer_errors" unit:"count" help:"Datagrams not sent because the send buffer of their socket was full."`
	InChecksumErrors metric.Count `metric:"udp.in_checksum_errors" unit:"count" help:"Datagrams received with a wrong checksum."`
	MemoryErrors     metric.Count `metric:"udp.memory_errors" unit:"count" help:"Datagrams dropped because UDP as a whole had no memory left; kernel 5.11 and later."`
}

// Softnet is what all CPUs together did with received packets below the
// protocols. Source: /proc/net/softnet_stat, of 32-bit counters that wrap
// within the hour on a fast network: the agent extends them to 64 bits and
// starts with their sum at its own start.
type Softnet struct {
	_ struct{} `reading:"softnet" domain:"system" help:"Receiving of packets below the protocols, all CPUs together."`

	Processed   metric.Count `metric:"softnet.processed" unit:"count" help:"Packets processed."`
	Dropped     metric.Count `metric:"softnet.dropped" unit:"count" help:"Packets dropped because the backlog of a CPU was full (net.core.netdev_max_backlog)."`
	TimeSqueeze metric.Count `metric:"softnet.time_squeezes" unit:"count" help:"Times that a CPU had to stop with packets left because its budget was used up (net.core.netdev_budget)."`
	ReceivedRPS metric.Count `metric:"softnet.received_rps" unit:"count" help:"Times that a CPU was woken by another to process packets."`
	FlowLimit   metric.Count `metric:"softnet.flow_limits" unit:"count" help:"Packets dropped because one flow filled the backlog of a CPU."`
}
