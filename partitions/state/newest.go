package state

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/storage"
)

// newest is a look at the newest state: what has to be known of it beside a snapshot.
// begin, shielded and snapshot are called in this order, under the lease.
type newest struct {
	m      *Machine
	index  uint64 // of an entry that the snapshot contains
	raises uint64 // of the shield, before it was asked
	stale  bool   // the shield was not asked
	torn   bool   // the snapshot may have a part of a transaction
}

func (n *newest) begin(m *Machine) {
	*n = newest{m: m, raises: m.shield.raises.Load()}
}

// shielded reports whether the read has to wait for the outcome of a transaction.
func (n *newest) shielded(targets []command.Target, spans []command.Span) bool {
	return n.m.stagedConflict(targets, spans)
}

// shieldedPart is shielded for what a transaction has read; nil: nothing.
func (n *newest) shieldedPart(p *command.Part) bool {
	if p == nil || n.m.shield.count.Load() == 0 {
		return false
	}
	targets := make([]command.Target, len(p.Effects))
	for i := range p.Effects {
		targets[i].ID = p.Effects[i].ID
	}
	if n.shielded(targets, nil) {
		return true
	}
	for i := range p.Ranges {
		if n.shielded(nil, p.Ranges[i].Spans) {
			return true
		}
	}
	return false
}

// partial reports whether the store may have a part of a transaction: what has been staged
// since the shield was asked may be carried out in part. A large transaction is, in several
// entries.
func (n *newest) partial() bool {
	return n.stale && n.m.shield.count.Load() > 0 || n.m.shield.raises.Load() != n.raises
}

// snapshot takes the snapshot.
func (n *newest) snapshot(space *storage.Space) (*storage.Snapshot, error) {
	n.index = n.m.shown.Load()
	n.torn = n.partial()
	snap, err := space.Snapshot()
	n.torn = n.torn || n.partial()
	return snap, err
}

// sight is what is to be seen in the snapshot.
func (n *newest) sight(snap *storage.Snapshot) (sight, error) {
	if !n.torn {
		return sight{stored: stored{r: snap}}, nil
	}
	partial, err := readPartial(snap)
	return newSight(snap, partial, nil), err
}
