package reading

import "sysops-agent/pkg/metric"

// Pressure is one file of /proc/pressure: the share of time in which some
// task, or all tasks at once, waited for a resource.
type Pressure struct {
	_ struct{} `reading:"pressure" domain:"pressure" help:"Pressure stall information (PSI) of one resource."`

	Resource    string       `label:"resource" help:"What was waited for: cpu, memory, io or irq."`
	SomeAvg10   float64      `metric:"psi.some_avg10_percent" unit:"percent" help:"Time in which at least one task waited, mean of 10 seconds."`
	SomeAvg60   float64      `metric:"psi.some_avg60_percent" unit:"percent" help:"Time in which at least one task waited, mean of 60 seconds."`
	SomeAvg300  float64      `metric:"psi.some_avg300_percent" unit:"percent" help:"Time in which at least one task waited, mean of 300 seconds."`
	SomeSeconds metric.Count `metric:"psi.some_seconds" unit:"seconds" scale:"1e-6" help:"Time in which at least one task waited."`
	FullAvg10   float64      `metric:"psi.full_avg10_percent" unit:"percent" help:"Time in which all tasks waited, mean of 10 seconds."`
	FullAvg60   float64      `metric:"psi.full_avg60_percent" unit:"percent" help:"Time in which all tasks waited, mean of 60 seconds."`
	FullAvg300  float64      `metric:"psi.full_avg300_percent" unit:"percent" help:"Time in which all tasks waited, mean of 300 seconds."`
	FullSeconds metric.Count `metric:"psi.full_seconds" unit:"seconds" scale:"1e-6" help:"Time in which all tasks waited."`
}
