package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// NewFunction calls a function by name: it resolves the overload, coerces the
// arguments and decides the types of untyped ones. A type's name with one
// argument is a cast, where no such function fits, as in PostgreSQL.
func NewFunction(name string, args ...Expr) (Expr, error) {
	if len(args) > MaxArgs {
		return nil, pgerror.New(pgerror.TooManyArguments, "cannot pass more than %d arguments to a function", MaxArgs)
	}
	types := make([]datum.Type, len(args))
	for i, a := range args {
		types[i] = a.Type()
	}
	c, err := resolveFunction(name, types)
	if err != nil {
		if cast, ok := functionCast(name, args); ok {
			return cast, nil
		}
		return nil, err
	}
	return callCandidate(c, args, "")
}

// MaxArgs bounds the arguments of a function.
const MaxArgs = 100

func functionCast(name string, args []Expr) (Expr, bool) {
	if len(args) != 1 || name == "char" {
		return nil, false
	}
	t, err := datum.ByName(name, nil)
	if err != nil {
		return nil, false
	}
	e, err := Coerce(args[0], base(t), Explicit)
	return e, err == nil
}

// NewOperator applies a binary operator, or a prefix operator if l is nil.
func NewOperator(op string, l, r Expr) (Expr, error) {
	if op == "!=" {
		op = "<>"
	}
	var lt datum.Type
	args := []Expr{r}
	if l != nil {
		lt, args = l.Type(), []Expr{l, r}
	}
	c, err := operatorCandidate(op, lt, r.Type())
	if err != nil {
		return nil, err
	}
	return callCandidate(c, args, op)
}

// resolveOperator finds a binary operator's function and coerces the operands.
func resolveOperator(op string, l, r Expr) (*Overload, []Expr, error) {
	c, err := operatorCandidate(op, l.Type(), r.Type())
	if err != nil {
		return nil, nil, err
	}
	args, _, err := coerceArgs(c, []Expr{l, r})
	return c.fn, args, err
}

func callCandidate(c candidate, args []Expr, op string) (Expr, error) {
	args, typ, err := coerceArgs(c, args)
	if err != nil {
		return nil, err
	}
	fn, args, err := completeCall(c.fn, args)
	if err != nil {
		return nil, err
	}
	return newCall(fn, args, typ, op)
}

// coerceArgs brings arguments to the types that the candidate declares and finds
// the type of the result.
func coerceArgs(c candidate, args []Expr) ([]Expr, datum.Type, error) {
	types := make([]datum.Type, len(args))
	for i, a := range args {
		types[i] = a.Type()
	}
	want, g, err := bindGenerics(types, c.args)
	if err != nil {
		return nil, datum.Type{}, err
	}
	list := make([]Expr, len(args))
	for i, a := range args {
		w := want[i]
		if w == datum.Unknown { // "any"
			w = datum.Text
		}
		if list[i], err = Coerce(a, base(w), Implicit); err != nil {
			return nil, datum.Type{}, err
		}
	}
	return list, g.substitute(c.fn.Result), nil
}

// NewLike makes text [NOT] LIKE or ILIKE pattern [ESCAPE escape] (nil: none).
func NewLike(text, pattern, escape Expr, insensitive, not bool) (Expr, error) {
	op := "~~"
	if insensitive {
		op = "~~*"
	}
	if not {
		op = "!" + op
	}
	if escape != nil {
		var err error
		if pattern, err = NewFunction("like_escape", pattern, escape); err != nil {
			return nil, err
		}
	}
	return NewOperator(op, text, pattern)
}

// NewSimilar makes text [NOT] SIMILAR TO pattern [ESCAPE escape] (nil: none).
func NewSimilar(text, pattern, escape Expr, not bool) (Expr, error) {
	op := "~"
	if not {
		op = "!~"
	}
	args := []Expr{pattern}
	if escape != nil {
		args = append(args, escape)
	}
	regex, err := NewFunction("similar_to_escape", args...)
	if err != nil {
		return nil, err
	}
	return NewOperator(op, text, regex)
}

// NewBetween makes x [NOT] BETWEEN [SYMMETRIC] low AND high.
func NewBetween(x, low, high Expr, not, symmetric bool) (Expr, error) {
	e, err := between(x, low, high)
	if err != nil {
		return nil, err
	}
	if symmetric {
		swapped, err := between(x, high, low)
		if err != nil {
			return nil, err
		}
		if e, err = NewOr(e, swapped); err != nil {
			return nil, err
		}
	}
	if not {
		return NewNot(e)
	}
	return e, nil
}

func between(x, low, high Expr) (Expr, error) {
	ge, err := NewOperator(">=", x, low)
	if err != nil {
		return nil, err
	}
	le, err := NewOperator("<=", x, high)
	if err != nil {
		return nil, err
	}
	return NewAnd(ge, le)
}

// NewCast is CAST(e AS t).
func NewCast(e Expr, t datum.Type) (Expr, error) { return Coerce(e, t, Explicit) }
