package catalog

import (
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// Located is what is known of where an object lives.
type Located struct {
	// Location is zero where the directory has no entry: an object of a static
	// table is at its home then, one of any other table does not exist.
	object.Location
	// Cached says that the answer came from the node's cache and may be old. An
	// answer that is not cached was linearizable when it was given.
	Cached bool
	// Arriving says that the object was last heard of on its way to the partition:
	// the command must say so (command.Target.Arriving).
	Arriving bool
}

// Assignment asks that an id without a location be given one.
type Assignment struct {
	ID        object.ID
	Partition object.PartitionID
	Origin    Origin
}

// PinMode says what a MoveRequest means to objects that are pinned: whom a user has
// moved by hand, and no policy moves again.
type PinMode uint8

// The modes. They are on the wire: append only.
const (
	// KeepPins: pinned objects stay where they are.
	KeepPins PinMode = iota
	// Pin: objects move whether pinned or not, and are pinned from now on, also those
	// that are there already.
	Pin
	// Unpin: objects move whether pinned or not, and are not pinned from now on.
	Unpin
)

// MoveRequest asks that objects be moved to a partition.
type MoveRequest struct {
	To  object.PartitionID
	IDs []object.ID
	Pin PinMode
	// Origin is who wants it. What a policy asks for by itself (Replace, without a user)
	// is bounded by the table's Budget.
	Origin Origin
	// Reasons are those of single objects, in the order of IDs; nil: Origin.Reason for all.
	Reasons []string
	// Bytes is what the objects take, about, for the Budget; nil where that is not known.
	Bytes []int64
}

// MoveResult is what became of one object of a MoveRequest.
type MoveResult uint8

// The results of a move. They are on the wire: append only.
const (
	MoveUnknown MoveResult = iota
	// Moved: the object lives in the partition now.
	Moved
	// AlreadyThere: it lived there before, as far as the directory knows.
	AlreadyThere
	// NotFound: there is no such object.
	NotFound
	// Pinned: it stays, because a user has moved it by hand.
	Pinned
	// Barred: the partition must not get it (PartitionLimits, Rules).
	Barred
	// Deferred: the table's Budget has no room for it now.
	Deferred
)

// String names the result.
func (r MoveResult) String() string {
	switch r {
	case Moved:
		return "moved"
	case AlreadyThere:
		return "already there"
	case NotFound:
		return "not found"
	case Pinned:
		return "pinned"
	case Barred:
		return "barred"
	case Deferred:
		return "deferred"
	}
	return "unknown"
}

// MoveState is how far a batch of moves has come.
type MoveState uint8

// The states of a move. They are on disk: append only.
const (
	MovePending MoveState = iota // logged, not begun by the oracle's leader
	MoveRunning                  // between departure and arrival
	MoveDone                     // arrived
	MoveFailed                   // none of its objects could be moved
)

// String names the state.
func (s MoveState) String() string {
	switch s {
	case MovePending:
		return "pending"
	case MoveRunning:
		return "running"
	case MoveDone:
		return "done"
	case MoveFailed:
		return "failed"
	}
	return "unknown"
}

// Move describes one batch of objects of one source and one destination that
// move together, for table ssmr.moves.
type Move struct {
	Version object.LocationVersion // the version that the objects have when moved
	Table   object.TableID
	From    object.PartitionID
	To      object.PartitionID
	State   MoveState
	Objects int // how many were to be moved
	Moved   int // how many have arrived
	Missing int // how many were not there to be moved
	Reason  string
	// Started and Finished are by the clock of the oracle's leader at that time;
	// Finished is zero while the move is under way.
	Started  time.Time
	Finished time.Time
}

// CacheStats counts what a node's cache of locations did.
type CacheStats struct {
	Entries   int64
	Bytes     int64
	Capacity  int64 // in bytes
	Hits      int64
	Misses    int64
	Redirects int64
	Evictions int64
	Updates   int64         // heard from the oracle's stream
	Lag       time.Duration // since the stream was last heard
}
