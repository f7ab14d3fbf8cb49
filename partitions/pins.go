package partitions

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/partitions/state"
)

// pins are the states of partitions that the node has pinned for snapshots.
type pins struct {
	node  object.NodeID
	limit int

	mu     sync.Mutex // guards what follows
	open   map[uint64]*pin
	last   uint64 // the last id given
	closed bool
}

// pin is one of them. It is released once, and then read.
type pin struct {
	partition object.PartitionID
	pinned    *state.Pinned
	used      time.Time         // guarded by pins.mu
	hold      *replication.Hold // nil where nothing was held; guarded by pins.mu
}

// errPinLost tells that the state of a snapshot cannot be read any more.
func errPinLost() *pgerror.Error {
	return pgerror.New(pgerror.SerializationFailure, "the snapshot of several partitions is gone").
		WithHint("The statement changed nothing and may be started over.")
}

// add keeps a pinned state and names it. Ids are greater than those of an earlier
// start of the node.
func (s *pins) add(p *pin, now time.Time) (command.Pin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return command.Pin{}, cluster.ErrClosed
	}
	if len(s.open) >= s.limit {
		return command.Pin{}, pgerror.New(pgerror.ConfigurationLimitExceeded, "too many snapshots are open on node %s", s.node).
			WithHint("At most %d states of partitions are kept; each goes when its statement ends.", s.limit)
	}
	s.last = max(s.last+1, uint64(now.UnixNano()))
	p.used = now
	s.open[s.last] = p
	return command.Pin{Node: s.node, ID: s.last}, nil
}

// get returns a pinned state. Its owner may close it meanwhile; then its methods fail.
func (s *pins) get(id command.Pin, p object.PartitionID, now time.Time) (*pin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.open[id.ID]
	if found == nil || id.Node != s.node || found.partition != p {
		return nil, errPinLost()
	}
	found.used = now
	return found, nil
}

// end lets a pinned state go.
func (s *pins) end(id command.Pin) {
	if id.Node == s.node {
		s.endWhere(func(have uint64, _ *pin) bool { return have == id.ID }, id.ID)
	}
}

func (s *pins) endIdle(since time.Time) {
	s.endWhere(func(_ uint64, p *pin) bool { return p.used.Before(since) })
}

// endAll lets all go and refuses new ones.
func (s *pins) endAll() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.endWhere(func(uint64, *pin) bool { return true })
}

// endWhere looks at all, or at those that are named.
func (s *pins) endWhere(which func(uint64, *pin) bool, named ...uint64) {
	var ended []*pin
	s.mu.Lock()
	for _, id := range named {
		if p := s.open[id]; p != nil && which(id, p) {
			delete(s.open, id)
			ended = append(ended, p)
		}
	}
	if len(named) == 0 {
		for id, p := range s.open {
			if which(id, p) {
				delete(s.open, id)
				ended = append(ended, p)
			}
		}
	}
	holds := make([]*replication.Hold, len(ended))
	for i, p := range ended {
		holds[i], p.hold = p.hold, nil
	}
	s.mu.Unlock()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for i, p := range ended {
		if holds[i] != nil {
			holds[i].Release(over)
		}
		p.pinned.Close()
	}
}

func (s *pins) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// pin pins the state of a partition that this node leads. held says that nothing
// newer is shown until it is released; otherwise the state is simply one that is no
// older than the call.
func (s *Service) pin(ctx context.Context, p object.PartitionID, held bool) (command.Pin, error) {
	r, err := s.replica(p)
	if err != nil {
		return command.Pin{}, err
	}
	if !r.group.IsLeader() {
		return command.Pin{}, r.notLeader()
	}
	one := &pin{partition: p}
	take := func() (err error) {
		if one.pinned != nil {
			one.pinned.Close()
		}
		one.pinned, err = r.machine.Pin()
		return err
	}
	if held {
		one.hold, err = r.group.Hold(ctx, s.cfg.HoldTime, take)
	} else {
		err = r.group.Read(ctx, take)
	}
	if err != nil {
		if one.pinned != nil {
			one.pinned.Close()
		}
		return command.Pin{}, err
	}
	id, err := s.pins.add(one, s.cfg.Clock.Now())
	if err != nil {
		if one.hold != nil {
			one.hold.Release(ctx)
		}
		one.pinned.Close()
	}
	return id, err
}

// release ends the hold of a pinned state. It reports whether it was held all the time,
// and this node the leader; otherwise the state is let go.
func (s *Service) release(ctx context.Context, p object.PartitionID, id command.Pin) bool {
	one, err := s.pins.get(id, p, s.cfg.Clock.Now())
	if err != nil {
		return false
	}
	s.pins.mu.Lock()
	hold := one.hold
	one.hold = nil
	s.pins.mu.Unlock()
	if hold != nil && !hold.Release(ctx) {
		s.pins.end(id)
		return false
	}
	return true
}

// describe tells what a pinned state knows of transactions and moves.
func (s *Service) describe(p object.PartitionID, id command.Pin) (*command.Pinned, error) {
	one, err := s.pins.get(id, p, s.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	pinned := &command.Pinned{Pin: id, Index: one.pinned.Index()}
	if pinned.Transactions, err = one.pinned.Transactions(); err == nil {
		pinned.Outgoing, err = one.pinned.Outgoing()
	}
	if err != nil {
		s.pins.end(id)
		return nil, unpinned(err)
	}
	return pinned, nil
}

// arrivedIn tells of moves whether their objects have come, in a pinned state.
func (s *Service) arrivedIn(p object.PartitionID, id command.Pin, moves []object.LocationVersion) ([]bool, error) {
	one, err := s.pins.get(id, p, s.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	arrived, err := one.pinned.Arrived(moves)
	return arrived, unpinned(err)
}

func unpinned(err error) error {
	if errors.Is(err, state.ErrUnpinned) {
		return errPinLost()
	}
	return err
}

// readPinned begins a read of a pinned state.
func (s *Service) readPinned(ctx context.Context, p object.PartitionID, q *command.Read) (*command.Chunk, error) {
	one, err := s.pins.get(q.View.Pin, p, s.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	query, err := one.pinned.Begin(q)
	if err != nil {
		return nil, s.broken(ctx, p, unpinned(err), errPinLost())
	}
	chunk, err := query.Next(ctx)
	if err != nil || query.Done() {
		query.Close()
		return chunk, s.broken(ctx, p, err, errPinLost())
	}
	return s.keep(p, chunk, query)
}

// evaluatePinned is evaluate in a pinned state.
func (s *Service) evaluatePinned(ctx context.Context, p object.PartitionID, e *command.Evaluate) (*command.Evaluation, error) {
	one, err := s.pins.get(e.View.Pin, p, s.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	evaluating, err := one.pinned.Evaluate(e)
	if err != nil {
		return nil, s.broken(ctx, p, unpinned(err), errPinLost())
	}
	defer evaluating.Close()
	out, err := evaluating.Run(ctx)
	return out, s.broken(ctx, p, err, errPinLost())
}

// broken makes a failure of this node's storage the loss of what was read from it: where
// the statement is started over, another node may answer.
func (s *Service) broken(ctx context.Context, p object.PartitionID, err error, loss *pgerror.Error) error {
	if err == nil || ctx.Err() != nil || pgerror.As(err) != nil {
		return err
	}
	s.cfg.Logger.Error("storage failed under a read", "partition", p, "error", err)
	return errors.Join(loss, err)
}
