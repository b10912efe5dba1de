package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// listenSocket listens on a Unix socket that only its owner may open. The
// directory must belong to the caller and be writable by nobody else, else
// another could put his own socket there.
func listenSocket(ctx context.Context, path string) (net.Listener, error) {
	if err := checkSocketDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	// Linux gives the new file the mode of the socket itself (unix_bind in
	// net/unix/af_unix.c), so the mode is set before there is a file: at no
	// moment can another user connect.
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if cerr := raw.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); cerr != nil {
			return cerr
		}
		return err
	}}
	ln, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, &listenError{path, err, "look at the directory's permissions, or set publish.socket to another path"}
	}
	return ln, nil
}

func checkSocketDir(dir string) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return &listenError{dir, err, "create the directory of publish.socket, or set publish.socket to another path"}
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	switch {
	case !fi.IsDir():
		err = errors.New("it is not a directory")
	case ok && int(st.Uid) != os.Geteuid():
		err = fmt.Errorf("the directory belongs to user %d, the agent runs as user %d", st.Uid, os.Geteuid())
	case fi.Mode().Perm()&0o022 != 0:
		err = fmt.Errorf("others may write to the directory (mode %04o)", fi.Mode().Perm())
	default:
		return nil
	}
	return &listenError{dir, err, "use a directory that belongs to the agent's user with mode 0700, such as agent.data_dir"}
}

// removeStale removes the socket of an agent that did not end in order. Only
// a socket that nobody listens on is removed.
func removeStale(ctx context.Context, path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &listenError{path, err, "look at the directory's permissions"}
	}
	if fi.Mode().Type() != fs.ModeSocket {
		return &listenError{path, errors.New("a file that is not a socket is there"), "move it away, or set publish.socket to another path"}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close()
		return &listenError{path, errors.New("another process listens there"), "stop it, or set publish.socket to another path"}
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return &listenError{path, fmt.Errorf("cannot tell whether another process listens there: %w", err), "remove the file if no agent runs"}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &listenError{path, fmt.Errorf("cannot remove the socket of an earlier agent: %w", err), "remove the file"}
	}
	return nil
}

// listenTCP listens on a TCP address.
func listenTCP(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &listenError{addr, errors.New("another program has the port"), "stop that program (node_exporter uses 9100 too), or set publish.listen to another port"}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, &listenError{addr, errors.New("this host has no such address"), "set publish.listen to an address of this host"}
	case errors.Is(err, fs.ErrPermission):
		return nil, &listenError{addr, errors.New("permission denied"), "set publish.listen to a port above 1023"}
	default:
		return nil, &listenError{addr, err, "correct publish.listen"}
	}
}

// listenError says why an address cannot be listened on, and what to do.
type listenError struct {
	addr string
	err  error
	hint string
}

func (e *listenError) Error() string { return fmt.Sprintf("cannot listen on %s: %v", e.addr, e.err) }
func (e *listenError) Unwrap() error { return e.err }
