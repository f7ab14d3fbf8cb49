package bind

import (
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/planner/plan"
)

// Bounds on how far a condition is taken apart.
const (
	maxAlternatives = 20_000 // alternatives of one access
	maxProduct      = 4_096  // keys that one alternative of constants names
	maxTimesArray   = 16     // values beside an array of unknown length
)

// access finds the keys that a condition names. What the keys do not say is left
// as a filter; nil is none.
func access(t *catalog.Table, where expr.Expr) (*plan.Access, expr.Expr, error) {
	a := &plan.Access{Table: t}
	if where != nil {
		var err error
		if where, err = expr.Fold(where); err != nil {
			return nil, nil, err
		}
	}
	if where == nil || alwaysTrue(where) {
		a.All = true
		return a, nil, nil
	}
	terms := conjuncts(where)
	k := keyFinder{table: t, lossy: make([]bool, len(terms))}
	found := make([]bool, len(terms))
	alternatives := []keyed{make(keyed, len(t.PrimaryKey))}
	any := false
	for i, term := range terms {
		alts, ok := k.find(term, i)
		if !ok {
			continue
		}
		if len(alternatives)*len(alts) > maxAlternatives {
			continue
		}
		found[i], any = true, true
		alternatives = k.intersect(alternatives, alts)
	}
	if !any || !k.finish(a, alternatives) {
		a.All, a.Alternatives = true, nil
		return a, where, nil
	}
	if len(a.Alternatives) == 0 {
		return a, nil, nil
	}
	var rest []expr.Expr
	for i, term := range terms {
		if !found[i] || k.lossy[i] {
			rest = append(rest, term)
		}
	}
	if len(rest) == 0 {
		return a, nil, nil
	}
	filter, err := expr.NewAnd(rest...)
	return a, filter, err
}

func alwaysTrue(e expr.Expr) bool {
	c, ok := e.(*expr.Const)
	return ok && c.Value.Bool()
}

func conjuncts(e expr.Expr) []expr.Expr {
	if and, ok := e.(*expr.And); ok {
		return and.Args
	}
	return []expr.Expr{e}
}

// keyed is a conjunction: a condition for each column of the key.
type keyed []columnCond

// columnCond is a condition on one column of the key. The sources are the terms
// of the whole condition that its parts come from.
type columnCond struct {
	values       *plan.KeyValues
	lower, upper *plan.Bound

	valuesFrom, lowerFrom, upperFrom int
}

// keyFinder takes a condition apart. lossy marks the terms that the keys found
// say less than.
type keyFinder struct {
	table *catalog.Table
	lossy []bool
}

// find returns the alternatives of a condition; none means that it is never
// true. ok is false where it says nothing about the key.
func (k *keyFinder) find(e expr.Expr, term int) (alts []keyed, ok bool) {
	switch e := e.(type) {
	case *expr.Const:
		if e.Value.IsNull() || !e.Value.Bool() {
			return nil, true
		}
	case *expr.Call:
		if e.Op != "" && len(e.Args) == 2 {
			return k.comparison(e.Op, e.Args[0], e.Args[1], term)
		}
	case *expr.IsDistinct:
		if e.Not {
			return k.comparison("=", e.Left, e.Right, term)
		}
	case *expr.In:
		if !e.Not {
			return k.in(e, term)
		}
	case *expr.AnyAll:
		if !e.All && e.Op == "=" {
			return k.anyOf(e, term)
		}
	case *expr.RowCompare:
		return k.rows(e, term)
	case *expr.And:
		return k.and(e.Args, term)
	case *expr.Or:
		return k.or(e.Args, term)
	}
	return nil, false
}

func (k *keyFinder) and(args []expr.Expr, term int) (alts []keyed, ok bool) {
	for _, a := range args {
		more, found := k.find(a, term)
		switch {
		case !found:
			k.lossy[term] = true
		case !ok:
			alts, ok = more, true
		case len(alts)*len(more) > maxAlternatives:
			k.lossy[term] = true
		default:
			alts = k.intersect(alts, more)
		}
	}
	return alts, ok
}

func (k *keyFinder) or(args []expr.Expr, term int) (alts []keyed, ok bool) {
	for _, a := range args {
		more, found := k.find(a, term)
		if !found || len(alts)+len(more) > maxAlternatives {
			return nil, false
		}
		alts = append(alts, more...)
	}
	return alts, true
}

// comparison is column op value, or value op column.
func (k *keyFinder) comparison(op string, l, r expr.Expr, term int) ([]keyed, bool) {
	if i, ok := k.column(l); ok {
		return k.compare(i, op, r, term)
	}
	if i, ok := k.column(r); ok {
		return k.compare(i, mirror(op), l, term)
	}
	return nil, false
}

