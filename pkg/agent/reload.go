package agent

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"sysops-agent/pkg/config"
	"sysops-agent/pkg/event"
)

// tune applies what of the configuration concerns the process itself.
func tune(c config.Agent) {
	runtime.GOMAXPROCS(c.MaxProcs)
	debug.SetGCPercent(c.GoGC)
	debug.SetMemoryLimit(int64(c.MemoryLimit))
	setLevel(c.LogLevel)
}

// fileMark tells whether the configuration file changed.
type fileMark struct {
	mod  time.Time
	size int64
	ino  uint64
}

func markFile(path string) fileMark {
	fi, err := os.Stat(path)
	if path == "" || err != nil {
		return fileMark{}
	}
	return fileMark{mod: fi.ModTime(), size: fi.Size(), ino: inode(fi)}
}

// watched is the file to look at for changes: the file in force, or the
// default one, which may appear later.
func watched(c *config.Config) string {
	if f := c.File(); f != "" {
		return f
	}
	return config.DefaultFile
}

// reload reads the configuration again. A bad one is refused, with every
// problem, and the old one stays in force.
func (a *agent) reload(cause string) {
	a.mark = markFile(watched(a.cfg))
	a.notify.reloading()
	if err := a.logTo.reopen(); err != nil {
		a.log.Error().Err(err).Msg("the log file cannot be opened anew; the old one stays in use")
	}
	defer a.notify.ready("running")
	part := a.reg.Part(configKind, "configuration")
	src := a.opt.Source
	src.Previous = a.cfg.File()
	loaded, warnings, err := config.Load(src)
	if err != nil {
		a.log.Error().Str("cause", cause).Msg("the new configuration is refused and the old one stays in force:\n" + err.Error())
		part.Degraded("the file has problems and was not taken: "+firstLine(err.Error()), "run `sysops-agent check-config`, correct the file; it is read again by itself")
		a.bus.Publish(event.Event{Kind: event.ConfigRefused, Text: firstLine(err.Error()), Attrs: map[string]string{"cause": cause}})
		return
	}
	a.warn(warnings)
	next := a.cfg.Reload(loaded)
	var live, waiting []string
	for _, c := range config.Diff(a.cfg, loaded) {
		if c.Live {
			live = append(live, c.Key)
			a.log.Info().Str("key", c.Key).Str("old", c.Old).Str("new", c.New).Msg("configuration changed")
		} else {
			waiting = append(waiting, c.Key)
		}
	}
	a.cfg = next
	tune(next.Agent)
	if a.persist != nil {
		a.persist.SetRetention(retention(next))
	}
	a.runner.Apply(a.ctx, a.sources(next)) // also tries again what was off
	text := fmt.Sprintf("configuration read again (%s): %d keys changed", cause, len(live))
	if len(waiting) > 0 {
		part.Degraded("these keys changed but need a restart: "+strings.Join(waiting, ", "), "restart the agent")
		a.log.Warn().Strs("keys", waiting).Msg("changed keys need a restart; the old values stay in force")
		text += "; waiting for a restart: " + strings.Join(waiting, ", ")
	} else {
		part.Active()
	}
	a.log.Info().Str("cause", cause).Int("changed", len(live)).Msg("configuration reloaded")
	a.bus.Publish(event.Event{Kind: event.ConfigReloaded, Text: text, Attrs: map[string]string{"cause": cause}})
}

func firstLine(s string) string {
	line, rest, more := strings.Cut(s, "\n")
	if more {
		return fmt.Sprintf("%s (and %d more)", line, strings.Count(strings.TrimRight(rest, "\n"), "\n")+1)
	}
	return line
}
