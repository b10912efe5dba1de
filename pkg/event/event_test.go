package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// received empties a queue.
func received(s *Subscription) []Event {
	var out []Event
	for {
		select {
		case e := <-s.C:
			out = append(out, e)
		default:
			return out
		}
	}
}

// ascending checks that events are numbered from first on, without a gap.
func ascending(t *testing.T, what string, events []Event, first uint64) {
	t.Helper()
	for i, e := range events {
		if e.Seq != first+uint64(i) {
			t.Fatalf("%s: event %d has number %d, want %d", what, i, e.Seq, first+uint64(i))
		}
	}
}

func TestEverySubscriberGetsEveryEvent(t *testing.T) {
	b := NewBus()
	one, two := b.Subscribe("one", 10), b.Subscribe("two", 10)
	for i := range 10 {
		b.Publish(Event{Time: noon, Kind: ConfigReloaded, Text: fmt.Sprint(i), Attrs: map[string]string{"n": fmt.Sprint(i)}})
	}
	for _, s := range []*Subscription{one, two} {
		got := received(s)
		if len(got) != 10 || s.Dropped() != 0 {
			t.Fatalf("%s: %d events, %d dropped", s.Name, len(got), s.Dropped())
		}
		ascending(t, s.Name, got, 1)
		for i, e := range got {
			if e.Text != fmt.Sprint(i) || e.Attrs["n"] != e.Text || e.Kind != ConfigReloaded || !e.Time.Equal(noon) {
				t.Errorf("%s: event %d is %+v", s.Name, i, e)
			}
		}
	}
	late := b.Subscribe("late", 10)
	b.Publish(Event{Kind: ConfigRefused})
	if got := received(late); len(got) != 1 || got[0].Seq != 11 {
		t.Errorf("a late subscriber got %+v, want event 11 only", got)
	}
}

func TestZeroTimeBecomesNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		b.Publish(Event{})
		if e := b.Recent()[0]; !e.Time.Equal(time.Now()) {
			t.Errorf("time %s, want %s", e.Time, time.Now())
		}
	})
}

// A full queue costs its own subscriber only, and keeps the oldest.
func TestFullQueueDropsAndCounts(t *testing.T) {
	b := NewBus()
	slow, quick, none := b.Subscribe("slow", 2), b.Subscribe("quick", 10), b.Subscribe("none", 0)
	for range 5 {
		b.Publish(Event{})
	}
	got := received(slow)
	if len(got) != 2 {
		t.Fatalf("the slow one got %d events, want 2", len(got))
	}
	ascending(t, "slow", got, 1)
	if n := len(received(quick)); n != 5 {
		t.Errorf("the quick one got %d events, want 5", n)
	}
	if n := len(received(none)); n != 0 {
		t.Errorf("the one without a queue got %d events", n)
	}
	want := map[string]uint64{"slow": 3, "quick": 0, "none": 5}
	if !maps.Equal(b.Dropped(), want) {
		t.Errorf("dropped %v, want %v", b.Dropped(), want)
	}
	b.Publish(Event{}) // there is room again
	if got := received(slow); len(got) != 1 || got[0].Seq != 6 {
		t.Errorf("after the queue was emptied it got %+v, want event 6", got)
	}
}

func TestDroppedAddsUpSameNames(t *testing.T) {
	b := NewBus()
	b.Subscribe("twin", 0)
	b.Subscribe("twin", 0)
	b.Publish(Event{})
	if got := b.Dropped(); !maps.Equal(got, map[string]uint64{"twin": 2}) {
		t.Errorf("dropped %v, want 2 of twin", got)
	}
}

func TestRecent(t *testing.T) {
	for _, n := range []uint64{0, 1, recentSize - 1, recentSize, recentSize + 1, 2*recentSize - 1, 2 * recentSize, 3*recentSize + 7} {
		b := NewBus()
		for range n {
			b.Publish(Event{Time: noon})
		}
		got := b.Recent()
		if uint64(len(got)) != min(n, recentSize) {
			t.Fatalf("of %d events %d are remembered", n, len(got))
		}
		ascending(t, fmt.Sprintf("of %d", n), got, n-uint64(len(got))+1)
		if n == 0 {
			continue
		}
		got[0].Text = "changed"
		if b.Recent()[0].Text != "" {
			t.Error("a change of the answer shows in the bus")
		}
	}
}

// Publishers, subscribers and readers at once: everybody sees ascending
// numbers, and what was not received is counted as dropped.
func TestConcurrently(t *testing.T) {
	const publishers, each = 8, 500
	b := NewBus()
	subs := []*Subscription{b.Subscribe("a", 4), b.Subscribe("b", publishers*each)}
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	counts := make([]uint64, len(subs))
	for i, s := range subs {
		readers.Go(func() {
			var last uint64
			take := func(e Event) {
				if e.Seq <= last {
					t.Errorf("%s: event %d after %d", s.Name, e.Seq, last)
				}
				last = e.Seq
				counts[i]++
			}
			for {
				select {
				case e := <-s.C:
					take(e)
				case <-done:
					for _, e := range received(s) {
						take(e)
					}
					return
				}
			}
		})
	}
	for range publishers {
		writers.Go(func() {
			for i := range each {
				b.Publish(Event{Kind: StateChanged})
				if i%100 == 0 {
					recent := b.Recent()
					ascending(t, "recent", recent, recent[0].Seq)
					b.Subscribe("passing", 1)
					b.Dropped()
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	for i, s := range subs {
		if counts[i]+s.Dropped() != publishers*each {
			t.Errorf("%s: %d received and %d dropped of %d", s.Name, counts[i], s.Dropped(), publishers*each)
		}
	}
	if subs[1].Dropped() != 0 {
		t.Errorf("%d dropped although there was room for all", subs[1].Dropped())
	}
}

func TestJSON(t *testing.T) {
	for name, tc := range map[string]struct {
		e    Event
		want string
	}{
		"plain": {
			Event{Seq: 7, Time: noon, Kind: ClockStepped, Text: "The clock jumped by 1h."},
			`{"seq":7,"time":"2026-01-31T12:00:00Z","kind":"clock.stepped","text":"The clock jumped by 1h."}`,
		},
		"hostile text": {
			Event{Time: noon, Kind: StateChanged, Text: "a\n\x1b[31m\xff", Attrs: map[string]string{"part": "</script>"}},
			`{"seq":0,"time":"2026-01-31T12:00:00Z","kind":"state.changed","text":"a\n\u001b[31m\ufffd","attrs":{"part":"\u003c/script\u003e"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(tc.e)
			if err != nil || string(got) != tc.want {
				t.Errorf("%s, %v\nwant %s", got, err, tc.want)
			}
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	bus := NewBus()
	bus.Subscribe("full", 0)
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish(Event{Time: noon, Kind: StateChanged})
	}
}
