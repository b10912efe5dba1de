package cpu

import (
	"fmt"
	"strings"
	"testing"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
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

// host copies what the collectors read of a fixture host.
func host(t testing.TB, name string) collect.Env {
	t.Helper()
	return collecttest.Part(t, name, []string{"proc/stat", "proc/loadavg", "sys/devices/system/cpu", "sys/devices/system/node"})
}

// statText writes a /proc/stat of the given cpu lines: number and columns.
func statText(cores map[int]ticks, order ...int) string {
	var total ticks
	var b strings.Builder
	for _, id := range order {
		c := cores[id]
		total.add(&c)
		fmt.Fprintf(&b, "cpu%d%s\n", id, join(c))
	}
	return "cpu " + join(total) + "\n" + b.String()
}

func join(c ticks) string {
	var b strings.Builder
	for _, v := range c {
		fmt.Fprintf(&b, " %d", v)
	}
	return b.String()
}
