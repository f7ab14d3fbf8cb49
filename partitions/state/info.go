package state

import (
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// TransactionInfo tells of a transaction that holds locks here, waits for some, or is
// committed and not forgotten.
type TransactionInfo struct {
	ID    object.TransactionID
	State command.TransactionState // unknown where it only waits
	// Owner is the session's transaction whose locks it may pass.
	Owner        object.TransactionID
	Participants []object.PartitionID
	Objects      int // locked, not counting those in ranges
	Ranges       int // locked
	Staged       int // effects that are not carried out yet
	// Since is the log entry that brought it to its state, or into the queue.
	Since uint64
	// Waiting says that a command of it is in the queue. WaitsFor are the transactions
	// that hold what it waits for, or wait before it; those that are zero are single
	// commands.
	Waiting  bool
	WaitsFor []object.TransactionID
}

// LockInfo tells of a lock, or of one that is waited for.
type LockInfo struct {
	// Span is the range that is locked; [ID, ID+"\x00") for an object. Start and End
	// are empty where everything is meant.
	Span        command.Span
	Object      object.ID // empty where it is a range
	Mode        command.LockMode
	Transaction object.TransactionID // zero: a single command, which waits
	Waiting     bool
	Command     object.CommandID // that waits
	Since       uint64           // the log entry of it
}

// Counters count since the start.
type Counters struct {
	Prepared  uint64 // Prepares that were a yes, one for each transaction
	Direct    uint64 // those that were executed at once, with one participant
	Committed uint64 // concluded so
	Aborted   uint64 // concluded so, or resolved so
	Conflicts uint64 // Prepares that found something changed
	Locked    uint64 // Prepares and Locks that were refused because of a lock
	Queued    uint64 // commands that had to wait
}

type counters struct {
	prepared, direct, committed, aborted, conflicts, locked, queued atomic.Uint64
}

// Counters returns what was counted. It may be called at any time.
func (m *Machine) Counters() Counters {
	c := &m.counters
	return Counters{
		Prepared: c.prepared.Load(), Direct: c.direct.Load(), Committed: c.committed.Load(), Aborted: c.aborted.Load(),
		Conflicts: c.conflicts.Load(), Locked: c.locked.Load(), Queued: c.queued.Load(),
	}
}

// Transactions lists the transactions in one of the states, or all where none is
// named, in no order. It may be called at any time; it includes what is applied and
// not yet committed to the store.
func (m *Machine) Transactions(states ...command.TransactionState) []TransactionInfo { return nil }

// Locks lists at most limit locks that are held or waited for. It may be called at any
// time.
func (m *Machine) Locks(limit int) []LockInfo { return nil }
