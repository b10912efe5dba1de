// Package client asks a running agent, for the commands: over its Unix socket
// or, when told so, over TCP. It explains itself when nobody answers.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sysops-agent/pkg/config"
	"sysops-agent/pkg/event"
	"sysops-agent/pkg/overview"
	"sysops-agent/pkg/publish/web"
	"sysops-agent/pkg/query"
	"sysops-agent/pkg/state"
)

// What can be wrong with whom we ask; errors wrap one of these, or are a
// [*web.Error] when an agent answered and said no.
var (
	ErrNoAgent = errors.New("no agent answers")
	ErrTimeout = errors.New("the agent does not answer in time")
	ErrNotOurs = errors.New("whoever answers is not a sysops-agent")
	ErrRefused = errors.New("the socket belongs to another user")
	ErrBusy    = errors.New("the agent hangs up")
)

// maxAnswer is the largest answer that is read, in bytes.
const maxAnswer = 256 << 20

// Options say whom to ask.
type Options struct {
	Server  string        // HOST:PORT; empty: the socket
	Socket  string        // path of the agent's socket
	Token   config.Secret // bearer token, for Server only
	Timeout time.Duration // for one question; 0 = 30 s
}

// Client asks one agent. Its methods may be called concurrently.
type Client struct {
	where string // for people
	base  string // http://host:port
	token string
	unix  bool // where is a socket's path
	http  *http.Client
}

