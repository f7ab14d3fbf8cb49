package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
)

// Case is CASE [Operand] WHEN ... THEN ... ELSE ... END. With an operand, the
// conditions compare a *CaseTest, which stands for it.
type Case struct {
	Operand Expr // may be nil
	Whens   []When
	Else    Expr
	Typ     datum.Type
	deep    int
}

// When is one branch of a Case.
type When struct{ Cond, Then Expr }

// CaseTest stands for the value of the innermost Case's operand.
type CaseTest struct {
	Typ  datum.Type
	kind datum.Kind
}

func newCaseTest(t datum.Type) *CaseTest { return &CaseTest{Typ: t, kind: valueKind(t)} }

// Coalesce is the first of its arguments that is not NULL.
type Coalesce struct {
	Args []Expr
	Typ  datum.Type
	deep int
}

// NullIf is NULL if Eq holds between its arguments, else the left one.
type NullIf struct {
	Left, Right Expr
	Eq          *Overload
	deep        int
	eq          *Call
}

// MinMax is GREATEST or LEAST; NULLs are left out.
type MinMax struct {
	Greatest bool
	Args     []Expr
	Typ      datum.Type
	deep     int
}

// NewCase makes a CASE. With an operand the conditions of whens are the values
// to compare it with. A nil otherwise means ELSE NULL.
func NewCase(operand Expr, whens []When, otherwise Expr) (Expr, error) {
	if otherwise == nil {
		otherwise = NewNull()
	}
	results := make([]Expr, 0, len(whens)+1)
	results = append(results, otherwise)
	list := make([]When, len(whens))
	var err error
	if operand != nil {
		if operand, err = settle(operand); err != nil {
			return nil, err
		}
	}
	for i, w := range whens {
		if operand != nil {
			w.Cond, err = NewOperator("=", newCaseTest(operand.Type()), w.Cond)
		} else {
			w.Cond, err = CoerceBool(w.Cond, "CASE/WHEN")
		}
		if err != nil {
			return nil, err
		}
		list[i] = w
		results = append(results, w.Then)
	}
	t, err := unify(results, "CASE")
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Then = results[i+1]
	}
	return makeCase(operand, list, results[0], t)
}

func makeCase(operand Expr, whens []When, otherwise Expr, t datum.Type) (Expr, error) {
	e := &Case{Operand: operand, Whens: whens, Else: otherwise, Typ: t}
	d, err := below(e.children()...)
	e.deep = d
	return e, err
}

// NewCoalesce makes a COALESCE.
func NewCoalesce(args ...Expr) (Expr, error) {
	list := append([]Expr(nil), args...)
	t, err := unify(list, "COALESCE")
	if err != nil {
		return nil, err
	}
	d, err := below(list...)
	if err != nil {
		return nil, err
	}
	return &Coalesce{Args: list, Typ: t, deep: d}, nil
}

// NewNullIf makes a NULLIF.
func NewNullIf(l, r Expr) (Expr, error) {
	fn, args, err := resolveOperator("=", l, r)
	if err != nil {
		return nil, err
	}
	return makeNullIf(fn, args[0], args[1])
}

func makeNullIf(eq *Overload, l, r Expr) (Expr, error) {
	d, err := below(l, r)
	if err != nil {
		return nil, err
	}
	return &NullIf{Left: l, Right: r, Eq: eq, deep: d, eq: pairCall(eq, l.Type(), r.Type())}, nil
}

// NewMinMax makes a GREATEST or a LEAST.
func NewMinMax(greatest bool, args ...Expr) (Expr, error) {
	name := "LEAST"
	if greatest {
		name = "GREATEST"
	}
	list := append([]Expr(nil), args...)
	t, err := unify(list, name)
	if err != nil {
		return nil, err
	}
	if err := orderable(t); err != nil {
		return nil, err
	}
	d, err := below(list...)
	if err != nil {
		return nil, err
	}
	return &MinMax{Greatest: greatest, Args: list, Typ: t, deep: d}, nil
}

// Type returns the common type of the results.
func (e *Case) Type() datum.Type { return e.Typ }

// Type returns the operand's type.
func (e *CaseTest) Type() datum.Type { return e.Typ }

// Type returns the common type of the arguments.
func (e *Coalesce) Type() datum.Type { return e.Typ }

// Type returns the left argument's type, as Eq takes it.
func (e *NullIf) Type() datum.Type { return e.Left.Type() }

// Type returns the common type of the arguments.
func (e *MinMax) Type() datum.Type { return e.Typ }

