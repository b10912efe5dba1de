package reading

import "sysops-agent/pkg/metric"

// Agent is what the agent itself uses (OPS-72 to OPS-80).
type Agent struct {
	_ struct{} `reading:"agent" domain:"agent" help:"The agent itself."`

	PID          float64      `metric:"agent.pid" help:"Process id of the agent."`
	Uptime       float64      `metric:"agent.uptime_seconds" unit:"seconds" help:"Time since the agent started."`
	CPUPercent   float64      `metric:"agent.cpu_percent" unit:"percent" max:"1000000" help:"CPU use, user and system, over the real time between ticks; 100 is one core."`
	CPUUser      metric.Count `metric:"agent.cpu_user_seconds" unit:"seconds" scale:"1e-6" help:"CPU time in user mode."`
	CPUSystem    metric.Count `metric:"agent.cpu_system_seconds" unit:"seconds" scale:"1e-6" help:"CPU time in the kernel."`
	RSS          float64      `metric:"agent.rss_bytes" unit:"bytes" help:"Resident memory."`
	VSZ          float64      `metric:"agent.vsz_bytes" unit:"bytes" help:"Virtual memory."`
	Heap         float64      `metric:"agent.heap_bytes" unit:"bytes" help:"Go heap in use: objects, live or not yet swept."`
	Goroutines   float64      `metric:"agent.goroutines" unit:"count" help:"Goroutines."`
	Threads      float64      `metric:"agent.threads" unit:"count" help:"Operating system threads."`
	GCCycles     metric.Count `metric:"agent.gc_cycles" unit:"count" help:"Garbage collections."`
	GCPause      metric.Count `metric:"agent.gc_pause_seconds" unit:"seconds" scale:"1e-9" help:"Time for which garbage collection stopped the agent."`
	FDs          float64      `metric:"agent.fd_count" unit:"count" page:"agent_open_fds" help:"Open file descriptors except those of sensors."`
	SensorFDs    float64      `metric:"agent.sensor_fd_count" unit:"count" page:"agent_open_sensor_fds" help:"Open file descriptors of sensors: BPF maps, programs, links, BTF, perf events."`
	DiskRead     metric.Count `metric:"agent.disk_read_bytes" unit:"bytes" help:"Bytes read from storage."`
	DiskWritten  metric.Count `metric:"agent.disk_write_bytes" unit:"bytes" help:"Bytes written that must go to storage."`
	NetSent      metric.Count `metric:"agent.net_sent_bytes" unit:"bytes" help:"Bytes that the agent's publishers sent, counted by themselves."`
	NetReceived  metric.Count `metric:"agent.net_received_bytes" unit:"bytes" help:"Bytes that the agent's publishers received, counted by themselves."`
	OverBudget   float64      `metric:"agent.over_budget" unit:"count" help:"Budgets that the agent exceeds now, spikes excluded."`
	BudgetEvents metric.Count `metric:"agent.budget_events" unit:"count" help:"Times that a budget came to be exceeded."`
}

// CollectorRun is how one collector fares. It is written by what runs the
// collectors.
type CollectorRun struct {
	_         struct{} `reading:"collector" domain:"agent" help:"One collector of the agent."`
	Collector string   `label:"collector" help:"Name of the collector."`

	Up       float64      `metric:"collector.up" help:"1 when the last run brought something, else 0."`
	Duration float64      `metric:"collector.duration_seconds" unit:"seconds" res:"0.00001" help:"Duration of the last run."`
	Runs     metric.Count `metric:"collector.runs" unit:"count" help:"Runs."`
	Failures metric.Count `metric:"collector.failures" unit:"count" help:"Runs that failed, timeouts and panics included."`
	Timeouts metric.Count `metric:"collector.timeouts" unit:"count" help:"Runs that passed their deadline."`
	Panics   metric.Count `metric:"collector.panics" unit:"count" help:"Runs that panicked."`
	Skipped  metric.Count `metric:"collector.skipped" unit:"count" help:"Runs left out because the one before had not returned or the circuit was open."`
}

// Queue is one bounded queue inside the agent: a subscriber of events, the
// writer's jobs, what waits on disk for the database.
type Queue struct {
	_     struct{} `reading:"queue" domain:"agent" help:"One bounded queue inside the agent."`
	Queue string   `label:"queue" help:"Name of the queue."`

	Depth    float64      `metric:"queue.depth" unit:"count" help:"Entries that wait."`
	Capacity float64      `metric:"queue.capacity" unit:"count" help:"Most entries that may wait."`
	Size     float64      `metric:"queue.size_bytes" unit:"bytes" help:"Bytes that wait, for queues that are bounded in bytes."`
	Dropped  metric.Count `metric:"queue.dropped" unit:"count" help:"Entries lost because the queue was full."`
}

// Database is how the agent's database fares (PER-26 to PER-28, OPS-82,
// OPS-83).
type Database struct {
	_ struct{} `reading:"database" domain:"agent" help:"The agent's database."`

	Up        float64      `metric:"database.up" max:"1" help:"1 while the database serves, else 0."`
	Flushes   metric.Count `metric:"database.flushes" unit:"count" help:"Transactions that held readings."`
	Rows      metric.Count `metric:"database.rows_written" unit:"count" help:"Rows of readings written."`
	Failures  metric.Count `metric:"database.failures" unit:"count" help:"Transactions and attempts to open that failed."`
	Refused   metric.Count `metric:"database.refused" unit:"count" help:"Calls refused because the database was away."`
	WriteTime metric.Count `metric:"database.write_seconds" unit:"seconds" scale:"1e-9" help:"Time in committed transactions."`
	File      float64      `metric:"database.file_bytes" unit:"bytes" help:"Size of the database file."`
	Log       float64      `metric:"database.log_bytes" unit:"bytes" help:"Size of its write-ahead log."`
	Backlog   float64      `metric:"database.backlog_seconds" unit:"seconds" help:"Full minutes that wait in memory for the database, of the reading furthest behind."`
	Skipped   metric.Count `metric:"database.rows_skipped" unit:"count" help:"Rows left out because the database refused them alone."`
	Deleted   metric.Count `metric:"database.rows_deleted" unit:"count" help:"Rows deleted by the retention."`
}

// HTTP is what the agent's HTTP server does.
type HTTP struct {
	_ struct{} `reading:"http" domain:"agent" help:"The agent's HTTP server, page and API together."`

	Requests           metric.Count `metric:"http.requests" unit:"count" help:"Requests taken."`
	RefusedConnections metric.Count `metric:"http.refused_connections" unit:"count" help:"Connections refused beyond the limit."`
	RefusedRequests    metric.Count `metric:"http.refused_requests" unit:"count" help:"Requests refused by Host, origin, token, method or body."`
	Panics             metric.Count `metric:"http.panics" unit:"count" help:"Panics caught while answering."`
	Connections        float64      `metric:"http.connections" unit:"count" help:"Open connections."`
}
