package expr

import (
	"slices"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// In is Left [NOT] IN (list): Eq compares, element by element. All are of the
// types that Eq takes.
type In struct {
	Left Expr
	List []Expr
	Eq   *Overload
	Not  bool

	deep int
	eq   *Call
	set  *constSet // of List, where that is possible
}

// AnyAll is Left op ANY (array), or ALL.
type AnyAll struct {
	Left, Array Expr
	Fn          *Overload
	Op          string
	All         bool
	deep        int
	call        *Call
}

// ArrayExpr is ARRAY[...].
type ArrayExpr struct {
	Elems []Expr
	Typ   datum.Type // the array's type
	deep  int
}

// Subscript is Array[Index].
type Subscript struct {
	Array, Index Expr
	Typ          datum.Type // the element's type
	deep         int
}

// NewIn makes Left [NOT] IN (list). Where the elements have no common type with
// Left it becomes a disjunction of comparisons, as in PostgreSQL.
func NewIn(left Expr, list []Expr, not bool) (Expr, error) {
	if len(list) == 0 {
		return nil, pgerror.New(pgerror.SyntaxError, "an IN list must not be empty")
	}
	types := []datum.Type{left.Type()}
	for _, e := range list {
		types = append(types, e.Type())
	}
	if t, ok := commonType(types); ok {
		return newInCommon(left, list, t, not)
	}
	terms := make([]Expr, len(list))
	for i, e := range list {
		var err error
		if terms[i], err = NewOperator("=", left, e); err != nil {
			return nil, err
		}
	}
	e, err := NewOr(terms...)
	if err != nil || !not {
		return e, err
	}
	return NewNot(e)
}

func newInCommon(left Expr, list []Expr, t datum.Type, not bool) (Expr, error) {
	var err error
	list = append([]Expr(nil), list...)
	for i := range list {
		if list[i], err = Coerce(list[i], t, Implicit); err != nil {
			return nil, err
		}
	}
	fn, args, err := resolveOperator("=", left, list[0])
	if err != nil {
		return nil, err
	}
	want := args[1].Type()
	for i := range list {
		if list[i], err = Coerce(list[i], want, Implicit); err != nil {
			return nil, err
		}
	}
	return makeIn(fn, args[0], list, not)
}

func makeIn(eq *Overload, left Expr, list []Expr, not bool) (Expr, error) {
	e := &In{Left: left, List: list, Eq: eq, Not: not, set: newConstSet(left.Type(), list)}
	right := left.Type()
	if len(list) > 0 {
		right = list[0].Type()
	}
	e.eq = pairCall(eq, left.Type(), right)
	d, err := below(e.children()...)
	e.deep = d
	return e, err
}

// NewAnyAll makes Left op ANY (array), or ALL.
func NewAnyAll(left Expr, op string, array Expr, all bool) (Expr, error) {
	word := "ANY/ALL (array)"
	at := array.Type()
	var elem Expr = newCaseTest(datum.Unknown)
	if at != datum.Unknown {
		t, ok := at.Elem()
		if !ok {
			return nil, pgerror.New(pgerror.WrongObjectType, "op %s requires array on right side", word)
		}
		elem = newCaseTest(t)
	}
	fn, args, err := resolveOperator(op, left, elem)
	if err != nil {
		return nil, err
	}
	if fn.Result != datum.Bool {
		return nil, pgerror.New(pgerror.WrongObjectType, "op %s requires operator to yield boolean", word)
	}
	want, ok := args[1].Type().Array()
	if !ok {
		return nil, pgerror.New(pgerror.UndefinedObject, "could not find array type for data type %s", args[1].Type())
	}
	array, err = Coerce(array, want, Implicit)
	if err != nil {
		return nil, err
	}
	return makeAnyAll(fn, op, args[0], array, all)
}

func makeAnyAll(fn *Overload, op string, left, array Expr, all bool) (Expr, error) {
	d, err := below(left, array)
	if err != nil {
		return nil, err
	}
	elem, _ := array.Type().Elem()
	call := pairCall(fn, left.Type(), elem)
	return &AnyAll{Left: left, Array: array, Fn: fn, Op: op, All: all, deep: d, call: call}, nil
}

// NewArray makes ARRAY[...]. Without elements it is of unknown type, which a
// cast must decide.
func NewArray(elems ...Expr) (Expr, error) {
	if len(elems) == 0 {
		return &ArrayExpr{Typ: datum.Unknown, deep: 1}, nil
	}
	list := append([]Expr(nil), elems...)
	t, err := unify(list, "ARRAY")
	if err != nil {
		return nil, err
	}
	if t.IsArray() { // ARRAY[ARRAY[...], ...] has one dimension more
		return makeArray(list, base(t))
	}
	at, ok := t.Array()
	if !ok {
		return nil, pgerror.New(pgerror.UndefinedObject, "could not find array type for data type %s", t)
	}
	return makeArray(list, at)
}

func makeArray(elems []Expr, t datum.Type) (Expr, error) {
	d, err := below(elems...)
	if err != nil {
		return nil, err
	}
	return &ArrayExpr{Elems: elems, Typ: t, deep: d}, nil
}

// NewSubscript makes array[index], or json -> index for a jsonb.
func NewSubscript(array, index Expr) (Expr, error) {
	t, ok := array.Type().Elem()
	if !ok {
		if array.Type() == datum.JSONB {
			return NewOperator("->", array, index)
		}
		return nil, pgerror.New(pgerror.DatatypeMismatch,
			"cannot subscript type %s because it does not support subscripting", array.Type())
	}
	index, err := Coerce(index, datum.Int4, Assignment)
	if err != nil {
		return nil, err
	}
	return makeSubscript(array, index, t)
}

func makeSubscript(array, index Expr, t datum.Type) (Expr, error) {
	d, err := below(array, index)
	if err != nil {
		return nil, err
	}
	return &Subscript{Array: array, Index: index, Typ: t, deep: d}, nil
}

// Type returns boolean.
func (*In) Type() datum.Type { return datum.Bool }

// Type returns boolean.
func (*AnyAll) Type() datum.Type { return datum.Bool }

// Type returns the array's type.
func (e *ArrayExpr) Type() datum.Type { return e.Typ }

// Type returns the element's type.
func (e *Subscript) Type() datum.Type { return e.Typ }

// Eval is NULL where no element is equal and a NULL is among them.
func (e *In) Eval(env *Env) (datum.Datum, error) {
	l, err := e.Left.Eval(env)
	if err != nil {
		return datum.Datum{}, err
	}
	if e.set != nil {
		if l.IsNull() {
			return datum.Datum{}, nil
		}
		found := e.set.has(l)
		if !found && e.set.null {
			return datum.Datum{}, nil
		}
		return datum.NewBool(found != e.Not), nil
	}
	if err := env.spend(int64(len(e.List)) * callWork); err != nil {
		return datum.Datum{}, err
	}
	null := l.IsNull()
	for _, x := range e.List {
		r, err := x.Eval(env)
		if err != nil {
			return datum.Datum{}, err
		}
		if l.IsNull() || r.IsNull() {
			null = true
			continue
		}
		eq, err := e.eq.on(env, l, r)
		if err != nil {
			return datum.Datum{}, err
		}
		if eq.Bool() {
			return datum.NewBool(!e.Not), nil
		}
	}
	if null {
		return datum.Datum{}, nil
	}
	return datum.NewBool(e.Not), nil
}

// Eval applies the operator to the elements until one decides.
func (e *AnyAll) Eval(env *Env) (datum.Datum, error) {
	l, err := e.Left.Eval(env)
	if err != nil {
		return datum.Datum{}, err
	}
	a, err := e.Array.Eval(env)
	if err != nil || a.IsNull() {
		return datum.Datum{}, err
	}
	if err := env.spend(int64(len(a.Array().Elems)) * callWork); err != nil {
		return datum.Datum{}, err
	}
	null := false
	for _, r := range a.Array().Elems {
		v, err := e.call.on(env, l, r)
		switch {
		case err != nil:
			return datum.Datum{}, err
		case v.IsNull():
			null = true
		case v.Bool() != e.All:
			return v, nil
		}
	}
	if null {
		return datum.Datum{}, nil
	}
	return datum.NewBool(e.All), nil
}

// Eval builds the array.
func (e *ArrayExpr) Eval(env *Env) (datum.Datum, error) {
	list := make([]datum.Datum, len(e.Elems))
	for i, x := range e.Elems {
		var err error
		if list[i], err = x.Eval(env); err != nil {
			return datum.Datum{}, err
		}
	}
	t, _ := e.Typ.Elem()
	if len(list) > 0 && e.Elems[0].Type().IsArray() {
		return stack(t, list)
	}
	return datum.NewArray(t, list), nil
}

// stack makes an array of arrays that have the same dimensions.
func stack(elem datum.Type, list []datum.Datum) (datum.Datum, error) {
	bad := func() error {
		return pgerror.New(pgerror.ArraySubscriptError, "multidimensional arrays must have array expressions with matching dimensions")
	}
	var dims []datum.Dim
	var elems []datum.Datum
	empty := 0
	for _, v := range list {
		a := v.Array()
		if a == nil || len(a.Dims) == 0 {
			empty++
			continue
		}
		if dims == nil {
			dims = append([]datum.Dim{{Len: int32(len(list)), Lower: 1}}, a.Dims...)
		} else if !slices.Equal(dims[1:], a.Dims) {
			return datum.Datum{}, bad()
		}
		elems = append(elems, a.Elems...)
	}
	switch {
	case empty == len(list):
		return datum.NewArray(elem, nil), nil
	case empty > 0:
		return datum.Datum{}, bad()
	case len(dims) > datum.MaxDims:
		return datum.Datum{}, pgerror.New(pgerror.ProgramLimitExceeded,
			"number of array dimensions (%d) exceeds the maximum allowed (%d)", len(dims), datum.MaxDims)
	}
	return datum.NewArrayDims(elem, dims, elems), nil
}

// Eval is NULL outside the array's bounds.
func (e *Subscript) Eval(env *Env) (datum.Datum, error) {
	a, err := e.Array.Eval(env)
	if err != nil {
		return datum.Datum{}, err
	}
	i, err := e.Index.Eval(env)
	if err != nil || a.IsNull() || i.IsNull() {
		return datum.Datum{}, err
	}
	v := a.Array()
	if len(v.Dims) != 1 {
		return datum.Datum{}, nil
	}
	n := i.Int() - int64(v.Dims[0].Lower)
	if n < 0 || n >= int64(len(v.Elems)) {
		return datum.Datum{}, nil
	}
	return v.Elems[n], nil
}

func (e *In) children() []Expr        { return append([]Expr{e.Left}, e.List...) }
func (e *AnyAll) children() []Expr    { return []Expr{e.Left, e.Array} }
func (e *ArrayExpr) children() []Expr { return e.Elems }
func (e *Subscript) children() []Expr { return []Expr{e.Array, e.Index} }

func (e *In) depth() int        { return e.deep }
func (e *AnyAll) depth() int    { return e.deep }
func (e *ArrayExpr) depth() int { return e.deep }
func (e *Subscript) depth() int { return e.deep }

func (e *In) with(c []Expr) (Expr, error) { return makeIn(e.Eq, c[0], c[1:], e.Not) }
func (e *AnyAll) with(c []Expr) (Expr, error) {
	return makeAnyAll(e.Fn, e.Op, c[0], c[1], e.All)
}
func (e *ArrayExpr) with(c []Expr) (Expr, error) { return makeArray(c, e.Typ) }
func (e *Subscript) with(c []Expr) (Expr, error) { return makeSubscript(c[0], c[1], e.Typ) }
