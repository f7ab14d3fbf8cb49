package bind

import (
	"strings"

	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// aggregateBase is where the columns begin that stand for aggregates while a
// query is bound: column aggregateBase+i is the value of calls[i].
const aggregateBase = 1 << 24

// aggregation is the aggregates of one query.
type aggregation struct {
	binder *binder
	calls  []*expr.Aggregate
	known  map[string]int // by encoding
}

// aggregate binds a call of an aggregate: what stands for it is a column.
func (b *binder) aggregate(e *ast.Call, p *place) (expr.Expr, error) {
	switch {
	case p.inside:
		return nil, pgerror.New(pgerror.GroupingError, "aggregate function calls cannot be nested").At(e.Position())
	case p.aggregates == nil && p.clause == "FILTER":
		return nil, pgerror.New(pgerror.GroupingError, "aggregate functions are not allowed in FILTER").At(e.Position())
	case p.aggregates == nil:
		return nil, pgerror.New(pgerror.GroupingError, "aggregate functions are not allowed in %s", p.clause).At(e.Position())
	}
	inner := &place{clause: p.clause, scope: p.scope, inside: true, aggregates: p.aggregates}
	args, err := b.exprs(e.Args, inner)
	if err != nil {
		return nil, err
	}
	var order []expr.AggregateOrder
	var filter expr.Expr
	for _, o := range e.OrderBy {
		if o.Using.Name != "" {
			return nil, pgerror.NotSupported("ORDER BY USING").At(o.Position())
		}
		x, err := b.expr(o.Expr, inner)
		if err != nil {
			return nil, err
		}
		if x, err = expr.Settle(x); err != nil {
			return nil, at(err, o.Expr)
		}
		order = append(order, expr.AggregateOrder{Expr: x, Descending: o.Desc, NullsFirst: nullsFirst(o)})
	}
	if e.Filter != nil {
		if filter, err = b.condition(e.Filter, "FILTER", &place{clause: "FILTER", scope: p.scope}); err != nil {
			return nil, err
		}
	}
	a, err := expr.NewAggregate(e.Name, e.Star, args, filter, e.Distinct, order)
	if err != nil {
		if pe := pgerror.As(err); pe != nil && len(e.Args) > 0 && strings.HasPrefix(pe.Message, "could not identify") {
			pe.At(e.Args[0].Position())
		}
		return nil, blame(err, e, e.Args)
	}
	return p.aggregates.add(a), nil
}

// add returns the column that stands for an aggregate. Equal calls share one.
func (g *aggregation) add(a *expr.Aggregate) expr.Expr {
	key := string(expr.AppendAggregate(nil, a))
	i, ok := g.known[key]
	if !ok {
		i = len(g.calls)
		g.calls = append(g.calls, a)
		if g.known == nil {
			g.known = map[string]int{}
		}
		g.known[key] = i
	}
	return expr.NewColumn(aggregateBase+i, g.calls[i].Type(), a.Fn.Name)
}

// nullsFirst is where NULLs go: by default they are greater than all values.
func nullsFirst(o ast.SortItem) bool {
	switch o.Nulls {
	case ast.NullsFirst:
		return true
	case ast.NullsLast:
		return false
	}
	return o.Desc
}
