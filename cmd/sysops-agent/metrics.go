package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
)

func newMetrics(*globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "metrics",
		Short: "Print the reference of all metrics",
		Long: `Prints every metric that this agent can collect: name, unit, kind, resolution,
labels, the name on the Prometheus page and the SQL column, and what it is.
No agent needs to run.`,
		Example: `  sysops-agent metrics | less
  sysops-agent metrics --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return printJSON(cmd.OutOrStdout(), metric.Reference(reading.All()))
			}
			return writeReference(cmd.OutOrStdout(), metric.Reference(reading.All()))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

// writeReference writes Markdown that also reads well as it is.
func writeReference(w io.Writer, ref []metric.ReadingDoc) error {
	var b strings.Builder
	b.WriteString("# Metrics\n\nWritten by `sysops-agent metrics`. Counters are cumulative on the page; queries and\ntables give increments. An absent value is never zero.\n")
	for _, r := range ref {
		fmt.Fprintf(&b, "\n## %s\n\n%s", r.Reading, r.Help)
		for _, l := range r.Labels {
			kind := "Label"
			if l.Attr {
				kind = "Attribute"
			}
			fmt.Fprintf(&b, "\n- %s `%s`: %s", kind, l.Name, l.Help)
		}
		b.WriteString("\n\n| metric | kind | unit | resolution | page | column | help |\n|---|---|---|---|---|---|---|\n")
		for _, m := range r.Metrics {
			fmt.Fprintf(&b, "| %s | %s | %s | %g | %s | %s.%s | %s |\n", m.Name, m.Kind, m.Unit, m.Resolution, m.Page, r.Domain, m.Column, m.Help)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
