package config

import (
	"maps"
	"slices"
	"strings"
)

// environment applies the variables, in the order of their names.
func (l *loader) environment() {
	d := declared()
	for _, name := range slices.Sorted(maps.Keys(l.lookup)) {
		o := d.byEnv[name]
		switch {
		case name == FileVariable || name == credentialsVariable:
		case o == nil:
			// Its value may be a secret under a misspelt name: never shown.
			l.doubtful.add(bare(name), "unknown variable, nothing is set by it%s",
				didYouMean(nearest(name, slices.Sorted(maps.Keys(d.byEnv)))))
		case o.kind == kindSecret && name != o.env:
			if _, both := l.lookup[o.env]; both {
				l.wrong.add(name, "%s is set by %s too: give only one of them", o.key, o.env)
				continue
			}
			l.assignSecretFile(o, name, l.lookup[name])
		default:
			l.assign(o, name, l.lookup[name])
		}
	}
}

// environ picks the variables that concern the configuration.
func environ(list []string) map[string]string {
	vars := map[string]string{}
	for _, pair := range list {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "SYSOPS_") || name == credentialsVariable {
			vars[name] = value
		}
	}
	return vars
}
