package db

import (
	"time"

	"sysops-agent/pkg/db/sqlite"
)

// Stats counts what the database did since the start of the agent.
type Stats struct {
	Flushes     uint64 // committed transactions that held readings (PER-26)
	RowsWritten uint64 // rows of readings in them
	Commits     uint64 // committed transactions of any kind
	Failures    uint64 // transactions and attempts to open that failed
	Refused     uint64 // calls refused at once because the database was away
	Opens       uint64 // times the file was opened; above 1: it was lost

	WriteTime time.Duration // of all committed transactions
	LastWrite time.Duration // of the last one
	MaxWrite  time.Duration // of the slowest one

	FileBytes int64 // of the database file
	WALBytes  int64 // of its write-ahead log

	LastError   string
	LastErrorAt time.Time
}

// Stats returns the counters now.
func (d *DB) Stats() Stats {
	d.mu.Lock()
	s := d.stats
	d.mu.Unlock()
	s.FileBytes, s.WALBytes = sqlite.Size(d.o.Path)
	return s
}

func (s *Stats) failed(err error) {
	s.Failures++
	s.LastError, s.LastErrorAt = err.Error(), time.Now()
}

func (s *Stats) wrote(rows int, took time.Duration) {
	s.Commits++
	if rows > 0 {
		s.Flushes++
		s.RowsWritten += uint64(rows)
	}
	s.WriteTime += took
	s.LastWrite = took
	s.MaxWrite = max(s.MaxWrite, took)
}
