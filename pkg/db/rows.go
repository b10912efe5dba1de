package db

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// seenEvery is how precise last_seen of a reading row is, in seconds: it is
// renewed when it is so old, not with every minute that is written.
const seenEvery = 3600

// maxKnown bounds the rows whose ids are remembered between transactions.
// When there are more, all are forgotten and looked up again.
const maxKnown = 8192

// RowInfo describes one reading row.
type RowInfo struct {
	ID        int64
	Labels    string // canonical JSON, see [JSON]
	Attrs     string // JSON
	FirstSeen int64  // seconds since 1970
	LastSeen  int64  // seconds since 1970, up to an hour too early
}

type rowKey struct{ reading, labels string }

type knownRow struct {
	id       int64
	attrs    string
	lastSeen int64
}

// JSON returns names and their values as canonical JSON: one object, keys
// sorted, all values texts. It is the form of labels and attributes. values
// must be as long as names.
func JSON(names, values []string) string {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	out := []byte{'{'}
	for n, i := range order {
		if n > 0 {
			out = append(out, ',')
		}
		out = appendText(out, names[i])
		out = append(out, ':')
		out = appendText(out, values[i])
	}
	return string(append(out, '}'))
}

func appendText(b []byte, s string) []byte {
	t, _ := json.Marshal(s) // of a string it cannot fail
	return append(b, t...)
}

// RowID returns the id of this host's row of a reading with these labels
// (from [JSON]), making it when it is new. attrs replaces what was stored, and
// at (seconds since 1970) is when the row was seen. It costs a map lookup for
// a row known from an earlier transaction. Ids are good within the
// transaction only: a database begun anew gives others.
func (tx *Tx) RowID(reading, labels, attrs string, at int64) (int64, error) {
	key := rowKey{reading, labels}
	r, ok := tx.fresh[key]
	if !ok {
		r, ok = tx.s.known[key]
	}
	if ok && !tx.purge && r.attrs == attrs && at-r.lastSeen < seenEvery {
		return r.id, nil
	}
	r = knownRow{attrs: attrs}
	err := tx.QueryRow(`INSERT INTO reading_row AS old (host, reading, labels, attrs, first_seen, last_seen)
		VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (host, reading, labels) DO UPDATE SET attrs = excluded.attrs,
			first_seen = CASE WHEN excluded.first_seen < old.first_seen THEN excluded.first_seen ELSE old.first_seen END,
			last_seen = CASE WHEN excluded.last_seen > old.last_seen THEN excluded.last_seen ELSE old.last_seen END
		RETURNING id, last_seen`, []any{tx.host, reading, labels, attrs, at}, &r.id, &r.lastSeen)
	if err != nil {
		return 0, fmt.Errorf("store the row %s of reading %s: %w", labels, reading, err)
	}
	if tx.fresh == nil {
		tx.fresh = map[rowKey]knownRow{}
	}
	tx.fresh[key] = r
	return r.id, nil
}

// learn keeps what a committed transaction learnt about row ids.
func (s *session) learn(tx *Tx) {
	if tx.purge || len(s.known)+len(tx.fresh) > maxKnown {
		clear(s.known)
	}
	for k, r := range tx.fresh {
		s.known[k] = r
	}
}

