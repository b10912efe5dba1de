// Package prometheus writes the page that Prometheus scrapes: the newest value
// of every fresh row of the store, the state of every part of the agent, and
// what the store dropped.
//
// The page is written straight from the store's heads into a bounded buffer:
// no metric objects are kept, and no sample costs an allocation. Two formats
// are spoken, chosen by the Accept header: the text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/) and
// OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/).
//
// # What is on the page
//
// A row is shown while it is fresh: written within the last three steps of
// its reading, and at least within the last minute. A row that is not
// vanishes, so that Prometheus marks its series stale instead of drawing a
// flat line. Absent values are left out; NaN and infinities never appear. All
// labels of a reading are shown, descriptive ones too: a row's labels never
// change, so they do not split its series.
//
// Counters are the source's own cumulative values, in base units; percentages
// become ratios.
//
// States are shown as sysops_state{kind,name,state}, one sample for each state
// that a part could be in, 1 for the one that it is in. So no series comes or
// goes when a part changes, and avg_over_time gives the share of time.
package prometheus
