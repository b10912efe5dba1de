package state

import "testing"

// Parts of a health table.
var (
	working    = Status{State: Active}
	failedOnce = Status{State: Degraded, Fault: true}
	resting    = Status{State: Degraded, Fault: true, Circuit: true}
	refused    = Status{State: Off, Fault: true}
	unwanted   = Status{State: Off}
	unknown    = Status{State: Starting}
	secondBest = Status{State: Fallback}
)

func TestHealth(t *testing.T) {
	for name, tc := range map[string]struct {
		collectors []Status
		others     []Status
		want       Health
	}{
		"nothing":                   {nil, nil, Health{Healthy, 0, 0, 0, 0}},
		"all work":                  {[]Status{working, working}, []Status{working}, Health{Healthy, 2, 0, 0, 0}},
		"not yet known":             {[]Status{unknown}, nil, Health{Healthy, 1, 0, 0, 0}},
		"one off by choice":         {[]Status{working, unwanted}, nil, Health{Healthy, 1, 0, 0, 0}},
		"all off by choice":         {[]Status{unwanted, unwanted}, nil, Health{Healthy, 0, 0, 0, 0}},
		"second best":               {[]Status{secondBest}, []Status{secondBest}, Health{Healthy, 1, 0, 0, 0}},
		"one failed once":           {[]Status{working, failedOnce}, nil, Health{Impaired, 2, 0, 0, 1}},
		"all failed once":           {[]Status{failedOnce, failedOnce}, nil, Health{Impaired, 2, 0, 0, 2}},
		"one rests":                 {[]Status{working, resting}, nil, Health{Impaired, 2, 1, 1, 1}},
		"an open circuit, no fault": {[]Status{working, {State: Degraded, Circuit: true}}, nil, Health{Impaired, 2, 1, 1, 0}},
		"one refused":               {[]Status{working, refused}, nil, Health{Impaired, 2, 1, 0, 1}},
		"all rest":                  {[]Status{resting, resting}, nil, Health{Critical, 2, 2, 2, 2}},
		"all refused":               {[]Status{refused}, nil, Health{Critical, 1, 1, 0, 1}},
		"refused, rests, unwanted":  {[]Status{refused, resting, unwanted}, nil, Health{Critical, 2, 2, 1, 2}},
		"one works, others refused": {[]Status{refused, refused, working}, nil, Health{Impaired, 3, 2, 0, 2}},
		"database at fault":         {[]Status{working}, []Status{failedOnce}, Health{Impaired, 1, 0, 0, 1}},
		"publisher's circuit":       {[]Status{working}, []Status{resting}, Health{Impaired, 1, 0, 0, 1}},
		"database off by choice":    {[]Status{working}, []Status{unwanted}, Health{Healthy, 1, 0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			r := New()
			for i, s := range tc.collectors {
				r.Part(Collector, string(rune('a'+i))).Set(s)
			}
			for i, s := range tc.others {
				r.Part(Database, string(rune('a'+i))).Set(s)
			}
			if got := r.Health(); got != tc.want {
				t.Errorf("health %+v, want %+v", got, tc.want)
			}
		})
	}
}
