// Package memory is an in-memory twin of the oracle and the partitions, for
// tests of package execute and of sessions: one process, maps for state, the
// same rules of ownership, redirects, schema versions and moves.
//
//	w := memory.New(4)
//	executor, err := execute.New(execute.Config{}, w.Dependencies())
//
// A test can step in between any two calls (World.Hook), make the node's cache or
// catalog old, move objects in two steps, and lose answers.
package memory
