package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// RowCompare is (a, b, ...) op (x, y, ...) for <, <=, > and >=: the first pair
// that differs decides.
type RowCompare struct {
	Op          string
	Left, Right []Expr
	// Eq and Less compare the pairs.
	Eq, Less []*Overload
	deep     int
	eq, less []*Call
}

// NewRowCompare compares two rows: = and <> become AND and OR over the columns.
func NewRowCompare(op string, l, r []Expr) (Expr, error) {
	if len(l) != len(r) {
		return nil, pgerror.New(pgerror.SyntaxError, "unequal number of entries in row expressions")
	}
	if len(l) == 0 {
		return nil, pgerror.New(pgerror.FeatureNotSupported, "cannot compare rows of zero length")
	}
	switch op {
	case "=", "<>":
		terms := make([]Expr, len(l))
		for i := range l {
			var err error
			if terms[i], err = NewOperator(op, l[i], r[i]); err != nil {
				return nil, err
			}
		}
		if op == "=" {
			return NewAnd(terms...)
		}
		return NewOr(terms...)
	case "<", "<=", ">", ">=":
		return newRowOrder(op, l, r)
	}
	return nil, pgerror.New(pgerror.FeatureNotSupported, "could not determine interpretation of row comparison operator %s", op).
		WithHint("Row comparison operators must be associated with btree operator families.")
}

func newRowOrder(op string, l, r []Expr) (Expr, error) {
	left, right := make([]Expr, len(l)), make([]Expr, len(r))
	for i := range l {
		less, args, err := resolveOperator("<", l[i], r[i])
		if err != nil {
			return nil, err
		}
		if less.Result != datum.Bool {
			return nil, pgerror.New(pgerror.DatatypeMismatch, "row comparison operator must yield type boolean, not type %s", less.Result)
		}
		left[i], right[i] = args[0], args[1]
	}
	return makeRowCompare(op, left, right)
}

// makeRowCompare finds Eq and Less by the types of the pairs.
func makeRowCompare(op string, left, right []Expr) (Expr, error) {
	e := &RowCompare{Op: op, Left: left, Right: right}
	for i := range left {
		less, err := ResolveOperator("<", left[i].Type(), right[i].Type())
		if err != nil {
			return nil, err
		}
		eq, err := ResolveOperator("=", left[i].Type(), right[i].Type())
		if err != nil {
			return nil, err
		}
		e.Less, e.Eq = append(e.Less, less), append(e.Eq, eq)
		e.less = append(e.less, pairCall(less, left[i].Type(), right[i].Type()))
		e.eq = append(e.eq, pairCall(eq, left[i].Type(), right[i].Type()))
	}
	d, err := below(e.children()...)
	e.deep = d
	return e, err
}

// Type returns boolean.
func (*RowCompare) Type() datum.Type { return datum.Bool }

// Eval compares pair by pair, up to the first that differs or is NULL.
func (e *RowCompare) Eval(env *Env) (datum.Datum, error) {
	for i := range e.Left {
		l, err := e.Left[i].Eval(env)
		if err != nil {
			return datum.Datum{}, err
		}
		r, err := e.Right[i].Eval(env)
		if err != nil || l.IsNull() || r.IsNull() {
			return datum.Datum{}, err
		}
		eq, err := e.eq[i].on(env, l, r)
		if err != nil || eq.IsNull() {
			return datum.Datum{}, err
		}
		if eq.Bool() {
			continue
		}
		less, err := e.less[i].on(env, l, r)
		if err != nil || less.IsNull() {
			return datum.Datum{}, err
		}
		return datum.NewBool(less.Bool() == (e.Op[0] == '<')), nil
	}
	return datum.NewBool(len(e.Op) == 2), nil
}

func (e *RowCompare) children() []Expr {
	return append(append([]Expr(nil), e.Left...), e.Right...)
}
func (e *RowCompare) depth() int { return e.deep }
func (e *RowCompare) with(c []Expr) (Expr, error) {
	n := len(c) / 2
	return makeRowCompare(e.Op, c[:n:n], c[n:])
}
