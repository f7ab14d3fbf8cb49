package memory

import (
	"context"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// partition is one partition's state. World.mu guards it.
type partition struct {
	id      object.PartitionID
	applied uint64
	objects map[object.ID]stored
	// arrived remembers the moves that came here.
	arrived map[object.LocationVersion]bool
	// gone remembers ids that left: where to, or nowhere (released).
	gone    map[object.ID]object.Location
	tables  map[object.TableID]*catalog.Table
	dropped map[object.TableID]bool
	cursors map[uint64][]*command.Chunk
	last    uint64 // cursor
	// own are the objects of a View's overlay, which the partition takes for its own.
	own map[object.ID]bool
}

type stored struct {
	row      []byte
	version  object.LocationVersion
	revision object.Revision
}

func newPartition(id object.PartitionID) *partition {
	return &partition{
		id: id, objects: make(map[object.ID]stored), gone: make(map[object.ID]object.Location),
		tables: make(map[object.TableID]*catalog.Table), dropped: make(map[object.TableID]bool),
		cursors: make(map[uint64][]*command.Chunk), arrived: make(map[object.LocationVersion]bool),
	}
}

func (p *partition) count(t object.TableID) int {
	n := 0
	for id := range p.objects {
		if id.Table() == t {
			n++
		}
	}
	return n
}

// schema refuses a command that was planned against another descriptor.
func (p *partition) schema(t object.TableID, v object.SchemaVersion) (*catalog.Table, *command.Refusal) {
	if p.dropped[t] {
		return nil, &command.Refusal{Reason: command.SchemaOld}
	}
	have := p.tables[t]
	switch {
	case have == nil:
		return nil, &command.Refusal{Reason: command.SchemaNew}
	case have.Version < v:
		return nil, &command.Refusal{Reason: command.SchemaNew, Schema: have.Version}
	case have.Version > v:
		return nil, &command.Refusal{Reason: command.SchemaOld, Schema: have.Version}
	}
	return have, nil
}

// owns says whether the partition executes commands on an id; otherwise why not,
// and what it knows.
func (w *World) owns(p *partition, t *catalog.Table, target *command.Target) (command.Reason, object.Location) {
	if _, ok := p.objects[target.ID]; ok || p.own[target.ID] {
		return 0, object.Location{}
	}
	if reason, where := w.ownsAbsent(p, t, target); reason != 0 {
		return reason, where
	}
	if target.Unsure {
		return command.Elsewhere, object.Location{}
	}
	return 0, object.Location{}
}

// ownsAbsent is owns for an id that the partition has no object of.
func (w *World) ownsAbsent(p *partition, t *catalog.Table, target *command.Target) (command.Reason, object.Location) {
	marker, left := p.gone[target.ID]
	if tr, moving := w.transit[target.ID]; moving && tr.to == p.id && target.Arriving && target.Version == tr.version {
		return command.Awaited, object.Location{}
	}
	switch {
	case left && target.Version <= marker.Version:
		if marker.Partition == 0 && t.Placement.Static && w.home(t, target.ID) == p.id {
			return 0, object.Location{} // home again
		}
		if marker.Partition == 0 {
			marker.Version = 0
		}
		return command.Elsewhere, marker
	case t.Placement.Static && w.home(t, target.ID) == p.id:
		return 0, object.Location{}
	case target.Version == 0:
		return command.Elsewhere, object.Location{}
	case (target.Arriving || t.Placement.Static) && !p.arrived[target.Version]:
		return command.Awaited, object.Location{} // made by a move that has not come
	}
	return 0, object.Location{}
}

// refuseHome refuses what is for the home of all objects in spans, if that is another
// partition or not all of them are here.
func (w *World) refuseHome(p *partition, t *catalog.Table, spans []command.Span) *command.Refusal {
	for _, s := range spans {
		if !t.Placement.Static || w.home(t, s.Start) != p.id {
			return &command.Refusal{Reason: command.Elsewhere}
		}
		for id, where := range p.gone {
			if id >= s.Start && id < s.End && where.Partition != 0 {
				return &command.Refusal{Reason: command.Elsewhere}
			}
		}
	}
	return nil
}

func (w *World) home(t *catalog.Table, id object.ID) object.PartitionID {
	return w.catalog.Home(t, id).Partition
}

// refuse looks for a reason not to execute a command about these targets.
func (w *World) refuse(p *partition, t *catalog.Table, targets []command.Target) *command.Refusal {
	var r *command.Refusal
	for i := range targets {
		reason, where := w.owns(p, t, &targets[i])
		switch reason {
		case command.Awaited:
			return &command.Refusal{Reason: command.Awaited}
		case command.Elsewhere:
			if r == nil {
				r = &command.Refusal{Reason: command.Elsewhere}
			}
			r.Objects = append(r.Objects, command.Redirect{ID: targets[i].ID, Location: where})
		}
	}
	return r
}

// Write executes a command.
func (w *World) Write(ctx context.Context, id object.PartitionID, cmd *command.Write) (*command.Result, error) {
	if err := w.hook("write", id); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, pgerror.New(pgerror.SerializationFailure, "not sent")
	}
	unlock, err := w.lockFree(ctx, object.TransactionID{}, cmd)
	if err != nil {
		return nil, err
	}
	result := w.write(w.partition(id), cmd)
	unlock()
	if err := w.hook("written", id); err != nil {
		return nil, err
	}
	return result, nil
}

// Read begins a read.
func (w *World) Read(ctx context.Context, id object.PartitionID, r *command.Read) (*command.Chunk, error) {
	if err := w.hook("read", id); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	p := w.partition(id)
	chunk := w.read(p, p, r)
	w.mu.Unlock()
	if err := w.hook("answered", id); err != nil {
		return nil, err
	}
	return chunk, nil
}

// Next continues a read.
func (w *World) Next(ctx context.Context, id object.PartitionID, c command.Cursor) (*command.Chunk, error) {
	if err := w.hook("next", id); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.partition(id)
	chunks := p.cursors[c.ID]
	if len(chunks) == 0 {
		return nil, pgerror.New(pgerror.SerializationFailure, "the read was interrupted")
	}
	chunk := chunks[0]
	if p.cursors[c.ID] = chunks[1:]; len(chunks) == 1 {
		delete(p.cursors, c.ID)
	} else {
		chunk.Cursor = c
	}
	return chunk, nil
}

// CloseCursor ends a read.
func (w *World) CloseCursor(id object.PartitionID, c command.Cursor) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.partition(id).cursors, c.ID)
}

// Cursors counts the reads that are open.
func (w *World) Cursors() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, p := range w.partitions {
		n += len(p.cursors)
	}
	return n
}

// Execute installs a table.
func (w *World) Execute(ctx context.Context, id object.PartitionID, body command.Body) (any, error) {
	if err := w.hook("install", id); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.partition(id)
	if in, ok := body.(*command.InstallTable); ok && !p.dropped[in.Table.ID] {
		if have := p.tables[in.Table.ID]; have == nil || have.Version < in.Table.Version {
			p.tables[in.Table.ID] = in.Table
		}
	}
	return nil, ctx.Err()
}
