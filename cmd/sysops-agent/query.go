package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
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
answer as one. History shows counters as rates per second, --now as they stand.`,
		Example: `  sysops-agent query cpu.total_percent --since 2m
  sysops-agent query 'disk.util_percent{device="sda"}' --since 6h --step 5m
  sysops-agent query 'proc.rss_bytes{name=~"postgres|java"}' --now
  sysops-agent query mem.used_percent --from 2026-01-31T08:00:00Z --to 2026-01-31T09:00:00Z --json`,
		Args: oneMetric,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkRange(r, now); err != nil {
				return usageError{err}
			}
			c, err := g.client(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer c.Close()
			if now {
				res, err := c.Query(cmd.Context(), args[0], r.Limit)
				if err != nil {
					return err
				}
				return g.show(cmd.OutOrStdout(), res, func(w io.Writer) error { return writeInstant(w, res) })
			}
			r.Selector = args[0]
			res, err := c.QueryRange(cmd.Context(), r)
			if err != nil {
				return err
			}
			return g.show(cmd.OutOrStdout(), res, func(w io.Writer) error { return writeRange(w, res) })
		},
	})
	f := c.Flags()
	f.StringVar(&r.Since, "since", "", "`DURATION` to look back, as 2m, 6h, 30d (default 1h)")
	f.StringVar(&r.From, "from", "", "`TIME` to begin: RFC 3339, Unix seconds, or as --since")
	f.StringVar(&r.To, "to", "", "`TIME` to end, as --from (default now)")
	f.StringVar(&r.Step, "step", "", "`DURATION` of a point, as 10s, 5m, 1h (default: the finest that fits)")
	f.IntVar(&r.Limit, "limit", 0, "most series, `N` (default 1000)")
	f.BoolVar(&now, "now", false, "the newest value of each series instead of its history")
	return c
}

func oneMetric(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return usageError{errors.New("query needs a METRIC, such as cpu.total_percent; `sysops-agent metrics` lists all")}
	case len(args) > 1:
		return usageError{fmt.Errorf("query takes one METRIC, but here is also %q (put a selector in quotes)", args[1])}
	}
	return nil
}

// checkRange refuses flags that contradict each other; what times and steps
// may be, the agent says.
func checkRange(r client.Range, now bool) error {
	switch {
	case now && (r.Since != "" || r.From != "" || r.To != "" || r.Step != ""):
		return errors.New("--now shows newest values only: leave out --since, --from, --to and --step")
	case r.Since != "" && r.From != "":
		return errors.New("--since and --from both say where to begin: leave one out")
	case r.Limit < 0:
		return fmt.Errorf("--limit %d is negative", r.Limit)
	}
	return nil
}

// show writes an answer as JSON, if that was asked for, or as text.
func (g *globals) show(out io.Writer, answer any, text func(io.Writer) error) error {
	if g.json {
		return printJSON(out, answer)
	}
	return text(out)
}

func writeInstant(out io.Writer, res query.Instant) error {
	if len(res.Series) == 0 {
		_, err := fmt.Fprintf(out, "%s: no value now\n", plain(res.Metric))
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range res.Series {
		fmt.Fprintf(w, "%s%s\t%s\t%s\n", plain(res.Metric), labels(s.Labels), number(s.Value), time.Unix(s.Time, 0).Format(time.DateTime))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return more(out, res.Truncated)
}

// more says that an answer is not all there is.
func more(out io.Writer, truncated bool) error {
	if !truncated {
		return nil
	}
	_, err := fmt.Fprintln(out, "more series match: narrow the selector or raise --limit")
	return err
}

func writeRange(out io.Writer, res query.Result) error {
	unit := res.Unit
	if res.Kind == "counter" {
		unit = strings.TrimPrefix(unit+" per second", " ")
	}
	for _, n := range res.Notes {
		fmt.Fprintf(out, "note: %s\n", plain(n))
	}
	if len(res.Series) == 0 {
		_, err := fmt.Fprintf(out, "%s: no data in this time\n", plain(res.Metric))
		return err
	}
	for _, s := range res.Series {
		fmt.Fprintf(out, "%s%s  [%s]\n", plain(res.Metric), labels(s.Labels), plain(strings.TrimPrefix(fmt.Sprintf("%s, step %s", unit, res.Step), ", ")))
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
	return more(out, res.Truncated)
}

// labels writes labels as a selector has them; what is not printable in their
// values is escaped.
func labels(m map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] != "" {
			parts = append(parts, plain(k)+"="+strconv.Quote(m[k]))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// number shows up to six significant digits, large numbers whole.
func number(v float64) string {
	if math.Abs(v) >= 999_999.5 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}
