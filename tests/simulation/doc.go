// Simulation runs the oracle, partitions and coordinators of a whole cluster in one
// goroutine, with the network, the clock and the scheduler in its hand: one seed is one
// run. It is the first thing to run after a change of the protocol:
//
//	go run ./tests/simulation -seed 1 -schedules 1000
//	go run ./tests/simulation -seed 5000 -schedules 0 -duration 10m
//	go run ./tests/simulation -seed 592 -schedules 1 -v           # what happened, in words
//	go run ./tests/simulation -plan tests/simulation/testdata/x.json
//
// A seed that fails is minimised (clients, transactions, operations and faults are taken away
// while it still fails) and printed as a trace; -save keeps the small plan, which
// becomes a test in testdata.
//
// # What is real, and what is not
//
// Real: the state machines of the oracle and of partitions (oracle.Machine, state.Machine) on
// stores in memory, all encodings of commands, and the core of the coordinator
// (partitions/attempt). Written anew over the same commands, because the originals have
// goroutines and clocks: the oracle's driver of moves, the client of partitions (numbering,
// retries, transactions, snapshots), the recovery of transactions, and a small executor that
// follows locations and keeps sessions' writes.
//
// Replication is a model: one log for each group; two replicas apply it at their own pace,
// several entries in one batch or one by one. Leaders change; a proposal may be lost, or be
// applied although its answer is lost. Messages get lost, come late, come twice, or not at all
// while nodes are cut off from one another. Nodes crash, also between any two steps of
// a coordinator, and start again on what they had stored, or on something older, or on the
// state of another replica.
//
// # What is checked
//
//   - What clients saw is strictly serializable: by the graph of package checker for
//     objects that are never deleted, and by a search for a serial order for all.
//   - Replicas that have applied the same log hold the same bytes.
//   - Each object is in one partition, or in none.
//   - When faults have ended everything ends: no statement hangs, no transaction is left
//     prepared, no lock is held, no move is outgoing.
package main
