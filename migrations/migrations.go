// Package migrations holds the SQL of the fixed tables, one folder per kind
// of database. The wide tables of readings are not here: package db derives
// them from the schemas of package metric.
//
// A file is named NNNNN_what.sql and is applied once, in order, in a
// transaction of its own. A file that was released is never changed again;
// later issues add files.
package migrations

import "embed"

// SQLite holds the migrations of a SQLite database.
//
//go:embed sqlite/*.sql
var SQLite embed.FS
