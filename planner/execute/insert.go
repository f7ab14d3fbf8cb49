package execute

import (
	"context"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
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
	drawn  []drawn        // of sequences
	row    int            // of n.Rows, that is computed
	made   []plan.Created // the rows, by rank
	seen   map[object.ID]struct{}
	size   int64
	chosen []choice // by rank; nil: the policy was not asked
	notice string   // why the fall-back has chosen
}

// insert executes INSERT: all rows are computed and checked before the first is
// sent. One that reads a table is a transaction, so that it reads and writes at one
// instant.
func (e *Execution) insert(ctx context.Context, n *plan.Insert) error {
	in := &insertion{e: e, n: n}
	err := error(nil)
	if e.tx == nil && readsTable(n.Source) {
		err = e.alone(ctx, func() error { return in.insertRows(ctx) })
	} else {
		err = in.insertRows(ctx)
	}
	if err == nil && in.notice != "" {
		e.settings.notice(plan.Notice{Code: pgerror.Warning, Message: in.notice})
	}
	return err
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

func (in *insertion) insertRows(ctx context.Context) error {
	e, n := in.e, in.n
	in.serial = func(column int) (int64, error) {
		v, err := in.draw(ctx, column)
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
		if e.x.deps.Founder != nil {
			in.found = in.foundAtOnce
		}
	}
	if n.Conflict == command.ConflictUpdates {
		in.hearUpdates()
	}
	e.facts.resolved(len(ids), 0)
	if len(ids) > 0 {
		if err := in.run(ctx); err != nil {
			return err
		}
	}
	in.remember()
	e.affected = in.affected
	e.x.replacer.add(in.changed)
	if e.traces() {
		for i := range in.made {
			e.touched(Touch{Table: n.Table, ID: in.made[i].ID, Kind: TouchCreate, Values: in.made[i].Values})
		}
	}
	if n.Returning {
		e.rows = in.rows(len(n.Program.Project))
	}
	return nil
}

// hearUpdates has partitions tell what ON CONFLICT DO UPDATE has updated, where the policy
// of the table is to be asked again about that. Which rows are new they do not tell: the
// policy was asked about these just now.
func (in *insertion) hearUpdates() {
	n := in.n
	in.replaces = in.x.replaces(n.Table, n.Program.Set)
	if !in.replaces || in.tx != nil {
		return
	}
	columns := in.x.deps.Policies.ReplaceColumns(n.Table)
	p := n.Program.Program
	p.Project = slices.Clone(p.Project)
	for _, c := range columns {
		p.Project = append(p.Project, expr.NewColumn(c, n.Table.Columns[c].Type, n.Table.Columns[c].Name))
	}
	in.cmd.Program = returnKeys(p, n.Table)
	in.before, in.keys, in.drop = len(columns), len(n.Table.PrimaryKey), !n.Returning
	items := make(map[object.ID]*item, len(in.items))
	for i := range in.items {
		items[in.items[i].ID] = &in.items[i]
	}
	in.asPlaced = func(id object.ID, values []datum.Datum) bool {
		it := items[id]
		if it == nil || in.chosen == nil || in.chosen[it.rank].part != it.part {
			return false
		}
		for i, c := range columns {
			if !datum.Equal(values[i], in.made[it.rank].Values[c]) {
				return false
			}
		}
		return true
	}
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
	in.row, in.e.env.Row = i, nil
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
