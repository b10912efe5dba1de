package memory

import (
	"os"
	"strings"
	"testing"

	"sysops-agent/pkg/collect"
)

func TestEDAC(t *testing.T) {
	env := host(t, "two-socket-smt-off")
	want(t, sweep(t, NewEDAC(env), env), map[string]float64{
		"edac.corrected_errors{mc0,skx_edac}": 3, "edac.corrected_noinfo_errors{mc0,skx_edac}": 1, "edac.uncorrected_errors{mc1,skx_edac}": 0,
		"edac.memory_bytes{mc0,skx_edac}": 64 << 30, "edac.counting_seconds{mc0,skx_edac}": 864000,
		"edac.module_corrected_errors{mc0,dimm1,CPU0_DIMM_B1,channel 1 slot 0}": 2, "edac.module_uncorrected_errors{mc1,dimm0,CPU1_DIMM_A1,channel 0 slot 0}": 0,
		"edac.module_bytes{mc1,dimm1,CPU1_DIMM_B1,channel 1 slot 0}": 32 << 30,
	})
	env = host(t, "four-node") // a driver that counts by chip-select row
	want(t, sweep(t, NewEDAC(env), env), map[string]float64{
		"edac.uncorrected_errors{mc0,F19h_M10h}": 1, "edac.module_uncorrected_errors{mc0,csrow1,mc#0csrow#1channel#0,}": 1,
		"edac.module_corrected_errors{mc0,csrow0,mc#0csrow#0channel#0,}": 0,
	})
}

// Ranks are read like DIMMs, and a row's label joins those of its channels.
func TestEDACModuleKinds(t *testing.T) {
	env := host(t, "four-node")
	mc := env.Sys + "/devices/system/edac/mc/mc0/"
	write(t, mc+"csrow0/ch1_dimm_label", "second\n")
	want(t, sweep(t, NewEDAC(env), env), map[string]float64{"edac.module_corrected_errors{mc0,csrow0,mc#0csrow#0channel#0 second,}": 0})
	write(t, mc+"rank0/dimm_ce_count", "8\n")
	c := NewEDAC(env)
	got := sweepAt(t, c, env, 1010)
	want(t, got, map[string]float64{"edac.module_corrected_errors{mc0,rank0,,}": 8})
	if strings.Contains(strings.Join(keys(got), " "), "csrow") {
		t.Errorf("errors are counted twice: %v", got)
	}
}

// reset_counters was written: the store sees a counter that fell.
func TestEDACReset(t *testing.T) {
	env := host(t, "two-socket-smt-off")
	c := NewEDAC(env)
	sweep(t, c, env)
	write(t, env.Sys+"/devices/system/edac/mc/mc0/ce_count", "0\n")
	want(t, sweepAt(t, c, env, 1010), map[string]float64{"edac.corrected_errors{mc0,skx_edac}": 0})
}

func TestEDACOutcomes(t *testing.T) {
	const mc = "/devices/system/edac/mc/"
	for name, c := range map[string]struct {
		spoil func(t *testing.T, sys string)
		class collect.Class
		says  string
	}{
		"driver without controller": {func(t *testing.T, sys string) {
			must(t, os.RemoveAll(sys+mc+"mc0"))
			must(t, os.RemoveAll(sys+mc+"mc1"))
			write(t, sys+mc+"power/control", "auto\n")
		}, collect.Permanent, "no memory controller"},
		"counter is garbage":  {func(t *testing.T, sys string) { write(t, sys+mc+"mc0/ce_count", "-3\n") }, collect.PartialOK, "is not a decimal number"},
		"counter is empty":    {func(t *testing.T, sys string) { write(t, sys+mc+"mc0/dimm0/dimm_ce_count", "") }, collect.PartialOK, "is not a decimal number"},
		"no size":             {func(t *testing.T, sys string) { must(t, os.Remove(sys+mc+"mc0/size_mb")) }, collect.OK, ""},
		"no module":           {func(t *testing.T, sys string) { must(t, os.RemoveAll(sys+mc+"mc0/dimm0")) }, collect.OK, ""},
		"a file like a slot":  {func(t *testing.T, sys string) { write(t, sys+mc+"mc0/dimmed", "x") }, collect.OK, ""},
		"a controller's twin": {func(t *testing.T, sys string) { write(t, sys+mc+"mcx/ce_count", "x") }, collect.OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			env := host(t, "two-socket-smt-off")
			c.spoil(t, env.Sys)
			fails(t, NewEDAC(env), c.class, c.says)
			if c.class != collect.Permanent {
				want(t, at(env.Store, 1000), map[string]float64{"edac.corrected_errors{mc1,skx_edac}": 0})
			}
		})
	}
}

func TestEDACWeird(t *testing.T) {
	env := host(t, "weird")
	fails(t, NewEDAC(env), collect.PartialOK, "faults more")
	got := at(env.Store, 1000)
	want(t, got, map[string]float64{"edac.uncorrected_errors{mc0,odd\uFFFDname}": 7, "edac.corrected_errors{mc0,odd\uFFFDname}": nan})
	for _, name := range keys(got) {
		if strings.ContainsAny(name, "\x1b\n\t") {
			t.Errorf("control characters in %q", name)
		}
	}
}
