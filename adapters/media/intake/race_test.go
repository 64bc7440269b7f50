//go:build race

package intake_test

// raced says that the race detector is on, which has a memory of its own.
const raced = true
