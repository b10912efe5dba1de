package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Sockets collects the use of sockets and the counters of TCP, UDP and the
// receiving of packets. Sources: snmp, netstat, snmp6, sockstat, sockstat6
// and softnet_stat in /proc/net.
type Sockets struct {
	file    procfile.Reader
	dir     string // /proc/net/
	page    float64
	bad     trouble.List
	softnet softnet

	usage      reading.Sockets
	tcp        reading.TCP
	udp4, udp6 reading.UDP

	// Where the numbers of each file go, within the readings above.
	snmp, netstat, sockstat wanted
	snmp6                   map[string]dst

	usageWriter   *store.Writer[reading.Sockets]
	tcpWriter     *store.Writer[reading.TCP]
	udpWriter     *store.Writer[reading.UDP]
	softnetWriter *store.Writer[reading.Softnet]
}

// NewSockets returns the collector.
func NewSockets(env collect.Env) (*Sockets, error) {
	c := &Sockets{
		dir: env.Proc + "/net/", page: float64(os.Getpagesize()),
		usageWriter:   store.NewWriter[reading.Sockets](env.Store, env.Shard()),
		tcpWriter:     store.NewWriter[reading.TCP](env.Store, env.Shard()),
		udpWriter:     store.NewWriter[reading.UDP](env.Store, env.Shard()),
		softnetWriter: store.NewWriter[reading.Softnet](env.Store, env.Shard()),
	}
	c.snmp = wanted{"Tcp": tcpColumns(&c.tcp), "Udp": udpColumns("", &c.udp4)}
	c.netstat = wanted{"TcpExt": tcpExtColumns(&c.tcp)}
	c.snmp6 = udpColumns("Udp6", &c.udp6)
	c.sockstat = sockstatColumns(&c.usage)
	return c, nil
}

// Collect implements [collect.Collector].
func (c *Sockets) Collect(_ context.Context, t store.Tick) error {
	c.bad.Reset()
	c.clear()
	b, err := c.file.Read(c.dir + "snmp")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return collect.Unsupported("a kernel with CONFIG_INET and CONFIG_PROC_FS has the file", "the kernel offers no counters of TCP and UDP: %v", err)
	case err != nil:
		return fmt.Errorf("cannot read the counters of TCP and UDP: %w", err)
	}
	parsePairs(c.dir+"snmp", b, c.snmp, &c.bad)
	c.read("netstat", func(path string, b []byte) { parsePairs(path, b, c.netstat, &c.bad) })
	c.tcpWriter.Begin(t)
	c.tcpWriter.Put(&c.tcp)
	c.tcpWriter.End()

	c.udpWriter.Begin(t)
	c.udpWriter.Put(&c.udp4)
	if c.read("snmp6", func(path string, b []byte) { parseSnmp6(path, b, c.snmp6, &c.bad) }) {
		c.udpWriter.Put(&c.udp6)
	}
	c.udpWriter.End()

	c.collectUsage(t)
	c.read("softnet_stat", func(path string, b []byte) { c.collectSoftnet(t, path, b) })
	return c.bad.Err("the other counters are collected; a kernel whose format is not understood is worth a report")
}

func (c *Sockets) clear() {
	c.usage = metric.Blank[reading.Sockets]()
	c.tcp = metric.Blank[reading.TCP]()
	c.udp4 = metric.Blank[reading.UDP]()
	c.udp6 = c.udp4
	c.udp4.Family, c.udp6.Family = "ipv4", "ipv6"
}

// read reads an optional file; false when that was not possible.
func (c *Sockets) read(name string, use func(path string, b []byte)) bool {
	path := c.dir + name
	b, err := c.file.Read(path)
	if err != nil {
		c.bad.Optional(err)
		return false
	}
	use(path, b)
	return true
}

func (c *Sockets) collectUsage(t store.Tick) {
	parse := func(path string, b []byte) { parseSockstat(path, b, c.sockstat, &c.bad) }
	four, six := c.read("sockstat", parse), c.read("sockstat6", parse)
	if !four && !six {
		return
	}
	c.usage.TCPMemory *= c.page // the kernel counts pages here, bytes for fragments
	c.usage.UDPMemory *= c.page
	c.usageWriter.Begin(t)
	c.usageWriter.Put(&c.usage)
	c.usageWriter.End()
}

func (c *Sockets) collectSoftnet(t store.Tick, path string, b []byte) {
	if err := c.softnet.add(path, b); err != nil {
		c.bad.Add(err)
		return
	}
	r := metric.Blank[reading.Softnet]()
	c.softnet.fill(&r)
	c.softnetWriter.Begin(t)
	c.softnetWriter.Put(&r)
	c.softnetWriter.End()
}
