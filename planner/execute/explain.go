package execute

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// explain executes EXPLAIN: with ANALYZE the statement is executed, and its rows
// are dropped; without, its keys are resolved and it is found out where they live.
func (e *Execution) explain(ctx context.Context, x *plan.Explain) error {
	e.facts = newFacts(e.x.deps.Clock, x.Analyze)
	e.facts.f.Planning = e.settings.Planning
	var err error
	if x.Analyze {
		err = e.analyze(ctx, x.Plan)
	} else {
		err = e.prepareFacts(ctx, x.Plan.Root)
	}
	if err != nil {
		return err
	}
	lines := x.Plan.Text(e.facts.done(), x.Verbose)
	e.facts = nil
	out := make([][]datum.Datum, len(lines))
	for i, line := range lines {
		out[i] = []datum.Datum{datum.NewText(line)}
	}
	e.rows = &keptRows{rows: out}
	return nil
}

// analyze executes the plan of an EXPLAIN ANALYZE.
func (e *Execution) analyze(ctx context.Context, p *plan.Plan) error {
	start := e.x.deps.Clock.Now()
	if err := e.root(ctx, p.Root); err != nil {
		return err
	}
	rows := int64(0)
	for e.rows != nil {
		_, ok, err := e.rows.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		rows++
	}
	e.Close()
	if _, query := p.Root.(*plan.Query); !query {
		rows = e.affected
	}
	e.facts.f.Rows = rows
	e.facts.f.Executing = e.x.deps.Clock.Now().Sub(start)
	return nil
}

// prepareFacts finds out what an execution would begin with.
func (e *Execution) prepareFacts(ctx context.Context, root plan.Root) error {
	switch r := root.(type) {
	case *plan.Query:
		return e.stageFacts(ctx, r.Stage)
	case *plan.Modify:
		return e.accessFacts(ctx, r.Access, true)
	case *plan.Insert:
		return e.insertFacts(ctx, r)
	case *plan.Move:
		if r.Partition == nil {
			return e.dryRun(ctx, r)
		}
		mv, err := e.newMoving(r)
		if err != nil {
			return err
		}
		if barred := pgerror.As(mv.allowed(mv.to, nil)); barred != nil {
			e.settings.notice(plan.Notice{Code: pgerror.Warning, Message: "it would fail: " + barred.Message})
		}
		return e.accessFacts(ctx, r.Access, false)
	}
	return nil
}

func (e *Execution) stageFacts(ctx context.Context, s plan.Stage) error {
	scan, ok := plan.ScanOf(s)
	if !ok {
		return nil
	}
	return e.accessFacts(ctx, scan.Access, scan.Lock == nil)
}

// accessFacts resolves keys and locates them. Parameters that an EXPLAIN in a
// prepared statement lacks leave the keys unresolved. alone says that the home of all objects
// is asked alone, where they have one.
func (e *Execution) accessFacts(ctx context.Context, a *plan.Access, alone bool) error {
	objects, err := a.Resolve(&e.env)
	if err != nil {
		if p := pgerror.As(err); p != nil && p.Code == pgerror.UndefinedParameter {
			return nil
		}
		return err
	}
	e.facts.resolved(len(objects.IDs), len(objects.Spans))
	if objects.Spans != nil {
		if home := e.home(a.Table, &objects); alone && home != 0 {
			e.facts.prefix(home)
			return nil
		}
		_, err := e.partitions()
		return err
	}
	if len(objects.IDs) == 0 {
		return nil
	}
	return e.locateFacts(ctx, a.Table, objects.IDs)
}

func (e *Execution) locateFacts(ctx context.Context, t *catalog.Table, ids []object.ID) error {
	var j job
	j.begin(e.x, e.facts, e.tx, t, ids)
	if err := j.locate(ctx); err != nil {
		return err
	}
	e.facts.asked(t, j.items, j.groups(nil, len(ids)))
	return nil
}

// insertFacts computes the rows of an INSERT of values, if that can be done
// without taking values from a sequence.
func (e *Execution) insertFacts(ctx context.Context, n *plan.Insert) error {
	if n.Source != nil {
		return e.stageFacts(ctx, n.Source)
	}
	var ids []object.ID
	noSerial := func(int) (int64, error) { return 0, internalError("not now") }
	for i := range min(len(n.Rows), plan.MaxFactObjects) {
		c, err := n.Build(&e.env, i, nil, noSerial)
		if err != nil {
			ids = nil
			break
		}
		ids = append(ids, c.ID)
	}
	e.facts.resolved(len(n.Rows), 0)
	if len(ids) == 0 {
		return nil
	}
	return e.locateFacts(ctx, n.Table, ids)
}

// dryRun counts what MOVE ... TO POLICY would move.
func (e *Execution) dryRun(ctx context.Context, m *plan.Move) error {
	mv, err := e.newMoving(m)
	if err != nil {
		return err
	}
	mv.dry = make(map[route]*plan.FactMove)
	if err := mv.run(ctx); err != nil {
		return err
	}
	for _, r := range slices.SortedFunc(maps.Keys(mv.dry), func(a, b route) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	}) {
		e.facts.f.Moves = append(e.facts.f.Moves, *mv.dry[r])
	}
	return nil
}
