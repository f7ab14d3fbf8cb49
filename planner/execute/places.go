package execute

import (
	"context"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// choice is where a policy wants an object, and why.
type choice struct {
	part   object.PartitionID // 0: it was not asked
	origin *catalog.Origin
}

// maxChoices bounds how often places are chosen in a row because the oracle knows limits
// that this node did not know. The statement is planned anew after that.
const maxChoices = 4

// assignPlaces gives the items that live nowhere a location: the table's policy
// chooses, the oracle says what stands.
func (in *insertion) assignPlaces(ctx context.Context, count int, which func(*item) bool) error {
	ids, at := in.pick(count, which)
	var stands []object.Location
	for tries := 1; stands == nil; tries++ {
		if err := in.choose(ctx, at); err != nil {
			return err
		}
		assignments := make([]catalog.Assignment, len(ids))
		for n, i := range at {
			c := &in.chosen[in.items[i].rank]
			assignments[n] = catalog.Assignment{ID: ids[n], Partition: c.part, Origin: *c.origin}
		}
		var err error
		if stands, err = in.x.assign(ctx, in.f, assignments); err == ErrReplan {
			for _, i := range at {
				in.chosen[in.items[i].rank] = choice{}
			}
			err = in.renew(ctx, tries)
		}
		if err != nil {
			return err
		}
	}
	for n, i := range at {
		it, l := &in.items[i], stands[n]
		if it.part == l.Partition && it.Version == l.Version {
			in.wait.wanted = true // refused there just now: its release is under way
		}
		it.follow(l, plan.FromOracle, false) // what stands has arrived, or was never moved
	}
	return nil
}

// assign has the oracle give ids without a location one. ErrReplan: the table is being
// changed, or is gone, or a partition must not get them any more (job.renew).
func (x *Executor) assign(ctx context.Context, f *facts, assignments []catalog.Assignment) ([]object.Location, error) {
	stop := f.locating()
	stands, err := x.deps.Directory.Assign(ctx, assignments)
	stop()
	switch {
	case err != nil && notExecuted(err) && ctx.Err() == nil:
		return nil, ErrReplan
	case err != nil:
		return nil, x.unasked(ctx, err)
	}
	if len(stands) != len(assignments) {
		return nil, internalError("Assign answered %d of %d ids", len(stands), len(assignments))
	}
	for _, l := range stands {
		if l.Partition == 0 {
			return nil, internalError("Assign gave no location")
		}
	}
	return stands, nil
}

// renew gets the newest catalog, for places to be chosen anew. ErrReplan: the table is not
// as it was, or that has been tried too often.
func (j *job) renew(ctx context.Context, tries int) error {
	if err := j.x.deps.Catalog.Refresh(ctx); err != nil {
		return j.x.unasked(ctx, err)
	}
	snap := j.x.deps.Catalog.Catalog()
	t := snap.Tables[j.table.ID]
	if t == nil || t.Version != j.table.Version || t.Fenced || tries >= maxChoices {
		return ErrReplan
	}
	j.snap = snap
	j.wait.wanted = tries > 1
	return j.wait.pause(ctx, "no partition accepts its objects for long")
}

// choose asks the policy about the items (by index) that it was not asked about.
func (in *insertion) choose(ctx context.Context, at []int) error {
	if in.chosen == nil {
		in.chosen = make([]choice, len(in.items))
	}
	request := PlaceRequest{Table: in.table, Hint: in.e.settings.Hint}
	var ranks []int
	for _, i := range at {
		rank := in.items[i].rank
		if in.chosen[rank].part != 0 {
			continue
		}
		home := in.snap.Home(in.table, in.items[i].ID).Partition
		if home == 0 {
			return errNotFormed()
		}
		ranks = append(ranks, rank)
		request.Rows = append(request.Rows, in.made[rank].Values)
		request.Homes = append(request.Homes, home)
	}
	if len(ranks) == 0 {
		return nil
	}
	places, err := choosePlaces(ctx, in.snap, in.x.deps.Policies.Place, request)
	if err != nil {
		return err
	}
	if places.Notice != "" {
		in.notice = places.Notice
	}
	origins := make([]catalog.Origin, len(ranks))
	for n, rank := range ranks {
		origins[n] = places.origin(in.e.settings.user(), n)
		in.chosen[rank] = choice{places.Partitions[n], &origins[n]}
	}
	return nil
}

// origin is who has chosen the place of object n of a request, and why.
func (p *Places) origin(user string, n int) catalog.Origin {
	o := catalog.Origin{User: user, Policy: p.Policy, Version: p.Version}
	if p.Reasons != nil {
		o.Reason = p.Reasons[n]
	}
	return o
}

// choosePlaces asks a table's policy (Policies.Place, or Replace). A partition that does not
// exist in the snapshot of the statement is an error of the caller's own.
func choosePlaces(ctx context.Context, snap *catalog.Snapshot, ask func(context.Context, PlaceRequest) (Places, error), request PlaceRequest) (Places, error) {
	places, err := ask(ctx, request)
	if ctx.Err() != nil {
		return Places{}, context.Cause(ctx)
	}
	if err != nil {
		return Places{}, err
	}
	if n := len(request.Homes); len(places.Partitions) != n || places.Reasons != nil && len(places.Reasons) != n {
		return Places{}, internalError("a policy answered %d of %d objects", len(places.Partitions), n)
	}
	for _, p := range places.Partitions {
		if snap.Partition(p) == nil {
			return Places{}, internalError("a policy chose partition %d, which does not exist", p)
		}
	}
	return places, nil
}

// remember has the transaction keep why the objects are where they are, for when it has
// to place them again.
func (in *insertion) remember() {
	if in.e.tx == nil {
		return
	}
	for rank := range in.chosen {
		if c := &in.chosen[rank]; c.part != 0 {
			in.e.tx.print.Placed(in.made[rank].ID, c.origin)
		}
	}
}

// shelter gives an id a location without asking a policy, so that its absence can be seen:
// its home, or another partition that may get objects of the table.
func shelter(snap *catalog.Snapshot, t *catalog.Table, id object.ID) (catalog.Assignment, error) {
	a := catalog.Assignment{ID: id, Partition: snap.Home(t, id).Partition,
		Origin: catalog.Origin{Policy: "hash", Reason: "it was looked for before it was created"}}
	home := snap.Partition(a.Partition)
	if home == nil {
		return a, errNotFormed()
	}
	why, ok := t.Rules.Allows(home.ID, &home.PartitionLimits)
	if ok {
		return a, nil
	}
	var others []object.PartitionID
	for i := range snap.Partitions {
		if p := &snap.Partitions[i]; allows(t, p) {
			others = append(others, p.ID)
		}
	}
	if len(others) == 0 {
		return a, pgerror.New(pgerror.ObjectNotInPrerequisiteState, "no partition may get objects of table %q", t.Name).WithDetail("For one, %s.", why)
	}
	a.Partition = others[int(t.Slot(id))%len(others)]
	return a, nil
}

// closedHome refuses to create objects whose home accepts none. It costs a look at each
// partition where all accept. ON CONFLICT may mean objects that exist: they are looked for.
func (w *writing) closedHome(ctx context.Context) error {
	if !slices.ContainsFunc(w.snap.Partitions, func(p catalog.Partition) bool { return p.Closed }) {
		return nil
	}
	var at []*item
	var ids []object.ID
	for i := range w.items {
		it := &w.items[i]
		if it.done || it.own || it.from != plan.FromHome {
			continue
		}
		if p := w.snap.Partition(it.part); p != nil && p.Closed {
			at, ids = append(at, it), append(ids, it.ID)
		}
	}
	if len(at) == 0 {
		return nil
	}
	exist := map[object.ID]bool{}
	if w.cmd.Conflict != command.ConflictFails {
		var err error
		if exist, err = w.existing(ctx, ids); err != nil {
			return err
		}
	}
	for _, it := range at {
		if !exist[it.ID] {
			return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "partition %d accepts no objects, and is the home of key (%s) of table %q",
				it.part, keyOrHex(w.table, it.ID), w.table.Name).
				WithHint("The table's placement follows from the key alone. ALTER PARTITION %d SET (accepting = true), or ALTER TABLE to a placement that is not static.", it.part)
		}
	}
	return nil
}

// existing looks for objects by their ids.
func (w *writing) existing(ctx context.Context, ids []object.ID) (map[object.ID]bool, error) {
	p := command.Program{Project: withKey(nil, w.table)}
	slices.Sort(ids)
	r := &keyRows{width: len(p.Project), read: command.Read{
		Table: w.table.ID, Schema: w.table.Version, Program: command.EncodeProgram(&p), Limit: -1, ChunkBytes: w.x.cfg.ChunkBytes,
	}}
	r.begin(w.x, w.f, w.tx, w.table, ids)
	defer r.close()
	exist := make(map[object.ID]bool, len(ids))
	for {
		key, ok, err := r.next(ctx)
		if !ok {
			return exist, err
		}
		id, err := plan.KeyOf(w.table, key)
		if err != nil {
			return nil, err
		}
		exist[id] = true
	}
}
