package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"sysops-agent/pkg/overview"
)

func newTop(g *globals) *cobra.Command {
	var every time.Duration
	var once bool
	c := g.asks(&cobra.Command{
		Use:   "top",
		Short: "Watch the host: CPU, memory, pressure, disks, NUMA nodes, top processes",
		Long: `Shows what the running agent knows of the host now and refreshes it until
interrupted. The numbers are the agent's own, as old as its last sweep; nothing
is measured twice. Without a terminal it prints once.`,
		Example: `  sysops-agent top
  sysops-agent top --interval 5s
  sysops-agent top --server db01:9100 --once`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < 100*time.Millisecond {
				return usageError{fmt.Errorf("--interval %s is shorter than 100ms", every)}
			}
			return g.top(cmd, every, once)
		},
	})
	c.Flags().DurationVar(&every, "interval", 2*time.Second, "time between two pictures")
	c.Flags().BoolVar(&once, "once", false, "print one picture and end")
	return c
}

func (g *globals) top(cmd *cobra.Command, every time.Duration, once bool) error {
	c, err := g.client(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer c.Close()
	out := cmd.OutOrStdout()
	rows, terminal := terminalRows(out)
	ctx := cmd.Context()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		o, err := c.Overview(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // interrupted: that is how it ends
		case err != nil:
			return err
		}
		if g.json {
			if err := printJSON(out, o); err != nil {
				return err
			}
		} else if err := draw(out, &o, rows, terminal && !once); err != nil {
			return err
		}
		if once || !terminal {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			rows, _ = terminalRows(out)
		}
	}
}

// headRows is what the overview takes above its table at most.
const headRows = 22

// draw writes one picture in one write, over the one before if there was one:
// then it is no higher than the terminal, because it would scroll.
func draw(out io.Writer, o *overview.Overview, rows int, over bool) error {
	var b bytes.Buffer
	if over {
		b.WriteString("\x1b[H") // home; each line then clears its rest
	}
	var text bytes.Buffer
	if err := o.Render(&text, max(rows-headRows, 4)); err != nil {
		return err
	}
	left := rows - 1 // the cursor stays below
	for line := range bytes.Lines(text.Bytes()) {
		if left--; over && left < 0 {
			break
		}
		b.Write(bytes.TrimSuffix(line, []byte("\n")))
		if over {
			b.WriteString("\x1b[K")
		}
		b.WriteByte('\n')
	}
	if over {
		b.WriteString("\x1b[J")
	}
	_, err := out.Write(b.Bytes())
	return err
}

// terminalRows returns the height of the terminal, 40 where out is none.
func terminalRows(out io.Writer) (int, bool) {
	f, ok := out.(*os.File)
	if !ok {
		return 40, false
	}
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 40, false
	}
	return int(ws.Row), true
}
