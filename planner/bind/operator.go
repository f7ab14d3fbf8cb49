package bind

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

func (b *binder) unary(e *ast.Unary, p *place) (expr.Expr, error) {
	if err := operatorSchema(e.Op); err != nil {
		return nil, err
	}
	return b.apply(e, p, []ast.Expr{e.X}, func(x []expr.Expr) (expr.Expr, error) { return expr.NewOperator(e.Op.Name, nil, x[0]) })
}

func operatorSchema(o ast.Operator) error {
	if o.Schema != "" && o.Schema != "pg_catalog" {
		return pgerror.New(pgerror.UndefinedFunction, "operator does not exist: %s.%s", o.Schema, o.Name).At(o.Position())
	}
	return nil
}

func (b *binder) binary(e *ast.Binary, p *place) (expr.Expr, error) {
	if err := operatorSchema(e.Op); err != nil {
		return nil, err
	}
	l, lok := e.L.(*ast.Row)
	r, rok := e.R.(*ast.Row)
	if lok && rok {
		return b.rows(e, e.Op.Name, l, r, p)
	}
	return b.apply(e, p, []ast.Expr{e.L, e.R}, func(x []expr.Expr) (expr.Expr, error) { return expr.NewOperator(e.Op.Name, x[0], x[1]) })
}

// rows compares two rows.
func (b *binder) rows(n ast.Expr, op string, l, r *ast.Row, p *place) (expr.Expr, error) {
	left, err := b.exprs(l.Args, p)
	if err != nil {
		return nil, err
	}
	right, err := b.exprs(r.Args, p)
	if err != nil {
		return nil, err
	}
	x, err := expr.NewRowCompare(op, left, right)
	return x, blame(err, n, append(append([]ast.Expr(nil), l.Args...), r.Args...))
}