func mirror(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

func (k *keyFinder) compare(column int, op string, value expr.Expr, term int) ([]keyed, bool) {
	if !k.value(value, value.Type(), column) {
		return nil, false
	}
	alt := make(keyed, len(k.table.PrimaryKey))
	c := &alt[column]
	switch op {
	case "=":
		c.values, c.valuesFrom = &plan.KeyValues{Exprs: []expr.Expr{value}, Type: value.Type()}, term
	case "<", "<=":
		c.upper, c.upperFrom = &plan.Bound{Expr: value, Type: value.Type(), Inclusive: op == "<="}, term
	case ">", ">=":
		c.lower, c.lowerFrom = &plan.Bound{Expr: value, Type: value.Type(), Inclusive: op == ">="}, term
	default:
		return nil, false
	}
	return []keyed{alt}, true
}

func (k *keyFinder) in(e *expr.In, term int) ([]keyed, bool) {
	column, ok := k.column(e.Left)
	if !ok {
		return nil, false
	}
	for _, x := range e.List {
		if !k.value(x, x.Type(), column) {
			return nil, false
		}
	}
	alt := make(keyed, len(k.table.PrimaryKey))
	alt[column] = columnCond{values: &plan.KeyValues{Exprs: e.List, Type: e.List[0].Type()}, valuesFrom: term}
	return []keyed{alt}, true
}

func (k *keyFinder) anyOf(e *expr.AnyAll, term int) ([]keyed, bool) {
	column, ok := k.column(e.Left)
	if !ok {
		return nil, false
	}
	elem, ok := e.Array.Type().Elem()
	if !ok || !k.value(e.Array, elem, column) {
		return nil, false
	}
	alt := make(keyed, len(k.table.PrimaryKey))
	alt[column] = columnCond{values: &plan.KeyValues{Array: e.Array, Type: elem}, valuesFrom: term}
	return []keyed{alt}, true
}

// rows is (a, b) < (x, y) and its kin: a < x, or a = x and b < y.
func (k *keyFinder) rows(e *expr.RowCompare, term int) ([]keyed, bool) {
	op, left, right := e.Op, e.Left, e.Right
	if _, ok := k.column(left[0]); !ok {
		op, left, right = mirror(op), right, left
	}
	var alts []keyed
	equal := []keyed{make(keyed, len(k.table.PrimaryKey))}
	for i := range left {
		column, ok := k.column(left[i])
		if !ok || !k.value(right[i], right[i].Type(), column) || equal[0][column].values != nil {
			if i == 0 {
				return nil, false
			}
			// Rows that are equal so far may or may not belong to it.
			k.lossy[term] = true
			return append(alts, equal...), true
		}
		strict := op
		if i < len(left)-1 {
			strict = op[:1]
		}
		differs, _ := k.compare(column, strict, right[i], term)
		alts = append(alts, k.intersect(equal, differs)...)
		same, _ := k.compare(column, "=", right[i], term)
		equal = k.intersect(equal, same)
	}
	return alts, true
}

// column reports which column of the key an expression is, maybe behind a cast
// that keeps order and equality.
func (k *keyFinder) column(e expr.Expr) (int, bool) {
	for {
		c, ok := e.(*expr.Cast)
		if !ok {
			break
		}
		if !keepsOrder(c.Arg.Type(), c.Typ) {
			return 0, false
		}
		e = c.Arg
	}
	c, ok := e.(*expr.Column)
	if !ok {
		return 0, false
	}
	i := slices.Index(k.table.PrimaryKey, c.Index)
	return i, i >= 0
}

// keepsOrder reports whether a cast maps different values to different values in
// the same order, and never fails.
func keepsOrder(from, to datum.Type) bool {
	if to.Mod >= 0 {
		return false
	}
	width := func(t datum.Type) int {
		switch {
		case t.Is(datum.Int2):
			return 1
		case t.Is(datum.Int4):
			return 2
		case t.Is(datum.Int8):
			return 3
		case t.Is(datum.Numeric):
			return 4
		}
		return 0
	}
	if f, t := width(from), width(to); f > 0 && t > 0 {
		return f <= t
	}
	stringy := func(t datum.Type) bool { return t.Is(datum.Text) || t.Is(datum.Varchar) }
	return stringy(from) && stringy(to)
}

// value reports whether an expression of the type can be looked up in a column
// of the key: it does not depend on the row, and not on chance.
func (k *keyFinder) value(e expr.Expr, t datum.Type, column int) bool {
	if !plan.Comparable(k.table.Columns[k.table.PrimaryKey[column]].Type, t) {
		return false
	}
	return constant(e)
}

// constant reports whether an expression has one value in one execution.
func constant(e expr.Expr) bool {
	return !expr.HasColumns(e) && expr.VolatilityOf(e) != expr.Volatile
}
