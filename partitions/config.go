package partitions

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/partitions/state"
)

// Cluster methods of this package: on the wire, append only.
const (
	methodExecute uint16 = 0x0101
	methodRead    uint16 = 0x0102
	methodNext    uint16 = 0x0103
	methodClose   uint16 = 0x0104
	methodStatus  uint16 = 0x0105
	methodPing    uint16 = 0x0106

	methodEvaluate     uint16 = 0x0107
	methodValidate     uint16 = 0x0108
	methodPin          uint16 = 0x0109
	methodRelease      uint16 = 0x010a
	methodUnpin        uint16 = 0x010b
	methodArrived      uint16 = 0x010c
	methodKnows        uint16 = 0x010d
	methodTransactions uint16 = 0x010e
	_                  uint16 = 0x010f // counters, which the server tells now
	methodJoint        uint16 = 0x0110
)

// Network is what the package needs of cluster.Transport.
type Network interface {
	Node() object.NodeID
	Handle(method uint16, h func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error))
	Call(ctx context.Context, to object.NodeID, method uint16, req []byte) ([]byte, error)
}

// Config of a Service. Zero values mean the defaults.
type Config struct {
	// State bounds what one command and one read may do.
	State state.Limits
	// ParkedCommands bounds the commands and reads of one partition that wait for
	// objects on their way; beyond it they are refused as Awaited. Default: 4096.
	ParkedCommands int
	// ParkedTime is how long one waits before it is refused as Awaited. Default: 1 s.
	ParkedTime time.Duration
	// Cursors bounds the reads that are held open on the node; beyond it a read that
	// needs one fails with 53400. Default: 1024.
	Cursors int
	// CursorIdle is how long a cursor waits for its next call. Default: 5 minutes.
	CursorIdle time.Duration
	// Pins bounds the states of partitions that are pinned on the node for snapshots;
	// beyond it a snapshot fails with 53400. Default: 4096.
	Pins int
	// PinIdle is how long a pinned state is kept without a call. Default: 1 minute.
	PinIdle time.Duration
	// HoldTime is for how long a leader shows nothing newer, at most, while the other
	// partitions of a snapshot are pinned. Default: 50 ms.
	HoldTime time.Duration
	// RecoverAfter is for how long a leader leaves a transaction to its coordinator, or
	// a lock to its session, if these do not say that they still have it. Default: 3 s.
	RecoverAfter time.Duration
	// CheckAssign refuses what is not a command of the oracle that gives ids locations; such
	// a command can be executed jointly with those of partitions that share the oracle's
	// group (Client.Found). nil: none can, for other nodes.
	CheckAssign func(command []byte) error
	// StayLeader has groups stay with the leader that they have. Else a leader hands over
	// to the node that most commands come from.
	StayLeader bool
	Logger     *slog.Logger // nil: discarded
	Events     Events
	Clock      Clock // nil: the system's
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Events are called when something happens; each may be nil. They must not block.
type Events struct {
	// Executed is called on the leader for each command that it answered.
	Executed func(p object.PartitionID, took time.Duration)
	// Read is called on the node that answered a read's first chunk.
	Read func(p object.PartitionID, took time.Duration)
	// Refused is called with the reason of a refusal.
	Refused func(p object.PartitionID, reason string)
	// Parked is called when a command or read begins to wait for objects.
	Parked func(p object.PartitionID)
	// CursorExpired is called when a cursor was closed because it was idle.
	CursorExpired func(p object.PartitionID)
	// Retried is called by the client before it sends a command or read again.
	Retried func(p object.PartitionID)
	// Queued is called on the leader when a command begins to wait for locks.
	Queued func(p object.PartitionID)
}

// ClientConfig configures a Client.
type ClientConfig struct {
	// Incarnation grows with every start of the node. Required.
	Incarnation uint64
	// Replicas tells the nodes that hold replicas of a partition; nil where it does
	// not exist. Required. It must be cheap.
	Replicas func(object.PartitionID) []object.NodeID
	// Group tells which group a partition is in; false where that is not known. Transactions
	// over partitions of one group are one entry of its log. nil: never. It must be cheap.
	Group func(object.PartitionID) (object.GroupID, bool)
	// Partitions lists all partitions, where transactions may wait for one another; nil:
	// those that this node has sent something to.
	Partitions func() []object.PartitionID
	// Patience bounds how long a call whose context has no deadline is tried.
	// Default: 60 s.
	Patience time.Duration
	// Grace bounds for how long a call goes on after its context has ended, to find out
	// whether its command took effect. Default: 2 s.
	Grace time.Duration
	// Outstanding bounds the commands of this node to one partition that have no
	// answer yet; beyond it a command waits. Default: 65536.
	Outstanding int
	Logger      *slog.Logger // nil: discarded
	Events      Events
	Clock       Clock      // nil: the system's
	Rand        *rand.Rand // for back-off; nil: seeded by the system
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (c Config) withDefaults() Config {
	if c.ParkedCommands == 0 {
		c.ParkedCommands = 4096
	}
	if c.ParkedTime == 0 {
		c.ParkedTime = time.Second
	}
	if c.Cursors == 0 {
		c.Cursors = 1024
	}
	if c.CursorIdle == 0 {
		c.CursorIdle = 5 * time.Minute
	}
	if c.Pins == 0 {
		c.Pins = 4096
	}
	if c.PinIdle == 0 {
		c.PinIdle = time.Minute
	}
	if c.HoldTime == 0 {
		c.HoldTime = 50 * time.Millisecond
	}
	if c.RecoverAfter == 0 {
		c.RecoverAfter = 3 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	return c
}
