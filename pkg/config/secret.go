package config

import (
	"fmt"
	"io"
)

// Redacted is shown in place of a secret.
const Redacted = "[redacted]"

// Secret is a password or token. No way of printing or encoding it shows its
// value; only [Secret.Reveal] does. The zero Secret is unset.
type Secret struct {
	// A pointer, because fmt prints the text of an unexported field of
	// somebody's struct without asking its methods, but a pointer only as an
	// address.
	value *string
}

// NewSecret returns a secret with that value; an empty one is unset.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the value, empty when unset. Never log or store it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether there is a value.
func (s Secret) IsSet() bool { return s.value != nil }

// Equal reports whether both have the same value.
func (s Secret) Equal(o Secret) bool { return s.Reveal() == o.Reveal() }

func (s Secret) String() string {
	if s.IsSet() {
		return Redacted
	}
	return ""
}

// GoString is String, so that %#v shows nothing either.
func (s Secret) GoString() string { return "config.Secret(" + s.String() + ")" }

// Format makes every verb print String; without it %d would show the bytes.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text) // fmt has nobody to report this to
}

// MarshalText encodes as String; JSON, TOML and the like use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
