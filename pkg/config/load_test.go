package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write makes a file of mode 0600 and returns its path.
func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// from is a source of one file, with a data directory that passes.
func from(t *testing.T, toml string, environ ...string) (Source, string) {
	t.Helper()
	dir := t.TempDir()
	return Source{
		File:      write(t, dir, "config.toml", toml),
		Environ:   environ,
		Overrides: []Override{{"agent.data_dir", filepath.Join(dir, "data"), "--data-dir"}},
	}, dir
}

func mustLoad(t *testing.T, src Source) *Config {
	t.Helper()
	cfg, warnings, err := Load(src)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("Load: error %v, warnings %v", err, warnings)
	}
	return cfg
}

func TestPrecedence(t *testing.T) {
	const key = "agent.gogc"
	file := "[agent]\ngogc = 60\n"
	tests := []struct {
		name, toml string
		environ    []string
		flags      []Override
		want       int
		origin     string
	}{
		{"default", "", nil, nil, 50, "default"},
		{"file", file, nil, nil, 60, "$DIR/config.toml:2:8"},
		{"environment over file", file, []string{"SYSOPS_AGENT_GOGC=70"}, nil, 70, "SYSOPS_AGENT_GOGC"},
		{"flag over environment", file, []string{"SYSOPS_AGENT_GOGC=70"}, []Override{{key, "80", "--gogc"}}, 80, "--gogc"},
		{"last flag", file, nil, []Override{{key, "80", "--gogc"}, {key, "90", "--set"}}, 90, "--set"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, dir := from(t, tt.toml, tt.environ...)
			src.Overrides = append(src.Overrides, tt.flags...)
			cfg := mustLoad(t, src)
			origin := strings.ReplaceAll(cfg.Origin(key), dir, "$DIR")
			if cfg.Agent.GoGC != tt.want || origin != tt.origin {
				t.Errorf("got %d from %s, want %d from %s", cfg.Agent.GoGC, origin, tt.want, tt.origin)
			}
			if cfg.File() != src.File {
				t.Errorf("File() = %q, want %q", cfg.File(), src.File)
			}
		})
	}
}

func TestEveryWayOfWritingASetting(t *testing.T) {
	tests := map[string]string{
		"header":        "[collect.cpu]\ninterval = \"30s\"",
		"dotted":        "collect.cpu.interval = \"30s\"",
		"dotted below":  "[collect]\ncpu.interval = \"30s\"\ncpu.enabled = true",
		"inline":        "[collect]\ncpu = { interval = \"30s\" }",
		"inline dotted": "collect = { cpu.interval = \"30s\", cpu.enabled = true }",
		"quoted key":    "[\"collect\".'cpu']\n\"interval\" = '30s'",
		"number":        "[collect.cpu]\ninterval = 30",
		"hexadecimal":   "[collect.cpu]\ninterval = 0x1E",
		"underscores":   "[collect.cpu]\ninterval = 3_0 # a comment",
		"unit minutes":  "[collect.cpu]\ninterval = \"0.5m\"",
		"multi-line":    "[collect.cpu]\ninterval = \"\"\"\n30s\"\"\"",
		"other order":   "[collect.disk]\n[collect]\n[collect.cpu]\ninterval = \"30s\"",
		"dos file":      "\xef\xbb\xbf[collect.cpu]\r\ninterval = \"30s\"\r\n",
	}
	for name, toml := range tests {
		t.Run(name, func(t *testing.T) {
			src, _ := from(t, toml)
			if got := mustLoad(t, src).Collect.CPU.Interval; got != 30*time.Second {
				t.Errorf("interval = %v, want 30s", got)
			}
		})
	}
}

func TestEmptyValuesAreFilledIn(t *testing.T) {
	src, dir := from(t, "")
	cfg := mustLoad(t, src)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ key, got, want string }{
		{"agent.hostname", cfg.Agent.Hostname, host},
		{"persist.path", cfg.Persist.Path, filepath.Join(dir, "data/sysops-agent.db")},
		{"publish.socket", cfg.Publish.Socket, filepath.Join(dir, "data/agent.sock")},
	} {
		if tt.got != tt.want || cfg.Origin(tt.key) != "default" {
			t.Errorf("%s = %q from %s, want %q from default", tt.key, tt.got, cfg.Origin(tt.key), tt.want)
		}
	}
}

