// Command sysops-agent is the agent and the commands that talk to it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"

	"sysops-agent/pkg/config"
)

// version is set by the linker; empty in a plain go build.
var version string

// The exit codes. 78 is EX_CONFIG of sysexits(3).
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitConfig = 78
)

// The heap profile's table costs 1.4 MiB. It must be decided on before the
// first allocation; the agent switches it on again where profiles are served.
func init() { runtime.MemProfileRate = 0 }

func main() {
	// The agent handles its own signals; for commands an interrupt ends what
	// they wait for.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends a shutdown that takes too long
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError is a wrong command line, as opposed to a failure.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var usage usageError
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			fmt.Fprintln(stderr, p)
		}
		return exitConfig
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "sysops-agent: %s\nSee `%s --help`.\n", plain(err.Error()), cmd.CommandPath())
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitFailed
	default:
		fmt.Fprintf(stderr, "sysops-agent: %s\n", plain(err.Error()))
		return exitFailed
	}
}

// globals are the flags that every command has.
type globals struct {
	config   string
	dataDir  string
	listen   string
	logLevel string
	server   string
	json     bool
}

func newRoot() *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:   "sysops-agent",
		Short: "Watch one Linux host: what it does, what it runs out of, what killed what",
		Long: `sysops-agent watches one Linux host. It reads the kernel's own counters, keeps a
day of them in memory and a year in a database, and shows them to people, to
Prometheus and to scripts.

Run it:            sysops-agent run
Ask the running:   sysops-agent status | top | query cpu.total_percent --since 1h
Configure it:      sysops-agent config example > /etc/sysops-agent/config.toml
                   sysops-agent check-config

Without a configuration file everything has a sensible default.
Exit codes: 0 ok, 1 failure, 2 wrong usage, 78 bad configuration.`,
		SilenceUsage: true, SilenceErrors: true,
		Args: noArgs,
		RunE: help,
	}
	f := root.PersistentFlags()
	f.StringVar(&g.config, "config", "", "configuration `FILE` (default "+config.DefaultFile+" where it exists)")
	f.StringVar(&g.dataDir, "data-dir", "", "data `DIRECTORY` of the agent (default /var/lib/sysops-agent)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newRun(g), newStatus(g), newTop(g), newQuery(g), newMetrics(g),
		newCheckConfig(g), newConfig(g), newDB(g), newVersion(g),
	)
	return root
}

// help is what a command does that only has commands below it.
func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// noArgs refuses arguments. Below a command that has commands, an argument is
// one of them, misspelt.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasSubCommands():
		return usageError{fmt.Errorf("%s takes no argument, but here is %q", cmd.Name(), args[0])}
	}
	cmd.SuggestionsMinimumDistance = 2 // edits
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		return usageError{fmt.Errorf("there is no command %q; did you mean %s?", args[0], strings.Join(like, " or "))}
	}
	return usageError{fmt.Errorf("there is no command %q", args[0])}
}

// plain makes text that may come from elsewhere fit for one line of a
// terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		default:
			return r
		}
	}, strings.TrimSpace(s))
}
