package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"sysops-agent/pkg/config"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
)

// TestUsage lists wrong command lines: exit code 2, nothing on standard
// output, a sentence and where to read on.
func TestUsage(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"unknown flag":          {[]string{"--nope"}, "unknown flag: --nope\nSee `sysops-agent --help`."},
		"unknown flag of one":   {[]string{"status", "--nope"}, "unknown flag: --nope\nSee `sysops-agent status --help`."},
		"unknown command":       {[]string{"frobnicate"}, "there is no command \"frobnicate\"\nSee `sysops-agent --help`."},
		"misspelt command":      {[]string{"staus"}, "there is no command \"staus\"; did you mean status?\nSee `sysops-agent --help`."},
		"hostile command":       {[]string{"\x1b[31m"}, `there is no command "\x1b[31m"`},
		"hostile flag":          {[]string{"--\x1b[31m"}, "unknown flag: --\ufffd[31m"},
		"unknown of config":     {[]string{"config", "show"}, "there is no command \"show\"\nSee `sysops-agent config --help`."},
		"misspelt of db":        {[]string{"db", "schemas"}, "there is no command \"schemas\"; did you mean schema?\nSee `sysops-agent db --help`."},
		"argument of status":    {[]string{"status", "cpu"}, "status takes no argument, but here is \"cpu\"\nSee `sysops-agent status --help`."},
		"argument of run":       {[]string{"run", "fast"}, `run takes no argument, but here is "fast"`},
		"argument of print":     {[]string{"config", "print", "x"}, `print takes no argument, but here is "x"`},
		"argument of schema":    {[]string{"db", "schema", "x"}, `schema takes no argument, but here is "x"`},
		"argument of metrics":   {[]string{"metrics", "cpu"}, `metrics takes no argument, but here is "cpu"`},
		"argument of version":   {[]string{"version", "2"}, `version takes no argument`},
		"argument of check":     {[]string{"check-config", "x.toml"}, `check-config takes no argument, but here is "x.toml"`},
		"argument of top":       {[]string{"top", "5"}, `top takes no argument`},
		"no metric":             {[]string{"query"}, "query needs a METRIC, such as cpu.total_percent; `sysops-agent metrics` lists all"},
		"two metrics":           {[]string{"query", "a", "b"}, `query takes one METRIC, but here is also "b"`},
		"flag without value":    {[]string{"run", "--listen"}, "flag needs an argument: --listen"},
		"no number":             {[]string{"query", "a", "--limit", "many"}, `invalid argument "many" for "--limit" flag`},
		"negative limit":        {[]string{"query", "a", "--limit", "-1"}, "--limit -1 is negative"},
		"now and since":         {[]string{"query", "a", "--now", "--since", "1h"}, "--now shows newest values only: leave out --since"},
		"now and step":          {[]string{"query", "a", "--now", "--step", "1h"}, "--now shows newest values only"},
		"since and from":        {[]string{"query", "a", "--since", "1h", "--from", "2h"}, "--since and --from both say where to begin: leave one out"},
		"interval too short":    {[]string{"top", "--interval", "99ms"}, "--interval 99ms is shorter than 100ms"},
		"interval negative":     {[]string{"top", "--interval", "-1s"}, "--interval -1s is shorter than 100ms"},
		"interval no duration":  {[]string{"top", "--interval", "often"}, `invalid argument "often" for "--interval" flag`},
		"server without a port": {[]string{"status", "--server", "db01"}, `--server "db01" is not HOST:PORT, such as 127.0.0.1:9100`},
		"server with a path":    {[]string{"top", "--server", "a:1/b"}, `is not HOST:PORT`},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(tc.args...)
			if code != exitUsage || stdout != "" {
				t.Errorf("exit code %d, %q on standard output", code, stdout)
			}
			if !strings.HasPrefix(stderr, "sysops-agent: ") || !strings.Contains(stderr, tc.want) || !strings.HasSuffix(stderr, " --help`.\n") {
				t.Errorf("standard error:\n%s\nwant in it:\n%s", stderr, tc.want)
			}
		})
	}
}

