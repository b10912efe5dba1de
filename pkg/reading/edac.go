package reading

import "sysops-agent/pkg/metric"

// EDAC is one memory controller that reports ECC errors, from
// /sys/devices/system/edac/mc/mc*. The counters begin anew when the driver is
// loaded or somebody writes reset_counters.
type EDAC struct {
	_ struct{} `reading:"edac" domain:"edac" help:"ECC errors seen by one memory controller."`

	Controller          string       `label:"controller" help:"Memory controller, as in mc0."`
	Driver              string       `attr:"driver" help:"Name that the driver gives the controller."`
	Corrected           metric.Count `metric:"edac.corrected_errors" unit:"count" help:"Errors corrected by ECC."`
	Uncorrected         metric.Count `metric:"edac.uncorrected_errors" unit:"count" help:"Errors that ECC could not correct: data was lost."`
	CorrectedNoInfo     metric.Count `metric:"edac.corrected_noinfo_errors" unit:"count" help:"Corrected errors whose module is not known."`
	UncorrectedNoInfo   metric.Count `metric:"edac.uncorrected_noinfo_errors" unit:"count" help:"Uncorrected errors whose module is not known."`
	Size                float64      `metric:"edac.memory_bytes" unit:"bytes" help:"Memory behind the controller."`
	SecondsSinceCleared float64      `metric:"edac.counting_seconds" unit:"seconds" help:"How long the controller has been counting."`
}

// EDACModule is one memory module, or one chip-select row where the driver
// knows no modules.
type EDACModule struct {
	_ struct{} `reading:"edac_module" domain:"edac" help:"ECC errors of one memory module."`

	Controller  string       `label:"controller" help:"Memory controller, as in mc0."`
	Slot        string       `label:"slot" help:"The module's name in the kernel: dimm0, rank3 or csrow1."`
	DIMM        string       `label:"dimm" help:"Label of the module, where the firmware or edac-ctl gave one."`
	Location    string       `attr:"location" help:"Channel and slot, as the driver numbers them."`
	Corrected   metric.Count `metric:"edac.module_corrected_errors" unit:"count" help:"Errors of the module corrected by ECC."`
	Uncorrected metric.Count `metric:"edac.module_uncorrected_errors" unit:"count" help:"Errors of the module that ECC could not correct."`
	Size        float64      `metric:"edac.module_bytes" unit:"bytes" help:"Size of the module."`
}
