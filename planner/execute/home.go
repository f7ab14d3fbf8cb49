package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// home is the partition whose answer to a statement over key ranges is as a rule the whole
// one: the static home of all their objects. It knows whether that is so. Zero: all
// partitions are asked at once, because the objects have several homes, or there is one partition.
//
// Within a session's transaction all are asked: what it has read is compared at its
// COMMIT, and an object that had left the home by then may have been changed elsewhere.
func (e *Execution) home(t *catalog.Table, o *plan.Objects) object.PartitionID {
	if !o.Home || e.tx != nil {
		return 0
	}
	snap := e.x.deps.Catalog.Catalog()
	if len(snap.Partitions) < 2 {
		return 0
	}
	return snap.Home(t, o.Spans[0].Start).Partition
}

// scanHome is scan in the home of all objects, unless it is 0; in all partitions where it
// does not hold them all.
func (e *Execution) scanHome(t *catalog.Table, read command.Read, width int, order []command.Order, home object.PartitionID) (*scanRows, error) {
	if home == 0 {
		parts, err := e.partitions()
		if err != nil {
			return nil, err
		}
		return e.scan(t, read, width, order, parts), nil
	}
	e.facts.prefix(home)
	r := e.scan(t, read, width, order, []object.PartitionID{home})
	r.streams[0].read.Home = true
	r.everywhere = func() error {
		parts, err := e.partitions()
		if err == nil {
			r.streams = e.scan(t, read, width, order, parts).streams
		}
		return err
	}
	return r, nil
}

// atHome reads the first chunk from the home of all objects, or prepares the scan of all
// partitions.
func (r *scanRows) atHome(ctx context.Context) error {
	s := r.streams[0]
	chunk, err := r.chunk(ctx, s)
	switch {
	case err != nil:
		return err
	case chunk.Refusal != nil && chunk.Refusal.Reason == command.Elsewhere:
		return r.everywhere()
	}
	s.chunk, s.at = chunk, 0
	return r.note(ctx, s, chunk)
}

// overSpans carries out a write of key ranges: in the home of all objects, where it has one
// and holds them all, or else in all partitions.
func (w *writing) overSpans(ctx context.Context) error {
	if w.cmd.Home {
		groups := []group{{part: w.home}}
		if err := w.transact(ctx, groups); err != nil || w.cmd.Home {
			return err
		}
	}
	return w.transact(ctx, w.everywhere())
}

// prefix notes that one partition is asked, as the home of all objects.
func (f *facts) prefix(home object.PartitionID) {
	if f == nil {
		return
	}
	f.takesPart([]object.PartitionID{home})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f.Prefix = true
}
