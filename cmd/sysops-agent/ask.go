package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"sysops-agent/pkg/publish/web/client"
)

// asks adds the flags of commands that talk to a running agent.
func (g *globals) asks(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&g.server, "server", "", "`HOST:PORT` of the agent (default: its socket in the data directory)")
	c.Flags().BoolVar(&g.json, "json", false, "as JSON")
	return c
}

// client returns a client of the agent that the flags and the configuration
// name.
func (g *globals) client(stderr io.Writer) (*client.Client, error) {
	cfg, err := g.load(stderr, true)
	if err != nil {
		return nil, err
	}
	cl, err := client.New(client.Options{Server: g.server, Socket: cfg.Publish.Socket, Token: cfg.Publish.BearerToken})
	if err != nil {
		return nil, usageError{err}
	}
	return cl, nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
