package agent

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"sysops-agent/pkg/config"
)

// A message that repeats is written logBurst times per logWindow; then it is
// counted, and the next one that is written says how many were left out.
const (
	logBurst      = 5
	logWindow     = time.Minute
	logRemembered = 1000 // messages; beyond, all are forgotten and begin anew
)

// openLog builds the logger of the configuration. The log file does nothing
// where there is none.
func openLog(c config.Agent, stderr *os.File) (zerolog.Logger, *logFile, error) {
	var out io.Writer = stderr
	file := &logFile{path: c.LogFile}
	if c.LogFile != "" {
		if err := file.reopen(); err != nil {
			return zerolog.Nop(), nil, err
		}
		out = file
	}
	terminal := c.LogFile == "" && isTerminal(stderr)
	if c.LogFormat == "console" || c.LogFormat == "auto" && terminal {
		out = zerolog.ConsoleWriter{Out: out, NoColor: !terminal, TimeFormat: time.TimeOnly}
	}
	zerolog.DurationFieldUnit = time.Second
	log := zerolog.New(zerolog.SyncWriter(out)).Hook(&limiter{now: time.Now})
	if os.Getenv("JOURNAL_STREAM") == "" || c.LogFile != "" { // the journal has its own clock
		log = log.With().Timestamp().Logger()
	}
	setLevel(c.LogLevel)
	return log, file, nil
}

// logFile is a log file that can be opened anew after somebody moved it away:
// it is rotated by logrotate, with a SIGHUP behind.
type logFile struct {
	path string
	mu   sync.Mutex
	f    *os.File
}

// reopen opens the file of that name; on failure the one before stays.
func (l *logFile) reopen() error {
	if l.path == "" {
		return nil
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|unix.O_NOFOLLOW, 0o640)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		l.f.Close()
	}
	l.f = f
	return nil
}

// Write implements io.Writer.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(p)
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		l.f.Close()
	}
}

func setLevel(name string) {
	if l, err := zerolog.ParseLevel(name); err == nil {
		zerolog.SetGlobalLevel(l)
	}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// limiter is a hook that keeps one repeated message from filling a disk.
type limiter struct {
	now  func() time.Time
	mu   sync.Mutex
	seen map[limitKey]*limited
}

type limitKey struct {
	level   zerolog.Level
	message string
}

type limited struct {
	since   time.Time
	written int
	dropped int
}

// Run implements zerolog.Hook.
func (l *limiter) Run(e *zerolog.Event, level zerolog.Level, message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, now := limitKey{level, message}, l.now()
	m := l.seen[k]
	if m == nil {
		if l.seen == nil || len(l.seen) >= logRemembered {
			l.seen = map[limitKey]*limited{}
		}
		m = &limited{since: now}
		l.seen[k] = m
	}
	if now.Sub(m.since) >= logWindow {
		if m.dropped > 0 {
			e.Int("repeats_left_out", m.dropped)
		}
		*m = limited{since: now}
	}
	if m.written >= logBurst {
		m.dropped++
		e.Discard()
		return
	}
	m.written++
}
