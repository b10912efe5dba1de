package client

import (
	"io"
	"net"
	"path/filepath"
	"testing"
)

// What was said before the question is read after it, although nobody reads
// the question any more.
func TestAnswerBeforeTheQuestion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "too many") // the reader checks what came
		_ = c.Close()
	}()
	c, err := dial(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	<-gone
	if n, err := c.Write([]byte("question")); n != 8 || err != nil {
		t.Errorf("%d bytes written, %v", n, err)
	}
	if got, err := io.ReadAll(c); string(got) != "too many" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
