package config

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

func (d *document) wrong(offset int, format string, args ...any) {
	d.l.wrong.add(d.where(offset), format, args...)
}

func (d *document) where(offset int) string {
	line, column := d.position(offset)
	return fmt.Sprintf("%s:%d:%d", d.path, line, column)
}

// position returns line and column, from 1, the column in characters.
func (d *document) position(offset int) (line, column int) {
	line = sort.SearchInts(d.lines, offset+1)
	return line, utf8.RuneCount(d.data[d.lines[line-1]:offset]) + 1
}

// keyName returns one part of a key; one that holds a dot, which no key of
// ours does, is quoted so that it cannot pass for two parts.
func keyName(n *unstable.Node) string {
	if name := string(n.Data); !strings.Contains(name, ".") {
		return name
	}
	return strconv.Quote(string(n.Data))
}

func keyOffset(n *unstable.Node) int { return int(n.Child().Raw.Offset) }

// valueOffset finds the value of "key = value": the parser knows no position
// of a list.
func (d *document) valueOffset(n *unstable.Node) int {
	end := 0
	for it := n.Key(); it.Next(); {
		end = int(it.Node().Raw.Offset + it.Node().Raw.Length)
	}
	for end < len(d.data) && strings.IndexByte(" \t=", d.data[end]) >= 0 {
		end++
	}
	return end
}
