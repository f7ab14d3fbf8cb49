package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// And is the conjunction of its arguments: false if one is false, else NULL if
// one is NULL. Evaluation stops at the first false one.
type And struct {
	Args []Expr
	deep int
}

// Or is the disjunction of its arguments.
type Or struct {
	Args []Expr
	deep int
}

// Not is the negation of its argument.
type Not struct {
	Arg  Expr
	deep int
}

// NewAnd joins conditions, each of which must be boolean. Nested conjunctions
// are flattened.
func NewAnd(args ...Expr) (Expr, error) {
	list, deep, err := conditions("AND", args, func(e Expr) []Expr {
		if and, ok := e.(*And); ok {
			return and.Args
		}
		return nil
	})
	if err != nil || len(list) == 1 {
		return only(list), err
	}
	return &And{Args: list, deep: deep}, nil
}

// NewOr joins alternatives, each of which must be boolean. Nested disjunctions
// are flattened.
func NewOr(args ...Expr) (Expr, error) {
	list, deep, err := conditions("OR", args, func(e Expr) []Expr {
		if or, ok := e.(*Or); ok {
			return or.Args
		}
		return nil
	})
	if err != nil || len(list) == 1 {
		return only(list), err
	}
	return &Or{Args: list, deep: deep}, nil
}

// conditions checks the arguments of a connective and puts the arguments of nested
// ones of its kind in their place. It returns how deep they are together.
func conditions(word string, args []Expr, nested func(Expr) []Expr) ([]Expr, int, error) {
	list := make([]Expr, 0, len(args))
	for _, a := range args {
		a, err := CoerceBool(a, word)
		if err != nil {
			return nil, 0, err
		}
		if inner := nested(a); inner != nil {
			list = append(list, inner...)
		} else {
			list = append(list, a)
		}
	}
	if len(list) == 1 {
		return list, 0, nil
	}
	deep, err := below(list...)
	if err != nil {
		return nil, 0, err
	}
	return list, deep, nil
}

// only returns the one expression of a list; nil of an empty one.
func only(list []Expr) Expr {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// NewNot negates a condition.
func NewNot(arg Expr) (Expr, error) {
	arg, err := CoerceBool(arg, "NOT")
	if err != nil {
		return nil, err
	}
	d, err := below(arg)
	if err != nil {
		return nil, err
	}
	return &Not{Arg: arg, deep: d}, nil
}

// CoerceBool makes an expression boolean where PostgreSQL does so by itself;
// what (AND, WHERE, HAVING, ...) names the place in the error, 42804.
func CoerceBool(e Expr, what string) (Expr, error) {
	if t := e.Type(); t != datum.Bool && t != datum.Unknown {
		return nil, pgerror.New(pgerror.DatatypeMismatch, "argument of %s must be type boolean, not type %s", what, t)
	}
	return Coerce(e, datum.Bool, Implicit)
}

// Type returns boolean.
func (*And) Type() datum.Type { return datum.Bool }

// Type returns boolean.
func (*Or) Type() datum.Type { return datum.Bool }

// Type returns boolean.
func (*Not) Type() datum.Type { return datum.Bool }

// Eval returns the conjunction.
func (e *And) Eval(env *Env) (datum.Datum, error) {
	null := false
	for _, a := range e.Args {
		v, err := a.Eval(env)
		switch {
		case err != nil:
			return datum.Datum{}, err
		case v.IsNull():
			null = true
		case !v.Bool():
			return v, nil
		}
	}
	if null {
		return datum.Datum{}, nil
	}
	return datum.NewBool(true), nil
}

// Eval returns the disjunction.
func (e *Or) Eval(env *Env) (datum.Datum, error) {
	null := false
	for _, a := range e.Args {
		v, err := a.Eval(env)
		switch {
		case err != nil:
			return datum.Datum{}, err
		case v.IsNull():
			null = true
		case v.Bool():
			return v, nil
		}
	}
	if null {
		return datum.Datum{}, nil
	}
	return datum.NewBool(false), nil
}

// Eval returns the negation.
func (e *Not) Eval(env *Env) (datum.Datum, error) {
	v, err := e.Arg.Eval(env)
	if err != nil || v.IsNull() {
		return datum.Datum{}, err
	}
	return datum.NewBool(!v.Bool()), nil
}

func (e *And) children() []Expr { return e.Args }
func (e *Or) children() []Expr  { return e.Args }
func (e *Not) children() []Expr { return []Expr{e.Arg} }

func (e *And) depth() int { return e.deep }
func (e *Or) depth() int  { return e.deep }
func (e *Not) depth() int { return e.deep }

func (e *And) with(c []Expr) (Expr, error) { return NewAnd(c...) }
func (e *Or) with(c []Expr) (Expr, error)  { return NewOr(c...) }
func (e *Not) with(c []Expr) (Expr, error) { return NewNot(c[0]) }
