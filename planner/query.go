package planner

import (
	"context"

	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/dialect"
	"github.com/ssmr/ssmr/planner/plan"
)

// Split cuts a simple query into its statements. Where there are several, all are
// read before the first is executed: an error in one keeps all from being done.
func (s *Session) Split(query string) ([]session.Text, error) {
	s.forget("")
	s.ClosePortal("")
	s.skimmed = s.skimmed[:0]
	texts, err := dialect.Split(query)
	if err != nil || len(texts) < 2 {
		return texts, err
	}
	for _, t := range texts {
		st := &statement{text: t.SQL, offset: t.Offset}
		if err := s.skim(st); err != nil {
			return nil, shift(err, t.Offset)
		}
		if len(texts) <= keptStatements {
			s.skimmed = append(s.skimmed, st)
		}
	}
	return texts, nil
}

// keptStatements is the most statements of a simple query that are kept as they were
// read; those of a longer one are read twice.
const keptStatements = 64

// skim reads a statement, unless there is a plan for it. Those before it may change what
// its own will be.
func (s *Session) skim(st *statement) (err error) {
	snap := s.backend.deps.Catalog.Catalog()
	st.settings = s.now.plan
	if s.cached(st, snap) == nil && s.sharedPlan(st, snap) == nil {
		st.tree, err = dialect.Parse(st.text)
	}
	return err
}

// Query executes one statement of a simple query.
func (s *Session) Query(ctx context.Context, text session.Text, index, count int, sink session.Sink) (session.Completion, error) {
	ctx, end := s.begin(ctx)
	defer end()
	if count > 1 && s.tx.block == untilSync {
		s.tx.block = together
	}
	s.alone = count == 1
	var st *statement
	if index < len(s.skimmed) {
		st, s.skimmed[index] = s.skimmed[index], nil
	}
	if st == nil {
		st = &statement{text: text.SQL, offset: text.Offset}
	}
	done, err := s.query(ctx, st, sink)
	if err == nil && index == count-1 && s.tx.block != explicit {
		err = s.commit(ctx)
	}
	if err == nil {
		s.executed++
		return done, nil
	}
	err = s.clientError(ctx, err)
	s.fail()
	return session.Completion{}, err
}

func (s *Session) query(ctx context.Context, st *statement, sink session.Sink) (session.Completion, error) {
	if err := s.passes(st); err != nil {
		return session.Completion{}, shift(err, st.offset)
	}
	if err := s.analyze(ctx, st); err != nil {
		return session.Completion{}, shift(err, st.offset)
	}
	if st.tree == nil && st.plan == nil {
		return session.Completion{}, nil
	}
	if len(st.about.Params) > 0 {
		return session.Completion{}, shift(s.refuseParams(ctx, st), st.offset)
	}
	r := &running{s: s, st: st}
	defer r.close()
	if err := r.start(ctx); err != nil {
		return session.Completion{}, err
	}
	if r.columns != nil {
		if r.plan != nil && constant(r.plan) {
			if err := r.peek(ctx); err != nil {
				return session.Completion{}, err
			}
		}
		if err := sink.Columns(r.columns); err != nil {
			return session.Completion{}, err
		}
	}
	done, err := r.drain(ctx, 0, sink)
	if err == nil {
		s.record(r, done.Tag)
	}
	return done, err
}

// refuseParams is the error that a simple query has parameters: they have no values.
func (s *Session) refuseParams(ctx context.Context, st *statement) error {
	tree, err := dialect.Parse(st.text)
	if err != nil {
		return err
	}
	_, err = bind.Statement(ctx, tree, bind.Config{
		Catalog: s.backend.deps.Catalog.Catalog(), Policies: s.backend.deps.Policies,
		NoParams: true, Format: s.now.format, Database: s.start.Database,
	})
	if err != nil {
		return err
	}
	return pgerror.New(pgerror.UndefinedParameter, "there is no parameter $%d", len(st.about.Params))
}

// constant reports whether a query's rows are constants. PostgreSQL computes
// those when it plans: where that fails, the result is not described before.
func constant(p *plan.Plan) bool {
	q, ok := p.Root.(*plan.Query)
	return ok && len(p.Tables) == 0 && constantStage(q.Stage)
}

func constantStage(s plan.Stage) bool {
	var exprs []expr.Expr
	switch s := s.(type) {
	case *plan.Values:
		for _, row := range s.Rows {
			exprs = append(exprs, row...)
		}
	case *plan.Project:
		if !constantStage(s.Input) {
			return false
		}
		exprs = s.Exprs
	default:
		return false
	}
	for _, e := range exprs {
		if expr.VolatilityOf(e) != expr.Immutable {
			return false
		}
	}
	return true
}