func TestListsFromTheEnvironment(t *testing.T) {
	src, _ := from(t, "[collect.network]\nexclude_devices = [\"eth9\"]",
		"SYSOPS_COLLECT_DISK_EXCLUDE_DEVICES=loop*, nbd?", "SYSOPS_COLLECT_NETWORK_EXCLUDE_DEVICES=", "OTHER=1")
	cfg := mustLoad(t, src)
	if got := strings.Join(cfg.Collect.Disk.ExcludeDevices, "|"); got != "loop*|nbd?" {
		t.Errorf("disk.exclude_devices = %s", got)
	}
	if got := cfg.Collect.Network.ExcludeDevices; len(got) != 0 {
		t.Errorf("network.exclude_devices = %q, want none", got)
	}
}

func TestWhichFile(t *testing.T) {
	dir := t.TempDir()
	good := write(t, dir, "good.toml", "[agent]\ngogc = 60\n")
	missing := filepath.Join(dir, "missing.toml")
	large := write(t, dir, "large.toml", strings.Repeat("# filling\n", maxFile/10+1))
	tests := []struct{ name, file, variable, want string }{
		{"variable", "", good, ""},
		{"flag over variable", good, missing, ""},
		{"missing, by flag", missing, "", missing + ": the configuration file does not exist: create it, or name another with --config"},
		{"missing, by variable", "", missing, missing + ": the configuration file does not exist: create it, or correct the variable SYSOPS_CONFIG"},
		{"a directory", dir, "", dir + ": the configuration file cannot be read: it is not a regular file"},
		{"a device", "/dev/zero", "", "/dev/zero: the configuration file cannot be read: it is not a regular file"},
		{"too large", large, "", large + ": the configuration file cannot be read: it is larger than 1MiB"},
		{"a hostile name", "x\x1b[2J", "", `"x\x1b[2J": the configuration file does not exist: create it, or name another with --config`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := Source{File: tt.file, SkipPaths: true}
			if tt.variable != "" {
				src.Environ = []string{"SYSOPS_CONFIG=" + tt.variable}
			}
			cfg, _, err := Load(src)
			switch {
			case tt.want == "" && (err != nil || cfg.File() != good || cfg.Agent.GoGC != 60):
				t.Errorf("Load = %+v, error %v; want that of %s", cfg, err, good)
			case tt.want != "" && (err == nil || err.Error() != tt.want || cfg != nil):
				t.Errorf("got error  %v\nwant error %s", err, tt.want)
			}
		})
	}
}

// TestFileThatWentAway reads the configuration again while the file of before
// is missing: only who had none goes on with the defaults.
func TestFileThatWentAway(t *testing.T) {
	byDefault := filepath.Join(t.TempDir(), "config.toml")
	const hint = "put it back, or restart the agent to go on with the defaults"
	for name, c := range map[string]struct{ previous, want string }{
		"no file before": {"", ""},
		"another before": {"/etc/other.toml", ""},
		"was in force":   {byDefault, byDefault + ": the configuration file does not exist: it was in force until now; " + hint},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoader()
			l.configFile(Source{Previous: c.previous}, byDefault)
			if got := l.wrong.problems().Error(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestDefaultIsWhatLoadGivesWithoutSettings(t *testing.T) {
	cfg, _, err := Load(Source{File: write(t, t.TempDir(), "empty.toml", ""), SkipPaths: true})
	if err != nil {
		t.Fatal(err)
	}
	if changes := Diff(Default(), cfg); len(changes) > 0 {
		t.Errorf("differences: %+v", changes)
	}
}

func TestCollectorsInCommon(t *testing.T) {
	cfg := Default()
	names := cfg.Collect.Names()
	want := map[string]time.Duration{
		"cpu": 10, "cpufreq": 60, "memory": 10, "vmstat": 10, "numa": 10, "psi": 10, "edac": 60, "disk": 10,
		"filesystem": 60, "md": 60, "network": 10, "sockets": 10, "conntrack": 60, "fd": 10, "process": 30,
		"cgroup": 30, "self": 10,
	}
	if len(names) != len(want) {
		t.Errorf("%d collectors %v, want %d", len(names), names, len(want))
	}
	for _, name := range names {
		c, ok := cfg.Collect.Common(name)
		if !ok || !c.Enabled || c.Interval != want[name]*time.Second {
			t.Errorf("%s: %+v, %v; want enabled every %ds", name, c, ok, want[name])
		}
	}
	if c, ok := cfg.Collect.Common("nothing"); ok || c != (Common{}) {
		t.Errorf("a collector that does not exist: %+v, %v", c, ok)
	}
}
