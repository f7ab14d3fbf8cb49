package command

import (
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// A transaction over several partitions is one Part for each. Prepare has a part
// checked, locked and staged; the transaction is committed at the moment when the
// log of every participant holds its yes. Conclude, which follows behind, makes
// staged effects the objects' values, or drops them. Whoever finds a transaction
// prepared for too long asks every participant with Resolve.

// Prepare makes a partition execute its part of a transaction, all or none, and
// stage what it writes. With one participant there is nothing to wait for: the
// part is executed and committed at once, in this one entry of the log.
//
// A large part comes in several commands, in order: all but the last have More
// set, and all but the first Continues. Only the answer to the last is a vote; a
// partition that has not had it is not prepared.
type Prepare struct {
	Transaction  object.TransactionID
	Participants []object.PartitionID // ascending
	// Wait has the command wait in the queue where it meets a lock, in place of
	// being refused as Locked. The sender holds locks in lesser partitions only.
	Wait bool
	// Owner, where it is not zero, names the Locks that the transaction may pass. They
	// are given up here when it commits.
	Owner     object.TransactionID
	More      bool
	Continues bool
	// Placed says that what the Writes create without a location version gets the one that
	// the oracle assigns in the same entry of the log, which it shares with the partition.
	Placed bool
	Part   Part
}

// Part is one partition's share of a transaction. What it does is done in the
// order of the fields.
type Part struct {
	// Tables are the descriptors that Ranges and Effects were made against; Writes
	// name their own.
	Tables []TableVersion
	// Ranges are checked, and locked as shared until the transaction is concluded:
	// nothing is created, changed, deleted, or moved in or out in them.
	Ranges []Range
	// Effects are checked against the revisions that the transaction has read;
	// objects that are only checked are locked as shared, others exclusively.
	Effects []Effect
	// Writes are executed as commands are. Objects are locked exclusively; for a
	// Write with Spans these are locked exclusively as a whole.
	Writes []*Write
}

// TableVersion names a descriptor.
type TableVersion struct {
	Table  object.TableID
	Schema object.SchemaVersion
}

// EffectKind says what a transaction does to an object that it has read.
type EffectKind uint8

// The kinds of Effect. They are in logs: append only.
const (
	EffectNone   EffectKind = iota // it is checked only
	EffectPut                      // Target.Row is its row from now on
	EffectDelete                   // it is deleted
)

// Effect is what a transaction has read, and does to one object. Revision is
// that of the object when it was read; 0 says that there was none.
type Effect struct {
	Target
	Kind     EffectKind
	Revision object.Revision
}

// Range is what a transaction has read of key ranges: a fingerprint of the
// objects in Spans that Filter accepts.
type Range struct {
	Table   object.TableID
	Spans   []Span
	Program []byte // only its Filter counts; empty means all
	Context Context
	Print   Fingerprint
}

// Fingerprint tells whether what a read has found in its key ranges is the same
// still. The partition that makes it compares it.
type Fingerprint struct {
	// Count is the number of objects, Sum the sum of hashes of their ids and
	// revisions.
	Count int64
	Sum   uint64
	// Index is the last log entry that the state which was read contains: where the
	// table has not changed since, there is nothing to compare.
	Index uint64
}

// Assigned is the oracle's answer to an assignment in an entry that it shares with
// partitions.
type Assigned struct {
	// Version is that of all locations, which are new; 0 where some id has one already, or
	// cannot get one: none was given then.
	Version object.LocationVersion
}

// Vote is the answer to a Prepare, or to a Validate. It is a yes where the first
// three fields are nil.
type Vote struct {
	// Refusal is set where the part was not executed. It holds no locks then, but
	// for those of earlier commands of the same transaction (Prepare.Continues).
	Refusal *Refusal
	// Err is set where a Write failed as a statement fails. No locks are held.
	Err *pgerror.Error
	// Conflict is set where something that the transaction has read has changed. No
	// locks are held.
	Conflict *Conflict
	// Results are those of Part.Writes. A Write with Spans that has reached the bound
	// of one log entry has Rest: the sender continues with it.
	Results []*Result
}

// Yes reports whether the part can be committed.
func (v *Vote) Yes() bool { return v.Refusal == nil && v.Err == nil && v.Conflict == nil }

// Conflict says what a transaction has read that has changed since.
type Conflict struct {
	// ID is the object; empty where a range of Table has changed.
	ID    object.ID
	Table object.TableID
}

// Conclude ends transactions. It is idempotent, and says nothing of transactions
// that the partition does not know. A transaction that is committed has to have
// been prepared everywhere; the partition remembers it until it is forgotten.
type Conclude struct {
	Commit []object.TransactionID
	// Abort also gives up the locks of a Lock.
	Abort []object.TransactionID
	// Forget names transactions that every participant has concluded.
	Forget []object.TransactionID
}

// Concluded is the answer to a Conclude.
type Concluded struct {
	// Rest names transactions whose staged effects are more than one log entry may
	// write: conclude them again. They stay locked until then.
	Rest []object.TransactionID
}

// Resolve asks what became of a transaction. One that is not prepared never will
// be: it is aborted by the question.
type Resolve struct {
	Transaction object.TransactionID
}

// Resolution is the answer to a Resolve.
type Resolution struct {
	State TransactionState
}

// TransactionState is what a partition knows of a transaction.
type TransactionState uint8

// The states of a transaction in a partition. They are in logs: append only.
const (
	TransactionUnknown   TransactionState = iota
	TransactionPreparing                  // some of its parts have come
	TransactionPrepared
	TransactionCommitted
	TransactionAborted
	TransactionLocking // it is a session's locks only
)

// LockMode says what a lock keeps others from.
type LockMode uint8

// The modes of locks, from weak to strong. They are in logs: append only.
const (
	// LockShared keeps others from changing the object.
	LockShared LockMode = iota + 1
	// LockUpdate also keeps others from locking it. Reads pass.
	LockUpdate
	// LockExclusive is that of a prepared change: reads wait for its outcome.
	LockExclusive
)

// LockWait says what a Lock does where it meets another lock.
type LockWait uint8

// The ways of waiting. They are in logs: append only.
const (
	LockWaits LockWait = iota // in the queue
	LockFails                 // it is refused as Locked
	LockSkips                 // the object is left out
)

// Lock locks objects for a session, before its transaction commits, and reads them.
// The locks stay until the transaction named Owner commits (Prepare.Owner), or
// Conclude aborts it. They are a courtesy: what the session goes by when it commits
// is the revisions.
type Lock struct {
	Owner   object.TransactionID
	Table   object.TableID
	Schema  object.SchemaVersion
	Mode    LockMode // LockShared or LockUpdate
	Wait    LockWait
	Targets []Target
	// Program filters and projects; objects that its Filter rejects are not locked.
	Program []byte
	Context Context
}

// Granted is the answer to a Lock.
type Granted struct {
	Refusal *Refusal
	Err     *pgerror.Error
	// Conflict names the object that is locked by another, where Refusal is Locked.
	Conflict *Conflict
	Rows     [][]byte // in the order of Targets, as EncodeRow
	// At tells for each row the index of its target.
	At []int
	// Absent and Skipped list indexes into Targets: of objects that the partition
	// holds no value of, and of those that are locked by others.
	Absent, Skipped []int
	// Revisions are those of the Targets; 0 where there is no object.
	Revisions []object.Revision
}

// Withdraw takes a command of the same sender that waits in the queue out of it:
// its outcome is a refusal as Withdrawn. Where it does not wait nothing happens.
type Withdraw struct {
	Command object.CommandID
}

func (*Prepare) body()  {}
func (*Conclude) body() {}
func (*Resolve) body()  {}
func (*Lock) body()     {}
func (*Withdraw) body() {}

// Overlaid is an object as a transaction sees it by its own writes: Row nil
// means that it has deleted it.
type Overlaid struct {
	ID  object.ID
	Row []byte
	// Version is the location version that it has, or will have.
	Version object.LocationVersion
}

// Evaluate computes what a Write would do, and changes nothing. It is answered
// outside the log, like a Read.
type Evaluate struct {
	Write *Write
	View  View
}

// Evaluation is the answer to an Evaluate.
type Evaluation struct {
	Refusal  *Refusal
	Err      *pgerror.Error
	Conflict *Conflict // of View.Checks
	// Result is what the Write would have answered, Rest included.
	Result *Result
	// Effects are what it would do to objects, and what it has read of those that
	// it names by Targets: a target that it would leave alone is of EffectNone.
	Effects []Effect
	// Print is of the objects in Write.Spans (up to Result.Rest) that the filter
	// accepts, without the View's own objects.
	Print Fingerprint
}

// View is the state that a read sees, where it is not simply the newest.
type View struct {
	// Pin names a snapshot that was pinned; zero means the newest state.
	Pin Pin
	// Include lists the transactions that are prepared in the pinned snapshot and
	// count as committed in it. The others that are prepared do not.
	Include []object.TransactionID
	// Outgoing lists moves whose objects have left the pinned snapshot, and have not
	// arrived in that of their destination: they count as being here.
	Outgoing []object.LocationVersion
	// Overlay holds objects in place of those of the state, ascending by id, each in
	// the Read's table. The partition takes all of them for its own.
	Overlay []Overlaid
	// Track has the read tell what a transaction has to check later: revisions
	// and a Fingerprint.
	Track bool
	// Checks is compared with the state that is read, in the same instant: its Ranges
	// and Effects (all of EffectNone).
	Checks *Part
}

// Transaction is what a client of the partitions wants done in several of them, all
// or none.
type Transaction struct {
	Parts []Share
	// Owner names the Locks of the session that the transaction may pass.
	Owner object.TransactionID
	// Patient says that the sender holds no locks, so that it may wait for others'
	// in a queue. One that does not is refused as Locked after some attempts.
	Patient bool
}

// Share is the part of one partition.
type Share struct {
	Partition object.PartitionID
	Part      Part
}

// Pin names a snapshot that a node holds of a partition; zero is none.
type Pin struct {
	Node object.NodeID
	ID   uint64
}

// Pinned is what a node tells of a snapshot that it has pinned.
type Pinned struct {
	Pin   Pin
	Index uint64 // the last log entry that the snapshot contains
	// Transactions are those that the snapshot knows: prepared, or committed and
	// not forgotten.
	Transactions []PinnedTransaction
	// Outgoing are moves whose objects have left and that are not settled.
	Outgoing []PinnedMove
}

// PinnedTransaction is a transaction in a pinned snapshot.
type PinnedTransaction struct {
	ID           object.TransactionID
	State        TransactionState // prepared or committed
	Participants []object.PartitionID
}

// PinnedMove is a move in a pinned snapshot.
type PinnedMove struct {
	Move object.LocationVersion
	To   object.PartitionID
}

// String names the state.
func (s TransactionState) String() string {
	names := [...]string{"unknown", "preparing", "prepared", "committed", "aborted", "locking"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// String names the mode.
func (m LockMode) String() string {
	names := [...]string{"none", "shared", "update", "exclusive"}
	if int(m) < len(names) {
		return names[m]
	}
	return "unknown"
}
