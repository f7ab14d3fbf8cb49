package expr

import (
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/datum"
)

// Volatility says when a function's result may change.
type Volatility uint8

// The volatilities, as PostgreSQL has them.
const (
	Immutable Volatility = iota // by its arguments alone
	Stable                      // by its arguments and the session's settings
	Volatile                    // with every call
)

// String returns PostgreSQL's word for it.
func (v Volatility) String() string {
	switch v {
	case Immutable:
		return "immutable"
	case Stable:
		return "stable"
	}
	return "volatile"
}

// Overload is one function for one list of argument types. It is what stands
// behind operators and casts too.
type Overload struct {
	// ID is the number by which it is stored: the oid that the function has in
	// PostgreSQL 15.
	ID   uint32
	Name string
	// Args are the declared types; polymorphic ones (anyelement, ...) among them.
	Args []datum.Type
	// Variadic says that the last of Args stands for any number of its elements.
	Variadic   bool
	Result     datum.Type
	Volatility Volatility
	// Strict says that the result is NULL where an argument is.
	Strict bool
	// Session says that only Env.Session can answer it; see HideSession.
	Session bool
	// Supported is false for functions that PostgreSQL has and ssmr does not:
	// they are known so that they can be refused by name.
	Supported bool

	impl any // fn0, fn1, fn2, fn3, fnx or opcode
}

// The shapes of implementations. Strict functions never see NULL.
type (
	fn1 func(a datum.Datum) (datum.Datum, error)
	fn2 func(a, b datum.Datum) (datum.Datum, error)
	fn3 func(a, b, c datum.Datum) (datum.Datum, error)
	// fnx gets the call for the types of its arguments. It must not keep args.
	fnx func(env *Env, c *Call, args []datum.Datum) (datum.Datum, error)
)

// Call is a function applied to arguments, or an operator to its operands.
type Call struct {
	Fn   *Overload
	Args []Expr
	Typ  datum.Type // the result's type, resolved
	Op   string     // the operator as written; empty for a function call

	deep     int
	op       opcode
	strict   bool
	f1       fn1
	f2       fn2
	f3       fn3
	fx       fnx
	compiled atomic.Pointer[pattern] // of the pattern that the call saw last
}

// newCall makes a call over arguments that have the right types already.
func newCall(fn *Overload, args []Expr, typ datum.Type, op string) (*Call, error) {
	d, err := below(args...)
	if err != nil {
		return nil, err
	}
	c := &Call{Fn: fn, Args: args, Typ: typ, Op: op, deep: d, strict: fn.Strict}
	switch f := fn.impl.(type) {
	case opcode:
		c.op = f
	case fn1:
		c.op, c.f1 = opFn1, f
	case fn2:
		c.op, c.f2 = opFn2, f
	case fn3:
		c.op, c.f3 = opFn3, f
	case fnx:
		c.op, c.fx = opFnx, f
	default:
		return nil, notSupportedCall(fn)
	}
	return c, nil
}

// Type returns the result's type.
func (c *Call) Type() datum.Type { return c.Typ }

// Eval evaluates the arguments, all of them, and then the function.
func (c *Call) Eval(env *Env) (datum.Datum, error) {
	switch c.op {
	case opFn1:
		a, err := c.Args[0].Eval(env)
		if err != nil || (c.strict && a.IsNull()) {
			return datum.Datum{}, err
		}
		v, err := c.f1(a)
		if env.limited && err == nil {
			err = c.spendCall(env, &v, a)
		}
		return v, err
	case opFn3:
		return c.eval3(env)
	case opFnx:
		return c.evalMany(env)
	}
	var left, right datum.Datum
	a, err := fetch(c.Args[0], env, &left)
	if err != nil {
		return datum.Datum{}, err
	}
	b, err := fetch(c.Args[1], env, &right)
	if err != nil || (c.strict && (a.IsNull() || b.IsNull())) {
		return datum.Datum{}, err
	}
	var v datum.Datum
	switch op := c.op; {
	case op == opFn2:
		v, err = c.f2(*a, *b)
	case op >= opIntEq && op <= opIntGe:
		return datum.NewBool(compareInt(op, a.Int(), b.Int())), nil
	default:
		v, err = apply(op, a, b)
	}
	if env.limited && err == nil {
		err = c.spendCall(env, &v, *a, *b)
	}
	return v, err
}

