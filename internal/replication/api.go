package replication

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// StateMachine is what a group replicates, by itself or with others that share the
// group's log. All its state that matters is in its Space; what it keeps in memory is
// derived from that.
//
// Open, Apply and Committed are never called side by side. Functions that are
// handed to Group.Read run beside all of them: the state machine guards what it
// keeps in memory.
type StateMachine interface {
	// Open reads from the space what the state machine keeps in memory. It is called
	// before the first Apply, and again when the content of the space was replaced by
	// that of another replica (the same Space, other content).
	Open(space *storage.Space) error

	// Apply executes its commands of one entry, in order, and returns one result for
	// each. It is a pure function of what the batch reads and of the entry: no clock,
	// no randomness, no map order, nothing outside. It writes to the batch only. The
	// batch may hold the writes of entries before this one, and is committed, with
	// the applied index, before anybody hears of the results. The commands are valid
	// during the call only; results must not refer to them.
	//
	// A refusal is a result. An error means that this replica cannot go on (a command
	// that it does not know, or a failure of storage): the batch is dropped and the
	// replica stops rather than diverges. A panic is taken for such an error.
	Apply(entry Entry, batch *storage.Batch) ([]any, error)
}

// Committer is an optional ability of a StateMachine.
type Committer interface {
	// Committed is called when everything up to the index can be read from the space,
	// and before the results of these entries are handed out. It is the moment to
	// show readers what Apply has changed in memory.
	Committed(index uint64)
}

// Joint is an optional ability of a StateMachine: to take part in commands for several
// machines of a group that take effect together or not at all (Group.ProposeJointly).
// Its commands of an entry are executed one by one, between BeginEntry and FinishEntry, instead of
// by Apply. What is said there holds for all of these.
type Joint interface {
	// BeginEntry starts an entry, whose Commands are nil. Commands are valid until FinishEntry.
	BeginEntry(entry Entry, batch *storage.Batch)
	// Execute executes a command.
	Execute(command []byte) (any, error)
	// Consider finds out what a command would give, and whether it would be carried out,
	// without any effect yet. earlier are the results of the commands before it that are
	// considered jointly. Decide follows before anything else.
	Consider(command []byte, earlier []any) (result any, agreed bool, err error)
	// Decide carries out what was considered, or drops it: all machines have agreed, or
	// not. It returns the result for who has proposed it.
	Decide(carryOut bool) (result any, err error)
	// FinishEntry ends the entry.
	FinishEntry()
}

// Addressed is a command for one of a group's state machines.
type Addressed struct {
	To      object.MachineID
	Command []byte
}

// Entry is one entry of a group's log: those of its commands that are for one state
// machine.
type Entry struct {
	Index    uint64
	Term     uint64
	Commands [][]byte
}

// Network is what replication needs of cluster.Transport.
type Network interface {
	Node() object.NodeID
	Handle(method uint16, h func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error))
	// HandleQuick is Handle for what neither waits nor takes long.
	HandleQuick(method uint16, h func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error))
	HandleStream(name string, h func(ctx context.Context, from object.NodeID, conn net.Conn))
	Call(ctx context.Context, to object.NodeID, method uint16, req []byte) ([]byte, error)
	DialStream(ctx context.Context, to object.NodeID, name string) (net.Conn, error)
}

// Clock is a monotonic clock. Leases depend on it.
type Clock interface {
	Now() time.Time
}

// Config of a Host.
type Config struct {
	Network Network
	State   *storage.Store // where state machines live
	Log     *storage.Store // where logs live; opened with ForLog
	Timing  Timing
	Limits  Limits
	Clock   Clock        // nil: the system's
	Logger  *slog.Logger // nil: discarded
}

// Timing of elections and leases. Zero values mean the defaults. All nodes of a
// cluster should have the same.
type Timing struct {
	// Heartbeat is how long a follower waits for its leader before it asks for an
	// election; leaders send five to ten times as often. Default: 700 ms. A dead
	// leader is replaced within two to three times this.
	Heartbeat time.Duration
	// Election is how long a candidate waits for votes. Default: Heartbeat.
	Election time.Duration
	// Commit is how soon followers hear of the commit index when nothing else is
	// sent to them. Default: 50 ms.
	Commit time.Duration
	// NoLease makes every read wait for a round of heartbeats. For machines whose
	// monotonic clock may stand still while others' go on (suspended virtual
	// machines).
	NoLease bool
}

