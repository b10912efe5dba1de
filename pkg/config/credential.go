package config

import (
	"path/filepath"
	"strings"
)

// credentialsVariable names the directory in which systemd puts the
// credentials of a unit (LoadCredential=, SetCredential=).
const credentialsVariable = "CREDENTIALS_DIRECTORY"

// credentials applies the systemd credentials: files named like the keys of
// the secrets.
func (l *loader) credentials() {
	dir := l.lookup[credentialsVariable]
	if dir == "" {
		return
	}
	if !filepath.IsAbs(dir) {
		l.wrong.add(credentialsVariable, "%q is no absolute path: systemd sets it to a directory such as /run/credentials/UNIT", dir)
		return
	}
	for _, o := range declared().options {
		if o.kind != kindSecret {
			continue
		}
		path := filepath.Join(dir, o.key)
		data, _, err := readSmall(path, maxText+2)
		switch {
		case isMissing(err):
		case err != nil:
			l.wrong.add(barePath(path), "credential %s cannot be read: %v", o.key, err)
		default:
			l.assignSecret(o, barePath(path), string(data))
		}
	}
}

// secretPath completes "must be …". Who mistakes the key for that of the secret
// itself must not find it in the log.
const secretPath = "the absolute path of a file with the secret (what it is now is not shown, it may be the secret)"

// assignSecretFile reads a secret from the file that where names.
func (l *loader) assignSecretFile(o *option, where, path string) {
	if !filepath.IsAbs(path) || !plain(path) {
		l.wrong.add(where, "%s_file must be %s", o.key, secretPath)
		return
	}
	data, info, err := readSmall(path, maxText+2)
	if err != nil {
		l.wrong.add(where, "%s cannot be read from %q: %v", o.key, path, err)
		return
	}
	if info.Mode().Perm()&0o077 != 0 {
		l.doubtful.add(where, "%q holds a secret but its mode is %04o: chmod 0600 it", path, info.Mode().Perm())
	}
	l.assignSecret(o, where+" ("+barePath(path)+")", string(data))
}

// assignSecret stores the content of a file as a secret. One line end is not
// part of it: editors and echo write one.
func (l *loader) assignSecret(o *option, where, content string) {
	text := strings.TrimSuffix(strings.TrimSuffix(content, "\n"), "\r")
	if text == "" {
		l.wrong.add(where, "%s is empty: write the secret into the file, or take the setting away", o.key)
		return
	}
	l.assign(o, where, text)
}