// fetch evaluates an operand; values of rows, parameters and constants are not
// copied into buf but pointed at.
func fetch(e Expr, env *Env, buf *datum.Datum) (*datum.Datum, error) {
	switch e := e.(type) {
	case *Column:
		if uint(e.Index) < uint(len(env.Row)) {
			if v := &env.Row[e.Index]; v.Kind() == e.kind && e.kind != datum.KindArray {
				return v, nil
			}
		}
	case *Const:
		return &e.Value, nil
	case *Param:
		if uint(e.Index) < uint(len(env.Params)) {
			if v := &env.Params[e.Index]; v.Kind() == e.kind && e.kind != datum.KindArray {
				return v, nil
			}
		}
	}
	v, err := e.Eval(env)
	*buf = v
	return buf, err
}

func (c *Call) eval3(env *Env) (datum.Datum, error) {
	var v [3]datum.Datum
	null := false
	for i, e := range c.Args {
		var err error
		if v[i], err = e.Eval(env); err != nil {
			return datum.Datum{}, err
		}
		null = null || v[i].IsNull()
	}
	if null && c.strict {
		return datum.Datum{}, nil
	}
	result, err := c.f3(v[0], v[1], v[2])
	if env.limited && err == nil {
		err = c.spendCall(env, &result, v[0], v[1], v[2])
	}
	return result, err
}

// evalMany keeps the arguments on the environment's stack, so that calls of any
// arity take no memory once it has grown.
func (c *Call) evalMany(env *Env) (datum.Datum, error) {
	base := len(env.stack)
	null := false
	for _, e := range c.Args {
		v, err := e.Eval(env)
		if err != nil {
			env.stack = env.stack[:base]
			return datum.Datum{}, err
		}
		null = null || v.IsNull()
		env.stack = append(env.stack, v)
	}
	args := env.stack[base:len(env.stack):len(env.stack)]
	var v datum.Datum
	var err error
	if !null || !c.strict {
		if v, err = c.fx(env, c, args); env.limited && err == nil {
			err = c.spendCall(env, &v, args...)
		}
	}
	clear(args)
	env.stack = env.stack[:base]
	return v, err
}

// pairCall makes the call that compares or combines values of two types where
// no Call stands in the tree: in IN, ANY, NULLIF and their like.
func pairCall(fn *Overload, l, r datum.Type) *Call {
	c, err := newCall(fn, []Expr{newCaseTest(l), newCaseTest(r)}, fn.Result, "")
	if err != nil {
		return &Call{Fn: fn, op: opFn2, f2: func(_, _ datum.Datum) (datum.Datum, error) { return datum.Datum{}, err }}
	}
	return c
}

// on applies a call of two arguments to values.
func (c *Call) on(env *Env, a, b datum.Datum) (datum.Datum, error) {
	if c.strict && (a.IsNull() || b.IsNull()) {
		return datum.Datum{}, nil
	}
	switch c.op {
	case opFn2:
		return c.f2(a, b)
	case opFnx:
		base := len(env.stack)
		env.stack = append(env.stack, a, b)
		args := env.stack[base : base+2 : base+2]
		v, err := c.fx(env, c, args)
		clear(args)
		env.stack = env.stack[:base]
		return v, err
	case opFn1, opFn3:
		return datum.Datum{}, notSupportedCall(c.Fn)
	}
	return apply(c.op, &a, &b)
}

func (c *Call) children() []Expr { return c.Args }
func (c *Call) depth() int       { return c.deep }
func (c *Call) with(args []Expr) (Expr, error) {
	return newCall(c.Fn, args, c.Typ, c.Op)
}
