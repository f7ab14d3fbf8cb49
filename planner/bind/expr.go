package bind

import (
	"strconv"

	"github.com/ssmr/ssmr/internal/catalog"
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
	// near is a table whose columns can be mistaken for reachable ones.
	near *catalog.Table
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
	if e.Number < 1 || b.config.NoParams {
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
		if pe := pgerror.As(err); p.near != nil && len(e.Parts) == 1 && pe != nil {
			if _, there := columnByName(p.near, ast.Ident{Name: e.Parts[0]}); there == nil {
				pe.WithHint("There is a column named %q in table %q, but it cannot be referenced from this part of the query.", e.Parts[0], p.near.Name)
			}
		}
		return nil, err
	}
	return b.reference(c, e), nil
}

// condition binds a boolean expression; what names the place in errors.
func (b *binder) condition(e ast.Expr, what string, p *place) (expr.Expr, error) {
	x, err := b.expr(e, p)
	if err != nil {
		return nil, err
	}
	boolean, err := expr.CoerceBool(x, what)
	if pe := pgerror.As(err); pe != nil {
		pe.At(start(e))
	}
	return boolean, err
}