// Rows calls fn for every row of a reading that this host ever had, by id;
// *RowInfo is reused. It stops at the first error and returns it.
func (q *Querier) Rows(reading string, fn func(*RowInfo) error) error {
	rows, err := q.Query(`SELECT id, labels, attrs, first_seen, last_seen FROM reading_row
		WHERE host = $1 AND reading = $2 ORDER BY id`, q.host, reading)
	if err != nil {
		return fmt.Errorf("list the rows of reading %s: %w", reading, err)
	}
	defer rows.Close()
	var r RowInfo
	for rows.Next() {
		if err := rows.Scan(&r.ID, &r.Labels, &r.Attrs, &r.FirstSeen, &r.LastSeen); err != nil {
			return fmt.Errorf("list the rows of reading %s: %w", reading, q.note(err))
		}
		if err := fn(&r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list the rows of reading %s: %w", reading, q.note(err))
	}
	return nil
}

// DeleteRows deletes up to limit reading rows, of all hosts, that were last
// seen before a time (seconds since 1970), and tells how many. Give it a time
// before the longest retention, and after their readings were deleted: those
// of a row that is gone can no longer be found.
func (tx *Tx) DeleteRows(before int64, limit int) (int64, error) {
	tx.purge = true
	n, err := tx.Exec(`DELETE FROM reading_row WHERE id IN
		(SELECT id FROM reading_row WHERE last_seen < $1 LIMIT $2)`, before-seenEvery, limit)
	if err != nil {
		return 0, fmt.Errorf("delete rows not seen any more: %w", err)
	}
	return n, nil
}

// Mark returns the high-water mark of a tier of a reading on this host:
// everything before it is stored. The second result is false when there is
// none yet.
func (q *Querier) Mark(reading string, tier Tier) (int64, bool, error) {
	var ts int64
	err := q.QueryRow(`SELECT ts FROM mark WHERE host = $1 AND reading = $2 AND tier = $3`,
		[]any{q.host, reading, string(tier)}, &ts)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("read the mark of %s: %w", Table(reading, tier), err)
	}
	return ts, true, nil
}

// SetMark moves a high-water mark, in either direction.
func (tx *Tx) SetMark(reading string, tier Tier, ts int64) error {
	_, err := tx.Exec(`INSERT INTO mark (host, reading, tier, ts) VALUES ($1, $2, $3, $4)
		ON CONFLICT (host, reading, tier) DO UPDATE SET ts = excluded.ts`, tx.host, reading, string(tier), ts)
	if err != nil {
		return fmt.Errorf("move the mark of %s: %w", Table(reading, tier), err)
	}
	return nil
}

// Heartbeat is an agent's sign of life.
type Heartbeat struct {
	Time    int64 // seconds since 1970
	PID     int
	Version string
	Uptime  int64  // of the agent, in seconds
	Health  string // state.Level
}

// Beat replaces this host's heartbeat.
func (tx *Tx) Beat(h Heartbeat) error {
	_, err := tx.Exec(`INSERT INTO heartbeat (host, ts, pid, version, uptime, health) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (host) DO UPDATE SET ts = excluded.ts, pid = excluded.pid, version = excluded.version,
			uptime = excluded.uptime, health = excluded.health`, tx.host, h.Time, h.PID, h.Version, h.Uptime, h.Health)
	if err != nil {
		return fmt.Errorf("write the heartbeat: %w", err)
	}
	return nil
}

// LastBeat returns this host's last heartbeat, false when there is none.
func (q *Querier) LastBeat() (Heartbeat, bool, error) {
	var h Heartbeat
	err := q.QueryRow(`SELECT ts, pid, version, uptime, health FROM heartbeat WHERE host = $1`,
		[]any{q.host}, &h.Time, &h.PID, &h.Version, &h.Uptime, &h.Health)
	if errors.Is(err, sql.ErrNoRows) {
		return h, false, nil
	}
	if err != nil {
		return h, false, fmt.Errorf("read the heartbeat: %w", err)
	}
	return h, true, nil
}

// registerHost finds or makes this host's row.
func (tx *Tx) registerHost(name, bootID string, now int64) error {
	err := tx.QueryRow(`INSERT INTO host (name, boot_id, first_seen, last_seen) VALUES ($1, $2, $3, $3)
		ON CONFLICT (name) DO UPDATE SET boot_id = excluded.boot_id, last_seen = excluded.last_seen
		RETURNING id`, []any{name, bootID, now}, &tx.s.host)
	if err != nil {
		return fmt.Errorf("register host %s: %w", name, err)
	}
	tx.host = tx.s.host
	return nil
}
