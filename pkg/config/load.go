package config

import (
	"os"
	"path/filepath"
	"reflect"
)

// DefaultFile is read when no other file is named; it may be missing.
const DefaultFile = "/etc/sysops-agent/config.toml"

// FileVariable is the environment variable that names another file.
const FileVariable = "SYSOPS_CONFIG"

// fromDefault is the origin of a value that nobody gave.
const fromDefault = "default"

// Source says where the configuration comes from. The zero Source is the
// default file and no environment.
type Source struct {
	File      string     // a file that must exist; empty: $SYSOPS_CONFIG, or DefaultFile where it exists
	Environ   []string   // "NAME=value", as os.Environ returns
	Overrides []Override // flags of the command, strongest; the last of one key wins

	// Previous is the file in force when the configuration is read again, as
	// [Config.File] says. It must still be there even if it is DefaultFile: an
	// editor that is just replacing it, or a slip, must not turn everything
	// back to the defaults.
	Previous string

	// SkipPaths leaves out the checks of directories on this host, which only
	// matter to the agent: for commands that talk to a running agent.
	SkipPaths bool
}

// Override is the value of one key given by a flag, in text form; lists are
// separated by commas.
type Override struct {
	Key    string // "publish.listen"
	Value  string
	Origin string // shown in messages: "--listen"
}

// Load reads and checks the whole configuration. When anything is wrong the
// error is a [Problems] with every problem and the Config is nil. The first
// Problems are warnings: things that work but should be looked at.
func Load(src Source) (*Config, Problems, error) {
	l := newLoader()
	l.lookup = environ(src.Environ)
	l.credentials()
	l.configFile(src, DefaultFile)
	l.environment()
	l.overrides(src.Overrides)
	l.fillIn()
	l.checkTogether()
	if !src.SkipPaths {
		l.checkPaths()
	}
	if wrong := l.wrong.problems(); len(wrong) > 0 {
		return nil, l.doubtful.problems(), wrong
	}
	return l.cfg, l.doubtful.problems(), nil
}

// Default returns the configuration when nobody configures anything. Nothing
// is read but the host's name ("localhost" when it has none that is allowed),
// and no path is looked at.
func Default() *Config {
	l := newLoader()
	l.fillIn()
	if len(l.wrong.list) > 0 {
		l.cfg.Agent.Hostname = "localhost"
	}
	return l.cfg
}

// File returns the path of the file that was read, empty when there was none.
func (c *Config) File() string { return c.meta.file }

// Origin says where the value of a key comes from: "default", a position in
// the file, a variable or a flag.
func (c *Config) Origin(key string) string {
	if origin, ok := c.meta.origins[key]; ok {
		return origin
	}
	return fromDefault
}

// loader builds one Config, from the weakest source to the strongest.
type loader struct {
	cfg      *Config
	lookup   map[string]string // environment: the variables that concern us
	refused  map[string]bool   // keys of which a value was refused; an older one stands in
	wrong    problemList
	doubtful problemList
}

func newLoader() *loader {
	l := &loader{
		cfg:     &Config{meta: meta{origins: map[string]string{}}},
		refused: map[string]bool{},
	}
	for _, o := range declared().options {
		v, _ := o.parse(o.def) // tried when the tags were read
		o.set(l.cfg, v)
	}
	return l
}

// assign stores a value that came from where, given as text.
func (l *loader) assign(o *option, where, text string) {
	v, ok := o.parse(text)
	if !ok {
		l.mismatch(o, where, shown(text))
		return
	}
	l.store(o, where, v)
}

func (l *loader) store(o *option, where string, v reflect.Value) {
	o.set(l.cfg, v)
	l.cfg.meta.origins[o.key] = where
}

// mismatch reports a value that is not what the option allows.
func (l *loader) mismatch(o *option, where, found string) {
	if o.kind == kindSecret {
		found = "a value that is not shown"
	}
	l.refused[o.key] = true
	l.wrong.add(where, "%s is %s: must be %s", o.key, found, o.allowed())
}

// at says where the value of a key comes from, for a problem that shows only
// when all values are known.
func (l *loader) at(key string) string {
	if origin := l.cfg.Origin(key); origin != fromDefault {
		return origin
	}
	return "default of " + key
}

// overrides applies the flags.
func (l *loader) overrides(list []Override) {
	for _, f := range list {
		o := declared().byKey[f.Key]
		if o == nil {
			l.wrong.add(bare(f.Origin), "unknown key %s%s", bare(f.Key), didYouMean(nearest(f.Key, keys())))
			continue
		}
		l.assign(o, bare(f.Origin), f.Value)
	}
}

func keys() []string {
	var all []string
	for _, o := range declared().options {
		all = append(all, o.key)
	}
	return all
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return "; did you mean " + name + "?"
}

// fillIn gives values to the keys whose empty default stands for something
// that is known only now.
func (l *loader) fillIn() {
	c := l.cfg
	if c.Agent.Hostname == "" {
		name, err := os.Hostname()
		if err != nil || !isHostname(name) {
			l.wrong.add(l.at("agent.hostname"), "the system's host name %s cannot be used: set agent.hostname to %s",
				shown(name), checks["hostname"].allowed)
		}
		c.Agent.Hostname = name
	}
	for _, p := range []*string{&c.Agent.DataDir, &c.Agent.LogFile, &c.Persist.Path, &c.Publish.Socket} {
		if *p != "" {
			*p = filepath.Clean(*p)
		}
	}
	if c.Persist.Path == "" {
		c.Persist.Path = filepath.Join(c.Agent.DataDir, "sysops-agent.db")
	}
	if c.Publish.Socket == "" {
		c.Publish.Socket = filepath.Join(c.Agent.DataDir, "agent.sock")
	}
}

// checkTogether looks at values that depend on each other.
func (l *loader) checkTogether() {
	c := l.cfg
	if c.Retention.RawDays != 0 {
		l.wrong.add(l.at("retention.raw_days"), "retention.raw_days is %d: must be 0 with persist.backend %q, which keeps no single values",
			c.Retention.RawDays, c.Persist.Backend)
	}
	if !isSocketPath(c.Publish.Socket) {
		l.wrong.add(l.at("agent.data_dir"), "the socket %s is %d bytes long: a shorter agent.data_dir is needed, or a publish.socket of at most %d bytes",
			shown(c.Publish.Socket), len(c.Publish.Socket), maxSocketPath)
	}
	if both := c.Store.MaxBytes + c.Store.ProcessMaxBytes; both > c.Agent.MemoryLimit {
		l.doubtful.add(l.at("agent.memory_limit"), "agent.memory_limit is %s, but store.max_bytes and store.process_max_bytes allow %s: "+
			"a full store will keep the agent busy collecting memory", c.Agent.MemoryLimit, both)
	}
	if !isLoopback(c.Publish.Listen) && !c.Publish.BearerToken.IsSet() {
		l.doubtful.add(l.at("publish.listen"), "publish.listen is %q: everybody on the network can read this host's page and API; "+
			"set publish.bearer_token to ask for a token", c.Publish.Listen)
	}
}
