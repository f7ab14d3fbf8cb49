package partitions

import (
	"context"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/partitions/state"
)

// cursors are the reads that the node holds open.
type cursors struct {
	node  object.NodeID
	limit int

	mu     sync.Mutex // guards what follows
	open   map[uint64]*cursor
	last   uint64 // the last id given
	closed bool
}

// cursor is one of them.
type cursor struct {
	partition object.PartitionID
	used      time.Time // guarded by cursors.mu
	ending    bool      // guarded by cursors.mu: close it when its call ends
	busy      bool      // guarded by cursors.mu: a call has the query
	query     *state.Query
}

// errCursorLost tells that a read cannot be continued. Nothing was changed: the
// statement may be started over.
func errCursorLost() *pgerror.Error {
	return pgerror.New(pgerror.SerializationFailure, "the snapshot of a read is gone").
		WithHint("The statement changed nothing and may be started over.")
}

// add keeps a query and names it. first is greater than any id of an earlier
// start of the node, so that an old cursor never names a new read.
func (c *cursors) add(p object.PartitionID, q *state.Query, now time.Time) (command.Cursor, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return command.Cursor{}, errCursorLost()
	}
	if len(c.open) >= c.limit {
		return command.Cursor{}, pgerror.New(pgerror.ConfigurationLimitExceeded, "too many reads are open on node %s", c.node).
			WithHint("At most %d are kept; each ends when its statement does.", c.limit)
	}
	c.last = max(c.last+1, uint64(now.UnixNano()))
	c.open[c.last] = &cursor{partition: p, used: now, query: q}
	return command.Cursor{Node: c.node, ID: c.last}, nil
}

// next computes the next chunk of a cursor and forgets it after the last one.
func (c *cursors) next(ctx context.Context, p object.PartitionID, id command.Cursor, clock Clock) (*command.Chunk, error) {
	c.mu.Lock()
	cur := c.open[id.ID]
	if cur == nil || id.Node != c.node || cur.partition != p || cur.busy || cur.ending {
		c.mu.Unlock()
		return nil, errCursorLost()
	}
	cur.busy = true
	c.mu.Unlock()

	chunk, err := cur.query.Next(ctx)
	over := err != nil || cur.query.Done()
	now := clock.Now()

	c.mu.Lock()
	cur.busy, cur.used = false, now
	over = over || cur.ending
	if over {
		delete(c.open, id.ID)
	}
	c.mu.Unlock()
	if over {
		cur.query.Close()
	} else {
		chunk.Cursor = id
	}
	return chunk, err
}

// end closes a cursor, or has it closed by the call that uses it.
func (c *cursors) end(id command.Cursor) {
	c.mu.Lock()
	cur := c.open[id.ID]
	if cur == nil || id.Node != c.node {
		c.mu.Unlock()
		return
	}
	if cur.busy {
		cur.ending = true
		c.mu.Unlock()
		return
	}
	delete(c.open, id.ID)
	c.mu.Unlock()
	cur.query.Close()
}

// endIdle closes the cursors that were not used since a moment, and returns the
// partitions that they read.
func (c *cursors) endIdle(since time.Time) []object.PartitionID {
	return c.endWhere(func(cur *cursor) bool { return cur.used.Before(since) })
}

// endAll closes all cursors and refuses new ones.
func (c *cursors) endAll() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.endWhere(func(*cursor) bool { return true })
}

func (c *cursors) endWhere(which func(*cursor) bool) []object.PartitionID {
	var ended []*cursor
	c.mu.Lock()
	for id, cur := range c.open {
		switch {
		case !which(cur):
		case cur.busy:
			cur.ending = c.closed
		default:
			delete(c.open, id)
			ended = append(ended, cur)
		}
	}
	c.mu.Unlock()
	partitions := make([]object.PartitionID, len(ended))
	for i, cur := range ended {
		cur.query.Close()
		partitions[i] = cur.partition
	}
	return partitions
}

func (c *cursors) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}
