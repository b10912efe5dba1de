package config

import (
	"strings"
	"testing"
)

// FuzzLoad feeds documents to the reader. Whatever they are, it ends, every
// problem has a position inside the document and is one printable line, and
// a document without problems gives a configuration that prints and reads
// back as itself.
func FuzzLoad(f *testing.F) {
	var b strings.Builder
	if err := Example(&b); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", b.String(), strings.ReplaceAll(b.String(), "\n#", "\n"), everyKind,
		"[[collect.cpu]]\n[collect]\ncpu = {interval = 1, interval = 2}",
		"agent.gogc.x = 1\n\"\" = 2\n'a.b' = [1, [2], {c = 3}]\n",
		"[publish]\nbearer_token = \"x\"\nlisten = '''\n:1'''\n", "[agent", "a = \"\\uD800\"", "\xff\xfe", "a = 1979-05-27T07:32:00Z",
		"x = " + strings.Repeat("[", 20_000), "[agent]\r\ngogc = 0b1_1\r", "agent = {gogc = 60, }",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, toml string) {
		if strings.Contains(toml, "_file") {
			return // would read files of this host
		}
		l := newLoader()
		l.document("F", []byte(toml), true)
		lines := strings.Count(toml, "\n") + 1
		for _, p := range append(l.wrong.problems(), l.doubtful.problems()...) {
			var line, column int
			if !position(p.Where, &line, &column) || line < 1 || line > lines || column < 1 || column > len(toml)+1 {
				t.Errorf("position %q in %d lines", p.Where, lines)
			}
			if strings.ContainsFunc(p.Text, func(r rune) bool { return r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 }) || len(p.Text) > 2000 {
				t.Errorf("problem %q", p.Text)
			}
		}
		if len(l.wrong.list) > 0 {
			return
		}
		var b strings.Builder
		if err := l.cfg.Print(&b); err != nil {
			t.Fatal(err)
		}
		again := newLoader()
		again.document("F", []byte(b.String()), false)
		again.cfg.Publish.BearerToken = l.cfg.Publish.BearerToken // printed as a comment
		if changes := Diff(l.cfg, again.cfg); len(again.wrong.list) > 0 || len(changes) > 0 {
			t.Errorf("printed and read again: problems %v, changes %+v\n%s", again.wrong.problems(), changes, b.String())
		}
	})
}

// position reads "F:line:column".
func position(where string, line, column *int) bool {
	rest, ok := strings.CutPrefix(where, "F:")
	a, b, colon := strings.Cut(rest, ":")
	var okA, okB bool
	*line, okA = decimal(a)
	*column, okB = decimal(b)
	return ok && colon && okA && okB
}

func decimal(text string) (n int, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, text != ""
}

// FuzzEnvironment sets one variable to anything: it is taken, or there is one
// problem that does not show a secret; an unknown one is one warning.
func FuzzEnvironment(f *testing.F) {
	for name := range declared().byEnv {
		f.Add(name, "1")
	}
	f.Add("SYSOPS_", "")
	f.Add("SYSOPS_AGENT_GOGC", "\x00\xff")
	f.Add("SYSOPS_COLLECT_PROCESS_WATCH", ",,")
	f.Fuzz(func(t *testing.T, name, value string) {
		if o := declared().byEnv[name]; o != nil && name != o.env {
			return // would read a file of this host
		}
		l := newLoader()
		l.lookup = environ([]string{name + "=" + value})
		l.environment()
		o := declared().byEnv[name]
		wrong, doubtful := len(l.wrong.list), len(l.doubtful.list)
		switch {
		case wrong+doubtful > 1, o != nil && doubtful > 0, o == nil && wrong > 0:
			t.Errorf("%q=%q: problems %v, warnings %v", name, value, l.wrong.problems(), l.doubtful.problems())
		case o != nil && wrong == 0 && l.cfg.Origin(o.key) != name:
			t.Errorf("%q=%q was taken, but %s comes from %s", name, value, o.key, l.cfg.Origin(o.key))
		}
	})
}
