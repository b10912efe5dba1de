//go:build !race

package db

const killRounds = 200
