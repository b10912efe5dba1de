package web

import (
	"net/http"

	"sysops-agent/pkg/query"
)

// instant answers with a query.Instant.
func (s *Server) instant(r *http.Request) (any, error) {
	p, err := parseParams(r, "metric", "match[]", "limit")
	if err != nil {
		return nil, err
	}
	name, matchers, err := p.selector()
	if err != nil {
		return nil, err
	}
	limit, err := p.number("limit", query.MaxSeries, 1, query.MaxRows)
	if err != nil {
		return nil, err
	}
	done, err := s.turn(r.Context())
	if err != nil {
		return nil, err
	}
	defer done()
	return s.deps.Query.Instant(r.Context(), name, matchers, limit)
}
