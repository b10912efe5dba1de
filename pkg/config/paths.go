package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// systemRoots are directories in which the agent never writes, whoever asks.
var systemRoots = []string{
	"/proc", "/sys", "/dev", "/etc", "/boot", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
}

// maxLinks bounds the symbolic links on the way to a path, as the kernel does.
const maxLinks = 40

// checkPaths looks at every path that the agent will write to. The agent
// still opens its directory and works below what it opened: this check is for
// clear errors before anything starts.
func (l *loader) checkPaths() {
	c := l.cfg
	data, err := checkDir(c.Agent.DataDir)
	usable := err == nil && !l.refused["agent.data_dir"]
	if err == nil && c.Store.Checkpoint {
		err = checkStore(filepath.Join(data, "store"))
	}
	if err != nil && !l.refused["agent.data_dir"] {
		l.badPath("agent.data_dir", c.Agent.DataDir, err)
	}
	for _, f := range []struct {
		key, path string
		used      bool
	}{
		{"agent.log_file", c.Agent.LogFile, c.Agent.LogFile != ""},
		{"persist.path", c.Persist.Path, c.Persist.Backend != "none"},
		{"publish.socket", c.Publish.Socket, true},
	} {
		derived := c.Origin(f.key) == fromDefault // lies in the data directory
		if !f.used || l.refused[f.key] || derived && !usable {
			continue
		}
		if err := checkFile(f.path, data, f.key == "publish.socket"); err != nil {
			l.badPath(f.key, f.path, err)
		}
	}
}

func (l *loader) badPath(key, path string, err error) {
	l.wrong.add(l.at(key), "%s is %q: %v", key, path, err)
}

// checkDir checks a directory that exists or can be made, and returns it with
// all links resolved. Not even a sticky one that others may write to will do:
// they could put files there before the agent does.
func checkDir(path string) (string, error) {
	real, info, err := resolve(path)
	switch {
	case err != nil:
		return "", err
	case real == "/":
		return "", errors.New("the root directory cannot hold the agent's files: name a directory of their own")
	case info != nil && !info.IsDir():
		return "", errors.New("this exists and is not a directory: move it away or name another")
	case info != nil && info.Mode().Perm()&0o022 != 0:
		return "", fmt.Errorf("others than its owner may write to this directory (mode %04o): "+
			"chmod 700 %q when it is the agent's own, else name a directory of its own", info.Mode().Perm(), real)
	}
	return real, nil
}

// checkStore checks the directory in data_dir that holds the history, if it is
// there. The agent makes it for itself, so that anything else is a trap or a
// mistake.
func checkStore(path string) error {
	info, err := trusted(path)
	switch {
	case isMissing(err):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%q is not a directory but the history goes there: move it away", path)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others than its owner may write to the directory %q (mode %04o): look at who put what there, then chmod 700 it",
			path, info.Mode().Perm())
	}
	return nil
}

// checkFile checks a file that exists or can be made: its directory must
// exist, unless it is dataDir, which the agent makes.
func checkFile(path, dataDir string, socket bool) error {
	dir, dirInfo, err := resolve(filepath.Dir(path))
	switch {
	case err != nil:
		return err
	case dirInfo == nil && dir != dataDir:
		return fmt.Errorf("its directory %q does not exist: create it, for the user of the agent", dir)
	case dirInfo != nil && !dirInfo.IsDir():
		return fmt.Errorf("%q is not a directory", dir)
	}
	_, info, err := resolve(path)
	switch {
	case err != nil:
		return err
	case info == nil:
	case socket && info.Mode().Type() != fs.ModeSocket:
		return errors.New("this exists and is not a socket: move it away or name another")
	case !socket && !info.Mode().IsRegular():
		return errors.New("this exists and is not a regular file: move it away or name another")
	}
	return nil
}

// resolve follows path link by link, as the kernel would, and checks every
// directory and link on the way. The FileInfo is nil when the path or a part
// of it does not exist; the rest of the path is then taken as it is.
func resolve(path string) (string, fs.FileInfo, error) {
	if err := outsideSystem(path); err != nil {
		return "", nil, err
	}
	at, todo, links := "/", split(path), 0
	info, err := trusted(at)
	for err == nil && len(todo) > 0 {
		if !info.IsDir() {
			return "", nil, fmt.Errorf("%q is not a directory", at)
		}
		next := filepath.Join(at, todo[0]) // ".." of a link's target goes up: at has no links
		todo = todo[1:]
		if err := outsideSystem(next); err != nil { // not even through: /proc/self/cwd is anywhere
			return "", nil, err
		}
		var nextInfo fs.FileInfo
		nextInfo, err = trusted(next)
		switch {
		case isMissing(err):
			rest := filepath.Join(append([]string{next}, todo...)...)
			return rest, nil, outsideSystem(rest) // a link's target may hold ".."
		case err != nil:
		case nextInfo.Mode().Type() != fs.ModeSymlink:
			at, info = next, nextInfo
		default:
			if links++; links > maxLinks {
				return "", nil, fmt.Errorf("more than %d symbolic links on the way: they may form a circle", maxLinks)
			}
			var target string
			if target, err = os.Readlink(next); err == nil && filepath.IsAbs(target) {
				at = "/"
			}
			todo = append(split(target), todo...)
		}
	}
	if err != nil {
		return "", nil, err
	}
	return at, info, nil
}

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// outsideSystem refuses a path inside one of the system's directories.
func outsideSystem(path string) error {
	path = filepath.Clean(path)
	for _, root := range systemRoots {
		if path == root || strings.HasPrefix(path, root+"/") {
			return fmt.Errorf("it leads into %s, where the agent does not write: choose a place such as /var/lib/sysops-agent", root)
		}
	}
	return nil
}

// trusted looks at one directory, link or file on the way and refuses what
// another user could exchange.
func trusted(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if isMissing(err) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look at %q: %w", path, pathless(err))
	}
	return info, exchangeable(path, info.Mode(), int(info.Sys().(*syscall.Stat_t).Uid), os.Geteuid())
}

// exchangeable refuses what another user than root and ours could replace.
func exchangeable(path string, mode fs.FileMode, owner, us int) error {
	if owner != 0 && owner != us {
		return fmt.Errorf("%q belongs to user %d, who is neither root nor the user of the agent (%d): chown it or choose another place",
			path, owner, us)
	}
	if mode.IsDir() && mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0 {
		return fmt.Errorf("everybody may write to the directory %q (mode %04o): chmod o-w it or choose another place", path, mode.Perm())
	}
	return nil
}
