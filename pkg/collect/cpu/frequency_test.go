package cpu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/store"
)

func curFreq(env collect.Env, cpu int) string {
	return fmt.Sprintf("%s/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", env.Sys, cpu)
}

func TestFrequency(t *testing.T) {
	env := host(t, "two-socket-smt-off")
	f := NewFrequency(env)
	must(t, f.Collect(context.Background(), store.At(1000)))
	want(t, at(env.Store, 1000), map[string]float64{
		"cpu.core_frequency_hertz{0}": 1.2e9, "cpu.core_frequency_hertz{7}": 1.9e9,
		"cpu.socket_frequency_min_hertz{0}": 1.2e9, "cpu.socket_frequency_avg_hertz{0}": 1.35e9, "cpu.socket_frequency_max_hertz{0}": 1.5e9,
		"cpu.socket_frequency_min_hertz{1}": 1.6e9, "cpu.socket_frequency_avg_hertz{1}": 1.75e9, "cpu.socket_frequency_max_hertz{1}": 1.9e9,
	})
	// CPU 7 goes offline; CPU 4 has a driver that lost its clock.
	write(t, env.Sys+"/devices/system/cpu/online", "0-6\n")
	must(t, os.Remove(curFreq(env, 7)))
	write(t, curFreq(env, 4), "<unknown>\n")
	err := f.Collect(context.Background(), store.At(1060))
	var p *collect.PartialError
	if !errors.As(err, &p) || !strings.Contains(p.Reason, "cpu4/cpufreq/scaling_cur_freq:1") {
		t.Errorf("got %v", err)
	}
	want(t, at(env.Store, 1060), map[string]float64{
		"cpu.core_frequency_hertz{7}": nan, "cpu.core_frequency_hertz{4}": nan, "cpu.core_frequency_hertz{6}": 1.8e9,
		"cpu.socket_frequency_min_hertz{1}": 1.7e9, "cpu.socket_frequency_avg_hertz{1}": 1.75e9, "cpu.socket_frequency_max_hertz{1}": 1.8e9,
	})
}

func TestFrequencyOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		host  string
		spoil func(t *testing.T, env collect.Env)
		class collect.Class
		says  string
	}{
		"virtual machine": {"small-vm", func(*testing.T, collect.Env) {}, collect.Permanent, "has cpufreq/scaling_cur_freq"},
		"no sysfs":        {"", func(*testing.T, collect.Env) {}, collect.Permanent, "cannot find the online CPUs"},
		"weird":           {"weird", func(*testing.T, collect.Env) {}, collect.PartialOK, "some clocks are missing"},
		"all garbage": {"two-socket-smt-off", func(t *testing.T, env collect.Env) {
			for cpu := range 8 {
				write(t, curFreq(env, cpu), "fast\n")
			}
		}, collect.Transient, "cannot read the clock of any CPU"},
		"online garbage": {"two-socket-smt-off", func(t *testing.T, env collect.Env) {
			write(t, env.Sys+"/devices/system/cpu/online", "all of them\n")
		}, collect.Transient, "online:1:"},
	} {
		t.Run(name, func(t *testing.T) {
			env := host(t, c.host)
			c.spoil(t, env)
			f := NewFrequency(env)
			for range 2 { // and says so again
				err := f.Collect(context.Background(), store.At(1000))
				if collect.Classify(err) != c.class || !strings.Contains(err.Error(), c.says) {
					t.Errorf("class %d, %v; want class %d and %q", collect.Classify(err), err, c.class, c.says)
				}
			}
		})
	}
}

func TestFrequencySweepsNothingBeforeTheFirstClock(t *testing.T) {
	env := host(t, "small-vm")
	_ = NewFrequency(env).Collect(context.Background(), store.At(1000)) // TestFrequencyOutcomes
	for _, name := range []string{"cpu_core_frequency", "cpu_socket_frequency"} {
		if n := env.Store.Shard(name).Newest(); n != 0 {
			t.Errorf("%s: a sweep of nothing at %d", name, n)
		}
	}
}

func TestFrequencyGivesUpInTime(t *testing.T) {
	env := host(t, "two-socket-smt-off")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := NewFrequency(env).Collect(ctx, store.At(1000))
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "only 0 of 8") {
		t.Errorf("got %v", err)
	}
	want(t, at(env.Store, 1000), map[string]float64{"cpu.socket_frequency_min_hertz{0}": nan})
}
