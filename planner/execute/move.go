package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// moving is a MOVE in execution: it finds the objects that the statement means,
// decides where each should live, and has them moved in batches. What was moved
// stays moved, whatever happens later.
type moving struct {
	e      *Execution
	m      *plan.Move
	snap   *catalog.Snapshot
	to     object.PartitionID // 0: where the policy wants it
	dry    map[route]*plan.FactMove
	moved  int64
	left   int64 // objects whose move failed
	pinned int64 // objects that stay where a user has moved them
	// replaced, if not nil, says that the policy is asked again about objects that were
	// updated. It is what became of them.
	replaced map[object.ID]replaced
	notice   string // why the fall-back has chosen

	batches map[object.PartitionID]*batch
	asks    []candidate // waiting for the policy
}

// route is from where to where.
type route struct{ from, to object.PartitionID }

// candidate is an object that the statement means.
type candidate struct {
	id     object.ID
	from   object.PartitionID
	values []datum.Datum // of the table's columns; only for policies
	bytes  int64
}

// move executes MOVE.
func (e *Execution) move(ctx context.Context, m *plan.Move) error {
	mv, err := e.newMoving(m)
	if err != nil {
		return err
	}
	err = mv.run(ctx)
	e.affected = mv.moved
	if err := mv.ended(err); err != nil {
		return err
	}
	mv.tell()
	return nil
}

func (e *Execution) newMoving(m *plan.Move) (*moving, error) {
	mv := &moving{e: e, m: m, snap: e.x.deps.Catalog.Catalog(), batches: make(map[object.PartitionID]*batch)}
	if len(mv.snap.Partitions) == 0 {
		return nil, errNotFormed()
	}
	if m.Partition == nil {
		return mv, nil
	}
	v, err := m.Partition.Eval(&e.env)
	if err != nil {
		return nil, err
	}
	if v.IsNull() {
		return nil, pgerror.New(pgerror.NullValueNotAllowed, "the partition to move to cannot be NULL")
	}
	n := v.Int()
	mv.to = object.PartitionID(n)
	if n < 1 || n > 1<<31 || mv.snap.Partition(mv.to) == nil {
		return nil, pgerror.New(pgerror.InvalidParameterValue, "partition %d does not exist", n).
			WithHint("SELECT partition FROM ssmr.partitions lists them.")
	}
	return mv, nil
}

// run moves, and starts the search over when it is interrupted after progress:
// what was moved is not found again.
func (mv *moving) run(ctx context.Context) error {
	objects, err := mv.m.Access.Resolve(&mv.e.env)
	if err != nil {
		return err
	}
	mv.e.facts.resolved(len(objects.IDs), len(objects.Spans))
	if mv.to != 0 && mv.m.Program.Filter == nil && objects.Spans == nil {
		for _, id := range objects.IDs {
			if err := mv.add(ctx, candidate{id: id}, mv.to, mv.byHand()); err != nil {
				return err
			}
		}
		return mv.flushAll(ctx)
	}
	for tries := 0; ; tries++ {
		before := mv.moved
		err := mv.search(ctx, objects)
		if err == nil {
			return mv.flushAll(ctx)
		}
		if !notExecuted(err) || mv.dry != nil || mv.moved == before && tries >= 3 {
			return err
		}
		mv.asks = nil
		clear(mv.batches)
	}
}

// search reads the objects that the statement means and moves them.
func (mv *moving) search(ctx context.Context, objects plan.Objects) error {
	if err := mv.gather(ctx, objects); err != nil {
		return err
	}
	return mv.ask(ctx)
}

// gather is search, but for objects that wait for the policy.
func (mv *moving) gather(ctx context.Context, objects plan.Objects) error {
	input, err := mv.open(objects)
	if err != nil {
		return err
	}
	defer input.close()
	for {
		row, ok, err := input.next(ctx)
		if !ok {
			return err
		}
		c, err := mv.candidate(row)
		if err != nil {
			return err
		}
		if err := mv.consider(ctx, c); err != nil {
			return err
		}
	}
}

// open reads the program's rows, each with the partition that it came from
// behind it.
func (mv *moving) open(objects plan.Objects) (rows, error) {
	p := mv.m.Program.Program
	t := mv.m.Table
	p.Project = append(append([]expr.Expr(nil), p.Project...), expr.NewColumn(len(t.Columns)+catalog.PartitionColumn,
		catalog.SystemColumns[catalog.PartitionColumn].Type, catalog.SystemColumns[catalog.PartitionColumn].Name))
	read := command.Read{
		Table: t.ID, Schema: t.Version, Program: command.EncodeProgram(&p),
		Context: mv.e.context(&mv.m.Program), Limit: -1, ChunkBytes: mv.e.x.cfg.ChunkBytes,
	}
	if objects.Spans == nil {
		if len(objects.IDs) == 0 {
			return noRows{}, nil
		}
		r := &keyRows{read: read, width: len(p.Project)}
		r.begin(mv.e.x, mv.e.facts, nil, t, objects.IDs)
		return r, nil
	}
	read.Spans = objects.Spans
	var parts []object.PartitionID
	for i := range mv.snap.Partitions {
		if id := mv.snap.Partitions[i].ID; id != mv.to || mv.repins() { // what is there needs no move
			parts = append(parts, id)
		}
	}
	mv.e.facts.takesPart(parts)
	return mv.e.scan(t, read, len(p.Project), nil, parts), nil
}

