package bind

import (
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// groupBy binds GROUP BY, and then makes everything behind it expressions over
// groups and aggregates.
func (b *binder) groupBy(s *ast.Select, sel *selection) error {
	if s.GroupDistinct {
		return pgerror.NotSupported("GROUP BY DISTINCT").At(s.Position())
	}
	for _, e := range s.GroupBy {
		x, err := b.groupKey(e, sel)
		if err != nil {
			return err
		}
		if err := comparable(x.Type(), e); err != nil {
			return err
		}
		if sel.group(x) < 0 {
			sel.groups = append(sel.groups, x)
		}
	}
	if len(s.GroupBy) == 0 && !sel.grouped && len(sel.aggregates.calls) == 0 {
		return nil
	}
	sel.grouped = true
	return b.overGroups(sel)
}

// groupKey finds what an item of GROUP BY means: a plain name is a column of the
// input first, and then an output column.
func (b *binder) groupKey(e ast.Expr, sel *selection) (expr.Expr, error) {
	p := &place{clause: "GROUP BY", scope: sel.from.scope}
	switch e := e.(type) {
	case *ast.ColumnRef:
		if e.Star || len(e.Parts) != 1 {
			break
		}
		c, _, err := b.column(sel.from.scope, e)
		if err == nil {
			return b.reference(c, e), nil
		}
		if pe := pgerror.As(err); pe == nil || pe.Code == pgerror.AmbiguousColumn {
			return nil, err
		}
		i, ambiguous := sel.byName(e, "GROUP BY")
		if ambiguous != nil {
			return nil, ambiguous
		}
		if i < 0 {
			return nil, err
		}
		return b.groupItem(i, e, sel)
	case *ast.Literal:
		i, err := sel.byNumber(e, "GROUP BY")
		if err != nil {
			return nil, err
		}
		return b.groupItem(i, e, sel)
	}
	x, err := b.expr(e, p)
	if err != nil {
		return nil, err
	}
	x, err = expr.Settle(x)
	return x, at(err, e)
}

func (b *binder) groupItem(i int, e ast.Expr, sel *selection) (expr.Expr, error) {
	if _, err := b.sortItem(i, e, sel); err != nil {
		return nil, err
	}
	x := sel.items[i].x
	columns := map[int]bool{}
	expr.Columns(x, columns)
	for c := range columns {
		if c < aggregateBase {
			continue
		}
		return nil, pgerror.New(pgerror.GroupingError, "aggregate functions are not allowed in GROUP BY").At(start(sel.items[i].at))
	}
	return x, nil
}

// group finds an expression among the groups; -1 if it is none.
func (sel *selection) group(x expr.Expr) int {
	for i, g := range sel.groups {
		if same(g, x) {
			return i
		}
	}
	return -1
}

// overGroups rewrites the output, HAVING and ORDER BY to be over the row of an
// aggregation: the groups, then the aggregates.
func (b *binder) overGroups(sel *selection) error {
	r := regrouping{binder: b, sel: sel, keyed: sel.keyGrouped()}
	if err := sel.each(r.rewrite); err != nil {
		return err
	}
	// Groups may have been added for columns that follow from the key, so the
	// aggregates' places are known only now.
	return sel.each(r.place)
}

// each calls f for every expression behind the aggregation.
func (sel *selection) each(f func(*expr.Expr) error) error {
	for i := range sel.items {
		if err := f(&sel.items[i].x); err != nil {
			return err
		}
	}
	if sel.having != nil {
		if err := f(&sel.having); err != nil {
			return err
		}
	}
	for i := range sel.on {
		if err := f(&sel.on[i]); err != nil {
			return err
		}
	}
	for i := range sel.order {
		if sel.order[i].item < 0 {
			if err := f(&sel.order[i].x); err != nil {
				return err
			}
		}
	}
	return nil
}

// keyGrouped reports whether the groups hold the table's primary key, so that
// all its columns follow from them.
func (sel *selection) keyGrouped() bool {
	if sel.from.table == nil || len(sel.groups) == 0 {
		return false
	}
next:
	for _, k := range sel.from.table.PrimaryKey {
		for _, g := range sel.groups {
			if c, ok := g.(*expr.Column); ok && c.Index == k {
				continue next
			}
		}
		return false
	}
	return true
}

// groupBase is where the columns begin that stand for groups while a query is
// rewritten; they are above all aggregates.
const groupBase = aggregateBase << 1

type regrouping struct {
	binder *binder
	sel    *selection
	keyed  bool
}

// rewrite replaces groups by columns from groupBase, and refuses other columns.
func (r *regrouping) rewrite(x *expr.Expr) error {
	groups := map[expr.Expr]expr.Expr{}
	var refused error
	expr.Walk(*x, func(n expr.Expr) bool {
		if i := r.sel.group(n); i >= 0 {
			groups[n] = expr.NewColumn(groupBase+i, n.Type(), columnLabel(n))
			return false
		}
		c, ok := n.(*expr.Column)
		switch {
		case !ok || c.Index >= aggregateBase || refused != nil:
		case r.keyed:
			r.sel.groups = append(r.sel.groups, c)
			groups[n] = expr.NewColumn(groupBase+len(r.sel.groups)-1, c.Type(), c.Name)
		default:
			refused = r.ungrouped(c)
		}
		return refused == nil
	})
	if refused != nil {
		return refused
	}
	out, err := expr.Rewrite(*x, func(n expr.Expr) (expr.Expr, error) {
		if g, ok := groups[n]; ok {
			return g, nil
		}
		return n, nil
	})
	if err == nil {
		*x = out
	}
	return err
}

// place gives groups and aggregates their final columns.
func (r *regrouping) place(x *expr.Expr) error {
	out, err := expr.MapColumns(*x, func(i int) int {
		switch {
		case i >= groupBase:
			return i - groupBase
		case i >= aggregateBase:
			return len(r.sel.groups) + i - aggregateBase
		}
		return i
	})
	if err == nil {
		*x = out
	}
	return err
}

func (r *regrouping) ungrouped(c *expr.Column) error {
	name := c.Name
	for _, rel := range r.sel.from.scope.relations {
		for _, col := range rel.columns {
			if col.index == c.Index {
				name = rel.name + "." + col.name
			}
		}
	}
	return pgerror.New(pgerror.GroupingError, "column %q must appear in the GROUP BY clause or be used in an aggregate function", name).
		At(r.binder.where[c])
}