// New returns a client; nothing is asked yet.
func New(o Options) (*Client, error) {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	c := &Client{where: o.Socket, base: "http://agent", unix: o.Server == ""}
	// No proxy from the environment: an agent is asked directly or not at all.
	tr := &http.Transport{MaxIdleConnsPerHost: 2, DisableCompression: true}
	if o.Server == "" {
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, "unix", o.Socket)
		}
	} else {
		server := strings.TrimSuffix(strings.TrimPrefix(o.Server, "http://"), "/")
		if host, port, err := net.SplitHostPort(server); err != nil || host == "" || !isPort(port) || strings.ContainsAny(host, "/?#@ ") {
			return nil, fmt.Errorf("--server %q is not HOST:PORT, such as 127.0.0.1:9100", o.Server)
		}
		c.where, c.base, c.token = server, "http://"+server, o.Token.Reveal()
		tr.DialContext = dial
	}
	c.http = &http.Client{Transport: tr, Timeout: o.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // an agent never redirects; the token goes nowhere else
	}}
	return c, nil
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// get asks for path and reads the answer into out.
func (c *Client) get(ctx context.Context, path string, params url.Values, out any) error {
	u := c.base + path
	if len(params) > 0 {
		u += "?" + params.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return fmt.Errorf("asking the agent at %s: %w", c.where, err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.explain(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if resp.Header.Get("Server") != "sysops-agent" {
		return fmt.Errorf("%w: at %s is %q: pass the agent's address with --server, or stop that program", ErrNotOurs, c.where, serverOf(resp))
	}
	body := io.LimitReader(resp.Body, maxAnswer)
	if resp.StatusCode != http.StatusOK {
		e := &web.Error{Status: resp.StatusCode}
		if err := json.NewDecoder(body).Decode(e); err != nil || e.Message == "" {
			e.Message = "the agent answered " + resp.Status
		}
		return e
	}
	if err := json.NewDecoder(body).Decode(out); err != nil {
		if isTimeout(err) {
			return c.explain(err)
		}
		return fmt.Errorf("the answer of the agent at %s to %s broke off or cannot be read (is it another version?): %w", c.where, path, err)
	}
	return nil
}

func serverOf(resp *http.Response) string {
	if s := resp.Header.Get("Server"); s != "" {
		return s
	}
	return "an unnamed HTTP server"
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// explain says in words what a failed connection means.
func (c *Client) explain(err error) error {
	var ue *url.Error // repeats method and address
	if errors.As(err, &ue) {
		err = ue.Err
	}
	gone := hungUp(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	const help = "start it with `sysops-agent run`, or pass --server HOST:PORT"
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case isTimeout(err):
		return fmt.Errorf("%w at %s: is the host reachable, is it overloaded? (%w)", ErrTimeout, c.where, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %s may be used by the agent's user (and root) only: run this command as that user, or pass --server HOST:PORT", ErrRefused, c.where)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w at %s: %s", ErrNoAgent, c.where, help)
	case gone && c.unix: // on its socket there is no other
		return fmt.Errorf("%w at %s: has it too many connections (publish.max_connections), or is it stopping? Try again (%w)", ErrBusy, c.where, err)
	case gone, strings.Contains(err.Error(), "malformed HTTP"):
		return fmt.Errorf("%w: at %s somebody does not speak HTTP or hangs up: pass the agent's address with --server (%w)", ErrNotOurs, c.where, err)
	default:
		return fmt.Errorf("%w at %s: %s (%w)", ErrNoAgent, c.where, help, err)
	}
}

// Agent asks who answers.
func (c *Client) Agent(ctx context.Context) (web.Agent, error) {
	return ask[web.Agent](ctx, c, "/api/v1/agent", nil)
}

// Status asks for the state of every part.
func (c *Client) Status(ctx context.Context) ([]state.Status, error) {
	return ask[[]state.Status](ctx, c, "/api/v1/status", nil)
}

// Overview asks for the host on one screen.
func (c *Client) Overview(ctx context.Context) (overview.Overview, error) {
	return ask[overview.Overview](ctx, c, "/api/v1/overview", nil)
}

// Metrics asks for the catalogue.
func (c *Client) Metrics(ctx context.Context) ([]query.MetricInfo, error) {
	return ask[[]query.MetricInfo](ctx, c, "/api/v1/metrics", nil)
}

// Query asks for the newest values of a selector; limit 0 = the agent's.
func (c *Client) Query(ctx context.Context, selector string, limit int) (query.Instant, error) {
	p := url.Values{"metric": {selector}}
	return ask[query.Instant](ctx, c, "/api/v1/query", withLimit(p, limit))
}

// Range is a range query in the words of the API; what is empty is the
// agent's default.
type Range struct {
	Selector              string
	From, To, Since, Step string
	Limit                 int
}

// QueryRange asks for history.
func (c *Client) QueryRange(ctx context.Context, r Range) (query.Result, error) {
	p := url.Values{"metric": {r.Selector}}
	for name, v := range map[string]string{"from": r.From, "to": r.To, "since": r.Since, "step": r.Step} {
		if v != "" {
			p.Set(name, v)
		}
	}
	res, err := ask[query.Result](ctx, c, "/api/v1/query_range", withLimit(p, r.Limit))
	res.Step = time.Duration(res.StepSecs * float64(time.Second))
	return res, err
}

// Processes asks for processes by "cpu", "rss" or "fds" and reads them into
// out; limit 0 = the agent's.
func (c *Client) Processes(ctx context.Context, sort string, limit int, out any) error {
	return c.get(ctx, "/api/v1/processes", withLimit(url.Values{"sort": {sort}}, limit), out)
}

// Topology asks for processors and memory nodes and reads them into out.
func (c *Client) Topology(ctx context.Context, out any) error {
	return c.get(ctx, "/api/v1/topology", nil, out)
}

// Events asks for the events after that sequence number, oldest first.
func (c *Client) Events(ctx context.Context, after uint64) ([]event.Event, error) {
	return ask[[]event.Event](ctx, c, "/api/v1/events", url.Values{"after": {strconv.FormatUint(after, 10)}})
}

func ask[T any](ctx context.Context, c *Client, path string, p url.Values) (T, error) {
	var v T
	err := c.get(ctx, path, p, &v)
	return v, err
}

func withLimit(p url.Values, limit int) url.Values {
	if limit > 0 {
		p.Set("limit", strconv.Itoa(limit))
	}
	return p
}
