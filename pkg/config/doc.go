// Package config is the agent's configuration: one declaration, the structs
// [Config] and below, from whose tags everything else derives: defaults,
// strict reading of the file, names of environment variables, checks, the
// example file, the effective configuration with the origin of each value,
// and what a reload may change.
//
// A value comes from the last of these that gives it: the default, a systemd
// credential (secrets only), the TOML file, the environment
// (SYSOPS_<SECTION>_<KEY>; lists separated by commas), a flag of the command.
//
// # Tags
//
//	toml      name of the section or key
//	default   default in text form, lists separated by commas
//	defaults  on a section: "key=value" in place of a default within
//	help      sentences for the operator
//	min, max  range, inclusive, in text form (int, duration, Bytes)
//	step      the value is a multiple of this
//	oneof     allowed words, separated by spaces
//	check     name of a further check of a string or of each list element
//	reload    live: takes effect on reload; restart: needs a restart
//
// Fields are bool, int, string, []string, [Globs], [time.Duration], [Bytes]
// and [Secret]. A secret S may also be given as key S_file, a path to read it
// from, or as the systemd credential named like its key
// ("publish.bearer_token").
package config
