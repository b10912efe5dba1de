package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sysops-agent/pkg/publish/web"
	"sysops-agent/pkg/state"
)

func newStatus(g *globals) *cobra.Command {
	return g.asks(&cobra.Command{
		Use:   "status",
		Short: "Show what works, what does not, why, and what would enable it",
		Long: `Asks the running agent for the state of every part: collectors, store, database,
publishers. --json prints the array {name, kind, state, reason, since,
enable_hint, …}.
Exit code 0 whatever the health is, 1 when no agent answers.`,
		Example: `  sysops-agent status
  sysops-agent status --data-dir ./data
  sysops-agent status --server db01:9100 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := g.client(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer c.Close()
			parts, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(cmd.OutOrStdout(), parts)
			}
			a, err := c.Agent(cmd.Context())
			if err != nil {
				return err
			}
			return writeStatus(cmd.OutOrStdout(), a, parts)
		},
	})
}

func writeStatus(out io.Writer, a web.Agent, parts []state.Status) error {
	listen := a.Listen
	if listen == "" {
		listen = "socket only"
	}
	fmt.Fprintf(out, "%s  sysops-agent %s, pid %d, up %s, on %s: %s\n\n", plain(a.Hostname), plain(a.Version), a.PID,
		time.Duration(a.Uptime)*time.Second, plain(listen), plain(string(a.Health.Level)))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tNAME\tSTATE\tSINCE\tREASON")
	for _, p := range parts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", plain(string(p.Kind)), plain(p.Name), plain(string(p.State)),
			p.Since.Local().Format(time.DateTime), plain(p.Reason))
		if p.EnableHint != "" {
			fmt.Fprintf(w, "\t\t\t\t→ %s\n", plain(p.EnableHint))
		}
	}
	return w.Flush()
}
