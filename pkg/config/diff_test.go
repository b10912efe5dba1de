package config

import (
	"reflect"
	"testing"
)

func TestDiffAndReload(t *testing.T) {
	const before = "[agent]\ngogc = 60\nlog_format = \"json\"\n[publish]\nbearer_token = \"one\"\n"
	tests := []struct {
		name, after string
		changes     []Change
		waiting     []string // keys that wait for a restart
	}{
		{"nothing", before, nil, nil},
		{"only positions", "\n\n" + before, nil, nil},
		{"same value, written otherwise", before + "[collect.cpu]\ninterval = 10\n", nil, nil},
		{
			"live", "[agent]\ngogc = 70\nlog_format = \"json\"\n[publish]\nbearer_token = \"one\"\n[collect.disk]\nexclude_devices = []\n",
			[]Change{
				{"agent.gogc", "60", "70", true},
				{"collect.disk.exclude_devices", `["loop*", "ram*", "fd*", "sr*"]`, "[]", true},
			},
			nil,
		},
		{
			"restart", "[agent]\ngogc = 60\nlog_format = \"console\"\n[publish]\nbearer_token = \"two\"\n",
			[]Change{
				{"agent.log_format", `"json"`, `"console"`, false},
				{"publish.bearer_token", `"[redacted]"`, `"[redacted]"`, false},
			},
			[]string{"agent.log_format", "publish.bearer_token"},
		},
		{
			"both", "[agent]\nlog_format = \"json\"\n",
			[]Change{
				{"agent.gogc", "60", "50", true},
				{"publish.bearer_token", `"[redacted]"`, `""`, false},
			},
			[]string{"publish.bearer_token"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, dir := from(t, before)
			running := mustLoad(t, src)
			src.File = write(t, dir, "after.toml", tt.after)
			loaded := mustLoad(t, src)

			if got := Diff(running, loaded); !reflect.DeepEqual(got, tt.changes) {
				t.Errorf("Diff\n%+v\nwant\n%+v", got, tt.changes)
			}
			next := running.Reload(loaded)
			var waiting []string
			for _, c := range Diff(next, loaded) {
				waiting = append(waiting, c.Key)
			}
			if !reflect.DeepEqual(waiting, tt.waiting) {
				t.Errorf("waiting for a restart %v, want %v", waiting, tt.waiting)
			}
			if next.Agent.GoGC != loaded.Agent.GoGC || running.Agent.GoGC != 60 {
				t.Errorf("gogc: running %d, next %d, loaded %d", running.Agent.GoGC, next.Agent.GoGC, loaded.Agent.GoGC)
			}
			for _, o := range declared().options {
				want := running
				if o.same(next, loaded) {
					want = loaded
				}
				if got := next.Origin(o.key); got != want.Origin(o.key) {
					t.Errorf("origin of %s is %s, want %s", o.key, got, want.Origin(o.key))
				}
			}
		})
	}
}
