package execute

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// Dependencies are what the executor calls. All are safe for use from several
// goroutines. Errors: an error with a *pgerror.Error in its chain is told to the
// client with that SQLSTATE, any other one is XX000 (from Directory: 40001) and
// only logged, except where a method says otherwise. Every method that takes a ctx returns soon
// after it ended.
type Dependencies struct {
	Catalog    Catalog
	Directory  Directory
	Schema     Schema
	Mover      Mover
	Sequences  Sequences
	Partitions Partitions
	Policies   Policies
	// Founder creates objects where a policy wants them in one round; nil: it takes two.
	Founder Founder
	// Trace hears what commands touch; nil: nobody does.
	Trace Trace
	// Introspection serves schema ssmr; nil fields of what it returns are NULL.
	Introspection Introspection
	// Clock gives the time of now() and of time-outs; nil is the system's.
	Clock Clock
}

// Catalog is the node's copy of the oracle's catalog.
type Catalog interface {
	// Catalog returns the newest snapshot that the node has. It never blocks and
	// never returns nil; before the node has heard of the oracle the snapshot is
	// empty.
	Catalog() *catalog.Snapshot
	// Refresh returns when Catalog returns a snapshot that is at least as new as
	// the oracle's catalog was when Refresh was called (linearizable).
	Refresh(ctx context.Context) error
}

// Directory says where objects live: the node's cache, and behind it the oracle.
type Directory interface {
	// Lookup asks the cache only. It is on the path of every statement: it does
	// not block, and does not allocate. For an object of a static table a hit
	// is an exception; a miss means its home, as far as the node knows.
	Lookup(id object.ID) (catalog.Located, bool)
	// Locate answers for each id, in their order, from the cache or from the
	// oracle (one call for all that the cache lacks). An answer of the oracle is
	// never older than the call. A zero Location with Cached false is final: the
	// directory had no entry at a moment since the call began.
	Locate(ctx context.Context, ids []object.ID) ([]catalog.Located, error)
	// Confirm is Locate past the cache: the oracle's leader answers, linearizably.
	// The cache learns the answers.
	Confirm(ctx context.Context, ids []object.ID) ([]catalog.Located, error)
	// Assign gives ids without a location one; ids that have one keep it. The
	// answers are the locations that stand, in the order of the assignments. It
	// is idempotent: after an error it may be called again. An error with SQLSTATE
	// 40001 means that a partition must not get an id, by limits that the node may not know
	// yet, or that the table is being changed, or is gone: places are chosen anew with the
	// newest catalog, or the statement is planned anew.
	Assign(ctx context.Context, assignments []catalog.Assignment) ([]object.Location, error)
	// Learn takes what a partition said of objects that it does not own. An
	// older version than the cache has is ignored. A zero location is not learnt.
	Learn(redirects []command.Redirect)
	// Release says that a partition has deleted these objects, so that their
	// directory entries may be given up. It does not block; what does not fit in
	// its queue is dropped, and swept by the oracle some day.
	Release(ids []object.ID)
	// History returns the places that an object has had, oldest first, as far as they
	// are kept; empty where the directory has no entry. Linearizable.
	History(ctx context.Context, id object.ID) ([]catalog.Placed, error)
}

// Schema changes tables. Each method returns when the oracle has logged the
// change, all partitions have it, and Catalog of this node shows it. A method
// that fails with 40001 changed nothing, because the table's version is not
// current any more: the statement is planned anew. Other SQLSTATEs (42P07,
// 23502, 23514, ...) are for the client, and say that nothing changed. If ctx
// ended or the oracle was lost meanwhile, the error is 40003, and the change may
// still be completed.
type Schema interface {
	// CreateTable makes a table and returns its descriptor. created is false where
	// it existed and IfNotExists excused it.
	CreateTable(ctx context.Context, spec catalog.TableSpec) (t *catalog.Table, created bool, err error)
	AlterTable(ctx context.Context, change catalog.Change) (*catalog.Table, error)
	DropTables(ctx context.Context, drop catalog.Drop) error
	TruncateTables(ctx context.Context, truncate catalog.Truncate) error
	// ChangePolicy makes, replaces or drops a policy that is a program; ChangePartition
	// replaces the limits of a partition. 2BP01: a table is placed by it. Partitions do
	// not have to know of either.
	ChangePolicy(ctx context.Context, change catalog.PolicyChange) error
	ChangePartition(ctx context.Context, change catalog.PartitionChange) error
}

