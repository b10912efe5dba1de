package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sysops-agent/pkg/publish/prometheus"
)

func newVersion(*globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  "Prints the version, the commit it was built from and the Go it was built with.",
		Example: `  sysops-agent version
  sysops-agent version --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := prometheus.ReadBuild(version)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]string{"version": b.Version, "revision": b.Revision, "go_version": b.GoVersion})
			}
			from := b.GoVersion
			if b.Revision != "" {
				from = b.Revision + ", " + from
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "sysops-agent %s (%s)\n", b.Version, from)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}
