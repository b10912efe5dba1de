package query

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sysops-agent/pkg/metric"
)

// maxMatchers is the most conditions of one request; a row has no more labels.
const maxMatchers = 20

// condition is one compiled matcher.
type condition struct {
	label int // index into Schema.Labels
	not   bool
	text  string
	re    *regexp.Regexp // nil: compare with text
}

// conditions all hold for a row that matches.
type conditions []condition

func compile(s *metric.Schema, matchers []Matcher) (conditions, error) {
	if len(matchers) > maxMatchers {
		return nil, fmt.Errorf("%w: %d conditions on labels; at most %d are allowed", ErrBadRequest, len(matchers), maxMatchers)
	}
	var all conditions
	var exprs patterns
	for _, m := range matchers {
		c := condition{
			label: slices.IndexFunc(s.Labels, func(l metric.Label) bool { return l.Name == m.Label }),
			not:   m.Op == NotEqual || m.Op == NoMatch,
			text:  m.Value,
		}
		if c.label < 0 {
			return nil, fmt.Errorf("%w: reading %s has no label %.64q; %s", ErrBadRequest, s.Name, m.Label, labelsOf(s))
		}
		switch m.Op {
		case Equal, NotEqual:
		case Match, NoMatch:
			var err error
			if c.re, err = exprs.compile(m.Value); err != nil {
				return nil, fmt.Errorf("%w: the regular expression of label %s: %w", ErrBadRequest, m.Label, err)
			}
		default:
			return nil, fmt.Errorf("%w: operator %.10q on label %s; allowed are = != =~ !~", ErrBadRequest, m.Op, m.Label)
		}
		all = append(all, c)
	}
	return all, nil
}

func labelsOf(s *metric.Schema) string {
	if len(s.Labels) == 0 {
		return "it has none"
	}
	var names []string
	for i := range s.Labels {
		names = append(names, s.Labels[i].Name)
	}
	return "it has " + strings.Join(names, ", ")
}

// match reports whether a row with these values of Schema.Labels matches.
func (all conditions) match(values []string) bool {
	for i := range all {
		c := &all[i]
		v := values[c.label]
		is := v == c.text
		if c.re != nil {
			is = c.re.MatchString(v)
		}
		if is == c.not {
			return false
		}
	}
	return true
}
