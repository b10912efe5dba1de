package query

import (
	"encoding/json"
	"fmt"
	"slices"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// series is one row that was asked for: what the store and the database have
// under one set of identifying labels.
type series struct {
	values []string     // of Schema.Labels
	rows   []*store.Row // oldest first; empty when it is in the database only
	stored int64        // id in the database; 0 when it is not there
	first  int64        // Unix second of the first minute stored
}

// inMemory returns the series of a shard that may have samples of [from, to),
// matching or not, live ones first, and their identities.
func inMemory(sh *store.Shard, from, to int64) ([]series, map[string]bool) {
	if sh == nil {
		return nil, map[string]bool{}
	}
	var out []series
	known, at := map[string]bool{}, map[string]int{}
	// Live rows first: theirs are the newest attributes.
	for _, r := range append(slices.Clone(sh.Rows()), sh.Departed(from, to)...) {
		id := identity(sh.Schema(), r.Labels())
		i, ok := at[id]
		if !ok {
			i = len(out)
			at[id], known[id] = i, true
			out = append(out, series{values: r.Labels()})
		}
		out[i].rows = append(out[i].rows, r)
	}
	for i := range out {
		// A row that came back has a new id; ids only grow.
		slices.SortFunc(out[i].rows, func(a, b *store.Row) int { return int(int64(a.ID()) - int64(b.ID())) })
	}
	return out, known
}

// identity returns the identifying labels as the database writes them.
func identity(s *metric.Schema, values []string) string {
	var names, texts []string
	for i := range s.Labels {
		if !s.Labels[i].Attr {
			names, texts = append(names, s.Labels[i].Name), append(texts, values[i])
		}
	}
	return db.JSON(names, texts)
}

// pageRows is how many reading rows are asked of the database at a time.
const pageRows = 256

// seenSlack is how much too early last_seen of a reading row may be, in
// seconds.
const seenSlack = 3600

// storedRow is a row of the table reading_row.
type storedRow struct {
	id, first     int64
	labels, attrs string
}

// storedPage returns the next reading rows after id that were seen within
// [from, to).
func storedPage(q *db.Querier, reading string, from, to, after int64) ([]storedRow, error) {
	rows, err := q.Query(`SELECT id, first_seen, labels, attrs FROM reading_row
		WHERE host = $1 AND reading = $2 AND last_seen > $3 AND first_seen < $4 AND id > $5 ORDER BY id LIMIT $6`,
		q.Host(), reading, from-seenSlack, to, after, pageRows)
	if err != nil {
		return nil, fmt.Errorf("list the rows of reading %s: %w", reading, err)
	}
	defer rows.Close()
	var out []storedRow
	for rows.Next() {
		var r storedRow
		if err := rows.Scan(&r.id, &r.first, &r.labels, &r.attrs); err != nil {
			return nil, fmt.Errorf("list the rows of reading %s: %w", reading, err)
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list the rows of reading %s: %w", reading, err)
	}
	return out, nil
}

// values returns the row's values of Schema.Labels; labels that it was stored
// without are empty. It is false when the texts cannot be read.
func (r *storedRow) values(s *metric.Schema) ([]string, bool) {
	texts := map[string]string{}
	for _, t := range []string{r.attrs, r.labels} {
		if json.Unmarshal([]byte(t), &texts) != nil {
			return nil, false
		}
	}
	out := make([]string, len(s.Labels))
	for i := range s.Labels {
		out[i] = texts[s.Labels[i].Name]
	}
	return out, true
}
