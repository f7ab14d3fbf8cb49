package bind

import (
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// place says what an expression may refer to where it stands.
type place struct {
	clause string // as errors name it: "WHERE"
	scope  *scope // nil: no columns
	// noColumns is the error for a column where there is no scope; nil is 42703.
	noColumns *pgerror.Error
	// aggregates collects aggregate calls; nil refuses them.
	aggregates *aggregation
	inside     bool // the arguments of an aggregate
	// noParams is the error for a parameter; nil allows them.
	noParams *pgerror.Error
}

// expr binds an expression. The type of a literal or parameter that nothing
// decides is still unknown then.
func (b *binder) expr(e ast.Expr, p *place) (expr.Expr, error) {
	switch e := e.(type) {
	case *ast.Literal:
		x, err := b.literal(e)
		return x, at(err, e)
	case *ast.Param:
		return b.param(e, p)
	case *ast.ColumnRef:
		return b.columnRef(e, p)
	case *ast.Unary:
		return b.unary(e, p)
	case *ast.Binary:
		return b.binary(e, p)
	case *ast.And:
		return b.logic(e.Args, "AND", e, p, expr.NewAnd)
	case *ast.Or:
		return b.logic(e.Args, "OR", e, p, expr.NewOr)
	case *ast.Not:
		return b.logic([]ast.Expr{e.X}, "NOT", e, p, func(x ...expr.Expr) (expr.Expr, error) { return expr.NewNot(x[0]) })
	case *ast.IsNull:
		return b.isNull(e, p)
	case *ast.IsBool:
		return b.isBool(e, p)
	case *ast.IsDistinct:
		return b.apply(e, p, []ast.Expr{e.L, e.R}, func(x []expr.Expr) (expr.Expr, error) { return expr.NewIsDistinct(x[0], x[1], e.Not) })
	case *ast.Between:
		return b.between(e, p)
	case *ast.Like:
		return b.like(e, p)
	case *ast.In:
		return b.in(e, p)
	case *ast.AnyAll:
		return b.anyAll(e, p)
	case *ast.Case:
		return b.caseExpr(e, p)
	case *ast.Coalesce:
		return b.apply(e, p, e.Args, func(x []expr.Expr) (expr.Expr, error) { return expr.NewCoalesce(x...) })
	case *ast.NullIf:
		return b.apply(e, p, []ast.Expr{e.L, e.R}, func(x []expr.Expr) (expr.Expr, error) { return expr.NewNullIf(x[0], x[1]) })
	case *ast.MinMax:
		return b.apply(e, p, e.Args, func(x []expr.Expr) (expr.Expr, error) { return expr.NewMinMax(!e.Least, x...) })
	case *ast.Cast:
		return b.cast(e, p)
	case *ast.Collate:
		return b.collate(e, p)
	case *ast.Call:
		return b.call(e, p)
	case *ast.Value:
		return b.value(e)
	case *ast.Array:
		return b.apply(e, p, e.Elems, func(x []expr.Expr) (expr.Expr, error) { return expr.NewArray(x...) })
	case *ast.Subscript:
		return b.subscript(e, p)
	}
	return nil, b.refused(e)
}

// refused names an expression that is not supported, or stands where it must not.
func (b *binder) refused(e ast.Expr) error {
	switch e := e.(type) {
	case *ast.Exists, *ast.Subquery, *ast.ArraySubquery:
		return pgerror.NotSupported("a subquery").At(e.Position())
	case *ast.Default:
		return pgerror.New(pgerror.SyntaxError, "DEFAULT is not allowed in this context").At(e.Position())
	case *ast.Row:
		return pgerror.NotSupported("a value of a row type").At(e.Position())
	case *ast.Field:
		return pgerror.NotSupported("selecting a field of a value").At(e.Position())
	case *ast.Grouping:
		return pgerror.NotSupported("GROUPING").At(e.Position())
	case *ast.GroupingSet:
		return pgerror.NotSupported("GROUPING SETS, ROLLUP or CUBE").At(e.Position())
	case nil:
		return pgerror.New(pgerror.InternalError, "an expression is missing")
	default:
		return pgerror.NotSupported("this expression").At(e.Position())
	}
}

// exprs binds several expressions.
func (b *binder) exprs(list []ast.Expr, p *place) ([]expr.Expr, error) {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		var err error
		if out[i], err = b.expr(e, p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// apply binds arguments and makes a node of them.
func (b *binder) apply(n ast.Expr, p *place, args []ast.Expr, make func([]expr.Expr) (expr.Expr, error)) (expr.Expr, error) {
	bound, err := b.exprs(args, p)
	if err != nil {
		return nil, err
	}
	types := typesOf(bound)
	x, err := make(bound)
	return x, blame(unmatched(err, types, args), n, args)
}

// blame puts a position on the error of a node: that of the literal which could
// not be read as the type that it is to have, or else the node's.
func blame(err error, n ast.Node, args []ast.Expr) error {
	e := pgerror.As(err)
	if e == nil {
		return err
	}
	if len(e.Code) == 5 && e.Code[:2] == "22" {
		for _, a := range args {
			if l, ok := a.(*ast.Literal); ok && l.Kind == ast.String {
				return e.At(l.Position())
			}
		}
		return err
	}
	return e.At(n.Position())
}

// typesOf notes the types of arguments before they are coerced.
func typesOf(list []expr.Expr) []datum.Type {
	out := make([]datum.Type, len(list))
	for i, x := range list {
		out[i] = x.Type()
	}
	return out
}

// unmatched puts the position of an argument on the error that it does not go
// together with those before it: "... types a and b cannot be matched" is about
// the first argument of type b.
func unmatched(err error, types []datum.Type, args []ast.Expr) error {
	e := pgerror.As(err)
	if e == nil || e.Code != pgerror.DatatypeMismatch || !strings.HasSuffix(e.Message, " cannot be matched") {
		return err
	}
	for i, t := range types {
		if i < len(args) && strings.HasSuffix(e.Message, " and "+t.WithMod(-1).String()+" cannot be matched") {
			return e.At(args[i].Position())
		}
	}
	return err
}

func (b *binder) literal(l *ast.Literal) (expr.Expr, error) {
	switch l.Kind {
	case ast.Null:
		return expr.NewNull(), nil
	case ast.Bool:
		return expr.NewBool(l.Text == "true"), nil
	case ast.String:
		return expr.NewString(l.Text), nil
	case ast.Integer:
		if n, err := strconv.ParseInt(l.Text, 10, 64); err == nil {
			if int64(int32(n)) == n {
				return expr.NewConst(datum.NewInt(n), datum.Int4), nil
			}
			return expr.NewConst(datum.NewInt(n), datum.Int8), nil
		}
		fallthrough
	case ast.Numeric:
		d, err := datum.ParseText(l.Text, datum.Numeric, nil)
		if err != nil {
			return nil, err
		}
		return expr.NewConst(d, datum.Numeric), nil
	}
	return nil, pgerror.NotSupported("a bit string")
}

func (b *binder) param(e *ast.Param, p *place) (expr.Expr, error) {
	if p.noParams != nil {
		err := *p.noParams
		return nil, err.At(e.Position())
	}
	if e.Number < 1 {
		return nil, pgerror.New(pgerror.UndefinedParameter, "there is no parameter $%d", e.Number).At(e.Position())
	}
	x, err := b.params.Param(e.Number - 1)
	if err != nil {
		return nil, at(err, e)
	}
	return x, nil
}

func (b *binder) columnRef(e *ast.ColumnRef, p *place) (expr.Expr, error) {
	if e.Star || len(e.Parts) == 0 {
		return nil, pgerror.New(pgerror.SyntaxError, "a star is not allowed here").At(e.Position())
	}
	if p.noColumns != nil {
		err := *p.noColumns
		return nil, err.At(e.Position())
	}
	s := p.scope
	if s == nil {
		s = &scope{}
	}
	c, _, err := b.column(s, e)
	if err != nil {
		return nil, err
	}
	return b.reference(c, e), nil
}

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

// condition binds a boolean expression; what names the place in errors.
func (b *binder) condition(e ast.Expr, what string, p *place) (expr.Expr, error) {
	x, err := b.expr(e, p)
	if err != nil {
		return nil, err
	}
	x, err = expr.CoerceBool(x, what)
	return x, at(err, e)
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
