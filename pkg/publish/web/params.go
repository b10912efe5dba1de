package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sysops-agent/pkg/query"
)

// Error is the API's answer when it has no other.
type Error struct {
	Status  int    `json:"-"`
	Message string `json:"error"`
	Hint    string `json:"hint"`
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + ": " + e.Hint
}

func badRequest(hint, format string, args ...any) error {
	return &Error{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// maxParam is the longest value of a parameter, in bytes.
const maxParam = maxSelector

// params are the parameters of a request: known ones, each given once unless
// its name ends in [].
type params struct{ v url.Values }

// parseParams checks the parameters of a request against those allowed.
func parseParams(r *http.Request, allowed ...string) (params, error) {
	hint := "this path takes no parameters"
	if len(allowed) > 0 {
		hint = "allowed are: " + strings.Join(allowed, ", ")
	}
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return params{}, badRequest("write name=value&name=value with special characters as %XX", "the parameters cannot be read: %v", err)
	}
	for name, values := range v {
		switch {
		case !slices.Contains(allowed, name):
			return params{}, badRequest(hint, "unknown parameter %q", name)
		case len(values) > 1 && !strings.HasSuffix(name, "[]"):
			return params{}, badRequest("give it once", "parameter %s is given %d times", name, len(values))
		case len(values) > maxMatchers:
			return params{}, badRequest(fmt.Sprintf("at most %d are allowed", maxMatchers), "parameter %s is given %d times", name, len(values))
		}
		for _, s := range values {
			if len(s) > maxParam {
				return params{}, badRequest(fmt.Sprintf("at most %d are allowed", maxParam), "parameter %s has %d bytes", name, len(s))
			}
		}
	}
	return params{v}, nil
}

func (p params) text(name string) string { return p.v.Get(name) }

// number returns a whole number from least to most, def when it is not given.
func (p params) number(name string, def, least, most int) (int, error) {
	s := p.text(name)
	if s == "" {
		return def, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, badRequest(fmt.Sprintf("write a whole number from %d to %d", least, most), "%s=%q is not allowed", name, s)
	}
	return n, nil
}

// selector returns the metric and all conditions on its labels.
func (p params) selector() (string, []query.Matcher, error) {
	text := p.text("metric")
	if text == "" {
		return "", nil, badRequest(`add metric=NAME, for example metric=cpu.total_percent; /api/v1/metrics lists all`, "the parameter metric is missing")
	}
	name, matchers, err := ParseSelector(text)
	if err != nil {
		return "", nil, err
	}
	for _, s := range p.v["match[]"] {
		m, err := ParseMatcher(s)
		if err != nil {
			return "", nil, err
		}
		matchers = append(matchers, m)
	}
	return name, matchers, nil
}

// errorOf turns any error into an answer.
func errorOf(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, query.ErrBadRequest):
		e = &Error{Status: http.StatusBadRequest, Message: strings.TrimPrefix(err.Error(), query.ErrBadRequest.Error()+": ")}
		if errors.Is(err, query.ErrNoMetric) {
			e.Status, e.Hint = http.StatusNotFound, "/api/v1/metrics lists all"
		}
		return e
	case isTimeout(err):
		return &Error{Status: http.StatusGatewayTimeout, Message: "the answer took too long", Hint: "ask for less: a shorter time, a larger step, fewer rows"}
	default:
		return &Error{Status: http.StatusInternalServerError, Message: err.Error(), Hint: "the agent's log may say more"}
	}
}
