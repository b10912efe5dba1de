package query

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Bounds of the expressions of one request. RE2 takes time linear in the size
// of what it compiled; that size is not the pattern's, because (.{1,1000})
// stands for a thousand of what it repeats.
const (
	maxPattern = 256  // bytes of one expression
	maxNodes   = 2000 // of all expressions of a request, with repeats written out
)

// patterns compiles the expressions of one request. The zero value is ready.
type patterns struct {
	nodes int // so far
}

// compile returns the expression, anchored at both ends; a dot matches
// newlines. What would be too large is refused before memory is spent on it.
func (p *patterns) compile(text string) (*regexp.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("%d bytes; at most %d are allowed", len(text), maxPattern)
	}
	// By itself first: a)|(b would step out of the brackets put around it.
	tree, err := syntax.Parse(text, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil, err
	}
	if p.nodes = min(p.nodes+nodes(tree), maxNodes+1); p.nodes > maxNodes {
		return nil, fmt.Errorf("too large with its repeats written out, or with the expressions before it; repeat less, as .* instead of .{1,1000}")
	}
	return regexp.Compile(`^(?s:` + text + `)$`)
}

// nodes counts the nodes of the tree that syntax.Regexp.Simplify would make
// of re, without making it; runes and ranges of characters weigh, too. It
// does not count beyond maxNodes.
func nodes(re *syntax.Regexp) int {
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCharClass:
		n += len(re.Rune) / 16 // pairs of 8 bytes; a node has about 160
	}
	for _, sub := range re.Sub {
		n = min(n+nodes(sub), maxNodes+1)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1) // Max is -1 in x{3,}
	}
	return min(n, maxNodes+1)
}
