package plan

import (
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// Facts are what an execution, or its preparation, adds to a plan's text.
// EXPLAIN resolves keys and asks where they live, and fills the first group;
// EXPLAIN ANALYZE executes and fills both.
type Facts struct {
	// Objects are the objects that the statement names by key, at most the first
	// MaxFactObjects of them; Keys counts them all. Ranges counts key ranges.
	Objects []FactObject
	Keys    int
	Ranges  int
	// Cached, Asked and Home count the objects whose location was known, had to be
	// asked from the oracle, or followed from the static rule.
	Cached, Asked, Home int
	// Partitions are those that take part, ascending.
	Partitions []object.PartitionID
	// Needed is the number of partitions that are asked together, as far as is known:
	// less than Partitions where the statement had to look for objects.
	Needed int
	// Prefix says that a prefix of the key fixes the home of all objects, and that it is
	// asked alone.
	Prefix bool
	// Rounds is the number of times that commands are sent out one after the other.
	Rounds int

	Analyzed  bool
	Redirects int   // objects that turned out to live elsewhere
	Retries   int   // times that a command was sent again for other reasons
	Rows      int64 // of the result, or changed
	Travelled int64 // rows that came from partitions
	Scanned   int64 // objects that partitions looked at
	Planning  time.Duration
	Locating  time.Duration
	Executing time.Duration
	Stages    map[Stage]StageFacts
	// Moves is the dry run of MOVE: from where to where.
	Moves []FactMove
}

// MaxFactObjects bounds Facts.Objects.
const MaxFactObjects = 16

// FactObject is where one object lives.
type FactObject struct {
	ID object.ID
	// Key is the key's values for people, "1, abc"; empty: the id is shown.
	Key      string
	Location object.Location // zero: nowhere
	From     Provenance
}

// Provenance says how a location was found.
type Provenance uint8

// The ways to a location.
const (
	FromHome   Provenance = iota // the static rule
	FromCache                    // the node's cache of the oracle
	FromOracle                   // the oracle was asked
)

// String names the way.
func (p Provenance) String() string {
	switch p {
	case FromHome:
		return "home"
	case FromCache:
		return "cached"
	case FromOracle:
		return "asked"
	}
	return "unknown"
}

// StageFacts is what happened in one stage. Time includes its inputs'.
type StageFacts struct {
	Rows int64
	Time time.Duration
}

// FactMove is how much would be moved from one partition to another.
type FactMove struct {
	From, To object.PartitionID
	Objects  int64
	Bytes    int64
}
