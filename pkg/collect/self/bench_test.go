package self

import (
	"context"
	"testing"
	"time"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/store"
)

func BenchmarkCollect(b *testing.B) {
	st := store.Open(store.Options{})
	c := New(collect.Env{Proc: "/proc", Store: st, Interval: time.Second}, Options{})
	now := int64(1_800_000_000)
	b.ReportAllocs()
	for b.Loop() {
		now++
		if err := c.Collect(context.Background(), store.At(now)); err != nil {
			b.Fatal(err)
		}
	}
}
