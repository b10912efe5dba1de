package config

import "time"

// Config is the whole configuration. A Config returned by [Load] or [Default]
// is complete (empty paths and names are filled in), checked, and never
// changes afterwards; anybody may read it at any time.
type Config struct {
	Agent     Agent     `toml:"agent" help:"The agent itself: its name, its files and its share of the machine."`
	Collect   Collect   `toml:"collect" help:"What is measured, and how often. Every collector has its own section and can be switched off alone."`
	Store     Store     `toml:"store" help:"The history in memory. It is bounded by time, bytes and rows; whichever is reached first drops the oldest."`
	Persist   Persist   `toml:"persist" help:"The database on disk."`
	Retention Retention `toml:"retention" help:"How long the database keeps each resolution."`
	Publish   Publish   `toml:"publish" help:"The page for Prometheus, the JSON API and the socket of the commands."`

	meta meta
}

// meta is what Load knows beside the values.
type meta struct {
	file    string            // the file that was read; empty when there was none
	origins map[string]string // key → where its value comes from; absent: default
}

// Agent is section [agent].
type Agent struct {
	Hostname    string        `toml:"hostname" default:"" check:"hostname" reload:"restart" help:"Name of this host in every row, page and message. Empty: the system's host name."`
	DataDir     string        `toml:"data_dir" default:"/var/lib/sysops-agent" check:"dir" reload:"restart" help:"Directory of the database, the journal and the socket; it is created when missing. It must not lie in /proc, /sys, /dev, /etc, /boot, /usr, /bin, /sbin or /lib*, and every directory and link on the way to it must belong to root or to the user of the agent; a directory that everybody may write to must be sticky, as /tmp is. So nobody else can put a link in its place."`
	LogLevel    string        `toml:"log_level" default:"info" oneof:"trace debug info warn error" reload:"live" help:"Least important messages that are written."`
	LogFormat   string        `toml:"log_format" default:"auto" oneof:"auto console json" reload:"restart" help:"Form of the messages. auto: console on a terminal, json elsewhere."`
	LogFile     string        `toml:"log_file" default:"" check:"file" reload:"restart" help:"File to append messages to. Empty: standard error. Its directory must exist; the rules of data_dir hold."`
	MaxProcs    int           `toml:"max_procs" default:"2" min:"1" max:"64" reload:"live" help:"Most CPUs that the agent uses at one time."`
	MemoryLimit Bytes         `toml:"memory_limit" default:"90MiB" min:"32MiB" max:"4GiB" reload:"live" help:"Soft limit of the agent's own memory: above it, memory is collected more eagerly."`
	GoGC        int           `toml:"gogc" default:"50" min:"10" max:"400" reload:"live" help:"Growth of the heap, in percent, before memory is collected. Smaller costs CPU and saves memory."`
	WatchConfig bool          `toml:"watch_config" default:"true" reload:"live" help:"Read this file again when it changes. SIGHUP does so in any case."`
	WatchEvery  time.Duration `toml:"watch_interval" default:"60s" min:"1s" max:"1h" reload:"live" help:"Time between two looks at the file."`
}

// Store is section [store].
type Store struct {
	Retention         time.Duration `toml:"retention" default:"24h" min:"10m" max:"72h" reload:"restart" help:"Time that stays in memory."`
	MaxBytes          Bytes         `toml:"max_bytes" default:"64MiB" min:"4MiB" max:"2GiB" reload:"restart" help:"Memory of all history but that of single processes."`
	MaxRowsPerReading int           `toml:"max_rows_per_reading" default:"2000" min:"16" max:"50000" reload:"restart" help:"Most rows (devices, mounts, processes, …) of one kind at one time. More are counted and left out."`
	ProcessMaxBytes   Bytes         `toml:"process_max_bytes" default:"12MiB" min:"1MiB" max:"1GiB" reload:"restart" help:"Memory of the history of single processes. It is a budget of its own: processes that come and go cannot push out the history of the host."`
	Checkpoint        bool          `toml:"checkpoint" default:"true" reload:"restart" help:"Write the history to data_dir, so that it survives a restart and a crash."`
}

// Persist is section [persist].
type Persist struct {
	Backend   string        `toml:"backend" default:"sqlite" oneof:"sqlite none" reload:"restart" help:"Where rows are kept beyond the memory. none: nowhere."`
	Path      string        `toml:"path" default:"" check:"file" reload:"restart" help:"File of the database. Empty: sysops-agent.db in data_dir. The rules of data_dir hold."`
	MaxBytes  Bytes         `toml:"max_bytes" default:"4GiB" min:"64MiB" max:"1TiB" reload:"live" help:"Most that the rows of the database may take. Above it all history is kept shorter than [retention] says, until it fits; the state says so."`
	Timeout   time.Duration `toml:"timeout" default:"10s" min:"1s" max:"5m" reload:"restart" help:"Longest time for one operation on the database."`
	Heartbeat time.Duration `toml:"heartbeat_interval" default:"5s" min:"1s" max:"1h" step:"1s" reload:"restart" help:"Time between two signs of life in the database."`
}

// Retention is section [retention]. All values are days; 0 keeps nothing of
// that resolution.
type Retention struct {
	RawDays    int `toml:"raw_days" default:"0" min:"0" max:"3650" reload:"live" help:"Days of every single value. SQLite keeps none, so this must be 0 with it."`
	MinuteDays int `toml:"minute_days" default:"30" min:"1" max:"3650" reload:"live" help:"Days of rows of one minute."`
	HourlyDays int `toml:"hourly_days" default:"90" min:"1" max:"3650" reload:"live" help:"Days of rows of one hour."`
	DailyDays  int `toml:"daily_days" default:"365" min:"1" max:"36500" reload:"live" help:"Days of rows of one day."`
}

// Publish is section [publish].
type Publish struct {
	Listen         string   `toml:"listen" default:"127.0.0.1:9100" check:"listen" reload:"restart" help:"Address of the page and the API. off: none; the commands use the socket in any case."`
	Socket         string   `toml:"socket" default:"" check:"socket" reload:"restart" help:"Unix socket of the commands, open to its owner only. Empty: agent.sock in data_dir. The rules of data_dir hold."`
	AllowedHosts   []string `toml:"allowed_hosts" default:"" check:"host" reload:"restart" help:"Names, beside the listening address, localhost and this host's, by which a browser may call the API (its Host header). Others are refused, against DNS rebinding."`
	Pprof          bool     `toml:"pprof" default:"false" reload:"restart" help:"Serve Go's profiles at /debug/pprof/."`
	MaxConnections int      `toml:"max_connections" default:"64" min:"1" max:"1024" reload:"restart" help:"Most connections at one time."`
	BearerToken    Secret   `toml:"bearer_token" reload:"restart" help:"When set, the page and the API answer only requests with the header \"Authorization: Bearer TOKEN\"."`
}
