package execute

import (
	"context"
	"slices"
	"sync"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute/footprint"
)

// validate sees to it that everything that the transaction has read is as it was
// when it was read, at a moment after the last read: then all is of one state. The
// partitions in checked have compared what is theirs while they were read from.
//
// What did not exist may have come and gone between. Where some of that is compared
// here, what was read last is compared after it, so that there was a moment at which all
// held.
func (t *Transaction) validate(ctx context.Context, f *facts, checked []object.PartitionID) error {
	if t.scattered() {
		return t.compareAtOnce(ctx, f)
	}
	fleeting, err := t.compare(ctx, f, func(p object.PartitionID) bool { return slices.Contains(checked, p) })
	if err != nil || !fleeting || len(checked) == 0 {
		return err
	}
	_, err = t.compare(ctx, f, func(p object.PartitionID) bool { return !slices.Contains(checked, p) })
	return err
}

// scattered reports whether what may come and go was read in several partitions. No
// order of comparing them one by one proves that there was a moment at which all held.
func (t *Transaction) scattered() bool {
	var first object.PartitionID
	several := func(p object.PartitionID) bool {
		if first == 0 {
			first = p
		}
		return p != first
	}
	for _, o := range t.print.Objects() {
		if o.Revision == 0 && several(o.Partition) {
			return true
		}
	}
	for _, r := range t.print.Ranges() {
		if len(r.Spans) > 0 && several(r.Partition) {
			return true
		}
	}
	return false
}

// compareAtOnce compares all that was read with the state of one instant.
func (t *Transaction) compareAtOnce(ctx context.Context, f *facts) error {
	p := t.propose(f, t.print.Objects(), false, func(object.PartitionID) bool { return true })
	for {
		if err := p.place(ctx); err != nil {
			return err
		}
		shares := p.shares()
		parts := make([]object.PartitionID, len(shares))
		for i := range shares {
			parts[i] = shares[i].Partition
		}
		snapshot, err := t.x.deps.Partitions.Snapshot(ctx, parts)
		if err != nil {
			return lost(ctx, err)
		}
		votes, err := t.ask(ctx, shares, func(ctx context.Context, s *command.Share) (*command.Vote, error) {
			return validateIn(ctx, snapshot, s)
		})
		snapshot.Close()
		if err != nil {
			return err
		}
		if done, err := p.take(ctx, shares, votes); err != nil || done {
			return err
		}
	}
}

// validateIn compares a part with a snapshot, by a read of nothing.
func validateIn(ctx context.Context, snapshot Snapshot, s *command.Share) (*command.Vote, error) {
	if len(s.Part.Tables) == 0 {
		return &command.Vote{}, nil
	}
	first := s.Part.Tables[0]
	chunk, err := snapshot.Read(ctx, s.Partition, &command.Read{
		Table: first.Table, Schema: first.Schema, Limit: -1, View: command.View{Checks: &s.Part},
	})
	if err != nil {
		return nil, err
	}
	return &command.Vote{Refusal: chunk.Refusal, Err: chunk.Err, Conflict: chunk.Conflict}, nil
}

// compare compares what was read in partitions that are not left out. fleeting says
// that some of it had no object, or was a range.
func (t *Transaction) compare(ctx context.Context, f *facts, left func(object.PartitionID) bool) (fleeting bool, err error) {
	var objects []*footprint.Object
	for _, o := range t.print.Objects() {
		if o.Doubt || !left(o.Partition) {
			objects = append(objects, o)
			fleeting = fleeting || o.Revision == 0
		}
	}
	ranges := false
	for _, r := range t.print.Ranges() {
		ranges = ranges || len(r.Spans) > 0 && !left(r.Partition)
	}
	if len(objects) == 0 && !ranges {
		return false, nil
	}
	p := t.propose(f, objects, false, func(p object.PartitionID) bool { return !left(p) })
	for {
		if err := p.place(ctx); err != nil {
			return false, err
		}
		shares := p.shares()
		votes, err := t.ask(ctx, shares, func(ctx context.Context, s *command.Share) (*command.Vote, error) {
			return t.x.deps.Partitions.Validate(ctx, s.Partition, &s.Part)
		})
		if err != nil {
			return false, err
		}
		if done, err := p.take(ctx, shares, votes); err != nil || done {
			return fleeting || ranges, err
		}
	}
}

// ask has partitions compare, in parallel.
func (t *Transaction) ask(ctx context.Context, shares []command.Share, compare func(context.Context, *command.Share) (*command.Vote, error)) ([]*command.Vote, error) {
	votes, errs := make([]*command.Vote, len(shares)), make([]error, len(shares))
	one := func(i int) { votes[i], errs[i] = compare(ctx, &shares[i]) }
	if len(shares) == 1 {
		one(0)
	} else {
		var wait sync.WaitGroup
		slots := make(chan struct{}, t.x.cfg.Parallelism)
		for i := range shares {
			slots <- struct{}{}
			wait.Add(1)
			go func() {
				defer func() { <-slots; wait.Done() }()
				one(i)
			}()
		}
		wait.Wait()
	}
	for _, err := range errs {
		if err != nil {
			return nil, lost(ctx, err)
		}
	}
	return votes, nil
}
