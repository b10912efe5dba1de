package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Print writes the effective configuration as TOML, each value with its
// origin. Secrets are comments, so that what is printed may be loaded.
func (c *Config) Print(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# The effective configuration, and where each value comes from.\n")
	for _, s := range declared().sections {
		if len(s.options) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n[%s]\n", s.key)
		for _, o := range s.options {
			comment := ""
			if o.kind == kindSecret {
				comment = "# "
			}
			fmt.Fprintf(&b, "%-40s # %s\n", comment+o.name()+" = "+o.toml(c), c.Origin(o.key))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Setting is one value as `config print --json` shows it.
type Setting struct {
	Key     string `json:"key"`     // "collect.cpu.interval"
	Value   any    `json:"value"`   // bool, number, text or list of text; durations "10s", sizes "64MiB", secrets redacted
	Origin  string `json:"origin"`  // "default", a position in the file, a variable, a flag
	Default string `json:"default"` // in text form, lists separated by commas
	Allowed string `json:"allowed"` // completes "must be …"
	Reload  string `json:"reload"`  // live or restart
	Env     string `json:"env"`     // the variable that sets it
	Help    string `json:"help"`
}

// Settings returns all values, in the order of the tree.
func (c *Config) Settings() []Setting {
	list := make([]Setting, 0, len(declared().options))
	for _, o := range declared().options {
		list = append(list, Setting{
			Key: o.key, Value: o.plainValue(c), Origin: c.Origin(o.key), Default: o.def,
			Allowed: o.allowed(), Reload: o.reload(), Env: o.env, Help: o.help,
		})
	}
	return list
}

// PrintJSON writes Settings as one JSON array.
func (c *Config) PrintJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(c.Settings())
}

func (o *option) reload() string {
	if o.live {
		return "live"
	}
	return "restart"
}

const exampleHead = `# Configuration of sysops-agent. Every key is shown with its default: take the
# "#" away and change it. A key also comes from the environment variable
# SYSOPS_<SECTION>_<KEY>, such as SYSOPS_COLLECT_CPU_INTERVAL=30s (lists are
# separated by commas), and from flags: default < this file < environment < flag.
# "sysops-agent check-config" names every problem with its line;
# "sysops-agent config print" shows what is in effect, and why.
#
# Keys marked (live) follow a reload, the others a restart.
`

// Example writes a configuration file in which every key is explained and
// commented out at its default.
func Example(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(exampleHead)
	explained := map[string]bool{} // what all collectors share is said once
	for _, s := range declared().sections {
		b.WriteByte('\n')
		comment(&b, s.help)
		fmt.Fprintf(&b, "[%s]\n", s.key)
		for _, o := range s.options {
			if !explained[o.help] {
				explained[o.help] = true
				comment(&b, o.explanation())
			}
			o.exampleLine(&b)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (o *option) explanation() string {
	text := o.help + " Allowed: " + o.allowed() + "."
	if o.live {
		text += " (live)"
	}
	return text
}

func (o *option) exampleLine(b *bytes.Buffer) {
	if o.kind == kindSecret {
		comment(b, "Better not in this file: as a file of mode 0600, or as the systemd credential "+o.key+".")
		fmt.Fprintf(b, "#%s_file = \"/etc/sysops-agent/%s\"\n", o.name(), o.name())
	}
	v, _ := o.parse(o.def)
	var c Config
	o.set(&c, v)
	fmt.Fprintf(b, "#%s = %s\n", o.name(), o.toml(&c))
}

// comment writes text as comment lines of at most 78 characters.
func comment(b *bytes.Buffer, text string) {
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 78 && line != "#" {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
