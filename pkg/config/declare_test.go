package config

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestDeclarations holds every tag of the tree to the rules of the house.
func TestDeclarations(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
	for _, o := range declared().options {
		if !name.MatchString(o.key) || !strings.HasPrefix(o.env, "SYSOPS_") {
			t.Errorf("key %q, variable %q", o.key, o.env)
		}
		if o.kind == kindList && o.check == nil {
			t.Errorf("%s: a list needs a check of its elements", o.key)
		}
		if strings.HasPrefix(o.allowed(), ",") || strings.Contains(o.allowed(), "  ") {
			t.Errorf("%s: must be %q", o.key, o.allowed())
		}
		if strings.HasSuffix(o.key, "_file") && declared().byKey[strings.TrimSuffix(o.key, "_file")] != nil {
			t.Errorf("%s looks like the file of a secret", o.key)
		}
	}
	for _, c := range Default().Collect.Names() {
		o := declared().byKey["collect."+c+".interval"]
		if o == nil || o.min != 1e9 || o.max != 3600e9 || !o.live || declared().byKey["collect."+c+".enabled"] == nil {
			t.Errorf("collector %s has no switch, or no interval from 1 s to 3600 s", c)
		}
	}
}

func TestBadTagsAreRefused(t *testing.T) {
	type section[T any] struct {
		S T `toml:"s" help:"A section."`
	}
	tests := []struct {
		name string
		tree any
		want string
	}{
		{"no name", section[struct {
			A int `help:"A." reload:"live"`
		}]{}, `key "s." needs a toml name of its own`},
		{"a name twice", section[struct {
			A bool `toml:"a" default:"true" help:"A." reload:"live"`
			B bool `toml:"a" default:"true" help:"A." reload:"live"`
		}]{}, `key "s.a" needs a toml name of its own`},
		{"no help", section[struct {
			A bool `toml:"a" default:"true" reload:"live"`
		}]{}, "key s.a: help must be sentences"},
		{"no reload", section[struct {
			A bool `toml:"a" default:"true" help:"A."`
		}]{}, "key s.a: reload must be live or restart"},
		{"a type of no kind", section[struct {
			A float64 `toml:"a" help:"A." reload:"live"`
		}]{}, "key s.a: a key cannot be a float64"},
		{"an unknown check", section[struct {
			A string `toml:"a" help:"A." reload:"live" check:"x"`
		}]{}, `key s.a: there is no check "x"`},
		{"no range", section[struct {
			A int `toml:"a" default:"1" help:"A." reload:"live" min:"0"`
		}]{}, `key s.a: max:"" is no value of its type`},
		{"a section without help", struct {
			S struct{} `toml:"s"`
		}{}, `section "s" needs a toml name of its own and a help`},
		{"a default of a key that is not there", struct {
			S struct{} `toml:"s" help:"S." defaults:"x=1"`
		}{}, `defaults names "x", which section s does not have`},
		{"the same variable", struct {
			S struct {
				AB bool `toml:"a_b" default:"true" help:"A." reload:"live"`
				A  struct {
					B bool `toml:"b" default:"true" help:"A." reload:"live"`
				} `toml:"a" help:"S."`
			} `toml:"s" help:"S."`
		}{}, "s.a_b and s.a.b have the same environment variable SYSOPS_S_A_B"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := declare(reflect.TypeOf(tt.tree))
			if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("error %v, want one that ends in %q", err, tt.want)
			}
		})
	}
}