func (mv *moving) candidate(row []datum.Datum) (candidate, error) {
	last := len(row) - 1
	c := candidate{from: object.PartitionID(row[last].Int())}
	key := row[:last]
	if mv.to == 0 {
		c.values = cloneRow(row[:last])
		c.bytes = int64(len(datum.AppendRow(nil, c.values)))
		key = make([]datum.Datum, len(mv.m.Table.PrimaryKey))
		for i, column := range mv.m.Table.PrimaryKey {
			key[i] = c.values[column]
		}
	}
	var err error
	c.id, err = plan.KeyOf(mv.m.Table, key)
	c.bytes += int64(len(c.id))
	return c, err
}

// consider decides where an object is to go, or leaves it until the policy is
// asked.
func (mv *moving) consider(ctx context.Context, c candidate) error {
	switch {
	case mv.to != 0:
		return mv.decided(ctx, c, mv.to, mv.byHand())
	case mv.m.Table.Placement.Static:
		by := catalog.Origin{User: mv.e.settings.user(), Policy: mv.m.Table.Placement.Policy, Reason: homeReason}
		return mv.decided(ctx, c, mv.snap.Home(mv.m.Table, c.id).Partition, by)
	}
	mv.asks = append(mv.asks, c)
	if len(mv.asks) < MaxMoveBatch {
		return nil
	}
	return mv.ask(ctx)
}

// ask asks the policy about the objects that wait for it.
func (mv *moving) ask(ctx context.Context) error {
	if len(mv.asks) == 0 {
		return nil
	}
	request := PlaceRequest{Table: mv.m.Table, Hint: mv.e.settings.Hint, DryRun: mv.dry != nil, Shifts: mv.shifts()}
	for _, c := range mv.asks {
		request.Rows = append(request.Rows, c.values)
		request.Homes = append(request.Homes, mv.snap.Home(mv.m.Table, c.id).Partition)
		request.Current = append(request.Current, c.from)
		request.Bytes = append(request.Bytes, c.bytes)
	}
	ask := mv.e.x.deps.Policies.Place
	if mv.replaced != nil {
		ask = mv.e.x.deps.Policies.Replace
		mv.e.x.replacer.asked.Add(int64(len(mv.asks)))
	}
	places, err := choosePlaces(ctx, mv.snap, ask, request)
	if err != nil {
		return err
	}
	if places.Notice != "" {
		mv.notice = places.Notice
	}
	asks := mv.asks
	mv.asks = nil
	for i, c := range asks {
		if err := mv.decided(ctx, c, places.Partitions[i], places.origin(mv.e.settings.user(), i)); err != nil {
			return err
		}
	}
	return nil
}

// shifts is by how much partitions would grow, as far as a dry run has come.
func (mv *moving) shifts() map[object.PartitionID]int64 {
	shifts := make(map[object.PartitionID]int64)
	for _, f := range mv.dry {
		shifts[f.From] -= f.Bytes
		shifts[f.To] += f.Bytes
	}
	return shifts
}

// repins reports whether the statement means also objects that are where it moves them
// to: they are to be pinned, or not to be from now on.
func (mv *moving) repins() bool { return mv.m.Pin != catalog.KeepPins && mv.dry == nil }

// byHand is the origin of what a user moves.
func (mv *moving) byHand() catalog.Origin { return catalog.Origin{User: mv.e.settings.user()} }

// decided moves an object, or counts it.
func (mv *moving) decided(ctx context.Context, c candidate, to object.PartitionID, by catalog.Origin) error {
	switch {
	case to == 0:
		return nil
	case c.from == to && !mv.repins():
		if mv.replaced != nil {
			mv.replaced[c.id] = replaced{catalog.AlreadyThere, c.bytes}
		}
		return nil
	case mv.dry == nil:
		return mv.add(ctx, c, to, by)
	}
	r := route{c.from, to}
	f := mv.dry[r]
	if f == nil {
		f = &plan.FactMove{From: c.from, To: to}
		mv.dry[r] = f
	}
	f.Objects++
	f.Bytes += c.bytes
	return nil
}
