// Package state is a partition's state machine: objects, the ids that have left
// it or wait for their object, tables, slots, and the results of recent commands.
//
// Apply is a pure function of what is stored and of the log entry. Readers, who
// run beside it, see what was committed. All of them work in three steps:
//
//	q := m.Begin(read)       // or m.Evaluate, m.Validate
//	defer q.Close()
//	err := group.Read(ctx, q.Pin) // fixes the state, under the lease
//	chunk, err := q.Next(ctx)     // or q.Run: computes, whatever is applied meanwhile
//
// What Apply gives for a command that meets a lock is a *Pending: it is done, on every
// replica, when the command was executed in some later entry. Who waits for one also
// watches whether the replica still leads, and sends the command again, with its id, to
// who does. The owner of a machine that applies nothing any more calls Close, which ends
// them.
//
// An answer that is refused as Awaited is asked for again after Events.Arrived. For
// several reads of one moment there is Machine.Pin, called while replication shows
// nothing newer: its Begin and Evaluate give queries that wait for nothing.
package state
