package memory

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute"
)

// snapshot is the state of some partitions at one instant.
type snapshot struct {
	w      *World
	parts  map[object.PartitionID]*partition
	closed bool
}

// Snapshot copies partitions. An object on its way counts as being where it came
// from.
func (w *World) Snapshot(ctx context.Context, parts []object.PartitionID) (execute.Snapshot, error) {
	if err := w.hook("snapshot", 0); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &snapshot{w: w, parts: make(map[object.PartitionID]*partition)}
	for _, id := range parts {
		p := w.partition(id).clone()
		for id, t := range w.transit {
			if t.from == p.id {
				delete(p.gone, id)
				p.objects[id] = stored{row: t.row, version: t.version, revision: t.revision}
			}
		}
		s.parts[id] = p
	}
	w.snapshots++
	return s, nil
}

// Read reads from the snapshot.
func (s *snapshot) Read(ctx context.Context, id object.PartitionID, r *command.Read) (*command.Chunk, error) {
	if err := s.w.hook("read", id); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.w.mu.Lock()
	chunk := s.w.read(s.w.partition(id), s.parts[id], r)
	s.w.mu.Unlock()
	if err := s.w.hook("answered", id); err != nil {
		return nil, err
	}
	return chunk, nil
}

// Evaluate computes what a write would do in the snapshot.
func (s *snapshot) Evaluate(ctx context.Context, id object.PartitionID, e *command.Evaluate) (*command.Evaluation, error) {
	if err := s.w.hook("evaluate", id); err != nil {
		return nil, err
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.w.evaluate(s.parts[id], e), ctx.Err()
}

// Close lets it go.
func (s *snapshot) Close() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.w.snapshots--
	}
}

// Snapshots counts those that are open.
func (w *World) Snapshots() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.snapshots
}