// Mover moves objects.
type Mover interface {
	// Move has objects moved, and returns when all that can be is, with what
	// became of each in the request's order. At most MaxMoveBatch ids. When ctx
	// ends before, moves that the oracle has logged go on: the error says 40003.
	// MoveUnknown in a result is an object whose move failed and may be tried again.
	Move(ctx context.Context, request catalog.MoveRequest) ([]catalog.MoveResult, error)
}

// MaxMoveBatch is the most ids that the executor puts in one MoveRequest.
const MaxMoveBatch = 512

// Sequences gives out blocks of the values of serial columns.
type Sequences interface {
	// AllocateSequence reserves the count values from first on, for this node
	// alone. Values that are not used are gaps.
	AllocateSequence(ctx context.Context, table object.TableID, column, count int) (first int64, err error)
}

// Partitions sends commands to the leaders of partitions. Its methods find the
// leader, and try again while there is none, until ctx ends. What a partition
// says is data (a Refusal, an Err in the result); an error means that there is no
// answer.
type Partitions interface {
	// Write has a command executed, at most once for each call however often it is
	// sent. An error with SQLSTATE 40001 in its chain means that it was not
	// executed and will not be; with any other error that is unknown.
	Write(ctx context.Context, p object.PartitionID, w *command.Write) (*command.Result, error)
	// Read begins a read. The chunk's Cursor, if it is not zero, continues it; it
	// must be read to its end or closed.
	Read(ctx context.Context, p object.PartitionID, r *command.Read) (*command.Chunk, error)
	// Next continues a read. The cursor is lost with the node that holds it, or
	// after some idle time: SQLSTATE 40001 (start the statement over).
	Next(ctx context.Context, p object.PartitionID, c command.Cursor) (*command.Chunk, error)
	// CloseCursor ends a read early. It does not wait for the answer; cursors that
	// are not closed are by their idle time.
	CloseCursor(p object.PartitionID, c command.Cursor)
	// Execute has another command executed: *command.InstallTable. A nil error
	// means that it was.
	Execute(ctx context.Context, p object.PartitionID, body command.Body) (any, error)

	// Transact has parts executed, all or none, at one instant. It is committed where
	// all votes, which are in the order of the parts, are yes. Where one is not, nothing
	// took effect in any partition, and nothing will. Locks of other transactions it
	// deals with itself; what a vote refuses for another reason, fails or finds in
	// conflict is the caller's; one that is refused as Aborted beside others is of a
	// partition that was not asked to the end. A Write with Spans is executed as a whole, whatever its
	// size. Errors are as of Write; 55P03 where ctx ended with a cause (context.Cause) of that
	// SQLSTATE, as ErrLockTimeout is: it was not executed.
	Transact(ctx context.Context, t *command.Transaction) ([]*command.Vote, error)
	// Evaluate computes what a Write would do in the newest state, or that of the
	// View. It waits for transactions that have staged changes of its objects.
	Evaluate(ctx context.Context, p object.PartitionID, e *command.Evaluate) (*command.Evaluation, error)
	// Validate compares what a transaction has read with the newest state: the
	// Ranges and Effects of the part. It changes and locks nothing.
	Validate(ctx context.Context, p object.PartitionID, part *command.Part) (*command.Vote, error)
	// Snapshot pins the state of partitions at one instant: one between the call
	// and its return, at which everything that was acknowledged before the call is in
	// it. It must be closed. It is lost with a node that holds a part of it, or
	// after some idle time: its calls fail with 40001 then.
	Snapshot(ctx context.Context, parts []object.PartitionID) (Snapshot, error)
	// NewTransaction names a session's transaction, for Lock.
	NewTransaction() object.TransactionID
	// Lock locks objects for a session's transaction, and reads them.
	Lock(ctx context.Context, p object.PartitionID, l *command.Lock) (*command.Granted, error)
	// Unlock gives up all locks of a transaction. It does not wait.
	Unlock(owner object.TransactionID)
}

