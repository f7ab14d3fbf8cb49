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
	fleeting, err := t.compare(ctx, f, func(p object.PartitionID) bool { return slices.Contains(checked, p) })
	if err != nil || !fleeting || len(checked) == 0 {
		return err
	}
	_, err = t.compare(ctx, f, func(p object.PartitionID) bool { return !slices.Contains(checked, p) })
	return err
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
		votes, err := t.ask(ctx, shares)
		if err != nil {
			return false, err
		}
		if done, err := p.take(ctx, shares, votes); err != nil || done {
			return fleeting || ranges, err
		}
	}
}

// ask has partitions compare, in parallel.
func (t *Transaction) ask(ctx context.Context, shares []command.Share) ([]*command.Vote, error) {
	votes, errs := make([]*command.Vote, len(shares)), make([]error, len(shares))
	one := func(i int) {
		votes[i], errs[i] = t.x.deps.Partitions.Validate(ctx, shares[i].Partition, &shares[i].Part)
	}
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
