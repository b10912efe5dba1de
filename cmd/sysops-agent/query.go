package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sysops-agent/pkg/publish/web/client"
	"sysops-agent/pkg/query"
)

func newQuery(g *globals) *cobra.Command {
	var r client.Range
	var now bool
	c := g.asks(&cobra.Command{
		Use:   "query METRIC",
		Short: "Show a metric's history, or its newest values",
		Long: `Asks the running agent for a metric. METRIC is a name from 'sysops-agent metrics',
or a selector with labels as in Prometheus. Memory (the last 24 h) and database
answer as one. Counters are shown as rates per second.`,
		Example: `  sysops-agent query cpu.total_percent --since 2m
  sysops-agent query 'disk.util_percent{device="sda"}' --since 6h --step 5m
  sysops-agent query 'proc.rss_bytes{name=~"postgres|java"}' --now
  sysops-agent query mem.used_percent --from 2026-01-31T08:00:00Z --to 2026-01-31T09:00:00Z --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.client(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer c.Close()
			if now {
				return g.instant(cmd, c, args[0], r.Limit)
			}
			r.Selector = args[0]
			res, err := c.QueryRange(cmd.Context(), r)
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(cmd.OutOrStdout(), res)
			}
			return writeRange(cmd.OutOrStdout(), res)
		},
	})
	f := c.Flags()
	f.StringVar(&r.Since, "since", "", "how far to look back, as 2m, 6h, 30d (default 1h)")
	f.StringVar(&r.From, "from", "", "begin: RFC 3339, Unix seconds, or as --since")
	f.StringVar(&r.To, "to", "", "end, as --from (default now)")
	f.StringVar(&r.Step, "step", "", "width of a point, as 10s, 5m, 1h (default: the finest that fits)")
	f.IntVar(&r.Limit, "limit", 0, "most series (default 1000)")
	f.BoolVar(&now, "now", false, "the newest value of each series instead of its history")
	c.MarkFlagsMutuallyExclusive("now", "since")
	c.MarkFlagsMutuallyExclusive("now", "from")
	c.MarkFlagsMutuallyExclusive("since", "from")
	return c
}

func (g *globals) instant(cmd *cobra.Command, c *client.Client, selector string, limit int) error {
	res, err := c.Query(cmd.Context(), selector, limit)
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(cmd.OutOrStdout(), res)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, s := range res.Series {
		fmt.Fprintf(w, "%s%s\t%s\t%s\n", res.Metric, labels(s.Labels), number(s.Value), time.Unix(s.Time, 0).Format(time.DateTime))
	}
	return w.Flush()
}

func writeRange(out io.Writer, res query.Result) error {
	unit := res.Unit
	if res.Kind == "counter" {
		unit = strings.TrimPrefix(unit+" per second", " ")
	}
	for _, n := range res.Notes {
		fmt.Fprintf(out, "note: %s\n", n)
	}
	if len(res.Series) == 0 {
		fmt.Fprintf(out, "%s: no data in this time\n", res.Metric)
		return nil
	}
	for _, s := range res.Series {
		fmt.Fprintf(out, "%s%s  [%s, step %s]\n", res.Metric, labels(s.Labels), unit, res.Step)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, p := range s.Points {
			fmt.Fprintf(w, "%s\t%s\t", time.Unix(p.Time, 0).Format(time.DateTime), number(p.Value))
			if p.Min != p.Max {
				fmt.Fprintf(w, "min %s\tmax %s\t", number(p.Min), number(p.Max))
			}
			fmt.Fprintln(w)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if res.Truncated {
		fmt.Fprintln(out, "more series match: narrow the selector or raise --limit")
	}
	return nil
}

func labels(m map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] != "" {
			parts = append(parts, k+"="+strconv.Quote(m[k]))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// number shows up to six significant digits, large numbers whole.
func number(v float64) string {
	if v >= 1e6 || v <= -1e6 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}
