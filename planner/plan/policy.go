package plan

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
)

// ChangePolicy makes, changes or drops a placement policy that is a program. The
// plan's tag says which: CREATE POLICY, ALTER POLICY or DROP POLICY.
type ChangePolicy struct {
	Change catalog.PolicyChange
	// Missing says that there is no policy of the name Change.Policy.Name, which IF
	// EXISTS excuses: there is nothing to do but the notice (MissingPolicyNotice).
	Missing bool
}

// ChangePartition replaces the limits of a partition.
type ChangePartition struct{ Change catalog.PartitionChange }

// MissingPolicyNotice is what DROP POLICY IF EXISTS says of a policy that does not.
func MissingPolicyNotice(policy string) Notice {
	return Notice{Code: "00000", Message: `policy "` + policy + `" does not exist, skipping`}
}

// PlacementHistory is the stage of SHOW PLACEMENT HISTORY: the leaf that produces the
// places of one object, the oldest first, a row of HistoryColumns for each. It is
// alone in its Query (Query.History).
type PlacementHistory struct {
	Table  *catalog.Table
	Access *Access // Single
}

// HistoryColumns are the columns of PlacementHistory's rows.
var HistoryColumns = []VirtualColumn{
	{"at", datum.TimestampTZ},      // NULL: it has never been placed, and is at the home of its key
	{"from_partition", datum.Int4}, // NULL: it was new
	{"to_partition", datum.Int4},   //
	{"by_user", datum.Text},        // NULL: nobody, a policy moved it by itself
	{"policy", datum.Text},         // NULL: none, a user moved it by hand
	{"policy_version", datum.Text}, // NULL without a policy
	{"reason", datum.Text},         // NULL where none was given
	{"pinned", datum.Bool},         // no policy moves it from there
}

// Width implements Stage.
func (*PlacementHistory) Width() int { return len(HistoryColumns) }

func (*PlacementHistory) stage() {}

// History reports whether a query is SHOW PLACEMENT HISTORY: it asks the oracle alone,
// and its tag does not count rows.
func (q *Query) History() bool {
	_, ok := q.Stage.(*PlacementHistory)
	return ok
}
