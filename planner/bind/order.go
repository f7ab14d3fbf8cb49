package bind

import (
	"strconv"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// orderBy binds ORDER BY: a plain name is an output column if there is one of
// that name, a plain integer is the number of one, all else is an expression over
// the input.
func (b *binder) orderBy(list []ast.SortItem, sel *selection) error {
	for _, o := range list {
		if o.Using.Name != "" && o.Using.Name != "<" && o.Using.Name != ">" {
			return pgerror.NotSupported("ORDER BY USING").At(o.Position())
		}
		if o.Using.Name == ">" {
			o.Desc = true
		}
		k, err := b.sortKey(o.Expr, "ORDER BY", sel)
		if err != nil {
			return err
		}
		k.descending, k.nullsFirst, k.at = o.Desc, nullsFirst(o), o.Expr
		if err := orderable(k.expr(sel).Type(), o.Expr); err != nil {
			return err
		}
		sel.order = append(sel.order, k)
	}
	return nil
}

// expr is the expression that a key sorts by.
func (k *sortKey) expr(sel *selection) expr.Expr {
	if k.item >= 0 {
		return sel.items[k.item].x
	}
	return k.x
}

// sortKey finds what an item of ORDER BY or DISTINCT ON means.
func (b *binder) sortKey(e ast.Expr, clause string, sel *selection) (sortKey, error) {
	if ref, ok := e.(*ast.ColumnRef); ok && !ref.Star && len(ref.Parts) == 1 {
		i, err := sel.byName(ref, clause)
		if err != nil {
			return sortKey{}, err
		}
		if i >= 0 {
			return b.sortItem(i, e, sel)
		}
	}
	if l, ok := e.(*ast.Literal); ok {
		i, err := sel.byNumber(l, clause)
		if err != nil {
			return sortKey{}, err
		}
		return b.sortItem(i, e, sel)
	}
	x, err := b.expr(e, &place{clause: clause, scope: sel.from.scope, aggregates: &sel.aggregates})
	if err != nil {
		return sortKey{}, err
	}
	if x, err = expr.Settle(x); err != nil {
		return sortKey{}, at(err, e)
	}
	if i := sel.find(x); i >= 0 {
		return sortKey{item: i, at: e}, nil
	}
	return sortKey{item: -1, x: x, at: e}, nil
}

func (b *binder) sortItem(i int, e ast.Expr, sel *selection) (sortKey, error) {
	x, err := expr.Settle(sel.items[i].x)
	if err != nil {
		return sortKey{}, at(err, e)
	}
	sel.items[i].x = x
	return sortKey{item: i, at: e}, nil
}

// byName finds the output column of a name; -1 if there is none.
func (sel *selection) byName(ref *ast.ColumnRef, clause string) (int, error) {
	found := -1
	for i := range sel.items {
		if sel.items[i].name != ref.Parts[0] {
			continue
		}
		if found >= 0 && !same(sel.items[i].x, sel.items[found].x) {
			return -1, pgerror.New(pgerror.AmbiguousColumn, "%s %q is ambiguous", clause, ref.Parts[0]).At(ref.Position())
		}
		if found < 0 {
			found = i
		}
	}
	return found, nil
}

// byNumber finds the output column of a number.
func (sel *selection) byNumber(l *ast.Literal, clause string) (int, error) {
	if l.Kind != ast.Integer {
		return 0, pgerror.New(pgerror.SyntaxError, "non-integer constant in %s", clause).At(l.Position())
	}
	n, err := strconv.Atoi(l.Text)
	if err != nil || n < 1 || n > len(sel.items) {
		return 0, pgerror.New(pgerror.InvalidColumnReference, "%s position %s is not in select list", clause, l.Text).At(l.Position())
	}
	return n - 1, nil
}

// find finds the output column that is equal to an expression; -1 if none is.
func (sel *selection) find(x expr.Expr) int {
	for i := range sel.items {
		if same(sel.items[i].x, x) {
			return i
		}
	}
	return -1
}

// same reports whether two expressions are the same expression.
func same(a, b expr.Expr) bool { return a.Type() == b.Type() && expr.Equal(a, b) }

// orderable refuses types that have no order.
func orderable(t datum.Type, n ast.Node) error {
	if _, err := expr.ResolveOperator("<", t, t); err != nil && t != datum.Unknown {
		return pgerror.New(pgerror.UndefinedFunction, "could not identify an ordering operator for type %s", t.WithMod(-1)).
			WithHint("Use an explicit ordering operator or modify the query.").At(n.Position())
	}
	return nil
}

// comparable refuses types that have no equality.
func comparable(t datum.Type, n ast.Node) error {
	if _, err := expr.ResolveOperator("=", t, t); err != nil && t != datum.Unknown {
		return pgerror.New(pgerror.UndefinedFunction, "could not identify an equality operator for type %s", t.WithMod(-1)).At(n.Position())
	}
	return nil
}

// distinctClause binds DISTINCT and DISTINCT ON.
func (b *binder) distinctClause(s *ast.Select, sel *selection) error {
	if !s.Distinct {
		return nil
	}
	sel.distinct = true
	if len(s.DistinctOn) > 0 {
		return b.distinctOn(s, sel)
	}
	for i := range sel.items {
		if _, err := b.sortItem(i, nil, sel); err != nil {
			return err
		}
		if err := comparable(sel.items[i].x.Type(), sel.items[i].at); err != nil {
			return err
		}
	}
	for _, k := range sel.order {
		if k.item < 0 {
			return pgerror.New(pgerror.InvalidColumnReference, "for SELECT DISTINCT, ORDER BY expressions must appear in select list").At(start(k.at))
		}
	}
	return nil
}

// distinctOn binds DISTINCT ON: its expressions must be the first of ORDER BY.
func (b *binder) distinctOn(s *ast.Select, sel *selection) error {
	for _, e := range s.DistinctOn {
		k, err := b.sortKey(e, "DISTINCT ON", sel)
		if err != nil {
			return err
		}
		x := k.expr(sel)
		if err := comparable(x.Type(), e); err != nil {
			return err
		}
		sel.on = append(sel.on, x)
	}
	matched := make([]bool, len(sel.on))
	left := len(sel.on)
	for _, k := range sel.order {
		if left == 0 {
			break
		}
		hit := false
		for i, x := range sel.on {
			if same(x, k.expr(sel)) {
				hit = true
				if !matched[i] {
					matched[i] = true
					left--
				}
			}
		}
		if !hit {
			return pgerror.New(pgerror.InvalidColumnReference, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions").
				At(s.DistinctOn[0].Position())
		}
	}
	// What ORDER BY does not name is sorted by, too, so that equal rows meet.
	for i, x := range sel.on {
		if !matched[i] {
			sel.order = append(sel.order, sortKey{item: sel.find(x), x: x, at: s.DistinctOn[i]})
		}
	}
	return nil
}
