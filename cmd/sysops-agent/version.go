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
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := prometheus.ReadBuild(version)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]string{"version": b.Version, "revision": b.Revision, "go_version": b.GoVersion})
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "sysops-agent %s (%s, %s)\n", b.Version, b.Revision, b.GoVersion)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}
