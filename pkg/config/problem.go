package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxProblems bounds a list of problems; the last one then says how many more
// there are.
const maxProblems = 100

// Problem is one thing that is wrong or doubtful.
type Problem struct {
	Where string // "/etc/sysops-agent/config.toml:12:3", "SYSOPS_AGENT_GOGC", "--listen"
	Text  string // what was found, and what is allowed
}

func (p Problem) String() string { return p.Where + ": " + p.Text }

// Problems is a list of problems, in the order in which they were found. As
// an error it prints one on each line.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// problemList collects problems up to the bound.
type problemList struct {
	list Problems
	more int
}

func (l *problemList) add(where, format string, args ...any) {
	if len(l.list) == maxProblems {
		l.more++
		return
	}
	l.list = append(l.list, Problem{where, fmt.Sprintf(format, args...)})
}

// problems returns the collected list, nil when there are none.
func (l *problemList) problems() Problems {
	if l.more == 0 {
		return l.list
	}
	return append(l.list, Problem{l.list[len(l.list)-1].Where, fmt.Sprintf("%d more problems follow", l.more)})
}

// shown makes text from outside fit for a message: quoted, without control
// characters, of bounded length.
func shown(text string) string {
	const limit = 80
	if len(text) > limit {
		cut := limit
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		return strconv.Quote(text[:cut]) + "…"
	}
	return strconv.Quote(text)
}

// bare is shown, but leaves a plain word unquoted.
func bare(text string) string {
	if text == "" || len(text) > 80 || strings.ContainsFunc(text, isOdd) {
		return shown(text)
	}
	return text
}

// barePath is bare for a path of a file, which is never cut.
func barePath(path string) string {
	if path == "" || strings.ContainsFunc(path, isOdd) {
		return strconv.Quote(path)
	}
	return path
}

func isOdd(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == '"' || r == utf8.RuneError
}

// nearest returns the candidate that name is most likely a misspelling of, or
// "" when none is near.
func nearest(name string, candidates []string) string {
	best, bestDistance := "", 1+len(name)/4
	if len(name) > 64 {
		return ""
	}
	for _, c := range candidates {
		if d := distance(name, c); d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two short words, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
