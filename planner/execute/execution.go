package execute

import (
	"context"
	"errors"
	"strconv"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// Execution is a plan in execution. It belongs to one goroutine; the context of
// each call is for that call.
type Execution struct {
	x        *Executor
	plan     *plan.Plan
	settings *Settings
	tx       *Transaction // nil: none
	env      expr.Env
	seed     uint64 // drawn when a program wants random values
	rows     rows   // nil where the statement returns none
	affected int64
	given    int64 // rows given out in all
	ended    bool
	facts    *facts // nil unless they are wanted
	point    keyRows
	touches  []Touch // for Trace
}

// Start begins to execute a plan. A statement that changes something is carried
// out before Start returns; rows are computed as they are pulled, by Next. The
// Execution must be closed, except after an error.
//
// params are the client's parameters, of the types in Plan.Params. settings must
// stay as it is until Close. tx is the transaction that the statement is part of;
// nil: it is a transaction of its own.
func (x *Executor) Start(ctx context.Context, p *plan.Plan, params []datum.Datum, settings *Settings, tx *Transaction) (*Execution, error) {
	e := &Execution{x: x, plan: p, settings: settings, tx: tx}
	e.env.Params = params
	if err := e.start(ctx); err != nil {
		e.touches = nil
		e.Close()
		return nil, err
	}
	return e, nil
}

func (e *Execution) start(ctx context.Context) error {
	if e.tx != nil {
		if err := e.tx.enter(e.plan, e.settings); err != nil {
			return err
		}
	}
	e.env.Format, e.env.Session = e.settings.Format, e.settings.Session
	e.env.Rand = expr.RandFrom(e.x.cfg.Rand)
	if len(e.plan.Hidden) > 0 {
		all := make([]datum.Datum, 0, len(e.env.Params)+len(e.plan.Hidden))
		all = append(all, e.env.Params...)
		for _, h := range e.plan.Hidden {
			v, err := h.Expr.Eval(&e.env)
			if err != nil {
				return err
			}
			all = append(all, v)
		}
		e.env.Params = all
	}
	return e.root(ctx, e.plan.Root)
}

func (e *Execution) root(ctx context.Context, root plan.Root) error {
	if e.tx != nil && !partTakes(root) {
		return errInBlock(tagOf(e.plan))
	}
	switch r := root.(type) {
	case *plan.Query:
		var err error
		e.rows, err = e.open(r.Stage)
		return err
	case *plan.Insert:
		return e.insert(ctx, r)
	case *plan.Modify:
		return e.modify(ctx, r)
	case *plan.Move:
		return e.move(ctx, r)
	case *plan.Explain:
		return e.explain(ctx, r)
	case *plan.CreateTable:
		return e.createTable(ctx, r)
	case *plan.DropTable:
		return e.dropTable(ctx, r)
	case *plan.Truncate:
		return e.truncate(ctx, r)
	case *plan.AlterTable:
		return e.alterTable(ctx, r)
	case *plan.ChangePolicy:
		return e.changePolicy(ctx, r)
	case *plan.ChangePartition:
		return e.changePartition(ctx, r)
	}
	return internalError("cannot execute %T", root)
}

// tagOf is the tag of a plan, or of the one that it explains.
func tagOf(p *plan.Plan) string {
	if x, ok := p.Root.(*plan.Explain); ok {
		return tagOf(x.Plan)
	}
	return p.Tag
}

// partTakes reports whether a statement can be part of a transaction. The others go
// through the oracle's log, and cannot be taken back.
func partTakes(root plan.Root) bool {
	switch root.(type) {
	case *plan.Query, *plan.Insert, *plan.Modify, *plan.Explain:
		return true
	}
	return false
}

// Next returns the next row, which is valid until Next or Close is called; false
// at the end. ErrReplan and ErrRestart are returned only where no row was given
// out before.
func (e *Execution) Next(ctx context.Context) ([]datum.Datum, bool, error) {
	if e.rows == nil || e.ended {
		return nil, false, nil
	}
	row, ok, err := e.rows.next(ctx)
	if err != nil {
		e.ended, e.touches = true, nil
		return nil, false, e.interrupted(err)
	}
	if !ok {
		e.ended = true
		return nil, false, nil
	}
	e.given++
	return row, true, nil
}

// interrupted is the error of a stream that broke off.
func (e *Execution) interrupted(err error) error {
	if e.tx != nil && e.tx.failed != nil {
		return e.tx.failed
	}
	var r *restart
	switch {
	case e.given == 0 && e.tx != nil:
		return err // what a new start can solve says so
	case e.given == 0:
		return restarts(err)
	case errors.Is(err, ErrReplan):
		return errSchemaChanged()
	case errors.As(err, &r):
		return r.cause
	}
	return err
}

// Tag is the command tag, when all rows were given out. rows is the number of
// rows since the last Tag, which is what SELECT counts.
func (e *Execution) Tag(rows int64) string {
	switch root := e.plan.Root.(type) {
	case *plan.Query:
		if root.History() {
			return e.plan.Tag
		}
		return e.plan.Tag + " " + strconv.FormatInt(rows, 10)
	case *plan.Insert:
		return e.plan.Tag + " 0 " + strconv.FormatInt(e.affected, 10)
	case *plan.Modify, *plan.Move:
		return e.plan.Tag + " " + strconv.FormatInt(e.affected, 10)
	}
	return e.plan.Tag
}

// Changed reports whether the statement has changed something.
func (e *Execution) Changed() bool {
	switch e.plan.Root.(type) {
	case *plan.CreateTable, *plan.DropTable, *plan.Truncate, *plan.AlterTable, *plan.ChangePolicy, *plan.ChangePartition:
		return true
	}
	return e.affected > 0
}

// Close ends the execution. It may be called again.
func (e *Execution) Close() {
	if e.rows != nil {
		e.rows.close()
		e.rows = nil
	}
	if e.touches != nil {
		e.told()
	}
}

// context makes what a program in a partition may refer to.
func (e *Execution) context(p *plan.Program) command.Context {
	c := command.Context{TimeZone: e.settings.TimeZone}
	if p.Params {
		c.Params = e.env.Params
	}
	if p.Volatile {
		if e.seed == 0 {
			e.seed = e.x.cfg.Rand() | 1
		}
		c.Seed = e.seed
		e.seed += 2
	}
	return c
}

// open makes the stream of a stage.
func (e *Execution) open(s plan.Stage) (rows, error) {
	r, err := e.openStage(s)
	if err != nil {
		return nil, err // a stage whose input could not be opened has nothing to close
	}
	if e.facts.analyzing() {
		r = &timedRows{input: r, f: e.facts, stage: s}
	}
	return r, nil
}

func (e *Execution) openStage(s plan.Stage) (rows, error) {
	switch s := s.(type) {
	case *plan.Scan:
		return e.openScan(s)
	case *plan.Virtual:
		return &virtualRows{e: e, table: s.Table}, nil
	case *plan.PlacementHistory:
		return e.openHistory(s)
	case *plan.Values:
		return &valuesRows{env: &e.env, rows: s.Rows}, nil
	case *plan.Series:
		return &seriesRows{env: &e.env, series: s}, nil
	case *plan.Filter:
		input, err := e.open(s.Input)
		return &filterRows{env: &e.env, input: input, cond: s.Cond}, err
	case *plan.Project:
		input, err := e.open(s.Input)
		return &projectRows{env: &e.env, input: input, exprs: s.Exprs}, err
	case *plan.Cut:
		input, err := e.open(s.Input)
		return &cutRows{input: input, columns: s.Columns}, err
	case *plan.Aggregate:
		input, err := e.open(s.Input)
		return &aggregateRows{env: &e.env, input: input, plan: s, memory: e.memory("GROUP BY")}, err
	case *plan.Distinct:
		input, err := e.open(s.Input)
		return &distinctRows{input: input, columns: s.Columns, memory: e.memory("DISTINCT")}, err
	case *plan.Sort:
		return e.openSort(s.Input, s.Order, s.Limit)
	case *plan.Limit:
		offset, count, err := s.Rows(&e.env)
		if err != nil {
			return nil, err
		}
		input, err := e.open(s.Input)
		return &limitRows{input: input, skip: offset, count: count}, err
	}
	return nil, internalError("cannot execute stage %T", s)
}

func (e *Execution) memory(what string) memory {
	return memory{what: what, limit: e.settings.workMem()}
}

// openSort sorts an input; of a limit only the first rows are kept.
func (e *Execution) openSort(input plan.Stage, order []command.Order, limit *plan.Limit) (rows, error) {
	first, err := e.first(limit)
	if err != nil {
		return nil, err
	}
	in, err := e.open(input)
	return &sortRows{input: in, order: order, first: first, memory: e.memory("The sort")}, err
}

// first is the number of first rows that a limit needs; -1: all.
func (e *Execution) first(limit *plan.Limit) (int64, error) {
	if limit == nil {
		return -1, nil
	}
	offset, count, err := limit.Rows(&e.env)
	if err != nil || count < 0 || offset+count < 0 {
		return -1, err
	}
	return offset + count, nil
}

// openScan reads a table in the partitions.
func (e *Execution) openScan(s *plan.Scan) (rows, error) {
	objects, err := s.Access.Resolve(&e.env)
	if err != nil {
		return nil, err
	}
	e.facts.resolved(len(objects.IDs), len(objects.Spans))
	if e.traces() {
		e.touch(s.Table, &objects, Touch{Kind: TouchRead})
	}
	first, err := e.first(s.Limit)
	if err != nil {
		return nil, err
	}
	read := command.Read{
		Table: s.Table.ID, Schema: s.Table.Version, Reverse: s.Reverse,
		Program: s.Program.Encoded, Context: e.context(&s.Program), Limit: first,
		ChunkBytes: e.x.cfg.ChunkBytes,
	}
	if e.tx == nil {
		read.MaxStaleness = e.settings.MaxStaleness.Milliseconds()
	}
	if s.Lock != nil && len(objects.IDs)+len(objects.Spans) > 0 {
		return e.openLocking(s, objects, read, first)
	}
	switch {
	case len(objects.IDs) > 0:
		r := &e.point
		if r.x != nil { // two scans in one statement
			r = &keyRows{}
		}
		r.begin(e.x, e.facts, e.tx, s.Table, objects.IDs)
		r.read, r.width = read, s.Columns
		return r, nil
	case len(objects.Spans) == 0:
		return noRows{}, nil
	}
	read.Spans = objects.Spans
	order := s.Order
	if !s.Program.KeyOrder {
		order = nil
	}
	scan, err := e.scanHome(s.Table, read, s.Columns, order, e.home(s.Table, &objects))
	if err != nil {
		return nil, err
	}
	r := rows(scan)
	if s.Order != nil && order == nil { // each partition's first rows, in no order
		r = &sortRows{input: r, order: s.Order, first: first, memory: e.memory("The sort")}
	}
	return r, nil
}

// partitions are all partitions.
func (e *Execution) partitions() ([]object.PartitionID, error) {
	snap := e.x.deps.Catalog.Catalog()
	if len(snap.Partitions) == 0 {
		return nil, errNotFormed()
	}
	parts := make([]object.PartitionID, len(snap.Partitions))
	for i := range parts {
		parts[i] = snap.Partitions[i].ID
	}
	e.facts.takesPart(parts)
	return parts, nil
}
