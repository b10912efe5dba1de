// Package web is the agent's HTTP server: the page for Prometheus, health and
// readiness, and a JSON API from which the commands, and later a web page,
// read what the agent knows. Everything is read-only.
//
// # Two doors
//
// A TCP address, on this host only unless the configuration says otherwise,
// and a Unix socket that is always there and open to its owner only. Neither
// stops the agent when it cannot be opened: its state says why, and it is
// tried again every 30 seconds.
//
// What comes in by TCP may come from a browser that visits a hostile page, so
// it is checked: the Host header must be an address or a known name (DNS
// rebinding), requests that are more than reading must not come from another
// origin, and where a bearer token is set it must be there, except for health
// and readiness. The socket's owner needs none of this.
//
// # Bounds
//
// Connections per door, bytes of headers and body, time to send a request, to
// take the answer and each piece of it, time to work on it, points and rows in
// an answer, queries at work at one time, points of large answers that wait to
// be taken, time to finish at the end. [Server.Traffic] counts what was
// refused.
//
// # API
//
//	GET /                      what this is
//	GET /metrics               the page for Prometheus
//	GET /healthz, /-/healthy   200 while a collector works
//	GET /readyz, /-/ready      200 when history is restored and a sweep is done
//	GET /api/v1/agent          version, uptime, health, paths
//	GET /api/v1/status         every part: name, kind, state, reason, since, enable_hint
//	GET /api/v1/overview       the host on one screen
//	GET /api/v1/metrics        every metric: names, unit, kind, labels, rows
//	GET /api/v1/query          metric=SELECTOR match[]=L=V limit=N: values now
//	GET /api/v1/query_range    … from=T to=T | since=D, step=D limit=N: history
//	GET /api/v1/processes      sort=cpu|rss|fds limit=N
//	GET /api/v1/events         kind=K after=SEQ limit=N
//	GET /api/v1/topology       processors and memory nodes
//
// A SELECTOR is a metric, by any of its names, with conditions on its labels
// as in PromQL: disk.read_bytes{device=~"sd.*"}. Values are those of package
// query: of rows that are no longer written there is none now. A time T is RFC 3339, Unix
// seconds, or a duration ago ("90s", "2h", "7d"). Errors are JSON
// {"error":…,"hint":…}; an unknown parameter is an error.
package web