// Eval evaluates the branch that is taken and no other.
func (e *Case) Eval(env *Env) (datum.Datum, error) {
	if e.Operand != nil {
		v, err := e.Operand.Eval(env)
		if err != nil {
			return datum.Datum{}, err
		}
		outer := env.caseValue
		env.caseValue = v
		then, err := e.choose(env)
		env.caseValue = outer
		if err != nil {
			return datum.Datum{}, err
		}
		return then.Eval(env)
	}
	then, err := e.choose(env)
	if err != nil {
		return datum.Datum{}, err
	}
	return then.Eval(env)
}

func (e *Case) choose(env *Env) (Expr, error) {
	for i := range e.Whens {
		c, err := e.Whens[i].Cond.Eval(env)
		if err != nil {
			return nil, err
		}
		if !c.IsNull() && c.Bool() {
			return e.Whens[i].Then, nil
		}
	}
	return e.Else, nil
}

// Eval returns the operand of the CASE around it.
func (e *CaseTest) Eval(env *Env) (datum.Datum, error) {
	if k := env.caseValue.Kind(); k != e.kind && k != datum.KindNull {
		return datum.Datum{}, wrongKind("the operand of a CASE", env.caseValue, e.Typ)
	}
	return env.caseValue, nil
}

// Eval evaluates arguments up to the first that is not NULL.
func (e *Coalesce) Eval(env *Env) (datum.Datum, error) {
	for _, a := range e.Args {
		if v, err := a.Eval(env); err != nil || !v.IsNull() {
			return v, err
		}
	}
	return datum.Datum{}, nil
}

// Eval returns the left argument unless it equals the right one.
func (e *NullIf) Eval(env *Env) (datum.Datum, error) {
	l, err := e.Left.Eval(env)
	if err != nil {
		return datum.Datum{}, err
	}
	r, err := e.Right.Eval(env)
	if err != nil || l.IsNull() || r.IsNull() {
		return l, err
	}
	eq, err := e.eq.on(env, l, r)
	if err != nil || (!eq.IsNull() && eq.Bool()) {
		return datum.Datum{}, err
	}
	return l, nil
}

// Eval returns the greatest or least of the arguments that are not NULL.
func (e *MinMax) Eval(env *Env) (datum.Datum, error) {
	var best datum.Datum
	for _, a := range e.Args {
		v, err := a.Eval(env)
		if err != nil {
			return datum.Datum{}, err
		}
		if v.IsNull() {
			continue
		}
		if best.IsNull() || (compareAs(e.Typ, v, best) > 0) == e.Greatest {
			best = v
		}
	}
	return best, nil
}

func (e *Case) children() []Expr {
	list := make([]Expr, 0, 2*len(e.Whens)+2)
	if e.Operand != nil {
		list = append(list, e.Operand)
	}
	for _, w := range e.Whens {
		list = append(list, w.Cond, w.Then)
	}
	return append(list, e.Else)
}
func (*CaseTest) children() []Expr   { return nil }
func (e *Coalesce) children() []Expr { return e.Args }
func (e *NullIf) children() []Expr   { return []Expr{e.Left, e.Right} }
func (e *MinMax) children() []Expr   { return e.Args }

func (e *Case) depth() int     { return e.deep }
func (*CaseTest) depth() int   { return 1 }
func (e *Coalesce) depth() int { return e.deep }
func (e *NullIf) depth() int   { return e.deep }
func (e *MinMax) depth() int   { return e.deep }

func (e *Case) with(c []Expr) (Expr, error) {
	var operand Expr
	if e.Operand != nil {
		operand, c = c[0], c[1:]
	}
	whens := make([]When, len(e.Whens))
	for i := range whens {
		whens[i] = When{Cond: c[2*i], Then: c[2*i+1]}
	}
	return makeCase(operand, whens, c[len(c)-1], e.Typ)
}
func (e *CaseTest) with([]Expr) (Expr, error) { return e, nil }
func (e *Coalesce) with(c []Expr) (Expr, error) {
	d, err := below(c...)
	return &Coalesce{Args: c, Typ: e.Typ, deep: d}, err
}
func (e *NullIf) with(c []Expr) (Expr, error) { return makeNullIf(e.Eq, c[0], c[1]) }
func (e *MinMax) with(c []Expr) (Expr, error) {
	d, err := below(c...)
	return &MinMax{Greatest: e.Greatest, Args: c, Typ: e.Typ, deep: d}, err
}