// Snapshot is the state of several partitions at one instant. Its methods may be
// called from several goroutines.
type Snapshot interface {
	// Read and Evaluate are those of Partitions, of this state; they set what View
	// says of pins, included transactions and outgoing moves. Cursors of chunks are
	// continued with Partitions.Next.
	Read(ctx context.Context, p object.PartitionID, r *command.Read) (*command.Chunk, error)
	Evaluate(ctx context.Context, p object.PartitionID, e *command.Evaluate) (*command.Evaluation, error)
	// Close lets the state go. It does not wait. Open cursors stay.
	Close()
}

// Policies asks placement policies.
type Policies interface {
	// Place chooses a partition for each object of a table that is not static, in
	// one call for a statement. What it answers has been checked: each partition
	// exists and may get the object (catalog.Rules, catalog.PartitionLimits). Where the
	// policy does not answer, or not rightly, the table's fall-back does. Place bounds its
	// own time. 55000: there is no partition that may get the objects.
	Place(ctx context.Context, request PlaceRequest) (Places, error)
	// ReplaceColumns are the columns, as indexes, whose update makes the table's
	// policy be asked again; nil as a rule. It is on the path of every update: it does not
	// block.
	ReplaceColumns(t *catalog.Table) []int
	// Replace asks where objects are to live that have changed: Current and Bytes are
	// set, Rows are those after the update. A policy that fails lets them stay.
	Replace(ctx context.Context, request PlaceRequest) (Places, error)
	// Allowed reports whether a partition may get objects of a table that take about so
	// many bytes; if not, the error (55000) says why.
	Allowed(t *catalog.Table, p object.PartitionID, bytes int64) error
	// Check starts the program of a policy that is to be made or changed, beside the
	// one that runs, and has it accept the tables that are placed by it. The error is for
	// the client.
	Check(ctx context.Context, policy catalog.Policy) error
}

// Places is what a policy answers.
type Places struct {
	Partitions []object.PartitionID // in the order of the request
	Reasons    []string             // of each; nil: none
	// Policy and Version are who chose: the table's policy, or its fall-back.
	Policy  string
	Version string
	// Notice is for the client: why the fall-back has chosen; empty: it has not.
	Notice string
}

// PlaceRequest is what a policy is asked about.
type PlaceRequest struct {
	Table *catalog.Table
	// Rows hold for each object a value for each of Table.Columns.
	Rows [][]datum.Datum
	// Homes are the partitions that the static rule would give.
	Homes []object.PartitionID
	// Current are the partitions that the objects live in, where they are not new;
	// nil where they are.
	Current []object.PartitionID
	// Bytes is what they take, nil where they are new.
	Bytes []int64
	// DryRun says that nothing will be done with the answer. Shifts is what the
	// same dry run was told before: by how much partitions would grow.
	DryRun bool
	Shifts map[object.PartitionID]int64
	// Hint is the session's setting ssmr.hint.
	Hint string
}

// Trace hears what commands touch, for simulations of policies.
type Trace interface {
	// Touched is told once of each statement outside of transactions, and of each
	// transaction, that took effect: the first 65,536 touches of it. It does not block, and
	// keeps nothing of touches. A row of INSERT ... ON CONFLICT is told as created, whatever
	// was there; an update or a delete of keys may have found none of some.
	Touched(touches []Touch)
}

// Touch is an object, or a range of a table, that a command has touched.
type Touch struct {
	Table *catalog.Table
	ID    object.ID // empty: a range
	// Span is the range; zero: all of the table.
	Span command.Span
	Kind TouchKind
	// Values are those of a created object, one for each of Table.Columns. Of an updated
	// one they are those of the columns in Set: what the statement sets them to, where
	// it says that itself.
	Values []datum.Datum
	Set    []int // indexes of columns, of an update
}

// TouchKind is what was done to what was touched.
type TouchKind uint8

// The kinds.
const (
	TouchRead TouchKind = iota
	TouchCreate
	TouchUpdate
	TouchDelete
)

