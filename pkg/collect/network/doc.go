// Package network collects interfaces, sockets and protocol counters, and
// connection tracking: three collectors, [Network], [Sockets] and [Conntrack].
//
// All of it belongs to a network namespace; what is collected is the agent's
// own, the host's unless the agent was put into another.
package network
