package state

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
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

// snapshot takes the snapshot. What has been staged since the shield was asked may be
// carried out in part there: a large transaction is, in several entries.
func (n *newest) snapshot(space *storage.Space) (*storage.Snapshot, error) {
	n.index = n.m.shown.Load()
	n.torn = n.stale && n.m.shield.count.Load() > 0
	snap, err := space.Snapshot()
	n.torn = n.torn || n.m.shield.raises.Load() != n.raises
	return snap, err
}

// sight is what is to be seen in the snapshot.
func (n *newest) sight(snap *storage.Snapshot) (sight, error) {
	if !n.torn {
		return sight{stored: stored{snap}}, nil
	}
	partial, err := readPartial(snap)
	return newSight(snap, partial, nil), err
}

// newestObject is stored.object of a space, or what is kept of it. It allocates nothing
// but the row.
func (m *Machine) newestObject(space *storage.Space, id object.ID) (record, bool, error) {
	r, found, ticket := m.reads.get(id)
	if found {
		return r, true, nil
	}
	var key [128]byte
	b, found, err := space.Get(nil, appendObjectKey(key[:0], prefixObjects, id))
	if err != nil || !found {
		return record{}, false, err
	}
	if r, err = decodeRecord(b); err != nil {
		return record{}, false, err
	}
	m.reads.put(id, r, ticket)
	return r, true, nil
}