// Introspection serves the tables of schema ssmr.
type Introspection interface {
	Nodes(ctx context.Context) ([]NodeStatus, error)
	Partitions(ctx context.Context) ([]PartitionStatus, error)
	// Replicas has every replica hashed, those of one partition at the same index of
	// its log: ascending by partition (0 is the oracle) and node. It is as costly as
	// reading everything.
	Replicas(ctx context.Context) ([]ReplicaStatus, error)
	// TableSizes counts what the partitions hold of each table. A table is missing
	// where a leader could not be asked.
	TableSizes(ctx context.Context) (map[object.TableID]Size, error)
	// Moves returns the moves that the oracle remembers, oldest first.
	Moves(ctx context.Context) ([]catalog.Move, error)
	Policies(ctx context.Context) ([]PolicyStatus, error)
	// Transactions returns what the partitions know of transactions that are not
	// forgotten: a row for each partition and transaction. Partitions whose leader
	// could not be asked are left out; so they are of Locks.
	Transactions(ctx context.Context) ([]TransactionStatus, error)
	// Locks returns the locks that are held or waited for, at most some thousands
	// for each partition.
	Locks(ctx context.Context) ([]LockStatus, error)
	// Counters returns what the nodes that could be asked have counted since they
	// started.
	Counters(ctx context.Context) ([]CounterStatus, error)
	// CacheStats counts what this node's cache did.
	CacheStats() catalog.CacheStats
	// Self is the name of this node.
	Self() object.NodeID
}

// NodeStatus is a row of ssmr.nodes.
type NodeStatus struct {
	Node        object.NodeID
	Address     string // of the cluster port
	Alive       bool   // as seen from this node
	Replicas    int    // partitions that it holds a replica of
	Leads       int    // partitions that it leads, as far as this node knows
	LeadsOracle bool
	Version     string    // of ssmr; "" where unknown
	Started     time.Time // zero where unknown
}

// PartitionStatus is a row of ssmr.partitions.
type PartitionStatus struct {
	Partition object.PartitionID
	Leader    object.NodeID // "" during an election
	// Known says that the leader answered; the rest is NULL otherwise.
	Known             bool
	Size              Size
	CommandsPerSecond float64
	Applied           uint64 // index of the last entry that the leader applied
}

// ReplicaStatus is a row of ssmr.replicas.
type ReplicaStatus struct {
	Partition object.PartitionID // 0: the oracle
	Node      object.NodeID
	Leads     bool
	// Known says that the replica answered in time; the rest is NULL otherwise.
	Known    bool
	Applied  uint64 // index of the log that the checksum is of
	Checksum uint64
}

// Size counts objects and their bytes.
type Size struct {
	Objects int64
	Bytes   int64
}

// PolicyStatus is a row of ssmr.policies: a policy as one node has it.
type PolicyStatus struct {
	Node    object.NodeID
	Name    string
	Kind    string // builtin, plugin
	Static  bool
	Program string // of a plugin, as are all that follow
	Version string // as it says itself
	SHA256  string
	State   string // ready, starting, failed
	Error   string // "" where there is none
	PID     int    // 0: it does not run
	Calls   int64
	Errors  int64 // calls without an answer in time, or with a wrong one
	// FallBacks counts objects that the table's fall-back has placed.
	FallBacks     int64
	Restarts      int64
	Mean, Slowest time.Duration // of calls
}

// TransactionStatus is a row of ssmr.transactions: what one partition knows of one
// transaction.
type TransactionStatus struct {
	Transaction object.TransactionID // its Node is the coordinator
	Partition   object.PartitionID
	State       command.TransactionState
	// Waiting says that it waits in the partition's queue.
	Waiting      bool
	Participants []object.PartitionID // ascending; nil for a session's locks
	// Age is how long the partition's leader has known it; negative where unknown.
	Age time.Duration
	// WaitsFor are those that hold what it waits for, or wait before it.
	WaitsFor []object.TransactionID
}

// LockStatus is a row of ssmr.locks.
type LockStatus struct {
	Partition object.PartitionID
	Table     object.TableID
	// Span is what is locked: a single object where End is empty, all of the table
	// where both are.
	Span command.Span
	Mode command.LockMode
	// Transaction holds it, or waits for it; zero: a command outside of transactions
	// waits.
	Transaction object.TransactionID
	Granted     bool
}

// CounterStatus is a row of ssmr.counters.
type CounterStatus struct {
	Node  object.NodeID
	Name  string // commands_one_partition, conflicts, ...
	Value int64
}

// Clock tells the time.
type Clock interface {
	Now() time.Time
}
