package web

import (
	"fmt"
	"strings"

	"sysops-agent/pkg/query"
)

// Bounds of a selector.
const (
	maxSelector = 4096 // bytes
	maxMatchers = 20   // a row has no more labels
)

// ParseSelector reads a metric with conditions on its labels, as in PromQL:
//
//	disk.read_bytes{device=~"sd.*", host!="a"}
//
// Values are quoted by " or ' with \ before quotes, backslashes, n and t;
// values of letters, digits and _ . / : - need no quotes. The conditions may
// be missing. Regular expressions are not looked at: whoever answers compiles
// them. Errors wrap [query.ErrBadRequest].
func ParseSelector(text string) (metric string, matchers []query.Matcher, err error) {
	p, err := newSelectorParser(text)
	if err != nil {
		return "", nil, err
	}
	p.blanks()
	metric = p.run(isMetricByte)
	if metric == "" {
		return "", nil, p.fail("a metric's name is missing")
	}
	p.blanks()
	if p.take("{") {
		if matchers, err = p.matchers(); err != nil {
			return "", nil, err
		}
	}
	p.blanks()
	if p.pos < len(p.text) {
		return "", nil, p.fail("nothing may follow")
	}
	return metric, matchers, nil
}

// ParseMatcher reads one condition on a label, LABEL=VALUE with =, !=, =~ or
// !~. A value without quotes extends to the end. Errors wrap
// [query.ErrBadRequest].
func ParseMatcher(text string) (query.Matcher, error) {
	p, err := newSelectorParser(text)
	if err != nil {
		return query.Matcher{}, err
	}
	label, op, err := p.condition()
	if err != nil {
		return query.Matcher{}, err
	}
	m := query.Matcher{Label: label, Op: op, Value: p.text[p.pos:]}
	if p.quoted() {
		if m.Value, err = p.value(); err != nil {
			return query.Matcher{}, err
		}
		if p.blanks(); p.pos < len(p.text) {
			return query.Matcher{}, p.fail("nothing may follow the quoted value")
		}
	}
	return m, nil
}

type selectorParser struct {
	text string
	pos  int
}

func newSelectorParser(text string) (*selectorParser, error) {
	if len(text) > maxSelector {
		return nil, fmt.Errorf("%w: a selector of %d bytes: at most %d are allowed", query.ErrBadRequest, len(text), maxSelector)
	}
	return &selectorParser{text: text}, nil
}

func (p *selectorParser) fail(format string, args ...any) error {
	return fmt.Errorf("%w: in %q at byte %d: %s", query.ErrBadRequest, p.text, p.pos+1, fmt.Sprintf(format, args...))
}

// matchers reads conditions up to the closing brace.
func (p *selectorParser) matchers() ([]query.Matcher, error) {
	var list []query.Matcher
	for {
		p.blanks()
		if p.take("}") {
			return list, nil
		}
		if len(list) == maxMatchers {
			return nil, p.fail("at most %d conditions are allowed", maxMatchers)
		}
		label, op, err := p.condition()
		if err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, query.Matcher{Label: label, Op: op, Value: v})
		p.blanks()
		if !p.take(",") && !strings.HasPrefix(p.text[p.pos:], "}") {
			return nil, p.fail("a comma or } is missing")
		}
	}
}

func (p *selectorParser) condition() (label string, op query.Op, err error) {
	p.blanks()
	label = p.run(isLabelByte)
	if label == "" || isDigit(label[0]) {
		return "", "", p.fail("a label's name is missing")
	}
	p.blanks()
	for _, op := range []query.Op{query.Match, query.NoMatch, query.NotEqual, query.Equal} {
		if p.take(string(op)) {
			p.blanks()
			return label, op, nil
		}
	}
	return "", "", p.fail("label %s must be followed by =, !=, =~ or !~", label)
}

func (p *selectorParser) quoted() bool {
	return p.pos < len(p.text) && (p.text[p.pos] == '"' || p.text[p.pos] == '\'')
}

func (p *selectorParser) value() (string, error) {
	if !p.quoted() {
		v := p.run(isPlainByte)
		if v == "" {
			return "", p.fail("a value is missing: write it in quotes")
		}
		return v, nil
	}
	quote := p.text[p.pos]
	p.pos++
	var b strings.Builder
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case quote:
			p.pos++
			return b.String(), nil
		case '\\':
			p.pos++
			r, err := p.escaped()
			if err != nil {
				return "", err
			}
			b.WriteByte(r)
		default:
			b.WriteByte(c)
		}
	}
	return "", p.fail("the closing quote is missing")
}

func (p *selectorParser) escaped() (byte, error) {
	if p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case '"', '\'', '\\':
			return c, nil
		case 'n':
			return '\n', nil
		case 't':
			return '\t', nil
		}
	}
	return 0, p.fail(`after \ only \ " ' n and t are allowed; a \ in a regular expression is written \\`)
}

func (p *selectorParser) blanks() { p.run(func(c byte) bool { return c == ' ' || c == '\t' }) }

// run takes the longest prefix of bytes that ok accepts.
func (p *selectorParser) run(ok func(byte) bool) string {
	from := p.pos
	for p.pos < len(p.text) && ok(p.text[p.pos]) {
		p.pos++
	}
	return p.text[from:p.pos]
}

func (p *selectorParser) take(s string) bool {
	if !strings.HasPrefix(p.text[p.pos:], s) {
		return false
	}
	p.pos += len(s)
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLabelByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c)
}
func isMetricByte(c byte) bool { return isLabelByte(c) || c == '.' || c == ':' }
func isPlainByte(c byte) bool  { return isMetricByte(c) || c == '-' || c == '/' }
