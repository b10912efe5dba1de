package main

import (
	"io"

	"github.com/spf13/cobra"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/reading"
)

func newDB(*globals) *cobra.Command {
	c := &cobra.Command{
		Use: "db", Short: "Show how the database is built",
		Args: noArgs,
		RunE: help,
	}
	c.AddCommand(&cobra.Command{
		Use:   "schema",
		Short: "Print the SQL of all tables, fixed and generated",
		Long: `Prints the SQL that makes the agent's tables: those that are fixed and those that
follow from the metrics, three per reading (minutes, hours, days). No agent needs
to run.`,
		Example: "  sysops-agent db schema | less",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sql, err := db.Schema(reading.All())
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), sql)
			return err
		},
	})
	return c
}
