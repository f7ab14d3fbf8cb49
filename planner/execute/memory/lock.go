package memory

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// NewTransaction names a transaction.
func (w *World) NewTransaction() object.TransactionID {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	return object.TransactionID{Node: "one", Incarnation: 1, Sequence: w.last}
}

// lockFree waits until no session but owner locks what a write means, and returns
// with World.mu held.
func (w *World) lockFree(ctx context.Context, owner object.TransactionID, cmd *command.Write) (unlock func(), err error) {
	return w.lockFreeOf(ctx, owner, []*command.Write{cmd}, nil, true)
}

// lockFreeOf is lockFree for several writes and objects. Without wait the result is
// nil where something is locked.
func (w *World) lockFreeOf(ctx context.Context, owner object.TransactionID, writes []*command.Write, ids []object.ID, wait bool) (func(), error) {
	w.mu.Lock()
	for w.lockedFor(owner, writes, ids) {
		gone := w.unlocked
		w.mu.Unlock()
		if !wait {
			return nil, nil
		}
		select {
		case <-gone:
		case <-ctx.Done():
			if pgerror.As(context.Cause(ctx)) != nil {
				return nil, context.Cause(ctx)
			}
			return nil, pgerror.New(pgerror.SerializationFailure, "withdrawn")
		}
		w.mu.Lock()
	}
	return w.mu.Unlock, nil
}

func (w *World) lockedFor(owner object.TransactionID, writes []*command.Write, ids []object.ID) bool {
	for id, held := range w.locks {
		for other := range held {
			if other == owner {
				continue
			}
			for _, x := range ids {
				if x == id {
					return true
				}
			}
			for _, cmd := range writes {
				for i := range cmd.Targets {
					if cmd.Targets[i].ID == id {
						return true
					}
				}
				for _, s := range cmd.Spans {
					if id >= s.Start && id < s.End {
						return true
					}
				}
			}
		}
	}
	return false
}

// Lock locks objects for a session.
func (w *World) Lock(ctx context.Context, id object.PartitionID, l *command.Lock) (*command.Granted, error) {
	if err := w.hook("lock", id); err != nil {
		return nil, err
	}
	for {
		w.mu.Lock()
		g, busy := w.lock(w.partition(id), l)
		gone := w.unlocked
		w.mu.Unlock()
		if !busy {
			if err := w.hook("locked", id); err != nil {
				return nil, err
			}
			return g, nil
		}
		select {
		case <-gone:
		case <-ctx.Done():
			if pgerror.As(context.Cause(ctx)) != nil {
				return nil, context.Cause(ctx)
			}
			return nil, pgerror.New(pgerror.SerializationFailure, "withdrawn")
		}
	}
}

// lock locks, or says that it has to wait.
func (w *World) lock(p *partition, l *command.Lock) (g *command.Granted, busy bool) {
	g = &command.Granted{}
	t, refusal := p.schema(l.Table, l.Schema)
	if refusal == nil {
		refusal = w.refuse(p, t, l.Targets)
	}
	if g.Refusal = refusal; refusal != nil {
		return g, false
	}
	m, err := w.machine(p, t, l.Program, &l.Context)
	if err != nil {
		g.Err = failed(err).Err
		return g, false
	}
	var take []object.ID
	for i := range l.Targets {
		id := l.Targets[i].ID
		o, ok := p.objects[id]
		g.Revisions = append(g.Revisions, o.revision)
		if !ok {
			g.Absent = append(g.Absent, i)
			continue
		}
		row, err := m.row(o)
		if err == nil {
			ok, err = m.passes(m.prog.Filter, row)
		}
		if err != nil {
			g.Err = failed(err).Err
			return g, false
		}
		if !ok {
			continue
		}
		if w.heldAgainst(id, l.Owner, l.Mode) {
			switch l.Wait {
			case command.LockWaits:
				return nil, true
			case command.LockFails:
				return &command.Granted{Refusal: &command.Refusal{Reason: command.Locked}, Conflict: &command.Conflict{ID: id, Table: l.Table}}, false
			}
			g.Skipped = append(g.Skipped, i)
			continue
		}
		b, err := m.project(row)
		if err != nil {
			g.Err = failed(err).Err
			return g, false
		}
		g.Rows, g.At, take = append(g.Rows, b), append(g.At, i), append(take, id)
	}
	for _, id := range take {
		if w.locks[id] == nil {
			w.locks[id] = make(map[object.TransactionID]command.LockMode)
		}
		w.locks[id][l.Owner] = max(l.Mode, w.locks[id][l.Owner])
	}
	return g, false
}

func (w *World) heldAgainst(id object.ID, owner object.TransactionID, mode command.LockMode) bool {
	for other, held := range w.locks[id] {
		if other != owner && (held != command.LockShared || mode != command.LockShared) {
			return true
		}
	}
	return false
}

// Unlock gives up the locks of a transaction.
func (w *World) Unlock(owner object.TransactionID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.release(owner)
}

// release is Unlock for who holds mu.
func (w *World) release(owner object.TransactionID) {
	for id, held := range w.locks {
		if delete(held, owner); len(held) == 0 {
			delete(w.locks, id)
		}
	}
	close(w.unlocked)
	w.unlocked = make(chan struct{})
}

// Locks counts the objects that sessions have locked.
func (w *World) Locks() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.locks)
}
