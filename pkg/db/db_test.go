package db

import (
	"context"
	"testing"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
)

type thing struct {
	_     struct{}     `reading:"thing" domain:"test" help:"A thing."`
	ID    string       `label:"id"`
	Load  float64      `metric:"thing.load" help:"Load."`
	Bytes metric.Count `metric:"thing.io_bytes" unit:"bytes" help:"Bytes."`
}

func TestSmoke(t *testing.T) {
	reg := state.New()
	d := Open(Options{Path: t.TempDir() + "/a.db", Host: "h", Schemas: []*metric.Schema{metric.Of[thing]()}}, reg)
	defer d.Close()
	if err := d.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := metric.Of[thing]()
	err := d.Do(context.Background(), func(tx *Tx) error {
		id, err := tx.RowID("thing", JSON([]string{"id"}, []string{"a"}), "{}", 100)
		if err != nil {
			return err
		}
		return tx.UpsertReadings(s, Minute, []ReadingRow{{Row: id, Time: 60, N: 6, Val: []float64{1.5, 3}, Min: []float64{1, 0}, Max: []float64{1.5, 0}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Read(context.Background(), func(q *Querier) error {
		return q.Readings(Selection{Schema: s, Tier: Minute, Fields: []int{1, 0}, Rows: []int64{1}, To: 1000}, func(r *ReadingRow) error {
			t.Log(*r)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(d.Stats(), reg.All())
}