// Each command explains itself, the same way by flag and by command.
func TestHelp(t *testing.T) {
	var all func(c *cobra.Command, path []string)
	n := 0
	all = func(c *cobra.Command, path []string) {
		for _, sub := range c.Commands() {
			if !sub.Hidden && sub.Name() != "help" {
				all(sub, append(path[:len(path):len(path)], sub.Name()))
			}
		}
		n++
		name := strings.Join(append([]string{"help"}, path...), "-")
		t.Run(name, func(t *testing.T) {
			got := must(t, append(path[:len(path):len(path)], "--help")...)
			golden(t, "testdata/"+name+".txt", got)
			if c.Short == "" || strings.HasSuffix(c.Short, ".") {
				t.Errorf("short help %q: want a line without a full stop", c.Short)
			}
			if !c.HasSubCommands() && (c.Long == "" || !strings.Contains(c.Example, c.CommandPath())) {
				t.Errorf("%s is not explained or has no example", c.CommandPath())
			}
			if again := must(t, append([]string{"help"}, path...)...); again != got {
				t.Errorf("help by command differs from help by flag:\n%s", again)
			}
			for line := range strings.Lines(c.Long) {
				if len([]rune(line)) > 90 {
					t.Errorf("a line of %d characters: %q", len(line), line)
				}
			}
		})
	}
	all(newRoot(), nil)
	if n < 12 {
		t.Errorf("only %d commands found", n)
	}
	for _, group := range [][]string{nil, {"config"}, {"db"}} {
		if got, want := must(t, group...), must(t, append(group, "--help")...); got != want {
			t.Errorf("%v alone does not show its help:\n%s", group, got)
		}
	}
}

// The reference is kept so that a change of a public name shows in review.
func TestMetrics(t *testing.T) {
	golden(t, "../../testdata/metrics.md", must(t, "metrics"))
	var ref []metric.ReadingDoc
	if err := json.Unmarshal([]byte(must(t, "metrics", "--json")), &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref) != len(reading.All()) {
		t.Errorf("%d readings as JSON, want %d", len(ref), len(reading.All()))
	}
	// What would break the table.
	for _, r := range ref {
		for _, m := range r.Metrics {
			if strings.ContainsAny(m.Help, "|\n") {
				t.Errorf("help of %s: %q", m.Name, m.Help)
			}
		}
		for _, l := range r.Labels {
			if l.Help == "" {
				t.Errorf("label %s of %s has no help", l.Name, r.Reading)
			}
		}
	}
}

func TestConfigExample(t *testing.T) {
	example := must(t, "config", "example")
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	data := dataDir(t)
	got := must(t, "check-config", "--config", file, "--data-dir", data)
	if want := "configuration is good (" + file + ")\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// An example changes nothing.
	plain := must(t, "config", "print", "--json", "--data-dir", data, "--config", emptyFile(t))
	if got := must(t, "config", "print", "--json", "--data-dir", data, "--config", file); strings.ReplaceAll(got, file, "") != strings.ReplaceAll(plain, file, "") {
		t.Errorf("the example changes the configuration:\n%s\nwithout it:\n%s", got, plain)
	}
}

func emptyFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "empty.toml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Every problem is printed, not the first; all commands that read the
// configuration end with 78.
func TestBadConfig(t *testing.T) {
	t.Setenv("SYSOPS_AGENT_LOG_FORMAT", "xml")
	file := filepath.Join(t.TempDir(), "config.toml")
	text := "[agent]\nlog_level = \"loud\"\nnope = 1\n\n[collect.cpu]\ninterval = \"2h\"\n\n[publish]\nbearer_token = \"hunter2\"\nlisten = 7\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check-config"}, {"run"}, {"config", "print"}, {"status"}, {"top"}, {"query", "a"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			code, stdout, stderr := run(append(args, "--config", file)...)
			if code != exitConfig || stdout != "" {
				t.Errorf("exit code %d, %q on standard output", code, stdout)
			}
			lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
			for _, want := range []string{file + ":2:13: agent.log_level", file + ":3:1: ", file + ":6:12: collect.cpu.interval", file + ":10:10: publish.listen", "SYSOPS_AGENT_LOG_FORMAT: agent.log_format"} {
				if !strings.Contains("\n"+stderr, "\n"+want) {
					t.Errorf("no line begins with %q:\n%s", want, stderr)
				}
			}
			if len(lines) < 5 || strings.Contains(stderr, "hunter2") {
				t.Errorf("%d lines, or a secret in them:\n%s", len(lines), stderr)
			}
		})
	}
}

