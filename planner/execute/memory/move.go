package memory

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// Move moves objects in one step each.
func (w *World) Move(ctx context.Context, r catalog.MoveRequest) ([]catalog.MoveResult, error) {
	out := make([]catalog.MoveResult, len(r.IDs))
	for i, id := range r.IDs {
		if err := w.hook("move", r.To); err != nil {
			return out[:i], err
		}
		by := r.Origin
		if r.Reasons != nil {
			by.Reason = r.Reasons[i]
		}
		out[i] = w.moveOne(id, r.To, r.Pin, by)
	}
	return out, ctx.Err()
}

func (w *World) moveOne(id object.ID, to object.PartitionID, pin catalog.PinMode, by catalog.Origin) catalog.MoveResult {
	from := w.holder(id)
	switch {
	case from == 0:
		return catalog.NotFound
	case pin == catalog.KeepPins && w.Pinned(id):
		return catalog.Pinned
	case from != to && w.barred(id, to):
		return catalog.Barred
	case from != to && by.User == "" && by.Policy != "" && w.Defers != nil && w.Defers(id):
		return catalog.Deferred
	}
	if from != to {
		w.Depart(id, to)
		w.Arrive(id)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch pin {
	case catalog.Pin:
		w.pinned[id] = true
	case catalog.Unpin:
		delete(w.pinned, id)
	}
	if from == to {
		return catalog.AlreadyThere
	}
	w.placed(id, from, to, by)
	w.moves = append(w.moves, catalog.Move{Version: w.directory[id].Version, Table: id.Table(), To: to,
		State: catalog.MoveDone, Objects: 1, Moved: 1, Started: time.Unix(1, 0), Finished: time.Unix(2, 0)})
	return catalog.Moved
}

// barred asks the oracle's catalog whether a partition must not get an object.
func (w *World) barred(id object.ID, to object.PartitionID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := allowed(w.catalog, w.catalog.Tables[id.Table()], to)
	return !ok
}

func (w *World) holder(id object.ID) object.PartitionID {
	if at := w.Where(id); len(at) > 0 {
		return at[0]
	}
	return 0
}

// Depart is the first step of a move: the object has left its partition and has
// not arrived.
func (w *World) Depart(id object.ID, to object.PartitionID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.partitions {
		o, ok := p.objects[id]
		if !ok || p.id == to {
			continue
		}
		w.index++
		l := object.Location{Partition: to, Version: object.LocationVersion(w.index)}
		delete(p.objects, id)
		p.gone[id] = l
		w.transit[id] = transfer{from: p.id, to: to, version: l.Version, row: o.row, revision: o.revision}
		return
	}
}

// Arrive is the second step: the object is in its new partition, and the
// directory says so.
func (w *World) Arrive(id object.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.transit[id]
	if !ok {
		return
	}
	delete(w.transit, id)
	p := w.partition(t.to)
	delete(p.gone, id)
	p.arrived[t.version] = true
	p.objects[id] = stored{row: t.row, version: t.version, revision: t.revision}
	w.directory[id] = object.Location{Partition: t.to, Version: t.version}
}
