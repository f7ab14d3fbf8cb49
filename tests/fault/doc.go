// Command fault runs traffic against a cluster of ssmr-server processes on this machine
// while things fail, records what the clients saw, and checks it.
//
//	go run ./tests/fault -traffic bank -failure kill,pause,netsplit -duration 10m -seed 7
//	go run ./tests/fault -traffic all -failure all -moves -policies -schema
//	go run ./tests/fault -plant double-move -traffic register -moves -failure none -duration 10s
//
// It prints what it does, the seed, and a verdict with the smallest explanation of each
// violation; the exit code is 0 where there is none, 1 where there is, and 2 where the
// run says nothing. The history is a file of one JSON object a line: every operation
// of every client with the time of its call and of its return, and every failure.
//
// A run with a seed makes the same random choices again, but processes and the network
// do not take the same time twice: a violation that a seed has found is found again after
// some runs, or not.
//
// README.md lists traffic and failures, and the bugs that were found. Adding a traffic, or
// a failure, means adding a file, and a line in the table of traffic.go or failure.go.
//
// # How failures are made
//
// Nodes are reached by each other through a proxy for each node (cluster.listen), which
// reads from the greeting of a connection who has opened it; so each direction between
// two nodes can be cut or slowed. Disks fail in a file system under Pebble that is in
// binaries with the build tag fault only (internal/storage). Clocks jump in the process's
// own copy of the kernel's vDSO, so that the program is the ordinary one.
//
// # What an outcome means
//
// What ssmr promises is what is held against it: only 40003, a lost connection and a
// time-out leave an outcome unknown. All other SQLSTATEs say that nothing took effect. An
// internal error, a deadlock, or an error that neither failures nor other clients explain
// is a violation by itself.
package main