func (b *binder) logic(args []ast.Expr, what string, n ast.Expr, p *place, make func(...expr.Expr) (expr.Expr, error)) (expr.Expr, error) {
	list := []expr.Expr{}
	for _, a := range args {
		x, err := b.condition(a, what, p)
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	x, err := make(list...)
	return x, at(err, n)
}

func (b *binder) isNull(e *ast.IsNull, p *place) (expr.Expr, error) {
	if r, ok := e.X.(*ast.Row); ok {
		// A row IS NULL where all its columns are, and IS NOT NULL where none is.
		args, err := b.exprs(r.Args, p)
		if err != nil {
			return nil, err
		}
		for i := range args {
			if args[i], err = expr.NewIsNull(args[i], e.Not); err != nil {
				return nil, at(err, e)
			}
		}
		return expr.NewAnd(args...)
	}
	return b.apply(e, p, []ast.Expr{e.X}, func(x []expr.Expr) (expr.Expr, error) { return expr.NewIsNull(x[0], e.Not) })
}

func (b *binder) isBool(e *ast.IsBool, p *place) (expr.Expr, error) {
	truth := expr.IsTrue
	switch e.What {
	case ast.False:
		truth = expr.IsFalse
	case ast.Unknown:
		truth = expr.IsUnknown
	}
	x, err := b.expr(e.X, p)
	if err != nil {
		return nil, err
	}
	x, err = expr.NewBoolTest(x, truth, e.Not)
	return x, at(err, e.X)
}

func (b *binder) between(e *ast.Between, p *place) (expr.Expr, error) {
	side := func(lo, hi ast.Expr) (expr.Expr, error) {
		lower, upper, join := ">=", "<=", expr.NewAnd
		if e.Not {
			lower, upper, join = "<", ">", expr.NewOr
		}
		l, err := b.compare(e, lower, e.X, lo, p)
		if err != nil {
			return nil, err
		}
		r, err := b.compare(e, upper, e.X, hi, p)
		if err != nil {
			return nil, err
		}
		return join(l, r)
	}
	one, err := side(e.Lo, e.Hi)
	if err != nil || !e.Symmetric {
		return one, err
	}
	two, err := side(e.Hi, e.Lo)
	if err != nil {
		return nil, err
	}
	if e.Not {
		return expr.NewAnd(one, two)
	}
	return expr.NewOr(one, two)
}

func (b *binder) compare(n ast.Expr, op string, l, r ast.Expr, p *place) (expr.Expr, error) {
	return b.apply(n, p, []ast.Expr{l, r}, func(x []expr.Expr) (expr.Expr, error) { return expr.NewOperator(op, x[0], x[1]) })
}

func (b *binder) like(e *ast.Like, p *place) (expr.Expr, error) {
	op := map[ast.LikeKind]string{ast.LikeMatch: "~~", ast.ILikeMatch: "~~*", ast.SimilarMatch: "~"}[e.Kind]
	if e.Not {
		op = "!" + op
	}
	args := []ast.Expr{e.X, e.Pattern}
	if e.Escape != nil {
		args = append(args, e.Escape)
	}
	return b.apply(e, p, args, func(x []expr.Expr) (expr.Expr, error) {
		pattern, err := x[1], error(nil)
		switch {
		case e.Kind == ast.SimilarMatch:
			pattern, err = expr.NewFunction("similar_to_escape", x[1:]...)
		case len(x) == 3:
			pattern, err = expr.NewFunction("like_escape", x[1:]...)
		}
		if err != nil {
			return nil, err
		}
		return expr.NewOperator(op, x[0], pattern)
	})
}

func (b *binder) in(e *ast.In, p *place) (expr.Expr, error) {
	if e.Query != nil {
		return nil, pgerror.NotSupported("a subquery").At(e.Query.Position())
	}
	if row, ok := e.X.(*ast.Row); ok {
		return b.inRows(e, row, p)
	}
	args := append([]ast.Expr{e.X}, e.List...)
	return b.apply(e, p, args, func(x []expr.Expr) (expr.Expr, error) { return expr.NewIn(x[0], x[1:], e.Not) })
}

func (b *binder) inRows(e *ast.In, row *ast.Row, p *place) (expr.Expr, error) {
	terms := make([]expr.Expr, len(e.List))
	for i, item := range e.List {
		r, ok := item.(*ast.Row)
		if !ok {
			return nil, pgerror.New(pgerror.DatatypeMismatch, "IN list of a row must consist of rows").At(item.Position())
		}
		var err error
		if terms[i], err = b.rows(e, "=", row, r, p); err != nil {
			return nil, err
		}
	}
	x, err := expr.NewOr(terms...)
	if err == nil && e.Not {
		x, err = expr.NewNot(x)
	}
	return x, at(err, e)
}

func (b *binder) anyAll(e *ast.AnyAll, p *place) (expr.Expr, error) {
	if e.Query != nil {
		return nil, pgerror.NotSupported("a subquery").At(e.Query.Position())
	}
	if err := operatorSchema(e.Op); err != nil {
		return nil, err
	}
	return b.apply(e, p, []ast.Expr{e.X, e.Array}, func(x []expr.Expr) (expr.Expr, error) {
		return expr.NewAnyAll(x[0], e.Op.Name, x[1], e.All)
	})
}

func (b *binder) caseExpr(e *ast.Case, p *place) (expr.Expr, error) {
	var operand, otherwise expr.Expr
	var err error
	if e.Operand != nil {
		if operand, err = b.expr(e.Operand, p); err != nil {
			return nil, err
		}
	}
	whens := make([]expr.When, len(e.Whens))
	var parts, results []ast.Expr
	var types []datum.Type
	for i, w := range e.Whens {
		if operand != nil {
			whens[i].Cond, err = b.expr(w.Cond, p)
		} else {
			whens[i].Cond, err = b.condition(w.Cond, "CASE/WHEN", p)
		}
		if err != nil {
			return nil, err
		}
		if whens[i].Then, err = b.expr(w.Result, p); err != nil {
			return nil, err
		}
		parts = append(parts, w.Cond, w.Result)
		results, types = append(results, w.Result), append(types, whens[i].Then.Type())
	}
	if e.Else != nil {
		if otherwise, err = b.expr(e.Else, p); err != nil {
			return nil, err
		}
		parts = append(parts, e.Else)
		results, types = append(results, e.Else), append(types, otherwise.Type())
	}
	x, err := expr.NewCase(operand, whens, otherwise)
	return x, blame(unmatched(err, types, results), e, parts)
}

func (b *binder) subscript(e *ast.Subscript, p *place) (expr.Expr, error) {
	if e.Slice {
		return nil, pgerror.NotSupported("an array slice").At(e.Position())
	}
	return b.apply(e, p, []ast.Expr{e.X, e.Index}, func(x []expr.Expr) (expr.Expr, error) { return expr.NewSubscript(x[0], x[1]) })
}

func (b *binder) collate(e *ast.Collate, p *place) (expr.Expr, error) {
	switch {
	case e.Name.Schema != "" && e.Name.Schema != "pg_catalog":
	case e.Name.Name == "C" || e.Name.Name == "POSIX" || e.Name.Name == "default" || e.Name.Name == "ucs_basic":
		x, err := b.expr(e.X, p)
		if err != nil {
			return nil, err
		}
		x, err = expr.Coerce(x, x.Type(), expr.Implicit)
		return x, at(err, e)
	}
	return nil, pgerror.NotSupported("collation %q", e.Name.Name).At(e.Name.Position())
}
