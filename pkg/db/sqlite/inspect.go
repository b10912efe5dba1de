package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pressly/goose/v3"
)

// inspect looks at an existing file without writing to it: is it ours, not
// newer than we are, and whole?
func inspect(ctx context.Context, path string, newest int64, damage Damage) error {
	st, err := regular(path)
	if err != nil || st == nil || st.Size() == 0 {
		return err // a file of no bytes is a database of no tables
	}
	if damage == Condemned {
		return fault(Corrupt, "", nil, "the database %s was found corrupt again in use", path)
	}
	db, err := sql.Open("sqlite", dsn(path, inspectMode(path), common...))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := ours(ctx, db, path); err != nil {
		return err
	}
	version, err := versionOf(ctx, db)
	if err != nil {
		return err
	}
	if version > newest {
		return fault(Newer, "start the newer agent again, or give this one another database", nil,
			"the database %s has version %d, made by a newer agent; this one knows versions up to %d and does not touch it",
			path, version, newest)
	}
	return quickCheck(ctx, db, path, damage)
}

// inspectMode opens without leaving a trace where that is possible: with no
// log beside it the file alone is the database. A log left by a killed
// process is read through. A rollback journal, of a death before the switch
// to WAL, must be played back first.
func inspectMode(path string) string {
	switch {
	case hasBytes(path + "-journal"):
		return "rw"
	case hasBytes(path + "-wal"):
		return "ro"
	}
	return "ro&immutable=1"
}

func hasBytes(path string) bool {
	st, err := os.Lstat(path)
	return err == nil && st.Size() > 0
}

func ours(ctx context.Context, db *sql.DB, path string) error {
	var id, tables int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return fmt.Errorf("read the list of tables: %w", err)
	}
	if id == applicationID || id == 0 && tables == 0 {
		return nil
	}
	return fault(Foreign, "set another path", nil,
		"the database %s belongs to another program (application id %#x) and is not touched", path, id)
}

// versionOf returns the newest migration applied, 0 when there is none.
func versionOf(ctx context.Context, db *sql.DB) (int64, error) {
	var n int64
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = $1", goose.DefaultTablename).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("look for the version table: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+goose.DefaultTablename+" WHERE is_applied").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read the version: %w", err)
	}
	return n, nil
}

// quickCheck reads the structure of the file. It sees broken pages, not a
// flipped bit inside a value. A file too big for the time is opened half
// checked: what else is wrong shows when it is read. A suspect file is checked
// to the end of ctx.
func quickCheck(ctx context.Context, db *sql.DB, path string, damage Damage) error {
	short := ctx
	if damage == Sound {
		var cancel context.CancelFunc
		short, cancel = context.WithTimeout(ctx, quickCheckTime)
		defer cancel()
	}
	var verdict string
	err := db.QueryRowContext(short, "PRAGMA quick_check(1)").Scan(&verdict)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check the file: %w", err)
	}
	if verdict != "ok" {
		return fault(Corrupt, "", nil, "the database %s is corrupt: %.200s", path, verdict)
	}
	return nil
}

// newest returns the highest version among the migrations.
func newest(migrations fs.FS) int64 {
	var top int64
	names, _ := fs.Glob(migrations, "*.sql")
	for _, n := range names {
		if v, err := goose.NumericComponent(n); err == nil {
			top = max(top, v)
		}
	}
	return top
}

func migrate(ctx context.Context, db *sql.DB, migrations fs.FS) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, db, migrations, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the tables up to date: %w", err)
	}
	return nil
}
