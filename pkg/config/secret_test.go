package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const token = "hunter2-hunter2"

func TestSecretIsNeverPrinted(t *testing.T) {
	s := NewSecret(token)
	hidden := struct{ s Secret }{s} // fmt does not ask the methods of an unexported field
	encoded, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": Publish{BearerToken: s}})
	must(t, err)
	text, err := s.MarshalText()
	must(t, err)
	printed := map[string]string{"JSON": string(encoded), "MarshalText": string(text), "String": s.String(), "GoString": s.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%U", "%10.3s", "%p"} {
		printed[verb] = fmt.Sprintf(verb, s)
		printed[verb+" pointer"] = fmt.Sprintf(verb, &s)
		printed[verb+" hidden"] = fmt.Sprintf(verb, hidden)
		printed[verb+" section"] = fmt.Sprintf(verb, Publish{BearerToken: s})
	}
	for how, got := range printed {
		if strings.Contains(got, "hunter") || strings.Contains(got, fmt.Sprintf("%x", "hunter")) {
			t.Errorf("%s shows %s", how, got)
		}
	}
	if got := fmt.Sprintf("%v %s %#v", s, s, s); got != "[redacted] [redacted] config.Secret([redacted])" {
		t.Errorf("printed as %s", got)
	}
	if got := fmt.Sprintf("<%v>", Secret{}); got != "<>" {
		t.Errorf("unset printed as %s", got)
	}
}

func TestSecretValue(t *testing.T) {
	if s := NewSecret(token); s.Reveal() != token || !s.IsSet() || !s.Equal(NewSecret(token)) || s.Equal(Secret{}) {
		t.Error("a set secret is not what was given")
	}
	if s := NewSecret(""); s.Reveal() != "" || s.IsSet() || !s.Equal(Secret{}) {
		t.Error("an empty secret is set")
	}
}

