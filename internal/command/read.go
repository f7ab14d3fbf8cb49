package command

import (
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Read asks a partition for objects of one table, by Targets or by Spans. The
// leader answers it under its lease, outside the log.
type Read struct {
	Table   object.TableID
	Schema  object.SchemaVersion
	Targets []Target
	Spans   []Span
	Reverse bool // Spans from the last key to the first
	Program []byte
	Context Context
	// Limit is the number of rows after which the partition stops; negative
	// means none. With Program.OrderBy it is the number of first rows.
	Limit int64
	// MaxStaleness allows any replica to answer from a state at most this many
	// milliseconds old; 0 means linearizable.
	MaxStaleness int64
	// ChunkBytes bounds one Chunk; 0 means the partition's default.
	ChunkBytes int
	// View is the state that is read; zero: the newest. A read of the newest state waits
	// for the outcome of transactions that have staged changes of its objects.
	View View
	// Home is that of Write. A read of the newest state is also refused, instead of
	// waiting, where a transaction has staged a change of an object in Spans.
	Home bool
}

// Chunk is a part of the answer to a Read.
type Chunk struct {
	Refusal *Refusal
	Err     *pgerror.Error
	Rows    [][]byte // each as EncodeRow
	// Absent lists the indexes into Read.Targets of objects that the partition
	// holds no value of (not those that the filter rejected).
	Absent []int
	// Cursor continues the read; zero after the last chunk.
	Cursor Cursor
	// Scanned counts the objects looked at for this chunk.
	Scanned int64
	// Conflict is set where View.Checks has found something changed. There is
	// nothing else then.
	Conflict *Conflict
	// Revisions, where View.Track wants them, are those of Read.Targets, in the
	// first chunk; 0 where there is no object. An object of the Overlay has the one
	// of the object that it replaces.
	Revisions []object.Revision
	// Print, where View.Track wants it, is of the objects in Read.Spans that the
	// filter accepts, as far as the read has come: all chunks so far together, and
	// without those of the Overlay. Upto is where that ends: the first key, or with
	// Reverse the last one, that was not looked at; empty where all were.
	Print Fingerprint
	Upto  object.ID
}

// Cursor names the rest of a read, which one node holds on a pinned snapshot.
type Cursor struct {
	Node object.NodeID
	ID   uint64
}

// IsZero reports whether there is nothing more.
func (c Cursor) IsZero() bool { return c == Cursor{} }
