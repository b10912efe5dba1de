package main

import (
	"github.com/spf13/cobra"

	"sysops-agent/pkg/agent"
	"sysops-agent/pkg/config"
)

func newRun(g *globals) *cobra.Command {
	var live bool
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the agent in the foreground",
		Long: `Runs the agent until SIGTERM or SIGINT. SIGHUP reads the configuration again.

It needs no configuration and no server. As root it sees everything; as another
user it says in its status what it cannot see and what would enable it.
The data directory holds the history; a second agent on it is refused.`,
		Example: `  sysops-agent run
  sysops-agent run --data-dir ./data --live
  sysops-agent run --listen off --config ./my.toml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			src, err := g.source(false)
			if err != nil {
				return err
			}
			cfg, warnings, err := config.Load(src)
			if err != nil {
				return err
			}
			o := agent.Options{Config: cfg, Warnings: warnings, Source: src, Version: version}
			if live {
				o.Live = cmd.OutOrStdout()
			}
			return agent.Run(cmd.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&g.listen, "listen", "", "`ADDRESS` of the page and the API: HOST:PORT, or off (default 127.0.0.1:9100)")
	f.StringVar(&g.logLevel, "log-level", "", "`LEVEL` of the least important messages: trace, debug, info, warn, error")
	f.BoolVar(&live, "live", false, "print a summary of the host every ten seconds")
	return c
}
