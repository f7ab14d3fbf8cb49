package planner

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/bind"
)

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// prepare is SQL's PREPARE. offset is where the PREPARE itself begins.
func (s *Session) prepare(ctx context.Context, p *ast.Prepare, offset int) error {
	if s.statements[p.Name] != nil {
		return errStatementExists(p.Name)
	}
	st := &statement{name: p.Name, text: p.Text, sql: true}
	for _, n := range p.Types {
		t, err := typeOf(n)
		if err != nil {
			return err
		}
		st.declared = append(st.declared, t)
	}
	// Positions in the tree count from the PREPARE; a plan of the bare text would
	// count from there.
	if err := s.analyzeTree(ctx, st, p.Statement); err != nil {
		return err
	}
	if st.deferred {
		return pgerror.NotSupported("PREPARE of this statement").At(p.Position())
	}
	st.tree = nil // parsed from its own text when it is planned anew
	return s.keep(st)
}

// typeOf finds the type that a name means.
func typeOf(n ast.TypeName) (datum.Type, error) {
	name := n.Name
	if len(n.Bounds) > 0 {
		name += "[]"
	}
	t, err := datum.ByName(name, n.Mods)
	if e := pgerror.As(err); e != nil {
		e.At(n.Position())
	}
	return t, err
}

// executePrepared is SQL's EXECUTE: it becomes the execution of the statement
// that it names.
func (r *running) executePrepared(ctx context.Context, x *ast.Execute) error {
	s := r.s
	st := s.statements[x.Name]
	if st == nil {
		return errNoStatement(x.Name)
	}
	if _, nested := st.tree.(*ast.Execute); nested {
		// It could execute itself, without end.
		return pgerror.NotSupported("EXECUTE of a statement that is an EXECUTE itself").At(x.Position())
	}
	if len(x.Args) != len(st.about.Params) {
		return pgerror.New(pgerror.SyntaxError, "wrong number of parameters for prepared statement \"%s\"", x.Name).
			WithDetail("Expected %d parameters but got %d.", len(st.about.Params), len(x.Args))
	}
	params, err := s.arguments(ctx, x.Args, st.about.Params)
	if err != nil {
		return shift(err, r.st.offset)
	}
	if st.tree == nil && st.text == "" {
		r.result, r.columns = &kept{}, nil
		return nil
	}
	inner := *st
	inner.offset = 0
	in := running{s: s, st: &inner, params: params}
	if err := in.start(ctx); err != nil {
		return err
	}
	st.plan, st.snap = inner.plan, inner.snap
	r.result, r.columns, r.plan = &nested{in}, in.columns, in.plan
	return nil
}

// nested is the result of a statement that another one executes.
type nested struct{ running }

// Next returns the next row.
func (n *nested) Next(ctx context.Context) ([]datum.Datum, bool, error) { return n.next(ctx) }

// Tag is the inner statement's.
func (n *nested) Tag(rows int64) string { return n.result.Tag(rows) }

// Close ends the inner statement.
func (n *nested) Close() { n.close() }

// arguments evaluates the arguments of EXECUTE, as SELECT would, and casts them
// to the parameters' types.
func (s *Session) arguments(ctx context.Context, args []ast.Expr, types []datum.Type) ([]datum.Datum, error) {
	if len(args) == 0 {
		return nil, nil
	}
	query := &ast.Select{}
	for i, a := range args {
		query.Items = append(query.Items, ast.SelectItem{Expr: &ast.Cast{X: a, Type: nameOf(types[i])}})
	}
	p, err := bind.Statement(ctx, query, bind.Config{
		Catalog: s.backend.deps.Catalog.Catalog(), Policies: s.backend.deps.Policies,
		Format: s.now.format, Database: s.start.Database,
	})
	if err != nil {
		return nil, err
	}
	x, err := s.backend.deps.Executor.Start(ctx, p, nil, s.now.settings, nil)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	row, ok, err := x.Next(ctx)
	if err != nil || !ok {
		return nil, err
	}
	return append([]datum.Datum(nil), row...), nil
}

// nameOf is the name of a type in a tree.
func nameOf(t datum.Type) ast.TypeName {
	if elem, ok := t.Elem(); ok {
		return ast.TypeName{Name: elem.Name(), Bounds: []int32{-1}}
	}
	return ast.TypeName{Name: t.Name()}
}

// deallocate is DEALLOCATE.
func (s *Session) deallocate(d *ast.Deallocate) (string, error) {
	if d.All {
		for name := range s.statements {
			if name != "" {
				s.forget(name)
			}
		}
		return "DEALLOCATE ALL", nil
	}
	if d.Name == "" || !s.forget(d.Name) {
		return "", errNoStatement(d.Name)
	}
	return "DEALLOCATE", nil
}
