package expr

import (
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Context says how a coercion was asked for.
type Context uint8

// The contexts, from the narrowest. They are in stored expressions: append only.
const (
	Implicit   Context = iota // by an operator or a function
	Assignment                // by a column that the value is stored in
	Explicit                  // by CAST
)

// Cast converts a value to another type, its modifier included.
type Cast struct {
	Arg     Expr
	Typ     datum.Type
	Context Context
	deep    int
	conv    conversion
	// relabel says that the value stays as it is.
	relabel bool
}

// CanCoerce reports whether Coerce would find a way from one type to another.
func CanCoerce(from, to datum.Type, ctx Context) bool {
	if from == datum.Unknown || from.OID == to.OID {
		return true
	}
	_, ok := pathway(from, to, ctx)
	return ok
}

// Coerce makes an expression have the type, by a cast if need be. It decides the
// type of untyped literals (parsing them: 22P02 and the like) and parameters.
// Where there is no way: 42846; who has a better text asks CanCoerce first.
func Coerce(e Expr, to datum.Type, ctx Context) (Expr, error) {
	from := e.Type()
	if from == datum.Unknown {
		return coerceUnknown(e, to, ctx)
	}
	if from == to {
		return e, nil
	}
	if from.OID == to.OID && to.Mod < 0 {
		return e, nil
	}
	conv, ok := pathway(from, to, ctx)
	if !ok {
		return nil, pgerror.New(pgerror.CannotCoerce, "cannot cast type %s to %s", typeName(from), typeName(to))
	}
	return makeCast(e, to, ctx, conv)
}

// Settle decides the type of an untyped literal or parameter that stands where
// nothing asks for a type, such as in a select list: it is text.
func Settle(e Expr) (Expr, error) { return settle(e) }

func settle(e Expr) (Expr, error) {
	if e.Type() != datum.Unknown {
		return e, nil
	}
	return Coerce(e, datum.Text, Implicit)
}

// coerceUnknown decides the type of what has none yet.
func coerceUnknown(e Expr, to datum.Type, ctx Context) (Expr, error) {
	if to == datum.Unknown {
		return e, nil
	}
	switch e := e.(type) {
	case *Param:
		p, err := e.decide(to)
		if err != nil {
			return nil, err
		}
		return Coerce(p, to, ctx)
	case *Const:
		return coerceLiteral(e, to, ctx)
	case *ArrayExpr:
		if _, ok := to.Elem(); !ok {
			return nil, pgerror.New(pgerror.CannotCoerce, "cannot cast type anyarray to type %s", typeName(to))
		}
		return &ArrayExpr{Typ: base(to), deep: 1}, nil
	case *CaseTest:
		return newCaseTest(base(to)), nil
	}
	conv, _ := pathway(datum.Text, to, Explicit)
	return makeCast(e, to, ctx, conv)
}

// coerceLiteral parses a literal, or leaves it to be parsed when it is
// evaluated where its value depends on the session.
func coerceLiteral(e *Const, to datum.Type, ctx Context) (Expr, error) {
	if e.Value.IsNull() {
		return &Const{Typ: to}, nil
	}
	if sessionLiteral(e.Value.Text(), to) {
		conv, _ := pathway(datum.Text, to, Explicit)
		return makeCast(&Const{Value: e.Value, Typ: datum.Text}, to, ctx, conv)
	}
	v, err := readLiteral(e.Value.Text(), to, ctx == Explicit, nil)
	if err != nil {
		return nil, err
	}
	if to.Mod < 0 {
		to = base(to)
	}
	return &Const{Value: v, Typ: to}, nil
}

// ReadLiteral reads an untyped literal as one that stands in a place of the type means it.
func ReadLiteral(text string, to datum.Type, format *datum.Format) (datum.Datum, error) {
	return readLiteral(text, to, false, format)
}

// readLiteral is ReadLiteral, or that of a cast, which cuts what is too long.
func readLiteral(text string, to datum.Type, explicit bool, format *datum.Format) (datum.Datum, error) {
	v, err := datum.ParseText(text, base(to), format)
	if err != nil || to.Mod < 0 {
		return v, err
	}
	return applyMod(v, to, explicit)
}

// sessionLiteral reports whether the meaning of a literal depends on the time
// zone, the date style or the clock.
func sessionLiteral(s string, t datum.Type) bool {
	switch base(t) {
	case datum.TimestampTZ, datum.TimestampTZArray:
		return true
	case datum.Date, datum.Timestamp, datum.Time:
		// ISO texts mean the same everywhere.
		return strings.ContainsAny(s, "/ntTNyY") || strings.Count(s, "-") == 2 && strings.IndexByte(s, '-') < 3
	case datum.DateArray, datum.TimestampArray, datum.TimeArray:
		return true
	}
	return false
}

// applyCoercion finds the conversion of a stored cast again.
func storedCast(arg Expr, to datum.Type, ctx Context) (Expr, error) {
	from := arg.Type()
	if from == datum.Unknown {
		from = datum.Text
	}
	conv, ok := pathway(from, to, ctx)
	if !ok {
		if conv, ok = pathway(from, to, Explicit); !ok {
			return nil, pgerror.New(pgerror.CannotCoerce, "cannot cast type %s to %s", typeName(from), typeName(to))
		}
	}
	return makeCast(arg, to, ctx, conv)
}

func makeCast(e Expr, to datum.Type, ctx Context, conv conversion) (Expr, error) {
	d, err := below(e)
	if err != nil {
		return nil, err
	}
	c := &Cast{
		Arg: e, Typ: to, Context: ctx, deep: d, conv: conv,
		relabel: conv.how == byRelabel && (to.Mod < 0 || to == e.Type()),
	}
	if k, ok := e.(*Const); ok && ctx == Implicit && castVolatility(k.Typ, to) == Immutable {
		if v, err := c.Eval(&Env{}); err == nil {
			return &Const{Value: v, Typ: to}, nil
		}
	}
	return c, nil
}

// Type returns the target type.
func (e *Cast) Type() datum.Type { return e.Typ }

// Eval converts the value.
func (e *Cast) Eval(env *Env) (datum.Datum, error) {
	v, err := e.Arg.Eval(env)
	if err != nil || e.relabel || v.IsNull() {
		return v, err
	}
	out, err := e.conv.apply(env, v, e.Typ, e.Context == Explicit)
	if env.limited && err == nil {
		err = env.spend(callWork + weight(&v) + weight(&out))
	}
	return out, err
}

func (e *Cast) children() []Expr { return []Expr{e.Arg} }
func (e *Cast) depth() int       { return e.deep }
func (e *Cast) with(c []Expr) (Expr, error) {
	return storedCast(c[0], e.Typ, e.Context)
}

// CastValue converts a value that stands outside of an expression.
func CastValue(env *Env, v datum.Datum, from, to datum.Type, ctx Context) (datum.Datum, error) {
	e, err := Coerce(&Const{Value: v, Typ: from}, to, ctx)
	if err != nil {
		return datum.Datum{}, err
	}
	return e.Eval(env)
}

// CommonType is the type to which PostgreSQL brings the branches of what context
// names: CASE, IN, VALUES, UNION, COALESCE, ARRAY, ... All unknown is text. It
// fails with 42804.
func CommonType(types []datum.Type, context string) (datum.Type, error) {
	t, a, b := common(types)
	if a != b {
		return t, pgerror.New(pgerror.DatatypeMismatch, "%s types %s and %s cannot be matched",
			context, typeName(a), typeName(b))
	}
	return t, nil
}

func commonType(types []datum.Type) (datum.Type, bool) {
	t, a, b := common(types)
	return t, a == b
}

// common returns the common type, or two types a and b that do not go together.
func common(types []datum.Type) (t, a, b datum.Type) {
	t = datum.Unknown
	same := true
	for _, n := range types {
		if n == datum.Unknown {
			same = false
			continue
		}
		if t == datum.Unknown {
			t = n
			continue
		}
		if n.OID == t.OID {
			if n.Mod != t.Mod {
				t.Mod = -1
			}
			continue
		}
		same = false
		cat := category(t)
		if category(n) != cat {
			return t, t, n
		}
		if !preferred(cat, t) && CanCoerce(t, n, Implicit) && !CanCoerce(n, t, Implicit) {
			t = n
		}
	}
	if t == datum.Unknown {
		t = datum.Text
	}
	if !same {
		t.Mod = -1
	}
	return t, a, b
}

// unify brings expressions to their common type, in place.
func unify(list []Expr, context string) (datum.Type, error) {
	types := make([]datum.Type, len(list))
	for i, e := range list {
		types[i] = e.Type()
	}
	t, err := CommonType(types, context)
	if err != nil {
		return t, err
	}
	for i, e := range list {
		if !CanCoerce(e.Type(), t, Implicit) {
			return t, pgerror.New(pgerror.CannotCoerce, "%s could not convert type %s to %s",
				context, typeName(e.Type()), typeName(t))
		}
		if list[i], err = Coerce(e, t, Implicit); err != nil {
			return t, err
		}
	}
	return t, nil
}
