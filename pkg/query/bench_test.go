package query

import (
	"testing"

	"sysops-agent/pkg/db"
)

// BenchmarkRange asks for one series: a day of memory at full resolution, and
// a month of minutes from the database.
func BenchmarkRange(b *testing.B) {
	const month = 30 * 86400
	w := newWorld(b)
	w.raw["a"] = steady(midnight, month/10)
	end := midnight + month
	w.keep(map[db.Tier]int64{db.Minute: end, db.Hourly: end, db.Daily: end})
	w.remember(end-86400, end)
	for _, c := range []struct {
		name       string
		from, step int64
	}{
		{"day of memory", end - 86400, 10},
		{"month of minutes", midnight, 300},
		{"month of hours", midnight, 3600},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := w.ask(b, "probe.load_percent", c.from, end, c.step)
				if len(r.Series) != 1 || len(r.Series[0].Points) < 700 {
					b.Fatalf("%v points", points(r))
				}
			}
		})
	}
}
