package main

import (
	"context"
	"fmt"
	"math"
	"os"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// prom is the head block of Prometheus, without its log.
type prom struct {
	dir  string
	head *tsdb.Head
	refs []storage.SeriesRef
	sets []labels.Labels
}

func newProm(series int) (*prom, error) {
	dir, err := os.MkdirTemp("", "bench-tsdb")
	if err != nil {
		return nil, err
	}
	o := tsdb.DefaultHeadOptions()
	o.ChunkDirRoot = dir
	o.ChunkRange = 48 * 3600 * 1000 // a day stays in the head
	o.StripeSize = 512
	h, err := tsdb.NewHead(nil, nil, nil, nil, o, nil)
	if err != nil {
		return nil, err
	}
	if err := h.Init(math.MinInt64); err != nil {
		return nil, err
	}
	p := &prom{dir: dir, head: h, refs: make([]storage.SeriesRef, series)}
	for i := range series {
		p.sets = append(p.sets, labels.FromStrings("__name__", fmt.Sprintf("metric_%d", i%fields), "id", fmt.Sprint(i/fields)))
	}
	return p, nil
}

func (p *prom) write(unix int64, values []float64) error {
	app := p.head.Appender(context.Background())
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		ref, err := app.Append(p.refs[i], p.sets[i], unix*1000, v)
		if err != nil {
			return err
		}
		p.refs[i] = ref
	}
	return app.Commit()
}

func (p *prom) read(series int, from, to int64) (int, error) {
	q, err := tsdb.NewBlockQuerier(tsdb.NewRangeHead(p.head, from*1000, to*1000), from*1000, to*1000)
	if err != nil {
		return 0, err
	}
	defer q.Close()
	set := p.sets[series]
	ss := q.Select(context.Background(), false, nil,
		labels.MustNewMatcher(labels.MatchEqual, "__name__", set.Get("__name__")),
		labels.MustNewMatcher(labels.MatchEqual, "id", set.Get("id")))
	n := 0
	for ss.Next() {
		it := ss.At().Iterator(nil)
		for it.Next() == chunkenc.ValFloat {
			_, _ = it.At()
			n++
		}
		if it.Err() != nil {
			return n, it.Err()
		}
	}
	return n, ss.Err()
}

func (p *prom) close() error {
	defer os.RemoveAll(p.dir)
	return p.head.Close()
}
