package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// TestProblems is the wording of every kind of problem.
func TestProblems(t *testing.T) {
	tests := []struct {
		name, toml string
		environ    []string
		flags      []Override
		want       []string
	}{
		{
			"unknown key, near another", "[agent]\nhostnmae = \"a\"", nil, nil,
			[]string{"$F:2:1: unknown key agent.hostnmae; did you mean hostname?"},
		},
		{
			"unknown key of another section", "[agent]\nlisten = \"off\"", nil, nil,
			[]string{"$F:2:1: unknown key agent.listen; did you mean listen in [publish]?"},
		},
		{
			"unknown key, near none", "[store]\nzzzzzzzz = 1", nil, nil,
			[]string{"$F:2:1: unknown key store.zzzzzzzz; known here: retention, max_bytes, max_rows_per_reading, process_max_bytes, checkpoint"},
		},
		{
			"unknown section, its keys said nothing about", "[collect.cpuu]\ninterval = 1\nx = 2\n[agnet]\ny = 3", nil, nil,
			[]string{
				"$F:1:10: unknown key collect.cpuu; did you mean cpu?",
				"$F:4:2: unknown key agnet; did you mean agent?",
			},
		},
		{
			"unknown dotted key", "collect.cpux.interval = 1", nil, nil,
			[]string{"$F:1:9: unknown key collect.cpux; did you mean cpu?"},
		},
		{
			"a key with a dot in it", "\"agent.gogc\" = 60", nil, nil,
			[]string{`$F:1:1: unknown key "\"agent.gogc\""; known here: agent, collect, store, persist, retention, publish`},
		},
		{
			"a hostile key", "[agent]\n\"\\u001b[2J\" = 1", nil, nil,
			[]string{`$F:2:1: unknown key agent."\x1b[2J"; known here: ` + strings.Join(declared().bySecKey["agent"].names, ", ")},
		},
		{
			"unknown flag key", "", nil,
			[]Override{{"agent.gocg", "1", "--set"}},
			[]string{"--set: unknown key agent.gocg; did you mean agent.gogc?"},
		},
		{
			"wrong types", "[agent]\ngogc = \"60\"\nmemory_limit = true\nhostname = 5\nwatch_config = \"yes\"\nwatch_interval = 1.5\nmax_procs = [2]\nlog_level = {}", nil, nil,
			[]string{
				`$F:2:8: agent.gogc is "60": must be a whole number from 10 to 400`,
				`$F:3:16: agent.memory_limit is true: must be a size from 32MiB to 4GiB, as text such as "64MiB" or as a number of bytes`,
				`$F:4:12: agent.hostname is 5: must be 1 to 255 letters, digits, '-' and '.', or empty`,
				`$F:5:16: agent.watch_config is "yes": must be true or false`,
				`$F:6:18: agent.watch_interval is 1.5: must be a duration from 1s to 1h, as text such as "1m30s" or as a number of seconds`,
				`$F:7:13: agent.max_procs is a list: must be a whole number from 1 to 64`,
				`$F:8:13: agent.log_level is an inline table: must be trace, debug, info, warn or error`,
			},
		},
		{
			"out of range", "[collect.cpu]\ninterval = 0\n[collect.psi]\ninterval = \"2h\"\n[collect.numa]\ninterval = \"1500ms\"\n[agent]\ngogc = 9\nmax_procs = 99999999999999999999", nil, nil,
			[]string{
				`$F:2:12: collect.cpu.interval is 0: must be whole seconds from 1s to 1h, as text such as "1m30s" or as a number of seconds`,
				`$F:4:12: collect.psi.interval is "2h": must be whole seconds from 1s to 1h, as text such as "1m30s" or as a number of seconds`,
				`$F:6:12: collect.numa.interval is "1500ms": must be whole seconds from 1s to 1h, as text such as "1m30s" or as a number of seconds`,
				`$F:8:8: agent.gogc is 9: must be a whole number from 10 to 400`,
				`$F:9:13: agent.max_procs is 99999999999999999999: must be a whole number from 1 to 64`,
			},
		},
		{
			"not allowed texts", "[agent]\nhostname = \"a_b\"\nlog_level = \"\"\nlog_file = \"x.log\"\n[publish]\nlisten = \"9100\"\nsocket = \"/run/\"", nil, nil,
			[]string{
				`$F:2:12: agent.hostname is "a_b": must be 1 to 255 letters, digits, '-' and '.', or empty`,
				`$F:3:13: agent.log_level is "": must be trace, debug, info, warn or error`,
				`$F:4:12: agent.log_file is "x.log": must be an absolute path of a file, or empty`,
				`$F:6:10: publish.listen is "9100": must be off, or IP:PORT such as 127.0.0.1:9100, localhost:PORT, or :PORT for all addresses`,
				`$F:7:10: publish.socket is "/run/": must be an absolute path of at most 107 bytes (the kernel's limit for sockets), or empty`,
			},
		},
		{
			"lists", "[collect.disk]\nexclude_devices = [\"a\", \"[b\"]\n[collect.network]\nexclude_devices = [\"a\", 5]\n[collect.process]\nwatch = \"a\"\n[publish]\nallowed_hosts = [[\"a\"]]", nil, nil,
			[]string{
				`$F:2:25: collect.disk.exclude_devices contains "[b": must be a list of at most 256, each a pattern of 1 to 255 bytes whose [ ] are closed`,
				`$F:4:25: collect.network.exclude_devices contains 5: must be a list of at most 256, each a pattern of 1 to 255 bytes whose [ ] are closed`,
				`$F:6:9: collect.process.watch is "a": must be a list of at most 256, each a name of 1 to 255 bytes without '/'`,
				`$F:8:17: publish.allowed_hosts contains a list: must be a list of at most 256, each a host name or IP address without a port`,
			},
		},
		{
			"twice", "[agent]\ngogc = 60\ngogc = 70\n[store]\n[agent]\nmax_procs = 1", nil, nil,
			[]string{
				"$F:3:1: agent.gogc was already set on line 2: take one of them away",
				"$F:5:2: section agent was already defined on line 1: put all its keys there",
			},
		},
		{
			"twice, in different ways", "agent.gogc = 60\nstore = { }\n[agent]\n[store]\n[collect.cpu]\nenabled = true\n[collect]\ncpu.interval = 20", nil, nil,
			[]string{
				"$F:3:2: section agent was already defined on line 1: put all its keys there",
				"$F:4:2: section store was already defined on line 2: put all its keys there",
				"$F:8:1: section collect.cpu was already defined on line 5: put all its keys there",
			},
		},
		{
			"section for key, key for section", "[agent.gogc]\n[collect]\ncpu = true\n[[store]]", nil, nil,
			[]string{
				"$F:1:8: agent.gogc is no section but a key: write gogc = … with a whole number from 10 to 400",
				"$F:3:7: collect.cpu is a section, not a key: write [collect.cpu] on a line of its own and its keys below it",
				"$F:4:3: [[store]] is a list of sections: write [store], once",
			},
		},
		{
			"syntax, after other problems", "[agent]\ngogc = 5\nhostname = web1\nmax_procs = 500", nil, nil,
			[]string{
				"$F:2:8: agent.gogc is 5: must be a whole number from 10 to 400",
				"$F:3:12: this is not TOML: unexpected character U+0077 'w' at start of value",
			},
		},
		{
			"syntax at the end", "[agent]\nhostname = \"web1", nil, nil,
			[]string{"$F:2:16: this is not TOML: unterminated basic string"},
		},
		{
			"columns count characters", "agent = { hostname = \"ä\", gogc = 5 }", nil, nil,
			[]string{
				`$F:1:22: agent.hostname is "ä": must be 1 to 255 letters, digits, '-' and '.', or empty`,
				"$F:1:34: agent.gogc is 5: must be a whole number from 10 to 400",
			},
		},
		{
			"environment", "",
			[]string{"SYSOPS_AGENT_GOGC=x", "SYSOPS_COLLECT_CPU_ENABLED=1", "SYSOPS_AGENT_HOSTNAME=a\nb"},
			nil,
			[]string{
				`SYSOPS_AGENT_GOGC: agent.gogc is "x": must be a whole number from 10 to 400`,
				`SYSOPS_AGENT_HOSTNAME: agent.hostname is "a\nb": must be 1 to 255 letters, digits, '-' and '.', or empty`,
				`SYSOPS_COLLECT_CPU_ENABLED: collect.cpu.enabled is "1": must be true or false`,
			},
		},
		{
			"flag", "", nil,
			[]Override{{"publish.listen", "127.0.0.1:99999", "--listen"}},
			[]string{`--listen: publish.listen is "127.0.0.1:99999": must be off, or IP:PORT such as 127.0.0.1:9100, localhost:PORT, or :PORT for all addresses`},
		},
		{
			"long value", "[agent]\nhostname = \"" + strings.Repeat("ä", 5000) + "\"", nil, nil,
			[]string{`$F:2:12: agent.hostname is "` + strings.Repeat("ä", 40) + `"…: must be 1 to 255 letters, digits, '-' and '.', or empty`},
		},
		{
			"raw rows in SQLite", "[retention]\nraw_days = 14", nil, nil,
			[]string{`$F:2:12: retention.raw_days is 14: must be 0 with persist.backend "sqlite", which keeps no single values`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, _ := from(t, tt.toml, tt.environ...)
			src.Overrides = append(src.Overrides, tt.flags...)
			cfg, _, err := Load(src)
			compareProblems(t, src, err, tt.want)
			if cfg != nil {
				t.Error("a configuration came with the problems")
			}
		})
	}
}