// TestSecretSources tells where a secret may come from, which wins, and what
// is said when it cannot be had.
func TestSecretSources(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "publish.bearer_token", "from-credential\n")
	good := write(t, dir, "good", token+"\r\n")
	two := write(t, dir, "two", token+"\n\n")
	empty := write(t, dir, "empty", "\n")
	large := write(t, dir, "large", strings.Repeat("x", maxText+3))
	open := write(t, dir, "open", token)
	must(t, os.Chmod(open, 0o640))
	credentials := "CREDENTIALS_DIRECTORY=" + dir

	const must = "publish.bearer_token is a value that is not shown: must be text of at most 4096 bytes without control characters"
	const path = "publish.bearer_token_file must be the absolute path of a file with the secret (what it is now is not shown, it may be the secret)"
	tests := []struct {
		name, toml string
		environ    []string
		secret     string
		origin     string
		wrong      string
		warning    string
	}{
		{name: "unset", origin: "default"},
		{name: "key", toml: "bearer_token = \"" + token + "\"", secret: token, origin: "$F:2:16"},
		{name: "file", toml: "bearer_token_file = \"" + good + "\"", secret: token, origin: "$F:2:21 ($T/good)"},
		{name: "credential", environ: []string{credentials}, secret: "from-credential", origin: "$T/publish.bearer_token"},
		{name: "no such credential", environ: []string{"CREDENTIALS_DIRECTORY=/nonexistent"}, origin: "default"},
		{name: "key over credential", toml: "bearer_token = \"k\"", environ: []string{credentials}, secret: "k", origin: "$F:2:16"},
		{name: "an empty key switches off", toml: "bearer_token = \"\"", environ: []string{credentials}, origin: "$F:2:16"},
		{name: "variable", toml: "bearer_token = \"k\"", environ: []string{"SYSOPS_PUBLISH_BEARER_TOKEN=e"}, secret: "e", origin: "SYSOPS_PUBLISH_BEARER_TOKEN"},
		{name: "variable with a file", environ: []string{"SYSOPS_PUBLISH_BEARER_TOKEN_FILE=" + good}, secret: token, origin: "SYSOPS_PUBLISH_BEARER_TOKEN_FILE ($T/good)"},

		{
			name: "key and file", toml: "bearer_token = \"k\"\nbearer_token_file = \"" + good + "\"",
			wrong: "$F:3:1: publish.bearer_token was already set on line 2: take one of them away",
		},
		{
			name: "both variables", environ: []string{"SYSOPS_PUBLISH_BEARER_TOKEN=hunter2", "SYSOPS_PUBLISH_BEARER_TOKEN_FILE=" + good},
			wrong: "SYSOPS_PUBLISH_BEARER_TOKEN_FILE: publish.bearer_token is set by SYSOPS_PUBLISH_BEARER_TOKEN too: give only one of them",
		},
		{name: "wrong type", toml: "bearer_token = 12345", wrong: "$F:2:16: " + must},
		{name: "control characters", toml: "bearer_token = \"hunter2\\n\"", wrong: "$F:2:16: " + must},
		{name: "two lines in the file", toml: "bearer_token_file = \"" + two + "\"", wrong: "$F:2:21 ($T/two): " + must},
		{name: "the secret as path", toml: "bearer_token_file = \"hunter2\"", wrong: "$F:2:21: " + path},
		{name: "a number as path", toml: "bearer_token_file = 12345", wrong: "$F:2:21: " + path},
		{name: "the secret as path, by variable", environ: []string{"SYSOPS_PUBLISH_BEARER_TOKEN_FILE=hunter2"}, wrong: "SYSOPS_PUBLISH_BEARER_TOKEN_FILE: " + path},
		{
			name: "missing file", toml: "bearer_token_file = \"/none/x\"",
			wrong: `$F:2:21: publish.bearer_token cannot be read from "/none/x": no such file or directory`,
		},
		{
			name: "a device", toml: "bearer_token_file = \"/dev/zero\"",
			wrong: `$F:2:21: publish.bearer_token cannot be read from "/dev/zero": it is not a regular file`,
		},
		{
			name: "empty file", toml: "bearer_token_file = \"" + empty + "\"",
			wrong: "$F:2:21 ($T/empty): publish.bearer_token is empty: write the secret into the file, or take the setting away",
		},
		{
			name: "large file", toml: "bearer_token_file = \"" + large + "\"",
			wrong: `$F:2:21: publish.bearer_token cannot be read from "$T/large": it is larger than 4098B`,
		},
		{
			name: "file for others", toml: "bearer_token_file = \"" + open + "\"", secret: token, origin: "$F:2:21 ($T/open)",
			warning: `$F:2:21: "$T/open" holds a secret but its mode is 0640: chmod 0600 it`,
		},
		{
			name: "credentials nowhere", environ: []string{"CREDENTIALS_DIRECTORY=here"},
			wrong: `CREDENTIALS_DIRECTORY: "here" is no absolute path: systemd sets it to a directory such as /run/credentials/UNIT`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, _ := from(t, "[publish]\n"+tt.toml, tt.environ...)
			cfg, warnings, err := Load(src)
			relative := func(text string) string {
				return strings.ReplaceAll(strings.ReplaceAll(text, src.File, "$F"), dir, "$T")
			}
			if got := relative(warnings.Error()); got != tt.warning {
				t.Errorf("warnings %q, want %q", got, tt.warning)
			}
			if err != nil {
				if got := relative(err.Error()); got != tt.wrong || strings.Contains(got, "hunter2") {
					t.Errorf("got  %s\nwant %s", got, tt.wrong)
				}
				return
			}
			got, origin := cfg.Publish.BearerToken.Reveal(), relative(cfg.Origin("publish.bearer_token"))
			if got != tt.secret || origin != tt.origin || tt.wrong != "" {
				t.Errorf("got %q from %s, want %q from %s, error %q", got, origin, tt.secret, tt.origin, tt.wrong)
			}
		})
	}
}

func TestSecretInAFileForOthers(t *testing.T) {
	src, _ := from(t, "[publish]\nbearer_token = \""+token+"\"")
	must(t, os.Chmod(src.File, 0o644))
	_, warnings, err := Load(src)
	want := src.File + ":2:16: publish.bearer_token is a secret in a file that others may read: chmod 0600 it, or use bearer_token_file"
	if err != nil || warnings.Error() != want {
		t.Errorf("error %v, warnings\n%v\nwant\n%s", err, warnings, want)
	}
}

func TestNothingShowsASecret(t *testing.T) {
	src, dir := from(t, "[publish]\nbearer_token = \""+token+"\"")
	cfg := mustLoad(t, src)
	other := mustLoad(t, Source{
		File: write(t, dir, "other.toml", ""), Overrides: src.Overrides,
	})
	var b bytes.Buffer
	must(t, cfg.Print(&b))
	must(t, cfg.PrintJSON(&b))
	fmt.Fprintf(&b, "%+v %#v %+v", cfg, cfg, Diff(cfg, other))
	if strings.Contains(b.String(), token) {
		t.Errorf("the secret shows in\n%s", b.String())
	}
	if want := fmt.Sprintf("%-40s # %s:2:16\n", `# bearer_token = "[redacted]"`, filepath.Join(dir, "config.toml")); !strings.Contains(b.String(), want) {
		t.Errorf("no line %q in\n%s", want, b.String())
	}
}
