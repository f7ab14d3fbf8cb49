package planner

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/dialect"
	"github.com/ssmr/ssmr/planner/plan"
)

func (s *Session) key(st *statement) planKey {
	return planKey{text: st.text, params: paramsKey(st.declared), settings: st.settings}
}

// cached returns the node's plan for a statement, if it has one that is valid in a
// snapshot of the catalog.
func (s *Session) cached(st *statement, snap *catalog.Snapshot) *plan.Plan {
	return s.backend.plans.get(s.key(st), snap)
}

// bind makes a plan for a statement from the node's catalog. An error that may
// come from an old catalog is believed only when the oracle was asked.
func (s *Session) bind(ctx context.Context, st *statement) (*plan.Plan, error) {
	cat := s.backend.deps.Catalog
	if st.tree == nil {
		tree, err := dialect.Parse(st.text)
		if err != nil {
			return nil, err
		}
		st.tree = tree
	}
	if changesWhole(st.tree) {
		if err := s.replan(ctx); err != nil {
			return nil, err
		}
	}
	for refreshed := false; ; refreshed = true {
		snap := cat.Catalog()
		p, err := s.bindTo(ctx, st, snap)
		if err == nil {
			if err = s.unfence(ctx, p, snap); err != nil {
				return nil, err
			}
			if p != nil && fenced(p) { // public now: bind to that
				continue
			}
			if st.text != "" && !st.deferred && !st.sharesPlan() {
				s.backend.plans.put(s.key(st), p)
			}
			st.snap = snap
			return p, nil
		}
		if refreshed || !dependsOnCatalog(err) {
			return nil, err
		}
		if err := s.replan(ctx); err != nil {
			return nil, err
		}
		if cat.Catalog().Version == snap.Version {
			return nil, err
		}
	}
}

// changesWhole reports whether a statement replaces the whole of what it changes a part
// of, and so must know the newest: what another node has just changed would be lost.
func changesWhole(tree ast.Statement) bool {
	switch tree.(type) {
	case *ast.CreatePolicy, *ast.AlterPolicy, *ast.DropPolicy, *ast.AlterPartition:
		return true
	}
	return false
}

func (s *Session) bindTo(ctx context.Context, st *statement, snap *catalog.Snapshot) (*plan.Plan, error) {
	return bind.Statement(ctx, st.tree, bind.Config{
		Catalog: snap, Policies: s.backend.deps.Policies, Params: st.declared,
		Format: s.now.format, Database: s.start.Database,
	})
}

// dependsOnCatalog reports whether an error may be gone with a newer catalog.
func dependsOnCatalog(err error) bool {
	e := pgerror.As(err)
	if e == nil {
		return false
	}
	switch e.Code {
	case pgerror.UndefinedTable, pgerror.UndefinedColumn, pgerror.DuplicateTable, pgerror.DuplicateColumn,
		pgerror.UndefinedObject, pgerror.DatatypeMismatch, pgerror.UndefinedFunction, pgerror.InvalidColumnReference:
		return true
	}
	return false
}

// fenced reports whether a table of the plan is being changed.
func fenced(p *plan.Plan) bool {
	for _, t := range p.Tables {
		if t.Fenced {
			return true
		}
	}
	return false
}

// unfence waits while a table of the plan is being changed: no statement may
// start on its descriptor.
func (s *Session) unfence(ctx context.Context, p *plan.Plan, snap *catalog.Snapshot) error {
	if !fenced(p) {
		return nil
	}
	cat := s.backend.deps.Catalog
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if err := s.replan(ctx); err != nil {
			return err
		}
		if now := cat.Catalog(); now.Version != snap.Version && !valid(p, now) {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// replan brings the node's catalog up to date, so that a plan can be made anew.
func (s *Session) replan(ctx context.Context) error {
	err := s.backend.deps.Catalog.Refresh(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case pgerror.As(err) != nil:
		return err
	}
	s.logger().Warn("the oracle could not be asked for the catalog", "error", err)
	return pgerror.New(pgerror.SerializationFailure, "the oracle could not be asked").
		WithDetail("The statement did not take effect.").WithHint("Try again.")
}

// planFor returns a plan of a prepared statement that is valid now.
func (s *Session) planFor(ctx context.Context, st *statement) (*plan.Plan, error) {
	snap := s.backend.deps.Catalog.Catalog()
	if st.plan != nil && st.plan.Cacheable && st.settings == s.now.plan {
		if st.snap == snap {
			return st.plan, nil
		}
		if valid(st.plan, snap) {
			st.snap = snap
			return st.plan, nil
		}
	}
	st.settings, st.literals = s.now.plan, nil
	p := s.cached(st, snap)
	if p == nil {
		var err error
		if p, err = s.bind(ctx, st); err != nil {
			return nil, shift(err, st.offset)
		}
	} else {
		st.snap = snap
	}
	if !st.deferred && !sameResult(st.about.Columns, p.Columns) {
		return nil, errResultChanged()
	}
	st.plan = p
	return p, nil
}
