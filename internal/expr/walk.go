package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Walk visits an expression and what is below it, parents first. Where visit
// returns false it does not go deeper.
func Walk(e Expr, visit func(Expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	for _, c := range e.children() {
		Walk(c, visit)
	}
}

// Rewrite replaces nodes, children first. change gets each node over its changed
// children and returns what stands in its place; it must keep the type.
func Rewrite(e Expr, change func(Expr) (Expr, error)) (Expr, error) {
	if e == nil {
		return nil, nil
	}
	kids := e.children()
	var fresh []Expr
	for i, c := range kids {
		n, err := Rewrite(c, change)
		if err != nil {
			return nil, err
		}
		if n != c && fresh == nil {
			fresh = append([]Expr(nil), kids...)
		}
		if fresh != nil {
			fresh[i] = n
		}
	}
	if fresh != nil {
		var err error
		if e, err = e.with(fresh); err != nil {
			return nil, err
		}
	}
	return change(e)
}

// Columns adds the indexes of the columns that an expression reads to a set.
func Columns(e Expr, into map[int]bool) {
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Column); ok {
			into[c.Index] = true
		}
		return true
	})
}

// HasColumns reports whether an expression reads the row.
func HasColumns(e Expr) bool {
	found := false
	Walk(e, func(e Expr) bool {
		_, ok := e.(*Column)
		found = found || ok
		return !found
	})
	return found
}

// HasParams reports whether an expression reads parameters.
func HasParams(e Expr) bool {
	found := false
	Walk(e, func(e Expr) bool {
		_, ok := e.(*Param)
		found = found || ok
		return !found
	})
	return found
}

// MapColumns gives columns other indexes.
func MapColumns(e Expr, index func(int) int) (Expr, error) {
	return Rewrite(e, func(e Expr) (Expr, error) {
		if c, ok := e.(*Column); ok {
			return NewColumn(index(c.Index), c.Typ, c.Name), nil
		}
		return e, nil
	})
}

// VolatilityOf is the highest volatility of the functions and casts in an
// expression.
func VolatilityOf(e Expr) Volatility {
	v := Immutable
	Walk(e, func(e Expr) bool {
		v = max(v, nodeVolatility(e))
		return v != Volatile
	})
	return v
}

func nodeVolatility(e Expr) Volatility {
	switch e := e.(type) {
	case *Call:
		if e.Fn.Volatility == Immutable {
			return textVolatility(e)
		}
		return e.Fn.Volatility
	case *Cast:
		if e.relabel {
			return Immutable
		}
		return castVolatility(e.Arg.Type(), e.Typ)
	case *AnyAll:
		return e.Fn.Volatility
	case *In:
		return e.Eq.Volatility
	}
	return Immutable
}

// textVolatility is that of functions that write any value as a text.
func textVolatility(*Call) Volatility { return Immutable }

// castVolatility tells casts that depend on time zone or date style.
func castVolatility(from, to datum.Type) Volatility {
	if e, ok := from.Elem(); ok {
		from = e
	}
	if e, ok := to.Elem(); ok {
		to = e
	}
	if from.OID == to.OID {
		return Immutable
	}
	zoned := from.OID == datum.TimestampTZ.OID || to.OID == datum.TimestampTZ.OID
	text := category(from) == 'S' && to.IsDateTime() && to.OID != datum.Interval.OID ||
		category(to) == 'S' && (from.IsDateTime() || from.IsFloat() || from.OID == datum.Bytea.OID)
	if zoned || text {
		return Stable
	}
	return Immutable
}

// Fold evaluates the immutable parts of an expression that read neither row nor
// parameters. A part that fails is left as it is, to fail when it is reached.
func Fold(e Expr) (Expr, error) {
	env := &Env{}
	return Rewrite(e, func(e Expr) (Expr, error) {
		switch e.(type) {
		case *Const, *Column, *Param, *CaseTest:
			return e, nil
		}
		if nodeVolatility(e) != Immutable || e.Type() == datum.Unknown {
			return e, nil
		}
		for _, c := range e.children() {
			if _, ok := c.(*Const); !ok {
				return foldLogic(e)
			}
		}
		v, err := e.Eval(env)
		if err != nil {
			return e, nil
		}
		return &Const{Value: v, Typ: e.Type()}, nil
	})
}

// foldLogic simplifies AND and OR of which some arguments are constants.
func foldLogic(e Expr) (Expr, error) {
	var args []Expr
	var neutral bool
	switch n := e.(type) {
	case *And:
		args, neutral = n.Args, true
	case *Or:
		args, neutral = n.Args, false
	default:
		return e, nil
	}
	kept := make([]Expr, 0, len(args))
	for _, a := range args {
		c, ok := a.(*Const)
		switch {
		case !ok || c.Value.IsNull():
			kept = append(kept, a)
		case c.Value.Bool() != neutral:
			return c, nil
		}
	}
	switch {
	case len(kept) == len(args):
		return e, nil
	case len(kept) == 0:
		return NewBool(neutral), nil
	}
	return e.with(kept)
}

// HideSession replaces the parts of an expression that a partition cannot or
// should not evaluate, because they depend on the session or its clock, by what
// param returns for them: a *Param that stands for the value, which the session
// evaluates once per statement (with Env.Session set). Such parts read no
// columns; 0A000 for a session function that does, or that must be called for
// each row (nextval).
func HideSession(e Expr, param func(part Expr) (Expr, error)) (Expr, error) {
	if e == nil {
		return nil, nil
	}
	if v := VolatilityOf(e); v == Immutable {
		return e, nil
	}
	if hideable(e) {
		return param(e)
	}
	if c, ok := e.(*Call); ok && c.Fn.Session {
		return nil, pgerror.NotSupported("function %s in a place where it is evaluated for each row",
			signature(c.Fn.Name, c.Fn.Args))
	}
	kids := e.children()
	fresh := make([]Expr, len(kids))
	for i, c := range kids {
		var err error
		if fresh[i], err = HideSession(c, param); err != nil {
			return nil, err
		}
	}
	if len(kids) == 0 {
		return e, nil
	}
	return e.with(fresh)
}

// hideable reports whether an expression has one value per statement and needs
// the session for it.
func hideable(e Expr) bool {
	ok := true
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case *Column, *CaseTest:
			ok = false
		case *Call:
			if e.Fn.Volatility == Volatile && !(e.Fn.Session && oncePerStatement(e.Fn.ID)) {
				ok = false
			}
		}
		return ok
	})
	return ok
}

// NeedsSession reports whether an expression calls a function that only
// Env.Session can answer.
func NeedsSession(e Expr) bool {
	found := false
	Walk(e, func(e Expr) bool {
		c, ok := e.(*Call)
		found = found || ok && c.Fn.Session
		return !found
	})
	return found
}
