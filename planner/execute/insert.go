package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// insertion is an INSERT in execution.
type insertion struct {
	writing
	e      *Execution
	n      *plan.Insert
	serial plan.Serial
	made   []plan.Created // the rows, by rank
	seen   map[object.ID]struct{}
	size   int64
	chosen []object.PartitionID // by rank: what the policy chose; 0: not asked
}

// insert executes INSERT: all rows are computed and checked before the first is
// sent. One that reads a table is a transaction, so that it reads and writes at one
// instant.
func (e *Execution) insert(ctx context.Context, n *plan.Insert) error {
	if e.tx == nil && readsTable(n.Source) {
		return e.alone(ctx, func() error { return e.insertRows(ctx, n) })
	}
	return e.insertRows(ctx, n)
}

// alone executes a statement as a transaction. Where what it has read has changed, it is
// started over.
func (e *Execution) alone(ctx context.Context, run func() error) error {
	e.tx = e.x.Begin(TransactionOptions{})
	e.tx.single, e.tx.lockTime = true, e.settings.LockTimeout
	defer func() {
		e.tx.Rollback()
		e.tx = nil
	}()
	if err := run(); err != nil {
		return err
	}
	return e.tx.Commit(ctx)
}

// readsTable reports whether a stage reads objects.
func readsTable(s plan.Stage) bool {
	_, ok := plan.ScanOf(s)
	return ok
}

func (e *Execution) insertRows(ctx context.Context, n *plan.Insert) error {
	in := &insertion{e: e, n: n}
	in.serial = func(column int) (int64, error) {
		v, err := e.x.NextValue(ctx, n.Table.ID, column)
		if err == nil && e.settings.Generated != nil {
			e.settings.Generated(n.Table.ID, column, v)
		}
		return v, err
	}
	if err := in.build(ctx); err != nil {
		return err
	}
	ids := make([]object.ID, len(in.made))
	for i := range in.made {
		ids[i] = in.made[i].ID
	}
	in.begin(e.x, e.facts, e.tx, n.Table, ids)
	for i := range in.items {
		in.items[i].Row = in.made[i].Row
	}
	in.limit, in.lockTime = e.settings.workMem(), e.settings.LockTimeout
	in.cmd = command.Write{
		Kind: command.Create, Conflict: n.Conflict, Table: n.Table.ID, Schema: n.Table.Version,
		Program: n.Program.Encoded, Context: e.context(&n.Program),
	}
	if !n.Table.Placement.Static {
		in.assign = in.assignPlaces
	}
	e.facts.resolved(len(ids), 0)
	if len(ids) > 0 {
		if err := in.run(ctx); err != nil {
			return err
		}
	}
	e.affected = in.affected
	if n.Returning {
		e.rows = in.rows(len(n.Program.Project))
	}
	return nil
}

// build computes the rows.
func (in *insertion) build(ctx context.Context) error {
	if in.n.Source == nil {
		in.made = make([]plan.Created, 0, len(in.n.Rows))
		for i := range in.n.Rows {
			if err := in.add(i, nil); err != nil {
				return err
			}
		}
		return nil
	}
	source, err := in.e.open(in.n.Source)
	if err != nil {
		return err
	}
	defer source.close()
	for {
		row, ok, err := source.next(ctx)
		if !ok {
			return err
		}
		if err := in.add(0, row); err != nil {
			return err
		}
		if in.size > in.e.settings.workMem() {
			return errMemory("What INSERT inserts", in.e.settings.workMem())
		}
	}
}

// add computes one row, and sees to it that no two rows have one key.
func (in *insertion) add(i int, input []datum.Datum) error {
	in.e.env.Row = nil
	c, err := in.n.Build(&in.e.env, i, input, in.serial)
	if err != nil {
		return err
	}
	if in.n.Source != nil || len(in.n.Rows) > 1 {
		if in.seen == nil {
			in.seen = make(map[object.ID]struct{})
		}
		if _, twice := in.seen[c.ID]; twice {
			switch in.n.Conflict {
			case command.ConflictSkips:
				return nil
			case command.ConflictUpdates:
				return pgerror.New(pgerror.CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time").
					WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
			}
			return plan.DuplicateKey(in.n.Table, c.Values)
		}
		in.seen[c.ID] = struct{}{}
	}
	in.size += int64(len(c.ID)+len(c.Row)) + rowBytes(c.Values)
	in.made = append(in.made, c)
	return nil
}

// assignPlaces gives the items that live nowhere a location: the table's policy
// chooses, the oracle says what stands.
func (in *insertion) assignPlaces(ctx context.Context, count int, which func(*item) bool) error {
	ids, at := in.pick(count, which)
	if err := in.choose(ctx, at); err != nil {
		return err
	}
	assignments := make([]catalog.Assignment, len(ids))
	for n, i := range at {
		assignments[n] = catalog.Assignment{ID: ids[n], Partition: in.chosen[in.items[i].rank]}
	}
	stands, err := in.x.assign(ctx, in.f, assignments)
	if err != nil {
		return err
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
// changed, or is gone.
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

// choose asks the policy about the items (by index) that it was not asked about.
func (in *insertion) choose(ctx context.Context, at []int) error {
	if in.chosen == nil {
		in.chosen = make([]object.PartitionID, len(in.items))
	}
	request := PlaceRequest{Table: in.table, Hint: in.e.settings.Hint}
	var ranks []int
	for _, i := range at {
		rank := in.items[i].rank
		if in.chosen[rank] != 0 {
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
	places, err := in.x.choosePlaces(ctx, in.snap, request)
	if err != nil {
		return err
	}
	for n, rank := range ranks {
		in.chosen[rank] = places[n]
	}
	return nil
}

// choosePlaces asks a table's policy. A partition that does not exist in the snapshot of
// the statement is an error of the caller's own.
func (x *Executor) choosePlaces(ctx context.Context, snap *catalog.Snapshot, request PlaceRequest) ([]object.PartitionID, error) {
	places, err := x.deps.Policies.Place(ctx, request)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	if len(places.Partitions) != len(request.Homes) {
		return nil, internalError("Place answered %d of %d objects", len(places.Partitions), len(request.Homes))
	}
	for _, p := range places.Partitions {
		if snap.Partition(p) == nil {
			return nil, internalError("Place chose partition %d, which does not exist", p)
		}
	}
	return places.Partitions, nil
}
