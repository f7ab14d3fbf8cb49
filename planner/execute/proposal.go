package execute

import (
	"context"
	"fmt"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute/footprint"
	"github.com/ssmr/ssmr/planner/plan"
)

// proposal is what a transaction has read, and with write what it has written, on its
// way to where the objects live now. It goes in rounds as a job does, with a job for
// each table.
type proposal struct {
	x     *Executor
	f     *facts
	t     *Transaction
	write bool
	// ranges says which partitions' key ranges are in it.
	ranges func(object.PartitionID) bool

	tables   []*proposed
	wait     waiter
	round    int
	awaited  int
	assigned []object.ID // ids that were given a location so that their absence can be checked
}

// proposed is a proposal's objects of one table; objects[i] goes with job.items[i].
type proposed struct {
	job
	objects []*footprint.Object
}

// propose makes a proposal of these objects.
func (t *Transaction) propose(f *facts, objects []*footprint.Object, write bool, ranges func(object.PartitionID) bool) *proposal {
	p := &proposal{x: t.x, f: f, t: t, write: write, ranges: ranges}
	p.wait = waiter{patience: t.x.cfg.Patience, rand: t.x.cfg.Rand}
	byTable := make(map[object.TableID]*proposed)
	for _, o := range objects {
		b := byTable[o.ID.Table()]
		if b == nil {
			b = &proposed{}
			byTable[o.ID.Table()] = b
			p.tables = append(p.tables, b)
		}
		b.objects = append(b.objects, o)
	}
	for _, b := range p.tables {
		ids := make([]object.ID, len(b.objects))
		for i, o := range b.objects {
			ids[i] = o.ID
		}
		b.begin(t.x, f, nil, t.print.Table(ids[0].Table()), ids)
		for i, o := range b.objects {
			b.recall(&b.items[i], o)
		}
	}
	return p
}

// recall begins with where an object was when it was read, unless the cache knows
// better.
func (b *proposed) recall(it *item, o *footprint.Object) {
	switch l, ok := b.x.deps.Directory.Lookup(it.ID); {
	case ok && l.Partition != 0 && l.Version >= o.Version:
		it.follow(l.Location, plan.FromCache, l.Arriving)
	case o.Version != 0:
		it.follow(o.Location, plan.FromCache, o.Arriving)
		it.doubt = o.Doubt
	case !b.table.Placement.Static:
		it.doubt = true // it lived nowhere
	}
}

// place finds out where all objects live. An object that lives nowhere, and did not
// exist when it was read, is as it was; to write, or to keep others from creating it
// while others are written, it is given a location.
func (p *proposal) place(ctx context.Context) error {
	for _, b := range p.tables {
		if p.write && !b.table.Placement.Static {
			if err := p.assign(ctx, b); err != nil {
				return err
			}
		}
		if err := b.locate(ctx); err != nil {
			return p.failed(err)
		}
		for i := range b.items {
			if o := b.objects[i]; b.items[i].nowhere && (o.Revision != 0 || p.write) {
				return p.t.conflict(&command.Conflict{ID: o.ID, Table: b.table.ID})
			}
		}
	}
	return nil
}

// assign gives locations to objects that did not exist when they were read.
func (p *proposal) assign(ctx context.Context, b *proposed) error {
	var stands []object.Location
	var at []int
	for tries := 1; stands == nil; tries++ {
		assignments, of, err := b.assignments()
		if err != nil || len(of) == 0 {
			return err
		}
		at = of
		if stands, err = p.x.assign(ctx, p.f, assignments); err == ErrReplan {
			err = b.renew(ctx, tries)
		}
		if err != nil {
			return p.failed(err)
		}
	}
	for n, i := range at {
		it, l := &b.items[i], stands[n]
		if it.part == l.Partition && it.Version == l.Version {
			p.wait.wanted = true // refused there just now: its release is under way
		}
		it.follow(l, plan.FromOracle, false)
		if b.objects[i].Kind != command.EffectPut {
			p.assigned = append(p.assigned, it.ID)
		}
	}
	return nil
}

// assignments are where the items (by index) are to be that did not exist when they were
// read, and live nowhere: where the policy wanted them when they were created, as long as
// they may be there.
func (b *proposed) assignments() (out []catalog.Assignment, at []int, err error) {
	for i := range b.items {
		it, o := &b.items[i], b.objects[i]
		if o.Revision != 0 || it.part != 0 && !it.doubt {
			continue
		}
		a := catalog.Assignment{ID: o.ID, Partition: o.Partition}
		if o.Origin != nil {
			a.Origin = *o.Origin
		}
		if to := b.snap.Partition(o.Partition); to == nil || !allows(b.table, to) {
			user := a.Origin.User
			if a, err = shelter(b.snap, b.table, o.ID); err != nil {
				return nil, nil, err
			}
			if a.Origin.User = user; to != nil && o.Kind == command.EffectPut {
				a.Origin.Reason = fmt.Sprintf("partition %d may not get it any more", to.ID)
			}
		}
		out, at = append(out, a), append(at, i)
	}
	return out, at, nil
}

func allows(t *catalog.Table, p *catalog.Partition) bool {
	_, ok := t.Rules.Allows(p.ID, &p.PartitionLimits)
	return ok
}

