package partitions

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// snapshotMost is for how long a snapshot is tried.
const snapshotMost = 10 * time.Second

// Snapshot is the state of several partitions at one instant. Its methods may be
// called from several goroutines.
type Snapshot struct {
	c *Client
	*sharedParts
	once sync.Once
}

// pinnedPart is one partition of a snapshot: its pinned state, and what counts there
// beside what is stored.
type pinnedPart struct {
	pinned   *command.Pinned
	include  []object.TransactionID
	outgoing []object.LocationVersion
	states   map[object.TransactionID]command.TransactionState // of pinned
}

// Snapshot pins the state of partitions at one instant, between the call and its
// return: everything that was acknowledged before the call is in it. It must be closed.
// Where no such instant is found for 10 s, the error is 40001. Calls for the same
// partitions that come while a state is being pinned share the next one.
func (c *Client) Snapshot(ctx context.Context, parts []object.PartitionID) (*Snapshot, error) {
	if len(parts) == 0 {
		return &Snapshot{c: c, sharedParts: &sharedParts{}}, nil
	}
	c.counters.snapshots.Add(1)
	wanted := slices.Compact(slices.Sorted(slices.Values(parts)))
	return c.rounds.share(ctx, c, wanted, func() (*sharedParts, error) { return c.pinUntil(ctx, wanted) })
}

// pinUntil tries until an instant is found at which all partitions can be pinned.
func (c *Client) pinUntil(ctx context.Context, wanted []object.PartitionID) (*sharedParts, error) {
	since := c.cfg.Clock.Now()
	r := retries{c: c}
	routes := make(map[object.PartitionID]*route)
	for {
		s, more, err := c.pinAll(ctx, wanted, routes)
		if err != nil {
			return nil, err
		}
		if s != nil {
			return s, nil
		}
		c.counters.snapshotsAgain.Add(1)
		if c.cfg.Clock.Now().Sub(since) > snapshotMost {
			return nil, pgerror.New(pgerror.SerializationFailure, "no moment was found at which all partitions could be pinned").
				WithHint("The statement changed nothing and may be started over.")
		}
		if len(more) > 0 {
			wanted = slices.Compact(slices.Sorted(slices.Values(append(wanted, more...))))
			continue
		}
		if !r.pause(ctx) {
			return nil, c.notExecuted(ctx, wanted[0])
		}
	}
}

// pinAll tries once. Without a snapshot and an error it has to be tried again, with more
// partitions where some are named.
func (c *Client) pinAll(ctx context.Context, wanted []object.PartitionID, routes map[object.PartitionID]*route) (s *sharedParts, more []object.PartitionID, err error) {
	round := c.newPinning(wanted, routes)
	failed := round.pin(ctx)
	pinned, valid := round.release(ctx, len(failed) == 0)
	s = &sharedParts{parts: make(map[object.PartitionID]*pinnedPart, len(wanted))}
	for _, p := range pinned {
		if p != nil {
			s.parts[p.partition] = newPinnedPart(p.Pinned)
		}
	}
	keep := false
	defer func() {
		if !keep {
			s.unpin(c)
			s = nil
		}
	}()
	for p, cause := range failed {
		if err := routes[p].failed(ctx, round.node[p], cause); err != nil {
			return s, nil, harmless(err)
		}
	}
	if len(failed) > 0 || !valid {
		return s, nil, nil
	}
	if more = s.include(); len(more) > 0 {
		return s, more, nil
	}
	if more, err = s.transit(ctx, c); err != nil || len(more) > 0 {
		if err != nil && ctx.Err() == nil {
			err = nil // the pin was lost: all over again
		}
		return s, more, err
	}
	keep = true
	return s, nil, nil
}

func newPinnedPart(p *command.Pinned) *pinnedPart {
	part := &pinnedPart{pinned: p, states: make(map[object.TransactionID]command.TransactionState, len(p.Transactions))}
	for i := range p.Transactions {
		part.states[p.Transactions[i].ID] = p.Transactions[i].State
	}
	return part
}

// include decides for each transaction that is prepared in a pinned state whether it
// counts as committed: that is so if all its participants have it prepared or committed
// at this instant. It returns participants that have to be pinned to be asked.
func (s *sharedParts) include() (more []object.PartitionID) {
	for _, part := range s.parts {
		for i := range part.pinned.Transactions {
			t := &part.pinned.Transactions[i]
			if t.State != command.TransactionPrepared {
				continue
			}
			committed := true
			for _, p := range t.Participants {
				other := s.parts[p]
				if other == nil {
					more = append(more, p)
					continue
				}
				if state := other.states[t.ID]; state != command.TransactionPrepared && state != command.TransactionCommitted {
					committed = false
				}
			}
			if committed {
				part.include = append(part.include, t.ID)
			}
		}
	}
	return more
}

