// Package agent puts the parts together. [Run] reads like the drawing in
// ARCHITECTURE.md: what feeds is started before what reads, and everything
// stops in the reverse order.
package agent

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/cpu"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/db"
	"sysops-agent/pkg/event"
	"sysops-agent/pkg/overview"
	"sysops-agent/pkg/persist"
	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/publish/prometheus"
	"sysops-agent/pkg/publish/web"
	"sysops-agent/pkg/query"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// Options are what the command line knows.
type Options struct {
	Config   *config.Config  // checked
	Warnings config.Problems // what should be looked at in it
	Source   config.Source   // to read it again on reload
	Version  string          // of the linker; may be empty
	Live     io.Writer       // where to print a summary every ten seconds; nil: nowhere
}

// configKind is the kind of the part that reports on the configuration.
const configKind = state.Agent

// lastFlushTime bounds the flush at the end.
const lastFlushTime = 8 * time.Second

// agent is what Run holds together. Its fields are set once, before anything
// runs; cfg and mark belong to the main loop.
type agent struct {
	opt     Options
	host    string
	listen  string // as configured
	socket  string
	build   prometheus.Build
	ctx     context.Context // of the collectors: ends when they stop
	cfg     *config.Config
	mark    fileMark
	log     zerolog.Logger
	logTo   *logFile
	reg     *state.Registry
	bus     *event.Bus
	clock   *clockWatch
	store   *store.Store
	db      *db.DB // nil: memory only
	procs   *proctable.Table
	runner  *collect.Runner
	persist *persist.Persister // nil: memory only
	web     *web.Server
	notify  notify
	began   time.Time
}

// Run runs the agent until ctx ends, then stops it within half a minute. An
// error means that it did not start.
func Run(ctx context.Context, o Options) error {
	// From the first moment on neither a reload nor a reader that went away
	// may kill the agent; until the end of the shutdown.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	signal.Ignore(syscall.SIGPIPE)

	cfg := o.Config
	mark := markFile(watched(cfg))
	log, logTo, err := openLog(cfg.Agent, os.Stderr)
	if err != nil {
		return fmt.Errorf("cannot open the log file: %w", err)
	}
	defer logTo.close()
	tune(cfg.Agent)
	if cfg.Publish.Pprof {
		runtime.MemProfileRate = 512 << 10 // Go's default; see main
	}
	dir, err := lockDataDir(cfg.Agent.DataDir)
	if err != nil {
		return err
	}
	defer dir.close()
	if dir.readOnly {
		log.Warn().Str("dir", dir.path).Msg("the data directory is on a read-only disk; collection goes on in memory")
	}

	a := &agent{
		opt: o, cfg: cfg, mark: mark, log: log, logTo: logTo,
		host: cfg.Agent.Hostname, listen: cfg.Publish.Listen, socket: cfg.Publish.Socket,
		build: prometheus.ReadBuild(o.Version), reg: state.New(), bus: event.NewBus(),
		notify: notify{log}, began: time.Now(),
	}
	a.warn(o.Warnings)
	a.tellStates()
	a.clock = &clockWatch{bus: a.bus}
	s := &stack{log: log}

	// Built first, started then: nobody is asked before he is there.
	a.openStore(s)
	a.openDB(s)
	a.procs = proctable.New(proctable.Options{})
	a.runner = collect.NewRunner(collect.Env{Proc: "/proc", Sys: "/sys", Store: a.store, Log: log}, a.reg)
	a.buildPersist()
	a.buildWeb()

	defer s.stop()
	a.startCollectors(ctx, s)
	a.startPersist(ctx, s)
	a.startWeb(ctx, s)
	if o.Live != nil {
		s.goes(context.WithoutCancel(ctx), "live", (&live{o.Live, a}).run)
	}
	return a.loop(ctx, hup)
}

// warn logs what should be looked at in a configuration that was taken.
func (a *agent) warn(warnings config.Problems) {
	for _, w := range warnings {
		a.log.Warn().Msg("configuration: " + w.String())
	}
}

