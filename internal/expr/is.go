package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
)

// IsNull is IS [NOT] NULL.
type IsNull struct {
	Arg  Expr
	Not  bool
	deep int
}

// Truth is what a BoolTest asks for. It is in stored expressions: append only.
type Truth uint8

// The truths.
const (
	IsTrue Truth = iota
	IsFalse
	IsUnknown
)

// String returns the keyword.
func (t Truth) String() string { return [...]string{"TRUE", "FALSE", "UNKNOWN"}[t%3] }

// BoolTest is IS [NOT] TRUE, FALSE or UNKNOWN.
type BoolTest struct {
	Arg   Expr
	Truth Truth
	Not   bool
	deep  int
}

// IsDistinct is IS [NOT] DISTINCT FROM: Eq compares what is not NULL.
type IsDistinct struct {
	Left, Right Expr
	Eq          *Overload
	Not         bool
	deep        int
	eq          *Call
}

// NewIsNull asks whether a value is NULL (not: is not). It leaves the type of a
// literal or parameter open.
func NewIsNull(arg Expr, not bool) (Expr, error) {
	d, err := below(arg)
	if err != nil {
		return nil, err
	}
	return &IsNull{Arg: arg, Not: not, deep: d}, nil
}

// NewBoolTest asks whether a condition is true, false or unknown.
func NewBoolTest(arg Expr, truth Truth, not bool) (Expr, error) {
	what := "IS "
	if not {
		what = "IS NOT "
	}
	arg, err := CoerceBool(arg, what+truth.String())
	if err != nil {
		return nil, err
	}
	d, err := below(arg)
	if err != nil {
		return nil, err
	}
	return &BoolTest{Arg: arg, Truth: truth, Not: not, deep: d}, nil
}

// NewIsDistinct compares two values so that NULL equals NULL.
func NewIsDistinct(l, r Expr, not bool) (Expr, error) {
	fn, args, err := resolveOperator("=", l, r)
	if err != nil {
		return nil, err
	}
	return makeIsDistinct(fn, args[0], args[1], not)
}

func makeIsDistinct(eq *Overload, l, r Expr, not bool) (Expr, error) {
	d, err := below(l, r)
	if err != nil {
		return nil, err
	}
	return &IsDistinct{Left: l, Right: r, Eq: eq, Not: not, deep: d, eq: pairCall(eq, l.Type(), r.Type())}, nil
}

// Type returns boolean.
func (*IsNull) Type() datum.Type { return datum.Bool }

// Type returns boolean.
func (*BoolTest) Type() datum.Type { return datum.Bool }

// Type returns boolean.
func (*IsDistinct) Type() datum.Type { return datum.Bool }

// Eval is never NULL.
func (e *IsNull) Eval(env *Env) (datum.Datum, error) {
	v, err := e.Arg.Eval(env)
	if err != nil {
		return datum.Datum{}, err
	}
	return datum.NewBool(v.IsNull() != e.Not), nil
}

// Eval is never NULL.
func (e *BoolTest) Eval(env *Env) (datum.Datum, error) {
	v, err := e.Arg.Eval(env)
	if err != nil {
		return datum.Datum{}, err
	}
	is := v.IsNull()
	if e.Truth != IsUnknown {
		is = !is && v.Bool() == (e.Truth == IsTrue)
	}
	return datum.NewBool(is != e.Not), nil
}

// Eval is never NULL.
func (e *IsDistinct) Eval(env *Env) (datum.Datum, error) {
	l, err := e.Left.Eval(env)
	if err != nil {
		return datum.Datum{}, err
	}
	r, err := e.Right.Eval(env)
	if err != nil {
		return datum.Datum{}, err
	}
	distinct := l.IsNull() != r.IsNull()
	if !l.IsNull() && !r.IsNull() {
		eq, err := e.eq.on(env, l, r)
		if err != nil {
			return datum.Datum{}, err
		}
		distinct = !eq.Bool()
	}
	return datum.NewBool(distinct != e.Not), nil
}

func (e *IsNull) children() []Expr     { return []Expr{e.Arg} }
func (e *BoolTest) children() []Expr   { return []Expr{e.Arg} }
func (e *IsDistinct) children() []Expr { return []Expr{e.Left, e.Right} }

func (e *IsNull) depth() int     { return e.deep }
func (e *BoolTest) depth() int   { return e.deep }
func (e *IsDistinct) depth() int { return e.deep }

func (e *IsNull) with(c []Expr) (Expr, error)     { return NewIsNull(c[0], e.Not) }
func (e *BoolTest) with(c []Expr) (Expr, error)   { return NewBoolTest(c[0], e.Truth, e.Not) }
func (e *IsDistinct) with(c []Expr) (Expr, error) { return makeIsDistinct(e.Eq, c[0], c[1], e.Not) }
