package memory

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/store"
)

const hostsDir = "../../../testdata/hosts/"

var goodHosts = []string{"two-socket-smt-off", "four-node", "small-vm"}

// The names by which this package's tests call what they share with others.
var (
	write = collecttest.WriteFile
	read  = collecttest.ReadFile
	files = collecttest.Below
	at    = collecttest.At
	want  = collecttest.Want
)

// host copies what the collectors read of a fixture host. Not all have pressure
// or EDAC: a VM has none.
func host(t testing.TB, name string) collect.Env {
	t.Helper()
	return collecttest.Part(t, name, []string{"proc/meminfo", "proc/vmstat", "sys/devices/system/node"},
		"proc/pressure", "sys/devices/system/edac")
}

// collector is what all constructors of this package return.
type collector interface {
	Collect(ctx context.Context, t store.Tick) error
}

// all makes every collector of the package.
func all(env collect.Env) map[string]collector {
	return map[string]collector{
		"memory": New(env), "vmstat": NewVMStat(env), "numa": NewNUMA(env), "psi": NewPressure(env), "edac": NewEDAC(env),
	}
}

// sweep collects at second 1000 and fails on an error.
func sweep(t testing.TB, c collector, env collect.Env) map[string]float64 {
	t.Helper()
	if err := c.Collect(context.Background(), store.At(1000)); err != nil {
		t.Fatal(err)
	}
	return at(env.Store, 1000)
}

// fails collects and checks how it failed.
func fails(t testing.TB, c collector, class collect.Class, says string) {
	t.Helper()
	err := c.Collect(context.Background(), store.At(1000))
	if collect.Classify(err) != class || err != nil && !strings.Contains(err.Error(), says) {
		t.Errorf("class %d, %v; want class %d and %q", collect.Classify(err), err, class, says)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var nan = math.NaN()

// sweepAt is sweep at another second.
func sweepAt(t testing.TB, c collector, env collect.Env, second int64) map[string]float64 {
	t.Helper()
	must(t, c.Collect(context.Background(), store.At(second)))
	return at(env.Store, second)
}

func keys(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }
