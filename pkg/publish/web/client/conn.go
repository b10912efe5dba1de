package client

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
)

// conn is a connection on which an answer counts also when it came before the
// question or instead of it: an agent with too many connections says so to
// whoever connects and hangs up, while net/http would report a broken pipe or
// an answer that nobody asked for.
type conn struct {
	net.Conn
	asked chan struct{} // closed when the first question was written, or cannot be
	once  sync.Once
}

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, asked: make(chan struct{})}, nil
}

// Write takes a question that the other end no longer reads for written; what
// it said before it went, or that it said nothing, shows in reading.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.once.Do(func() { close(c.asked) })
	if hungUp(err) {
		return len(b), nil
	}
	return n, err
}

func (c *conn) Read(b []byte) (int, error) {
	<-c.asked
	return c.Conn.Read(b)
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.asked) })
	return c.Conn.Close()
}

// hungUp reports whether the other end is gone.
func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
