// Package state is a partition's state machine: objects, the ids that have left
// it or wait for their object, tables, slots, and the results of recent commands.
//
// Apply is a pure function of what is stored and of the log entry. Readers, who
// run beside it, see what was committed, through a View.
package state
