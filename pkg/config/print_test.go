package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

func example(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	must(t, Example(&b))
	return b.String()
}

// TestExample keeps the example file under review: a change of a key, a
// default or a limit shows as a change of testdata.
func TestExample(t *testing.T) {
	path := filepath.Join("testdata", "config.example.toml")
	got := example(t)
	if *update {
		must(t, os.WriteFile(path, []byte(got), 0o644)) //nolint:gosec // a file of the repository
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if got != string(want) {
		t.Errorf("the example has changed; look at it with\n\tgo test ./pkg/config -run TestExample -update && git diff pkg/config/testdata")
	}
}

func TestExampleLoads(t *testing.T) {
	var active []string // every key, without its "#"
	for line := range strings.Lines(example(t)) {
		if uncommented, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(line, "# ") && strings.Contains(line, " = ") {
			line = uncommented
		}
		if !strings.HasPrefix(line, "bearer_token_file") { // the other way to give the same key
			active = append(active, line)
		}
	}
	for name, toml := range map[string]string{"as it is": example(t), "all keys active": strings.Join(active, "")} {
		t.Run(name, func(t *testing.T) {
			src := Source{File: write(t, t.TempDir(), "config.toml", toml), SkipPaths: true}
			cfg := mustLoad(t, src)
			if changes := Diff(Default(), cfg); len(changes) > 0 {
				t.Errorf("differs from the defaults: %+v", changes)
			}
			given := 0
			for _, s := range cfg.Settings() {
				if s.Origin != "default" {
					given++
				}
			}
			if all := len(declared().options); name == "all keys active" && given != all {
				t.Errorf("%d of %d keys are in the example", given, all)
			}
		})
	}
}

// everyKind sets at least one key of every kind to another value.
const everyKind = `
[agent]
hostname = "web-1.example.org"
gogc = 77
memory_limit = "80MiB"
watch_config = false
watch_interval = "90s"
[collect.process]
watch = ["a b", "\"quoted\"", "back\\slash", "ä…"]
[collect.disk]
exclude_devices = ["\\[x]"]
`

func TestPrintLoadsBack(t *testing.T) {
	src, dir := from(t, everyKind)
	cfg := mustLoad(t, src)
	var b bytes.Buffer
	must(t, cfg.Print(&b))
	again := mustLoad(t, Source{File: write(t, dir, "printed.toml", b.String())})
	if changes := Diff(cfg, again); len(changes) > 0 {
		t.Errorf("printed and loaded again, these differ: %+v\n%s", changes, b.String())
	}
	for _, line := range []string{
		`hostname = "web-1.example.org"           # ` + src.File + ":3:12\n",
		`data_dir = "` + dir + `/data" # --data-dir` + "\n",
		`watch_interval = "1m30s"                 # ` + src.File + ":7:18\n",
		`max_procs = 2                            # default` + "\n",
		`watch = ["a b", "\"quoted\"", "back\\slash", "ä…"]`,
		"\n[collect.disk]\n",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("no line %q in\n%s", line, b.String())
		}
	}
}

func TestPrintJSON(t *testing.T) {
	src, _ := from(t, everyKind, "SYSOPS_PUBLISH_BEARER_TOKEN="+token)
	cfg := mustLoad(t, src)
	var b bytes.Buffer
	must(t, cfg.PrintJSON(&b))
	var list []map[string]any
	must(t, json.Unmarshal(b.Bytes(), &list))
	byKey := map[string]map[string]any{}
	for _, s := range list {
		byKey[s["key"].(string)] = s
	}
	if len(byKey) != len(declared().options) || len(list) != len(byKey) {
		t.Errorf("%d settings with %d keys, want %d", len(list), len(byKey), len(declared().options))
	}
	for key, want := range map[string]any{
		"agent.gogc": 77.0, "agent.memory_limit": "80MiB", "agent.watch_config": false, "agent.watch_interval": "1m30s",
		"collect.disk.exclude_devices": []any{`\[x]`}, "publish.allowed_hosts": []any{}, "publish.bearer_token": "[redacted]",
	} {
		if got := byKey[key]["value"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, want %#v", key, got, want)
		}
	}
	want := map[string]any{
		"key": "agent.gogc", "value": 77.0, "origin": src.File + ":4:8", "default": "50", "allowed": "a whole number from 10 to 400",
		"reload": "live", "env": "SYSOPS_AGENT_GOGC", "help": declared().byKey["agent.gogc"].help,
	}
	if got := byKey["agent.gogc"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestPrintingReportsErrors(t *testing.T) {
	for name, err := range map[string]error{
		"Print": Default().Print(brokenWriter{}), "PrintJSON": Default().PrintJSON(brokenWriter{}), "Example": Example(brokenWriter{}),
	} {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: error %v, want that of the writer", name, err)
		}
	}
}
