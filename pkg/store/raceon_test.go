//go:build race

package store

// underRace: a process under the race detector takes ten times as long to
// start.
const underRace = true