// transit decides for each move whose objects have left a pinned state where they are:
// at its destination if they have arrived in that pinned state, else still here. It returns
// destinations that have to be pinned to be asked.
func (s *sharedParts) transit(ctx context.Context, c *Client) (more []object.PartitionID, err error) {
	type question struct{ from, to object.PartitionID }
	moves := make(map[question][]object.LocationVersion)
	for p, part := range s.parts {
		for _, m := range part.pinned.Outgoing {
			if s.parts[m.To] == nil {
				more = append(more, m.To)
				continue
			}
			moves[question{p, m.To}] = append(moves[question{p, m.To}], m.Move)
		}
	}
	if len(more) > 0 {
		return more, nil
	}
	for q, list := range moves {
		arrived, err := c.arrivedIn(ctx, q.to, s.parts[q.to].pinned.Pin, list)
		if err != nil {
			return nil, err
		}
		from := s.parts[q.from]
		for i, move := range list {
			if !arrived[i] {
				from.outgoing = append(from.outgoing, move)
			}
		}
	}
	for _, part := range s.parts {
		slices.Sort(part.outgoing)
	}
	return nil, nil
}

// Includes reports whether the snapshot has a partition's state.
func (s *Snapshot) Includes(p object.PartitionID) bool { return s.parts[p] != nil }

func (s *Snapshot) view(p object.PartitionID, v *command.View) error {
	part := s.parts[p]
	if part == nil {
		return pgerror.New(pgerror.InternalError, "partition %d is not part of the snapshot", p)
	}
	v.Pin, v.Include, v.Outgoing = part.pinned.Pin, part.include, part.outgoing
	return nil
}

// Read is Client.Read of the snapshot. Where the state is gone the error is 40001.
func (s *Snapshot) Read(ctx context.Context, p object.PartitionID, r *command.Read) (*command.Chunk, error) {
	q := *r
	q.MaxStaleness = 0
	if err := s.view(p, &q.View); err != nil {
		return nil, err
	}
	if q.View.Pin.Node == s.c.node && s.c.service != nil {
		return s.c.service.readPinned(ctx, p, &q)
	}
	answer, err := s.c.call(ctx, q.View.Pin.Node, methodRead, command.AppendRead(partitionRequest(p), &q))
	if err != nil {
		return nil, pinLost(ctx, err)
	}
	return command.DecodeChunk(answer)
}

// Evaluate is Client.Evaluate of the snapshot.
func (s *Snapshot) Evaluate(ctx context.Context, p object.PartitionID, e *command.Evaluate) (*command.Evaluation, error) {
	q := *e
	if !validWrite(q.Write) {
		return nil, errMalformed
	}
	if err := s.view(p, &q.View); err != nil {
		return nil, err
	}
	if q.View.Pin.Node == s.c.node && s.c.service != nil {
		return s.c.service.evaluatePinned(ctx, p, &q)
	}
	answer, err := s.c.call(ctx, q.View.Pin.Node, methodEvaluate, command.AppendEvaluate(partitionRequest(p), &q))
	if err != nil {
		return nil, pinLost(ctx, err)
	}
	return command.DecodeEvaluation(answer)
}

// pinLost makes the failure of a call to a node that holds a pinned state the loss of
// that. What the partition says of the statement stays as it is.
func pinLost(ctx context.Context, err error) error {
	if ctx.Err() != nil || pgerror.As(err) != nil {
		return err
	}
	var remote *cluster.RemoteError
	if errors.As(err, &remote) {
		return err
	}
	return errors.Join(errPinLost(), err)
}

// Close lets the state go. It does not wait. Open cursors stay.
func (s *Snapshot) Close() {
	s.once.Do(func() {
		if s.users.Add(-1) == 0 {
			s.unpin(s.c)
		}
	})
}

// unpin lets the pinned states go.
func (s *sharedParts) unpin(c *Client) {
	nodes := make(map[object.NodeID][]command.Pin)
	for _, part := range s.parts {
		pin := part.pinned.Pin
		nodes[pin.Node] = append(nodes[pin.Node], pin)
	}
	for node, list := range nodes {
		c.unpin(node, list)
	}
}
