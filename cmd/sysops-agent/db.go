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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:   "schema",
		Short: "Print the SQL of all tables, fixed and generated",
		Args:  cobra.NoArgs,
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