func compareProblems(t *testing.T, src Source, err error, want []string) {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error is %#v, want Problems", err)
	}
	got := strings.ReplaceAll(problems.Error(), src.File, "$F")
	if want := strings.Join(want, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct {
		name, toml string
		environ    []string
		want       []string
	}{
		{"none", "[publish]\nlisten = \"[::1]:9100\"", nil, nil},
		{"misspelt variable", "", []string{"SYSOPS_AGENT_GOCG=hunter2"}, []string{
			"SYSOPS_AGENT_GOCG: unknown variable, nothing is set by it; did you mean SYSOPS_AGENT_GOGC?",
		}},
		{"strange variable", "", []string{"SYSOPS_\x1b=1", "SYSOPSAGENT=1"}, []string{
			`"SYSOPS_\x1b": unknown variable, nothing is set by it`,
		}},
		{"open to the network", "[publish]\nlisten = \":9100\"", nil, []string{
			`$F:2:10: publish.listen is ":9100": everybody on the network can read this host's page and API; set publish.bearer_token to ask for a token`,
		}},
		{"open, with a token", "[publish]\nlisten = \"0.0.0.0:9100\"\nbearer_token = \"x\"", nil, nil},
		{"store above the limit", "[agent]\nmemory_limit = \"50MiB\"", nil, []string{
			"$F:2:16: agent.memory_limit is 50MiB, but store.max_bytes and store.process_max_bytes allow 76MiB: a full store will keep the agent busy collecting memory",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, _ := from(t, tt.toml, tt.environ...)
			_, warnings, err := Load(src)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(warnings.Error(), src.File, "$F")
			if want := strings.Join(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestWhoMayWriteTheFile: root's agent does not take orders from others.
func TestWhoMayWriteTheFile(t *testing.T) {
	const open, foreign = "f: others than its owner may write this file (mode 0664): chmod go-w it",
		"f: this file belongs to user 1001, who could tell root's agent what to do: chown root it"
	for name, c := range map[string]struct {
		mode            fs.FileMode
		owner, us       int
		wrong, doubtful string
	}{
		"root's":                {0o644, 0, 0, "", ""},
		"a user's":              {0o644, 1000, 1000, "", ""},
		"root's, for a user":    {0o644, 0, 1000, "", ""},
		"open, root":            {0o664, 0, 0, open, ""},
		"open, a user":          {0o664, 1000, 1000, "", open},
		"another's, root":       {0o600, 1001, 0, foreign, ""},
		"another's, open, root": {0o664, 1001, 0, foreign + "\n" + open, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoader()
			l.fileOwner("f", c.mode, c.owner, c.us)
			wrong, doubtful := l.wrong.problems().Error(), l.doubtful.problems().Error()
			if wrong != c.wrong || doubtful != c.doubtful {
				t.Errorf("got  %q, warnings %q\nwant %q, warnings %q", wrong, doubtful, c.wrong, c.doubtful)
			}
		})
	}
}

// The file is looked at when it is read, with what the process is.
func TestFileThatOthersMayWrite(t *testing.T) {
	src, _ := from(t, "")
	must(t, os.Chmod(src.File, 0o664))
	_, warnings, err := Load(src)
	got := warnings.Error()
	if os.Geteuid() == 0 {
		if err == nil {
			t.Fatal("root takes it")
		}
		got = err.Error()
	}
	if want := src.File + ": others than its owner may write this file (mode 0664): chmod go-w it"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, "x%d = 1\n", i)
	}
	src, _ := from(t, b.String())
	_, _, err := Load(src)
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != maxProblems+1 {
		t.Fatalf("%d problems, want %d", len(problems), maxProblems+1)
	}
	if got, want := problems[maxProblems].String(), src.File+":100:1: 49900 more problems follow"; got != want {
		t.Errorf("the last is %q, want %q", got, want)
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"enabled", "interval", "exclude_devices", "fd", "md", "cpu", "cpufreq"}
	for name, want := range map[string]string{
		"enabled": "enabled", "enable": "enabled", "intervall": "interval", "exclude_device": "exclude_devices",
		"excluded_device": "exclude_devices", "cpus": "cpu", "zzzz": "", "": "",
		strings.Repeat("interval", 100): "",
	} {
		if got := nearest(name, candidates); got != want {
			t.Errorf("nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
