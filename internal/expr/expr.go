package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Expr is a typed expression over a row and parameters. Expressions are
// immutable once bound and may be evaluated from several goroutines, each with
// its own Env.
//
// The nodes are *Const, *Column, *Param, *Call, *And, *Or, *Not, *Case,
// *CaseTest, *Coalesce, *NullIf, *MinMax, *IsNull, *BoolTest, *IsDistinct, *In,
// *AnyAll, *ArrayExpr, *Subscript, *Cast and *RowCompare. They are made by the
// constructors, which resolve, coerce and check; their fields are for reading.
type Expr interface {
	// Type is the type of every value that Eval returns (NULL aside). A literal
	// whose type is not known yet has datum.Unknown.
	Type() datum.Type
	// Eval computes the value. Its errors are *pgerror.Error.
	Eval(env *Env) (datum.Datum, error)

	children() []Expr
	with(children []Expr) (Expr, error) // the same node over other children
	appendHead(dst []byte) []byte       // tag and all that is not a child
	depth() int
	format(p *printer)
}

// MaxDepth bounds the nesting of an expression; a constructor that would exceed
// it fails with 54001.
const MaxDepth = 4000

// Const is a literal.
type Const struct {
	Value datum.Datum
	Typ   datum.Type
}

// Column is a value of the row, by index.
type Column struct {
	Index int
	Typ   datum.Type
	Name  string // for people: EXPLAIN and stored texts

	kind datum.Kind // of the values; KindNull: not checked
}

// Param is the parameter $(Index+1).
type Param struct {
	Index int
	Typ   datum.Type

	types *ParamTypes // while binding: where the type is inferred
	kind  datum.Kind  // of the values; KindNull: not checked
}

// NewConst makes a literal of a known type.
func NewConst(v datum.Datum, t datum.Type) *Const { return &Const{Value: v, Typ: t} }

// NewString makes a quoted literal, whose type is decided by where it stands.
func NewString(s string) *Const { return &Const{Value: datum.NewText(s), Typ: datum.Unknown} }

// NewNull makes the literal NULL, whose type is decided by where it stands.
func NewNull() *Const { return &Const{Typ: datum.Unknown} }

// NewBool makes the literal true or false.
func NewBool(b bool) *Const { return &Const{Value: datum.NewBool(b), Typ: datum.Bool} }

// NewColumn makes a reference to a value of the row.
func NewColumn(index int, t datum.Type, name string) *Column {
	return &Column{Index: index, Typ: t, Name: name, kind: t.Kind()}
}

// NewParam makes a parameter of a known type; see ParamTypes for others.
func NewParam(index int, t datum.Type) *Param {
	return &Param{Index: index, Typ: t, kind: valueKind(t)}
}

// valueKind is the kind that a parameter's values must have. A parameter of
// unknown type takes any.
func valueKind(t datum.Type) datum.Kind {
	if t == datum.Unknown {
		return datum.KindNull
	}
	return t.Kind()
}

// arrayFits reports whether an array's elements are of its type.
func arrayFits(v datum.Datum, t datum.Type) bool {
	elem, ok := t.Elem()
	if !ok {
		return false
	}
	want := elem.Kind()
	for _, x := range v.Array().Elems {
		if k := x.Kind(); k != want && k != datum.KindNull {
			return false
		}
	}
	return true
}

// wrongKind is what a row or parameter fails with whose value is not of the type
// that the expression was bound with: functions may rely on it.
func wrongKind(what string, v datum.Datum, t datum.Type) error {
	return pgerror.New(pgerror.DataCorrupted, "%s holds a value of kind %s, not of type %s", what, v.Kind(), t)
}

// Type returns the literal's type.
func (e *Const) Type() datum.Type { return e.Typ }

// Type returns the column's type.
func (e *Column) Type() datum.Type { return e.Typ }

// Type returns the parameter's type.
func (e *Param) Type() datum.Type { return e.Typ }

// Eval returns the literal.
func (e *Const) Eval(*Env) (datum.Datum, error) { return e.Value, nil }

// Eval returns the row's value; NULL where the row is shorter.
func (e *Column) Eval(env *Env) (datum.Datum, error) {
	if uint(e.Index) >= uint(len(env.Row)) {
		return datum.Datum{}, nil
	}
	v := env.Row[e.Index]
	if k := v.Kind(); k != e.kind && k != datum.KindNull && e.kind != datum.KindNull || k == datum.KindArray && !arrayFits(v, e.Typ) {
		return datum.Datum{}, wrongKind("column "+e.Name, v, e.Typ)
	}
	return v, nil
}

// Eval returns the parameter's value.
func (e *Param) Eval(env *Env) (datum.Datum, error) {
	if uint(e.Index) >= uint(len(env.Params)) {
		return datum.Datum{}, pgerror.New(pgerror.UndefinedParameter, "there is no parameter $%d", e.Index+1)
	}
	v := env.Params[e.Index]
	if k := v.Kind(); k != e.kind && k != datum.KindNull && e.kind != datum.KindNull || k == datum.KindArray && !arrayFits(v, e.Typ) {
		return datum.Datum{}, wrongKind("parameter", v, e.Typ)
	}
	return v, nil
}

func (*Const) children() []Expr  { return nil }
func (*Column) children() []Expr { return nil }
func (*Param) children() []Expr  { return nil }

func (e *Const) with([]Expr) (Expr, error)  { return e, nil }
func (e *Column) with([]Expr) (Expr, error) { return e, nil }
func (e *Param) with([]Expr) (Expr, error)  { return e, nil }

func (*Const) depth() int  { return 1 }
func (*Column) depth() int { return 1 }
func (*Param) depth() int  { return 1 }

// below is the depth of a node over the given children.
func below(children ...Expr) (int, error) {
	d := 0
	for _, c := range children {
		if c != nil {
			d = max(d, c.depth())
		}
	}
	if d >= MaxDepth {
		return 0, pgerror.New("54001", "stack depth limit exceeded").
			WithHint("An expression may be nested %d levels deep.", MaxDepth)
	}
	return d + 1, nil
}

// EvalBool evaluates a condition as WHERE and CHECK's violations need it: the
// result is whether it is true; isNull tells NULL from false.
func EvalBool(e Expr, env *Env) (isTrue, isNull bool, err error) {
	v, err := e.Eval(env)
	if err != nil {
		return false, false, err
	}
	if v.IsNull() {
		return false, true, nil
	}
	return v.Bool(), false, nil
}
