//go:build race

package db

const killRounds = 60 // a child takes a second to start
