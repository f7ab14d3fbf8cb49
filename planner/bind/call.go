package bind

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// call binds a call of a function or an aggregate.
func (b *binder) call(e *ast.Call, p *place) (expr.Expr, error) {
	if err := callForm(e); err != nil {
		return nil, err
	}
	if e.Schema != "" && e.Schema != "pg_catalog" {
		args, err := b.exprs(e.Args, p)
		if err != nil {
			return nil, err
		}
		return nil, noFunction(e.Schema+"."+e.Name, e, args)
	}
	if expr.IsAggregate(e.Name) {
		return b.aggregate(e, p)
	}
	if setReturning(e.Name) {
		if p.clause == "SELECT" {
			return nil, pgerror.NotSupported("a set-returning function beside a table or within an expression").At(e.Position())
		}
		return nil, pgerror.New(pgerror.FeatureNotSupported, "set-returning functions are not allowed in %s", p.clause).At(e.Position())
	}
	if err := plainCall(e); err != nil {
		return nil, err
	}
	return b.apply(e, p, e.Args, func(x []expr.Expr) (expr.Expr, error) { return expr.NewFunction(e.Name, x...) })
}

// callForm refuses what no function takes.
func callForm(e *ast.Call) error {
	for _, n := range e.ArgNames {
		if n != "" {
			return pgerror.NotSupported("an argument by name").At(e.Position())
		}
	}
	switch {
	case e.Over != nil:
		return pgerror.NotSupported("a window function").At(e.Position())
	case e.Variadic:
		return pgerror.NotSupported("VARIADIC").At(e.Position())
	case e.WithinGroup:
		return pgerror.NotSupported("WITHIN GROUP").At(e.Position())
	}
	return nil
}

// plainCall refuses what only aggregates take.
func plainCall(e *ast.Call) error {
	what := ""
	switch {
	case e.Star:
		if _, err := expr.ResolveFunction(e.Name, nil); err != nil {
			return at(err, e)
		}
		what = e.Name + "(*)"
	case e.Distinct:
		what = "DISTINCT"
	case len(e.OrderBy) > 0:
		what = "ORDER BY"
	case e.Filter != nil:
		what = "FILTER"
	default:
		return nil
	}
	return pgerror.New(pgerror.WrongObjectType, "%s specified, but %s is not an aggregate function", what, e.Name).At(e.Position())
}

// value binds a value that is spelled as a bare word.
func (b *binder) value(e *ast.Value) (expr.Expr, error) {
	name := e.Name
	switch name {
	case "current_time":
		return nil, pgerror.NotSupported("type time with time zone").At(e.Position())
	case "current_role", "user":
		name = "current_user"
	case "current_catalog":
		name = "current_database"
	}
	x, err := expr.NewFunction(name)
	if err != nil {
		return nil, at(err, e)
	}
	if e.Precision >= 0 {
		x, err = expr.NewCast(x, x.Type().WithMod(int32(min(e.Precision, 6))))
	}
	return x, at(err, e)
}

// cast binds CAST(x AS type).
func (b *binder) cast(e *ast.Cast, p *place) (expr.Expr, error) {
	t, err := typeName(e.Type)
	if err != nil {
		return nil, err
	}
	x, err := b.castOperand(e, t, p)
	if err != nil {
		return nil, err
	}
	if !expr.CanCoerce(x.Type(), t, expr.Explicit) {
		return nil, pgerror.New(pgerror.CannotCoerce, "cannot cast type %s to %s", x.Type().WithMod(-1), t.WithMod(-1)).At(e.Position())
	}
	x, err = expr.NewCast(x, t)
	return x, blame(err, e, []ast.Expr{e.X})
}

// castOperand binds what is cast. The elements of ARRAY[...]::type[] are cast one
// by one, as in PostgreSQL, so that literals are read as what they become.
func (b *binder) castOperand(e *ast.Cast, t datum.Type, p *place) (expr.Expr, error) {
	a, ok := e.X.(*ast.Array)
	elem, isArray := t.Elem()
	if !ok || !isArray || len(a.Elems) == 0 {
		return b.expr(e.X, p)
	}
	return b.apply(a, p, a.Elems, func(x []expr.Expr) (expr.Expr, error) {
		for i := range x {
			var err error
			if x[i], err = expr.NewCast(x[i], elem); err != nil {
				return nil, err
			}
		}
		return expr.NewArray(x...)
	})
}

// setReturning reports whether a function returns rows.
func setReturning(name string) bool {
	switch name {
	case "generate_series", "unnest", "generate_subscripts", "regexp_split_to_table", "string_to_table", "regexp_matches",
		"json_array_elements", "json_array_elements_text", "json_each", "json_each_text", "json_object_keys",
		"jsonb_array_elements", "jsonb_array_elements_text", "jsonb_each", "jsonb_each_text", "jsonb_object_keys",
		"json_populate_recordset", "jsonb_populate_recordset", "json_to_recordset", "jsonb_to_recordset":
		return true
	}
	return false
}
