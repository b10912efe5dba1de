package reading

import "sysops-agent/pkg/metric"

// Network is one network interface of the agent's network namespace. Sources:
// /proc/net/dev and /sys/class/net.
type Network struct {
	_         struct{} `reading:"network" domain:"system" help:"Traffic and state of one network interface."`
	Interface string   `label:"interface" help:"Name of the interface."`

	RxBytes      metric.Count `metric:"net.rx_bytes" unit:"bytes" help:"Bytes received."`
	RxPackets    metric.Count `metric:"net.rx_packets" unit:"count" help:"Packets received."`
	RxErrors     metric.Count `metric:"net.rx_errors" unit:"count" help:"Packets received with an error of any kind."`
	RxDropped    metric.Count `metric:"net.rx_dropped" unit:"count" help:"Packets received and thrown away, for want of buffers among others."`
	RxFIFO       metric.Count `metric:"net.rx_fifo_errors" unit:"count" help:"Packets lost because the card's own buffer was full."`
	RxFrame      metric.Count `metric:"net.rx_frame_errors" unit:"count" help:"Packets received with a wrong length, alignment or checksum."`
	RxCompressed metric.Count `metric:"net.rx_compressed" unit:"count" help:"Compressed packets received."`
	RxMulticast  metric.Count `metric:"net.rx_multicast" unit:"count" help:"Multicast packets received."`
	TxBytes      metric.Count `metric:"net.tx_bytes" unit:"bytes" help:"Bytes sent."`
	TxPackets    metric.Count `metric:"net.tx_packets" unit:"count" help:"Packets sent."`
	TxErrors     metric.Count `metric:"net.tx_errors" unit:"count" help:"Packets not sent because of an error of any kind."`
	TxDropped    metric.Count `metric:"net.tx_dropped" unit:"count" help:"Packets thrown away instead of sent."`
	TxFIFO       metric.Count `metric:"net.tx_fifo_errors" unit:"count" help:"Packets not sent because the card's own buffer was not filled in time."`
	TxCollisions metric.Count `metric:"net.tx_collisions" unit:"count" help:"Collisions while sending."`
	TxCarrier    metric.Count `metric:"net.tx_carrier_errors" unit:"count" help:"Packets not sent because the carrier was lost."`
	TxCompressed metric.Count `metric:"net.tx_compressed" unit:"count" help:"Compressed packets sent."`

	Up          float64 `metric:"net.up" max:"1" help:"1 when the interface can carry traffic: its operational state is up, or unknown as for loopback and tunnels."`
	Carrier     float64 `metric:"net.carrier" max:"1" help:"1 when there is a link; absent while the interface is switched off."`
	MTU         float64 `metric:"net.mtu_bytes" unit:"bytes" help:"Largest packet."`
	Speed       float64 `metric:"net.speed_bytes_per_second" unit:"bytes_per_second" help:"Speed of the link in one direction; absent where the driver knows none."`
	Utilisation float64 `metric:"net.util_percent" unit:"percent" help:"Traffic of the busier direction by the speed of the link, over the interval, at most 100; absent without a speed."`
}
