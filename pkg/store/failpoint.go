package store

import "sync/atomic"

// failpoints lets a test stop between two publishing steps, where the race
// detector sees nothing wrong and only the order is. Nil outside tests.
var failpoints atomic.Pointer[func(name string)]

func failpoint(name string) {
	if f := failpoints.Load(); f != nil {
		(*f)(name)
	}
}
