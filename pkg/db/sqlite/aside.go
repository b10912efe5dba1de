package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// MaxAside is how many corrupt files are kept beside the database. They are
// evidence, and perhaps data to recover, so none is deleted; when there are
// so many, the disk is at fault and a fresh file would not last either.
const MaxAside = 3

const (
	asideMark = ".corrupt-"
	asideTime = "20060102T150405Z"
)

// ErrTooManyAside says that [MaxAside] corrupt files lie beside the database
// already.
var ErrTooManyAside = errors.New("too many corrupt files are kept already")

// MoveAside renames the database file, which must not be open, and its log to
// <path>.corrupt-<UTC time> and returns that name. Nothing is overwritten or
// deleted. The log goes first: the file left alone is still corrupt after a
// crash in between, while a log left alone might be taken for the next file's.
func MoveAside(path string, now time.Time) (string, error) {
	if len(Aside(path)) >= MaxAside {
		return "", ErrTooManyAside
	}
	to := path + asideMark + now.UTC().Format(asideTime)
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		if _, err := os.Lstat(to + suffix); err == nil {
			return "", fmt.Errorf("move the corrupt database aside: %s%s exists", to, suffix)
		}
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		err := os.Rename(path+suffix, to+suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("move the corrupt database aside: %w", err)
		}
	}
	if err := syncDir(path); err != nil {
		return "", fmt.Errorf("move the corrupt database aside: %w", err)
	}
	return to, nil
}

// Aside lists the corrupt files kept beside the database, oldest first.
func Aside(path string) []string {
	all, _ := filepath.Glob(escapeGlob(path) + asideMark + "*Z")
	return all // Glob sorts
}

// AsideTime tells from its name when a corrupt file was moved aside.
func AsideTime(name string) (time.Time, bool) {
	i := strings.LastIndex(name, asideMark)
	if i < 0 {
		return time.Time{}, false
	}
	t, err := time.Parse(asideTime, name[i+len(asideMark):])
	return t, err == nil
}

var globSpecial = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

func escapeGlob(s string) string { return globSpecial.Replace(s) }

func syncDir(path string) error {
	d, err := os.Open(dirOf(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
