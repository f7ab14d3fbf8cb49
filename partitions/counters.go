package partitions

import (
	"sync/atomic"
)

// counters count what the node's client has done since it was made.
type counters struct {
	onePartition      atomic.Int64
	severalPartitions atomic.Int64
	oneEntry          atomic.Int64
	conflicts         atomic.Int64
	locked            atomic.Int64
	retries           atomic.Int64
	ordered           atomic.Int64
	unknown           atomic.Int64
	leftBehind        atomic.Int64
	recovered         atomic.Int64
	sessionsEnded     atomic.Int64
	snapshots         atomic.Int64
	snapshotsAgain    atomic.Int64
}

// Counter is something that a node has counted since it started.
type Counter struct {
	Name  string
	Value int64
}

// Counters returns what this node has counted, always in the same order.
func (c *Client) Counters() []Counter {
	n := &c.counters
	list := []Counter{
		// Writes and transactions of one partition.
		{"commands_one_partition", n.onePartition.Load()},
		// Transactions of several.
		{"commands_several_partitions", n.severalPartitions.Load()},
		// Those of them that were one entry of the log that the partitions share.
		{"commands_one_entry", n.oneEntry.Load()},
		// Those that found something changed that they had read.
		{"conflicts", n.conflicts.Load()},
		// Attempts that met a lock of another transaction, and did not wait for it.
		{"attempts_locked", n.locked.Load()},
		// Attempts that were made again, unseen by the client.
		{"attempts_again", n.retries.Load()},
		// Attempts that took the partitions one after another, and waited in their queues.
		{"attempts_in_order", n.ordered.Load()},
		// Transactions whose outcome could not be told to the client.
		{"outcomes_unknown", n.unknown.Load()},
		// Transactions of others that this node's replicas have recovered as leaders.
		{"recoveries", n.recovered.Load()},
		// Sessions whose locks they have ended, because the session or its node was gone.
		{"locks_ended", n.sessionsEnded.Load()},
		// States of several partitions that were pinned for one moment, and how often that
		// had to be started over.
		{"snapshots", n.snapshots.Load()},
		{"snapshots_again", n.snapshotsAgain.Load()},
	}
	if c.service != nil {
		// Commands that had to wait for locks, at this node's replicas as leaders.
		list = append(list, Counter{"commands_queued", c.service.queued.Load()})
	}
	return list
}
