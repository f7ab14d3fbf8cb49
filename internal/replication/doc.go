// Package replication keeps copies of state machines on several nodes in step. It
// is the only importer of hashicorp/raft, and shows nothing of it.
//
// A Host is a node's part of all groups; a Group is one replica of a log and of the state
// machines whose commands the log orders; a Machine is one replica of one of these.
//
//	host, err := replication.NewHost(replication.Config{Network: transport, State: state, Log: log})
//	group, err := host.Start(replication.GroupConfig{ID: 1, Peers: peers, Machine: makeMachine})
//	machine, err := group.Machine(7)
//	result, err := machine.Propose(ctx, command)            // on the leader only
//	err = machine.Read(ctx, func() error { ... })           // on the leader only
//	err = machine.ReadFollowing(ctx, func() error { ... })  // on the others
//	hold, err := machine.Hold(ctx, limit, func() error { ... }) // on the leader only
//	valid := hold.Release(ctx)
//	err = host.Close()
//
// The order: storage and network are opened before and closed after the Host. No
// call to a group is answered before Start has returned.
//
// # Writes
//
// Propose hands a command to the leader, waits until it is applied there, and
// returns the state machine's result. Its errors say what happened:
//
//   - *cluster.NotLeader: nothing; it names the leader where that is known. ErrStopped
//     is such an error too.
//   - cluster.ErrOverloaded, ErrTooLarge: nothing.
//   - cluster.ErrInterrupted: not known. The command may be executed, also later. Send
//     it again with the same command id to learn its result.
//   - the context's error alone: nothing.
//
// Until an entry is committed, commands gather; the next entry holds them
// all, within Limits, whatever machines of the group they are for.
//
// ProposeJointly hands over commands for several machines of a group, which take effect
// together or not at all, at one place in the log (Joint).
//
// # Reads
//
// Read runs a function that reads the state machine, and returns nil only if what
// it read includes every write that was acknowledged before Read was called. The
// function may run before that is known: use what it read only if Read returns
// nil. Such reads do not go through the log. They rest on a lease: a follower that
// acknowledges a message of its leader promises to vote for no other for one
// heartbeat time-out from then on; so a leader that has such promises of a quorum,
// for messages that it *sent* not longer than nine tenths of that ago, knows that
// there is no other. It counts from the sending, on its own monotonic clock, and
// looks at the clock after the read: it may have been stopped at any moment. Where
// the lease does not hold, Read waits for the acknowledgements of messages that
// were sent after it was called, which needs no clock at all.
//
// What the lease assumes: monotonic clocks that run within 10 % of each other's
// speed, also across a suspended process. See Timing.NoLease.
//
// ReadFollowing promises the same on a replica that does not lead, from its own state,
// or returns ErrBehind. Reads that wait for the leader's word share one question; where
// there are many questions and no writes, one answer is good for two milliseconds.
//
// Hold pins a state on the leader and keeps it the newest that anybody sees, until
// Release. States of several groups that are held at once are of one moment.
//
// ReadStale reads on any replica what is at most so old.
//
// # Failures
//
// A replica whose state machine returns an error or panics, or whose storage
// fails, stops: Group.Done is closed and Err says why. The others go on. It does
// not skip the entry; after a restart it tries it again.
//
// A follower that is too far behind for the log that is kept is sent the whole
// state over a stream, beside its old state, and changes over when it has it all.
package replication