// tellStates turns each change of a part's state into a log line and an
// event.
func (a *agent) tellStates() {
	a.reg.Part(configKind, "configuration").Active()
	a.reg.Part(state.Agent, "budget").Active() // until the self collector says otherwise
	a.reg.OnChange(func(old, cur state.Status) {
		text := fmt.Sprintf("%s %s is %s", cur.Kind, cur.Name, cur.State)
		if cur.Reason != "" {
			text += ": " + cur.Reason
		}
		if old.State == cur.State || old.State == state.Starting && cur.State == state.Active {
			a.log.Debug().Msg(text)
			return
		}
		e := a.log.Info()
		if cur.Fault {
			e = a.log.Warn()
		}
		e.Str("hint", cur.EnableHint).Msg(text)
		a.bus.Publish(event.Event{Kind: event.StateChanged, Text: text, Attrs: map[string]string{
			"kind": string(cur.Kind), "name": cur.Name, "state": string(cur.State), "before": string(old.State),
		}})
	})
}

func (a *agent) openStore(s *stack) {
	c := a.cfg.Store
	o := store.Options{
		Retention: c.Retention, MaxBytes: int64(c.MaxBytes), MaxRows: c.MaxRowsPerReading,
		Schemas: reading.All(), Log: a.log.With().Str("part", "store").Logger(),
		State: a.reg.Part(state.Store, "store"), ClockStepped: a.clock.stepped,
	}
	if c.Checkpoint {
		o.Dir = filepath.Join(a.cfg.Agent.DataDir, "store")
	}
	a.store = store.Open(o)
	r := a.store.Restored()
	a.log.Info().Int("blocks", r.Blocks).Int("slots", r.Slots).Dur("took", r.Took).Msg("history restored")
	s.started("store", 8*time.Second, within(a.store.Close))
}

func (a *agent) openDB(s *stack) {
	if a.cfg.Persist.Backend == "none" {
		a.reg.Part(state.Database, "sqlite").Off("persist.backend is none: history beyond memory is not kept", `set persist.backend = "sqlite" and restart`)
		return
	}
	a.db = db.Open(db.Options{
		Path: a.cfg.Persist.Path, Host: a.cfg.Agent.Hostname, BootID: bootID(),
		Schemas: reading.All(), Timeout: a.cfg.Persist.Timeout,
	}, a.reg)
	s.started("database", 4*time.Second, within(func() error { a.db.Close(); return nil }))
}

func (a *agent) startCollectors(ctx context.Context, s *stack) {
	// Collectors are stopped by the stack, in their turn, not by the signal.
	var stop context.CancelFunc
	a.ctx, stop = context.WithCancel(context.WithoutCancel(ctx))
	a.runner.Apply(a.ctx, a.sources(a.cfg))
	s.started("collectors", 13*time.Second, func(ctx context.Context) error {
		defer stop()
		defer a.lastFlush(ctx)
		if hanging := a.runner.Stop(); len(hanging) > 0 {
			return fmt.Errorf("these hang in the kernel and are left behind: %v", hanging)
		}
		return nil
	})
}

func (a *agent) buildPersist() {
	if a.db == nil {
		return
	}
	part := a.reg.Part(state.Database, "persist")
	part.Active() // until something has waited too long
	size := a.reg.Part(state.Database, "size")
	size.Active() // until it is at its bound
	a.persist = persist.New(persist.Options{
		Store: a.store, DB: a.db, Retention: retention(a.cfg),
		Heartbeat: a.heartbeat, HeartbeatEvery: a.cfg.Persist.Heartbeat,
		Log: a.log.With().Str("part", "persist").Logger(), State: part, Size: size,
	})
}

func (a *agent) startPersist(ctx context.Context, s *stack) {
	if a.persist == nil {
		return
	}
	s.goes(context.WithoutCancel(ctx), "persist", func(ctx context.Context) {
		// The database opens meanwhile; a moment's patience keeps the first
		// flush from reporting it as away.
		wait, cancel := context.WithTimeout(ctx, 3*time.Second)
		_ = a.db.Wait(wait)
		cancel()
		a.persist.Run(ctx)
	})
}