// failed is the error of a proposal whose tables have changed, or err itself.
func (p *proposal) failed(err error) error {
	if err == ErrReplan {
		return p.t.fail(errTableChanged(p.tables[0].table.Name))
	}
	return err
}

// shares makes the parts of this round.
func (p *proposal) shares() []command.Share {
	var objects []*footprint.Object
	var targets []command.Target
	var where []object.PartitionID
	for _, b := range p.tables {
		for i := range b.items {
			it, o := &b.items[i], b.objects[i]
			if it.nowhere {
				continue
			}
			t := it.Target
			// Who creates it says so; of any other the partition has to be sure.
			t.Unsure = it.from == plan.FromCache && !(p.write && o.Revision == 0 && o.Kind == command.EffectPut)
			objects, targets, where = append(objects, o), append(targets, t), append(where, it.part)
		}
	}
	return p.t.print.Parts(objects, targets, where, p.write, p.ranges)
}

// take goes through the votes on the parts. done says that all are yes; otherwise,
// without an error, there is to be another round.
func (p *proposal) take(ctx context.Context, shares []command.Share, votes []*command.Vote) (done bool, err error) {
	if len(votes) != len(shares) {
		return false, internalError("%d votes on %d parts", len(votes), len(shares))
	}
	done = true
	others := false
	for i, v := range votes {
		switch {
		case v.Yes():
			continue
		case v.Refusal != nil && v.Refusal.Reason == command.Aborted:
			done = false // because of another one's vote, as a rule
			continue
		case v.Refusal == nil && v.Conflict != nil:
			return false, p.t.conflict(v.Conflict)
		case v.Refusal == nil:
			return false, p.t.fail(v.Err)
		}
		done, others = false, true
		if err := p.refused(ctx, &shares[i], v); err != nil {
			return false, err
		}
	}
	if done {
		p.remember()
		return true, nil
	}
	p.wait.wanted = p.wait.wanted || !others
	p.f.retried()
	if p.round++; p.round > p.x.cfg.MaxRounds {
		return false, p.t.fail(errChased("an object of the transaction"))
	}
	if p.round > 3 {
		p.wait.wanted = true
	}
	return false, p.wait.pause(ctx, "it waits for an object")
}

// remember keeps where the objects were found. One that lives nowhere stays where it was
// to be, in doubt: the transaction has written it, or is about to, and some partition has
// to show it then.
func (p *proposal) remember() {
	for _, b := range p.tables {
		for i, o := range b.objects {
			if it := &b.items[i]; it.nowhere {
				o.Doubt = true
			} else {
				o.Place = it.place()
			}
		}
	}
}

// refused deals with a refusal: nothing took effect.
func (p *proposal) refused(ctx context.Context, s *command.Share, v *command.Vote) error {
	switch r := v.Refusal; r.Reason {
	case command.Elsewhere:
		p.elsewhere(s, r.Objects)
		return nil
	case command.SchemaOld:
		return p.t.fail(errTableChanged(p.name(s)))
	case command.SchemaNew:
		for _, tv := range s.Part.Tables {
			if t := p.t.print.Table(tv.Table); t != nil {
				if err := p.x.install(ctx, s.Partition, t); err != nil {
					return err
				}
			}
		}
		p.wait.wanted = true
		return nil
	case command.Expired:
		return errExpired()
	case command.Locked:
		if p.write && !p.t.owner.IsZero() {
			c := v.Conflict
			if c == nil {
				c = &command.Conflict{}
			}
			return p.t.fail(errBlocked(p.t.print.Table(c.Table), c))
		}
		p.wait.wanted = true
		return nil
	case command.Awaited:
		if p.awaited++; p.awaited > awaits {
			p.awaited = 0
			p.elsewhere(s, nil)
		}
		p.wait.wanted = true
		return nil
	case command.Busy, command.Withdrawn:
		p.wait.wanted = true
		return nil
	default:
		return internalError("partition %d refuses for reason %d", s.Partition, r.Reason)
	}
}

// name names a table of a share, in an error.
func (p *proposal) name(s *command.Share) string {
	snap := p.x.deps.Catalog.Catalog()
	name := ""
	for _, tv := range s.Part.Tables {
		mine := p.t.print.Table(tv.Table)
		if mine == nil {
			continue
		}
		if now := snap.Tables[tv.Table]; now == nil || now.Version != tv.Schema {
			return mine.Name
		}
		name = mine.Name
	}
	return name
}

// elsewhere takes what a partition said of objects that it does not own.
func (p *proposal) elsewhere(s *command.Share, redirects []command.Redirect) {
	p.t.learn(redirects)
	for _, b := range p.tables {
		g := group{part: s.Partition}
		for i := range b.items {
			if !b.items[i].nowhere && b.items[i].part == s.Partition {
				g.at = append(g.at, i)
			}
		}
		mine := redirects
		if len(redirects) > 0 {
			mine = slices.DeleteFunc(slices.Clone(redirects), func(r command.Redirect) bool { return r.ID.Table() != b.table.ID })
			if len(mine) == 0 {
				continue
			}
		}
		b.elsewhere(g, mine)
	}
}
