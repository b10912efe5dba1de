package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxFile bounds the configuration file.
const maxFile = 1 << 20

var errNotRegular = errors.New("it is not a regular file")

// configFile reads the file: the named one, $SYSOPS_CONFIG, or the default.
func (l *loader) configFile(src Source, byDefault string) {
	path, mayMiss, hint := src.File, false, "create it, or name another with --config"
	if path == "" {
		path, hint = l.lookup[FileVariable], "create it, or correct the variable "+FileVariable
	}
	if path == "" {
		path, mayMiss = byDefault, src.Previous != byDefault
		hint = "it was in force until now; put it back, or restart the agent to go on with the defaults"
	}
	data, info, err := readSmall(path, maxFile)
	switch {
	case isMissing(err) && mayMiss:
		return
	case isMissing(err):
		l.wrong.add(barePath(path), "the configuration file does not exist: %s", hint)
		return
	case err != nil:
		l.wrong.add(barePath(path), "the configuration file cannot be read: %v", err)
		return
	}
	l.cfg.meta.file = path
	l.fileOwner(path, info.Mode(), int(info.Sys().(*syscall.Stat_t).Uid), os.Geteuid())
	l.document(barePath(path), data, info.Mode().Perm()&0o077 != 0)
}

// fileOwner looks at who else may write the file: he decides what the agent
// does, so that root's agent does not take it.
func (l *loader) fileOwner(path string, mode fs.FileMode, owner, us int) {
	if us == 0 && owner != 0 {
		l.wrong.add(barePath(path), "this file belongs to user %d, who could tell root's agent what to do: chown root it", owner)
	}
	if mode.Perm()&0o022 != 0 {
		list := &l.doubtful
		if us == 0 {
			list = &l.wrong
		}
		list.add(barePath(path), "others than its owner may write this file (mode %04o): chmod go-w it", mode.Perm())
	}
}

// readSmall reads a regular file of at most limit bytes. It looks before it
// opens, since opening a device may have effects, and again at what it opened.
func readSmall(path string, limit int64) ([]byte, fs.FileInfo, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, nil, errNotRegular
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, pathless(err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, pathless(err)
	case !info.Mode().IsRegular():
		return nil, nil, errNotRegular
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, nil, pathless(err)
	case int64(len(data)) > limit:
		return nil, nil, fmt.Errorf("it is larger than %s", Bytes(limit))
	}
	return data, info, nil
}

// pathless takes the path out of an error: it stands in the message already.
func pathless(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
