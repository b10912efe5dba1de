package config

import "reflect"

// Change is one key whose value differs between two configurations.
type Change struct {
	Key  string
	Old  string // as TOML; secrets redacted
	New  string
	Live bool // takes effect on reload; otherwise the agent must be restarted
}

// Diff returns the keys whose values differ, in the order of the tree.
func Diff(old, loaded *Config) []Change {
	var changes []Change
	for _, o := range declared().options {
		if !o.same(old, loaded) {
			changes = append(changes, Change{o.key, o.toml(old), o.toml(loaded), o.live})
		}
	}
	return changes
}

// Reload returns the configuration to run with after loaded was read while c
// is running: the live keys of loaded, all others as they are in c. Both stay
// unchanged. Diff of the result and loaded is what waits for a restart.
func (c *Config) Reload(loaded *Config) *Config {
	next := *c
	next.meta = meta{file: loaded.meta.file, origins: map[string]string{}}
	for _, o := range declared().options {
		from := c
		if o.live || o.same(c, loaded) {
			from = loaded
		}
		o.set(&next, reflect.ValueOf(o.value(from)))
		if origin, ok := from.meta.origins[o.key]; ok {
			next.meta.origins[o.key] = origin
		}
	}
	return &next
}

func (o *option) same(a, b *Config) bool {
	if o.kind == kindSecret {
		return o.value(a).(Secret).Equal(o.value(b).(Secret))
	}
	return reflect.DeepEqual(o.plainValue(a), o.plainValue(b))
}