// Limits of each group. Zero values mean the defaults.
type Limits struct {
	// CommandBytes bounds one command. Default: 16 MiB.
	CommandBytes int
	// BatchBytes bounds what is put together in one entry; a command that is larger
	// has an entry of its own. Default: 512 KiB.
	BatchBytes int
	// BatchCommands bounds the commands of one entry. Default: 8192.
	BatchCommands int
	// QueueBytes and QueueCommands bound what waits to be put into an entry. Propose
	// returns cluster.ErrOverloaded at the bound. Defaults: 16 MiB and 65536.
	QueueBytes    int
	QueueCommands int
	// SnapshotBytes and SnapshotEntries: after so much log, the state is flushed and
	// the log is truncated. Defaults: 32 MiB and 20000.
	SnapshotBytes   int64
	SnapshotEntries uint64
	// TrailingBytes and TrailingEntries of log are kept behind a snapshot, for
	// followers that are a little behind. Defaults: 16 MiB and 10000.
	TrailingBytes   int64
	TrailingEntries uint64
}

// GroupConfig says what a replica is part of.
type GroupConfig struct {
	ID object.GroupID
	// Peers are the nodes that hold a replica of a *new* group, this one included,
	// the same on all of them. A group that exists keeps what its log says.
	Peers []object.NodeID
	// Join says that this replica must not found the group but wait until its leader
	// gets in touch.
	Join bool
	// Machine makes a state machine of the group, when Group.Machine is called or the
	// log holds a command for it, whichever comes first; an error of it stops the
	// replica in the second case. Calls are never side by side.
	Machine func(object.MachineID) (StateMachine, error)
}

// Role tells what a replica is, and since when.
type Role struct {
	// Leading says that this replica leads, and has applied everything that earlier
	// leaders have acknowledged.
	Leading bool
	// Leader is the node that leads, as far as this replica knows; may be empty.
	Leader object.NodeID
	Term   uint64
}

// Replica is one member of a group.
type Replica struct {
	Node  object.NodeID
	Voter bool
	// Contact is when the leader last sent something that was acknowledged, and Match
	// the last index that it is known to have in its log; zero where this replica does
	// not lead, or has had no answer.
	Contact time.Time
	Match   uint64
}

// Status of a replica at one moment.
type Status struct {
	ID            object.GroupID
	Role          Role
	Replicas      []Replica
	AppliedIndex  uint64
	CommitIndex   uint64
	FirstIndex    uint64 // of the log that is kept
	LastIndex     uint64
	SnapshotIndex uint64
	LogBytes      int64
	Contact       time.Time // when a follower last heard of its leader
	Lease         time.Duration
	Queued        int    // commands that wait to be put into an entry
	Proposed      uint64 // commands taken since start
	Applied       uint64 // commands applied since start
	Entries       uint64 // entries applied since start
	Err           error  // why the replica has stopped
}

var (
	// ErrTooLarge is returned by Propose for a command above Limits.CommandBytes.
	// It had no effect and will never have one.
	ErrTooLarge = errors.New("command is larger than a log entry can be")
	// ErrStopped is returned when the replica is stopped, or has stopped because of a
	// failure. The call had no effect. Such an error is a *cluster.NotLeader also:
	// another replica may do it.
	ErrStopped = errors.New("replica is stopped")
	// ErrStale is returned by ReadStale when the replica is further behind than
	// allowed.
	ErrStale = errors.New("replica is further behind than allowed")
	// ErrNoChecksum is returned for a checksum that the replica does not have (any
	// more, or yet).
	ErrNoChecksum = errors.New("replica has no checksum at that index")
)

// Checksum is the hash of all that a replica holds of a state machine at an index of its
// log.
type Checksum struct {
	Index uint64
	Hash  uint64
	Keys  uint64
	Bytes uint64
}
