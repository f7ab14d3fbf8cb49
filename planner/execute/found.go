package execute

import (
	"context"
	"errors"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// Founder is an optional dependency: it gives new objects their locations and creates
// them at one instant, which takes one round where Directory.Assign and then a write
// take two.
type Founder interface {
	// Found has parts executed that create objects which have no location, and gives these
	// the partitions of the assignments. Where all votes are yes it is done, and version is
	// that of the locations, 0 where it is not known. Else nothing took effect, and nothing
	// will: ids may have locations already, or a partition must not get them. ErrApart: it
	// cannot be done at once. Other errors are those of Partitions.Transact.
	Found(ctx context.Context, assignments []catalog.Assignment, t *command.Transaction) (version object.LocationVersion, votes []*command.Vote, err error)
}

// ErrApart is returned by a Founder whose oracle and partitions have no log in common.
var ErrApart = errors.New("the partitions and the oracle have no log in common")

// maxFounded bounds the objects that are given locations and created at once.
const maxFounded = 1024

// foundAtOnce tries to have all objects of the statement placed and created at once.
// Where that is not to be, nothing has happened, but that the policy was asked.
func (in *insertion) foundAtOnce(ctx context.Context) (done bool, err error) {
	at, news := in.news()
	if !news {
		return false, nil
	}
	if err := in.choose(ctx, at); err != nil {
		return false, err
	}
	assignments := make([]catalog.Assignment, len(at))
	for _, i := range at {
		it := &in.items[i]
		c := &in.chosen[it.rank]
		it.part, it.from = c.part, plan.FromOracle
		assignments[i] = catalog.Assignment{ID: it.ID, Partition: c.part, Origin: *c.origin}
	}
	groups := in.groups(nil, len(in.items))
	parts, err := in.shares(groups)
	if err != nil {
		return false, err
	}
	version, votes, err := in.x.deps.Founder.Found(ctx, assignments, &command.Transaction{Parts: parts})
	switch {
	case err == ErrApart || err != nil && notExecuted(err) && ctx.Err() == nil:
		in.unplace()
		return false, nil
	case err != nil:
		return false, unanswered(ctx, err)
	case len(votes) != len(groups):
		return false, internalError("%d votes on %d parts", len(votes), len(groups))
	}
	if i := slices.IndexFunc(votes, func(v *command.Vote) bool { return v.Err != nil }); i >= 0 {
		return false, votes[i].Err
	}
	if slices.ContainsFunc(votes, func(v *command.Vote) bool { return !v.Yes() }) {
		in.unplace()
		return false, nil
	}
	for i := range in.items {
		in.items[i].Version = version
	}
	in.f.asked(in.table, in.items, groups)
	return true, in.takeAll(groups, votes)
}

// news lists all items, if nothing is known of a location of any. Those with keys of a
// sequence are not looked up: where one has a location all the same, the oracle says so.
func (in *insertion) news() (at []int, all bool) {
	if len(in.items) > maxFounded {
		return nil, false
	}
	at = make([]int, len(in.items))
	for i := range in.items {
		it := &in.items[i]
		if it.done || it.part != 0 || it.doubt {
			return nil, false
		}
		at[i] = i
		if in.made[it.rank].Serial {
			continue
		}
		if l, ok := in.x.deps.Directory.Lookup(it.ID); ok && l.Partition != 0 {
			return nil, false
		}
	}
	return at, true
}

// unplace forgets where the items were to be.
func (in *insertion) unplace() {
	for i := range in.items {
		it := &in.items[i]
		it.part, it.Version, it.from = 0, 0, 0
	}
}
