package partitions

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// deadlockAfter is how long a lock is waited for before it is looked whether those
// that it waits for wait for this session.
const deadlockAfter = time.Second

// sessions are the transactions of this node's sessions that may hold locks, and
// where.
type sessions struct {
	mu     sync.Mutex // guards what follows
	locked map[uint64]map[object.PartitionID]struct{}
}

func (c *Client) nextTransaction() object.TransactionID {
	return object.TransactionID{Node: c.node, Incarnation: c.cfg.Incarnation, Sequence: c.sequence.Add(1)}
}

// NewTransaction names a session's transaction, for Lock. Partitions keep its locks
// until Unlock, which has to be called.
func (c *Client) NewTransaction() object.TransactionID {
	id := c.nextTransaction()
	c.sessions.mu.Lock()
	defer c.sessions.mu.Unlock()
	c.sessions.locked[id.Sequence] = nil
	return id
}

// Unlock gives up all locks of a session's transaction. It does not wait.
func (c *Client) Unlock(owner object.TransactionID) {
	c.sessions.mu.Lock()
	locked := c.sessions.locked[owner.Sequence]
	delete(c.sessions.locked, owner.Sequence)
	c.sessions.mu.Unlock()
	for p := range locked {
		c.concluder(p).add(concluding{id: owner})
	}
}

// note remembers that a session has locks in a partition, or may have; false after
// Unlock.
func (s *sessions) note(owner object.TransactionID, p object.PartitionID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	locked, known := s.locked[owner.Sequence]
	if !known {
		return false
	}
	if locked == nil {
		locked = make(map[object.PartitionID]struct{})
		s.locked[owner.Sequence] = locked
	}
	locked[p] = struct{}{}
	return true
}

// Lock locks objects for a session's transaction, and reads them. With LockWaits it
// waits until ctx ends; where the session waits for one that waits for it the error is
// 40P01. For other errors see the package comment: one with SQLSTATE 40001 or 55P03
// says that nothing was locked; after any other one there may be locks, until Unlock.
func (c *Client) Lock(ctx context.Context, p object.PartitionID, l *command.Lock) (*command.Granted, error) {
	if l.Owner.Node != c.node || l.Owner.Incarnation != c.cfg.Incarnation || !c.sessions.note(l.Owner, p) {
		return nil, pgerror.New(pgerror.InternalError, "locks of a transaction that this node does not have")
	}
	if l.Wait == command.LockWaits {
		waiting, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		timer := time.AfterFunc(deadlockAfter, func() { c.startBackground(func() { c.watchDeadlock(waiting, cancel, l.Owner) }) })
		defer timer.Stop()
		ctx = waiting
	}
	outcome, err := c.send(ctx, p, l)
	if err != nil {
		if e := pgerror.As(context.Cause(ctx)); e != nil && e.Code == pgerror.DeadlockDetected && certain(err) {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	switch o := outcome.(type) {
	case *command.Granted:
		return o, nil
	case *command.Result:
		if o.Refusal != nil || o.Err != nil {
			return &command.Granted{Refusal: o.Refusal, Err: o.Err}, nil
		}
	}
	return nil, pgerror.New(pgerror.InternalError, "partition %d answered a lock with %T", p, outcome)
}

// watchDeadlock looks, as long as a session waits, whether it waits for itself.
func (c *Client) watchDeadlock(ctx context.Context, cancel context.CancelCauseFunc, owner object.TransactionID) {
	ticker := time.NewTicker(deadlockAfter)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if other, found := c.deadlocked(ctx, owner); found {
			cancel(pgerror.New(pgerror.DeadlockDetected, "deadlock detected").
				WithDetail("Transaction %s waits for a lock of transaction %s, which waits for this one.", owner, other))
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		case <-c.closing:
			return
		}
	}
}

// deadlocked reports whether a transaction waits, over others, for itself, and has to
// give way: of those in the circle, the one that began last does.
func (c *Client) deadlocked(ctx context.Context, owner object.TransactionID) (other object.TransactionID, found bool) {
	ctx, cancel := context.WithTimeout(ctx, deadlockAfter)
	defer cancel()
	waits := make(map[object.TransactionID][]object.TransactionID)
	for _, t := range c.Transactions(ctx, c.allPartitions()) {
		if !t.Waiting {
			continue
		}
		who := t.ID
		if !t.Owner.IsZero() {
			who = t.Owner
		}
		waits[who] = append(waits[who], t.WaitsFor...)
	}
	seen := make(map[object.TransactionID]bool)
	var circle func(at object.TransactionID) []object.TransactionID
	circle = func(at object.TransactionID) []object.TransactionID {
		for _, next := range waits[at] {
			if next == owner {
				return []object.TransactionID{at}
			}
			if seen[next] {
				continue
			}
			seen[next] = true
			if way := circle(next); way != nil {
				return append(way, at)
			}
		}
		return nil
	}
	way := circle(owner)
	for _, t := range way {
		if t != owner && later(t, owner) {
			return t, false // that one gives way
		}
	}
	if len(way) < 2 {
		return owner, false
	}
	return way[0], true
}

// later orders transactions: by their number, which is about as old as they are, and
// then in some way that all nodes agree on.
func later(a, b object.TransactionID) bool {
	if a.Sequence != b.Sequence {
		return a.Sequence > b.Sequence
	}
	if a.Node != b.Node {
		return a.Node > b.Node
	}
	return a.Incarnation > b.Incarnation
}

// allPartitions lists the partitions, or those that this node has sent anything to
// where it is not told.
func (c *Client) allPartitions() []object.PartitionID {
	if c.cfg.Partitions != nil {
		return c.cfg.Partitions()
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Collect(maps.Keys(c.lanes))
}

// What a node says of a transaction that it is asked for.
const (
	knowsNothing byte = iota
	knowsUndecided
	knowsSession
)

// knows says what this node has to do with a transaction still.
func (c *Client) knows(id object.TransactionID) byte {
	if id.Node != c.node || id.Incarnation != c.cfg.Incarnation {
		return knowsNothing
	}
	if _, found := c.undecided.Load(id.Sequence); found {
		return knowsUndecided
	}
	c.sessions.mu.Lock()
	defer c.sessions.mu.Unlock()
	if _, found := c.sessions.locked[id.Sequence]; found {
		return knowsSession
	}
	return knowsNothing
}

func (c *Client) handleKnows(_ context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	in := parser{b: req}
	answers := make([]byte, 0, 64)
	for range in.count() {
		answers = append(answers, c.knows(in.transaction()))
	}
	return answers, in.err()
}

var errShort = errors.New("an answer is too short")
