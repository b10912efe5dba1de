package overview

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"sysops-agent/pkg/metric"
)

// MarshalJSON writes the number, or null.
func (n Number) MarshalJSON() ([]byte, error) { return json.Marshal(n.v) }

// UnmarshalJSON reads a number or null.
func (n *Number) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &n.v) }

func (n Number) percent() string {
	if n.v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", *n.v)
}

func (n Number) plain() string {
	if n.v == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f", *n.v)
}

func (n Number) size() string { return Size(n.Value()) }

// Size renders bytes for people, in powers of 1024; "-" for NaN.
func Size(b float64) string {
	if math.IsNaN(b) {
		return "-"
	}
	for _, u := range []string{"B", "KiB", "MiB", "GiB", "TiB"} {
		if math.Abs(b) < 1023.5 {
			if u == "B" || math.Abs(b) >= 100 {
				return fmt.Sprintf("%.0f %s", b, u)
			}
			return fmt.Sprintf("%.1f %s", b, u)
		}
		b /= 1024
	}
	return fmt.Sprintf("%.1f PiB", b)
}

// clean is a name that is safe on a terminal. The agent's own names are safe
// already; but an overview may have come over the network.
func clean(s string) string {
	s, _ = metric.LabelValue(s)
	return s
}

// Render writes the overview as plain lines, rows processes at most, in one
// write.
func (o *Overview) Render(w io.Writer, rows int) error {
	var b strings.Builder
	when := "nothing measured yet"
	if !o.Time.IsZero() {
		when = o.Time.Format(time.DateTime)
	}
	fmt.Fprintf(&b, "%s  %s  %s CPUs  load %s %s %s\n", clean(o.Host), when, o.CPU.Online.plain(),
		short(o.CPU.Load[0]), short(o.CPU.Load[1]), short(o.CPU.Load[2]))
	fmt.Fprintf(&b, "cpu   %s  (user %s, nice %s, system %s, irq %s, steal %s; waiting for I/O %s)\n", o.CPU.Usage.percent(), o.CPU.User.percent(),
		o.CPU.Nice.percent(), o.CPU.System.percent(), o.CPU.IRQ.percent(), o.CPU.Steal.percent(), o.CPU.IOWait.percent())
	o.groups(&b)
	fmt.Fprintf(&b, "mem   %s used, %s of %s available  swap %s of %s\n", o.Memory.Used.percent(),
		o.Memory.Available.size(), o.Memory.Total.size(), o.Memory.SwapUsed.size(), o.Memory.SwapTotal.size())
	o.pressure(&b)
	for _, d := range o.Disks[:min(len(o.Disks), 4)] {
		fmt.Fprintf(&b, "disk  %-12s %6s busy  read %s/s  write %s/s  wait %s\n", clean(d.Device), d.Util.percent(), d.Read.size(), d.Write.size(), wait(d.Await))
	}
	for _, f := range o.Full[:min(len(o.Full), 3)] {
		if f.Stuck {
			fmt.Fprintf(&b, "fs    %-24s does not answer\n", clean(f.Mount))
			continue
		}
		fmt.Fprintf(&b, "fs    %-24s %6s used, %s available\n", clean(f.Mount), f.Used.percent(), f.Available.size())
	}
	for _, n := range o.Net[:min(len(o.Net), 3)] {
		fmt.Fprintf(&b, "net   %-12s receives %s/s  sends %s/s\n", clean(n.Interface), n.Rx.size(), n.Tx.size())
	}
	fmt.Fprintf(&b, "tasks %s processes, %s threads, %s running, %s in disk wait, %s zombies\n", o.Tasks.Total.plain(),
		o.Tasks.Threads.plain(), o.Tasks.Running.plain(), o.Tasks.Blocked.plain(), o.Tasks.Zombies.plain())
	o.table(&b, rows)
	fmt.Fprintf(&b, "agent %s of one core, %s\n", o.Agent.CPU.percent(), o.Agent.RSS.size())
	_, err := io.WriteString(w, b.String())
	return err
}

func short(n Number) string {
	if n.v == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *n.v)
}

func wait(n Number) string {
	if n.v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", *n.v*1000)
}

// groups shows sockets and nodes where there is more than one, four in a line.
func (o *Overview) groups(b *strings.Builder) {
	var sockets, nodes []string
	for _, s := range o.Sockets {
		sockets = append(sockets, fmt.Sprintf("socket %s %s", clean(s.ID), s.CPU.percent()))
	}
	for _, n := range o.Nodes {
		nodes = append(nodes, fmt.Sprintf("node %s cpu %s mem %s", clean(n.ID), n.CPU.percent(), n.Memory.percent()))
	}
	for _, g := range [][]string{sockets, nodes} {
		if len(g) < 2 {
			continue
		}
		for four := range slices.Chunk(g, 4) {
			fmt.Fprintf(b, "      %s\n", strings.Join(four, "  "))
		}
	}
}

func (o *Overview) pressure(b *strings.Builder) {
	if len(o.PSI) == 0 {
		return
	}
	b.WriteString("psi   ")
	for _, p := range o.PSI {
		fmt.Fprintf(b, "%s some %s full %s  ", clean(p.Resource), p.Some.percent(), p.Full.percent())
	}
	b.WriteString("(10 s)\n")
}

// table shows the processes by CPU, then those by memory that it has not
// shown.
func (o *Overview) table(b *strings.Builder, rows int) {
	if len(o.ByCPU)+len(o.ByRSS) == 0 || rows <= 0 {
		return
	}
	fmt.Fprintf(b, "%9s %-16s %8s %10s %7s %7s %s\n", "PID", "NAME", "CPU", "RSS", "FDS", "THREADS", "STATE")
	shown := map[uint32]bool{}
	line := func(p Process) {
		shown[p.PID] = true
		fmt.Fprintf(b, "%9d %-16s %8s %10s %7s %7d %s\n", p.PID, clean(p.Name), p.CPU.percent(), Size(float64(p.RSS)), p.FDs.plain(), p.Threads, clean(p.State))
	}
	for _, p := range o.ByCPU[:min(len(o.ByCPU), (rows+1)/2)] {
		line(p)
	}
	for _, p := range o.ByRSS {
		if len(shown) < rows && !shown[p.PID] {
			line(p)
		}
	}
}