func retention(c *config.Config) persist.Retention {
	r := c.Retention
	return persist.Retention{MinuteDays: r.MinuteDays, HourlyDays: r.HourlyDays, DailyDays: r.DailyDays, MaxBytes: int64(c.Persist.MaxBytes)}
}

func (a *agent) heartbeat() db.Heartbeat {
	return db.Heartbeat{
		PID: os.Getpid(), Version: a.build.Version,
		Uptime: int64(time.Since(a.began).Seconds()), Health: string(a.reg.Health().Level),
	}
}

// lastFlush writes the minutes that are full when the collectors have
// stopped; the rest waits in the store's journal.
func (a *agent) lastFlush(ctx context.Context) {
	if a.persist == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lastFlushTime)
	defer cancel()
	if err := a.persist.Flush(ctx); err != nil {
		a.log.Warn().Err(err).Msg("not everything is in the database; it follows after the next start")
	}
}

func (a *agent) buildWeb() {
	b := a.build
	a.web = web.New(a.cfg.Publish, web.Deps{
		Agent: web.AgentInfo{
			Version: b.Version, Revision: b.Revision, GoVersion: b.GoVersion, Hostname: a.cfg.Agent.Hostname,
			Config: a.cfg.File(), DataDir: a.cfg.Agent.DataDir, Started: a.began,
		},
		State: a.reg, Events: a.bus,
		Metrics:   prometheus.New(prometheus.Options{Store: a.store, State: a.reg, Events: a.bus, Build: b}),
		Ready:     a.ready,
		Processes: a.processes,
		Query:     query.New(a.store, a.db, reading.All(), a.cfg.Agent.Hostname),
		Topology:  topology,
		Overview:  a.overview,
	}, a.log.With().Str("part", "web").Logger())
}

func (a *agent) startWeb(ctx context.Context, s *stack) {
	a.web.Start(context.WithoutCancel(ctx))
	s.started("web", 4*time.Second, a.web.Shutdown)
}

func (a *agent) overview() overview.Overview {
	return overview.Build(a.store, a.procs, a.host)
}

func topology() any {
	t, err := cpu.ReadTopology("/sys")
	if err != nil {
		return nil
	}
	return t
}

// ready: history is restored before anything is served; what is left is the
// first sweep of every collector.
func (a *agent) ready() (bool, string) {
	for _, p := range a.reg.All() {
		if p.Kind == state.Collector && p.State == state.Starting {
			return false, fmt.Sprintf("collector %s has not finished its first run", p.Name)
		}
	}
	return true, ""
}

// loop waits for the end and for signals, and does what has to be done now and
// then.
func (a *agent) loop(ctx context.Context, hup <-chan os.Signal) error {
	watchdog, stopWatchdog := a.notify.watchdog()
	defer stopWatchdog()
	second := time.NewTicker(time.Second)
	defer second.Stop()

	looked := time.Now()
	told := false
	for {
		select {
		case <-ctx.Done():
			a.log.Info().Msg("stopping")
			a.notify.stopping()
			return nil
		case <-hup:
			a.reload("SIGHUP")
		case <-watchdog:
			a.reg.Health() // hangs with the registry, and then systemd acts
			a.notify.alive()
		case now := <-second.C:
			a.clock.asleep()
			if !told {
				told = a.tellReady()
			}
			if a.cfg.Agent.WatchConfig && now.Sub(looked) >= a.cfg.Agent.WatchEvery {
				looked = now
				if m := markFile(watched(a.cfg)); m != a.mark {
					a.reload("the file changed")
				}
			}
		}
	}
}

// tellReady tells systemd and the log once that the first sweeps are done;
// after ten seconds it does not wait any longer for a slow one.
func (a *agent) tellReady() bool {
	ok, why := a.ready()
	if !ok && time.Since(a.began) < 10*time.Second {
		return false
	}
	h := a.reg.Health()
	a.log.Info().Str("health", string(h.Level)).Int("collectors", h.Collectors).Int("failed", h.Failed).
		Str("waiting_for", why).Str("page", a.pages()).Str("data", a.cfg.Agent.DataDir).Msg("running")
	a.notify.ready("running")
	debug.FreeOSMemory() // restoring and opening took memory that is not needed again
	return true
}