func TestCheckConfig(t *testing.T) {
	data := dataDir(t)
	for name, tc := range map[string]struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"file is missing":   {[]string{"--config", "/nowhere.toml"}, exitConfig, "", "/nowhere.toml: the configuration file does not exist: create it, or name another with --config\n"},
		"only flags":        {[]string{"--config", emptyFile(t), "--data-dir", data}, exitOK, "configuration is good (", ""},
		"forbidden data":    {[]string{"--config", emptyFile(t), "--data-dir", "/proc/x"}, exitConfig, "", "--data-dir: agent.data_dir"},
		"file is directory": {[]string{"--config", data}, exitConfig, "", data + ": "},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(append([]string{"check-config"}, tc.args...)...)
			if code != tc.code || !strings.HasPrefix(stdout, tc.stdout) || !strings.HasPrefix(stderr, tc.stderr) || tc.stderr == "" && stderr != "" {
				t.Errorf("exit code %d\n%s%s\nwant %+v", code, stdout, stderr, tc)
			}
		})
	}
}

func TestCheckConfigWithoutFile(t *testing.T) {
	if _, err := os.Stat(config.DefaultFile); err == nil {
		t.Skipf("this host has a configuration, %s: what is without one cannot be tried", config.DefaultFile)
	}
	if got := must(t, "check-config", "--data-dir", dataDir(t)); got != "configuration is good (no file, defaults and environment only)\n" {
		t.Errorf("without a file: %q", got)
	}
}

func TestFlagsAreStrongest(t *testing.T) {
	t.Setenv("SYSOPS_AGENT_DATA_DIR", "/from/environment")
	dir := dataDir(t)
	t.Chdir(filepath.Dir(dir))
	got := must(t, "config", "print", "--config", emptyFile(t), "--data-dir", filepath.Base(dir))
	if !strings.Contains(got, dir) || !strings.Contains(got, "--data-dir") || strings.Contains(got, "/from/environment") {
		t.Errorf("a relative --data-dir does not win over the environment:\n%s", got)
	}
}

func TestVersion(t *testing.T) {
	version = "1.2.3"
	t.Cleanup(func() { version = "" })
	if got := must(t, "version"); !strings.HasPrefix(got, "sysops-agent 1.2.3 (") || strings.Contains(got, "(,") || !strings.Contains(got, "go1.") {
		t.Errorf("version: %q", got)
	}
	if got := must(t, "version", "--json"); !strings.Contains(got, `"version": "1.2.3"`) {
		t.Errorf("version --json: %s", got)
	}
}

func TestSchema(t *testing.T) {
	got := must(t, "db", "schema")
	if n, want := strings.Count(got, "CREATE TABLE"), 3*len(reading.All()); n <= want {
		t.Errorf("%d tables, want three per reading (%d) and the fixed ones", n, want)
	}
	for _, s := range reading.All() {
		if !strings.Contains(got, s.Name) {
			t.Errorf("no table for %s", s.Name)
		}
	}
}

// An interrupted command says nothing and fails.
func TestInterrupted(t *testing.T) {
	dir := dataDir(t)
	agentOn(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	code, stdout, stderr := runContext(ctx, "status", "--config", emptyFile(t), "--data-dir", dir)
	if code != exitFailed || stdout != "" || stderr != "" {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a b": "a b", "a\nb\tc\n": "a b c", "\x1b[2J": "\ufffd[2J", "ä\u202e": "ä\ufffd", "\xff": "\ufffd", "\u009b": "\ufffd",
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}
