package planner

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/plan"
)

// part says how a statement takes part in transactions.
type part uint8

const (
	// takesPart: it reads and writes as part of one.
	takesPart part = iota
	// noPart: it reads no objects of partitions.
	noPart
	// byItself: it is always a transaction of its own.
	byItself
)

func partOf(p *plan.Plan) part {
	switch root := p.Root.(type) {
	case *plan.CreateTable, *plan.DropTable, *plan.Truncate, *plan.AlterTable, *plan.Move,
		*plan.ChangePolicy, *plan.ChangePartition:
		return byItself
	case *plan.Explain:
		if !root.Analyze {
			return noPart
		}
		return partOf(root.Plan)
	case *plan.Query:
		if root.History() || len(p.Tables) == 0 {
			return noPart
		}
	}
	return takesPart
}

// execute starts a plan. A statement that is the only one of its implicit transaction
// is one command, which is repeated where it meets others; it needs nothing of what a
// transaction of several statements keeps.
func (s *Session) execute(ctx context.Context, p *plan.Plan, params []datum.Datum, settings *execute.Settings) (e *execute.Execution, joined bool, err error) {
	x, lock := s.backend.deps.Executor, lockOf(p)
	if s.tx.readOnly && (!p.Reads || lock != nil) {
		return nil, false, errReadOnly(p, lock)
	}
	alone := s.alone && s.tx.work == nil && s.tx.block != explicit
	switch part := partOf(p); {
	case part == byItself:
		e, err = s.executeApart(ctx, p, params, settings)
		return e, false, err
	case part == noPart || alone:
		e, err = x.Start(ctx, p, params, settings, nil)
		return e, false, err
	}
	e, err = x.Start(ctx, p, params, settings, s.join())
	return e, true, err
}

// executeApart starts a plan that is always a transaction of its own. Within an
// implicit one it may stand: what was before it is committed first.
func (s *Session) executeApart(ctx context.Context, p *plan.Plan, params []datum.Datum, settings *execute.Settings) (*execute.Execution, error) {
	if s.tx.block == explicit {
		return nil, errNotInTransaction(p.Tag).WithHint("It is always a transaction of its own.")
	}
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	e, err := s.backend.deps.Executor.Start(ctx, p, params, settings, nil)
	if err == nil {
		s.settled = s.executed + 1
	}
	return e, err
}

// lockOf returns how a query locks what it reads; nil: not at all.
func lockOf(p *plan.Plan) *plan.Lock {
	q, ok := p.Root.(*plan.Query)
	if !ok {
		return nil
	}
	if scan, ok := plan.ScanOf(q.Stage); ok {
		return scan.Lock
	}
	return nil
}

// sorted reports whether the rows of a plan come in an order that was asked for.
func sorted(p *plan.Plan) bool {
	q, ok := p.Root.(*plan.Query)
	if !ok {
		return false
	}
	for stage := q.Stage; stage != nil; stage = plan.InputOf(stage) {
		switch s := stage.(type) {
		case *plan.Sort:
			return true
		case *plan.Scan:
			return s.Order != nil
		}
	}
	return false
}

func errReadOnly(p *plan.Plan, lock *plan.Lock) error {
	what := p.Tag
	switch {
	case lock == nil:
	case lock.Mode == command.LockShared:
		what += " FOR SHARE"
	default:
		what += " FOR UPDATE"
	}
	return pgerror.New(pgerror.ReadOnlySQLTransaction, "cannot execute %s in a read-only transaction", what)
}
