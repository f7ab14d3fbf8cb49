package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
)

// head reads what is not a child and returns what builds the node.
func (r *reader) head(tag byte) func([]Expr) (Expr, error) {
	switch tag {
	case tagConst:
		t := r.typ()
		v := r.datum()
		if !v.IsNull() && v.Kind() != t.Kind() || v.Kind() == datum.KindArray && !arrayFits(v, t) {
			r.fail(malformed())
		}
		return leaf(&Const{Value: v, Typ: t})
	case tagColumn:
		i := r.index()
		t := r.typ()
		return leaf(NewColumn(i, t, r.string()))
	case tagParam:
		i := r.index()
		return leaf(NewParam(i, r.typ()))
	case tagCaseTest:
		return leaf(newCaseTest(r.typ()))
	case tagCall:
		return r.callHead()
	case tagAnd:
		return some(func(k []Expr) (Expr, error) { return NewAnd(k...) })
	case tagOr:
		return some(func(k []Expr) (Expr, error) { return NewOr(k...) })
	case tagNot:
		return over(1, func(k []Expr) (Expr, error) { return NewNot(k[0]) })
	case tagCast:
		ctx := Context(r.byte())
		t := r.typ()
		if ctx > Explicit {
			r.fail(malformed())
		}
		return over(1, func(k []Expr) (Expr, error) { return storedCast(k[0], t, ctx) })
	}
	return r.moreHeads(tag)
}

func (r *reader) callHead() func([]Expr) (Expr, error) {
	fn, t := r.function(), r.typ()
	op := r.string()
	if r.err != nil {
		return nil
	}
	return func(k []Expr) (Expr, error) {
		c, ok := expand(fn, len(k))
		if op != "" { // an operator passes an array where a call has VARIADIC
			c, ok = candidate{fn, fn.Args}, len(k) == len(fn.Args)
		}
		if !ok {
			return nil, malformed()
		}
		if err := checkArgs(c, k); err != nil {
			return nil, err
		}
		if !resultFits(c, k, t) {
			return nil, malformed()
		}
		return newCall(fn, k, t, op)
	}
}

// checkArgs guards the functions of decoded calls against values of other kinds
// than they were written for.
func checkArgs(c candidate, args []Expr) error {
	for i, a := range args {
		d := c.args[i]
		switch {
		case d.OID == oidAnyArray || d.OID == oidAnyCompatibleArray:
			if a.Type().Kind() != datum.KindArray {
				return malformed()
			}
		case polymorphic(d.OID):
		case d.Kind() != a.Type().Kind():
			return malformed()
		}
	}
	return nil
}

// resultFits reports whether a decoded call's type is the one that its function
// gives for such arguments.
func resultFits(c candidate, args []Expr, t datum.Type) bool {
	if !polymorphic(c.fn.Result.OID) {
		return c.fn.Result.OID == t.OID
	}
	types := make([]datum.Type, len(args))
	for i, a := range args {
		types[i] = a.Type()
	}
	_, g, err := bindGenerics(types, c.args)
	return err == nil && g.substitute(c.fn.Result).OID == t.OID
}

// alike checks that expressions have values of a type's kind.
func alike(t datum.Type, list ...Expr) error {
	for _, e := range list {
		if e.Type().Kind() != t.Kind() {
			return malformed()
		}
	}
	return nil
}

// pair checks the operands of a comparison.
func pair(fn *Overload, l, r Expr) error {
	c, ok := expand(fn, 2)
	if !ok || fn.Result != datum.Bool {
		return malformed()
	}
	return checkArgs(c, []Expr{l, r})
}

func (r *reader) moreHeads(tag byte) func([]Expr) (Expr, error) {
	switch tag {
	case tagCase:
		return r.caseHead()
	case tagCoalesce:
		t := r.typ()
		return some(func(k []Expr) (Expr, error) {
			if err := alike(t, k...); err != nil {
				return nil, err
			}
			return (&Coalesce{Typ: t}).with(k)
		})
	case tagMinMax:
		greatest, t := r.byte() == 1, r.typ()
		return some(func(k []Expr) (Expr, error) {
			if err := alike(t, k...); err != nil {
				return nil, err
			}
			return (&MinMax{Greatest: greatest, Typ: t}).with(k)
		})
	case tagNullIf:
		fn := r.function()
		return over(2, func(k []Expr) (Expr, error) {
			if err := pair(fn, k[0], k[1]); err != nil {
				return nil, err
			}
			return makeNullIf(fn, k[0], k[1])
		})
	case tagIsDistinct:
		not, fn := r.byte() == 1, r.function()
		return over(2, func(k []Expr) (Expr, error) {
			if err := pair(fn, k[0], k[1]); err != nil {
				return nil, err
			}
			return makeIsDistinct(fn, k[0], k[1], not)
		})
	case tagIsNull:
		not := r.byte() == 1
		return over(1, func(k []Expr) (Expr, error) { return NewIsNull(k[0], not) })
	case tagBoolTest:
		truth, not := Truth(r.byte()), r.byte() == 1
		if truth > IsUnknown {
			r.fail(malformed())
		}
		return over(1, func(k []Expr) (Expr, error) { return NewBoolTest(k[0], truth, not) })
	}
	return r.listHeads(tag)
}

func (r *reader) caseHead() func([]Expr) (Expr, error) {
	operand, t := r.byte() == 1, r.typ()
	return func(k []Expr) (Expr, error) {
		var first Expr
		if operand && len(k) > 0 {
			first, k = k[0], k[1:]
		}
		if len(k)%2 != 1 {
			return nil, malformed()
		}
		whens := make([]When, len(k)/2)
		for i := range whens {
			whens[i] = When{Cond: k[2*i], Then: k[2*i+1]}
			if whens[i].Cond.Type() != datum.Bool || alike(t, whens[i].Then) != nil {
				return nil, malformed()
			}
		}
		if err := alike(t, k[len(k)-1]); err != nil {
			return nil, err
		}
		return makeCase(first, whens, k[len(k)-1], t)
	}
}

func (r *reader) listHeads(tag byte) func([]Expr) (Expr, error) {
	switch tag {
	case tagIn:
		not, fn := r.byte() == 1, r.function()
		return some(func(k []Expr) (Expr, error) {
			for _, e := range k[1:] {
				if err := pair(fn, k[0], e); err != nil {
					return nil, err
				}
			}
			return makeIn(fn, k[0], k[1:], not)
		})
	case tagAnyAll:
		all, fn := r.byte() == 1, r.function()
		op := r.string()
		return over(2, func(k []Expr) (Expr, error) {
			elem, ok := k[1].Type().Elem()
			if !ok {
				return nil, malformed()
			}
			if err := pair(fn, k[0], newCaseTest(elem)); err != nil {
				return nil, err
			}
			return makeAnyAll(fn, op, k[0], k[1], all)
		})
	case tagArray:
		t := r.typ()
		return func(k []Expr) (Expr, error) {
			elem, ok := t.Elem()
			if !ok {
				return nil, malformed()
			}
			if len(k) > 0 && k[0].Type().OID == t.OID {
				elem = t
			}
			for _, e := range k {
				if elem.IsArray() && e.Type().OID != t.OID {
					return nil, malformed()
				}
			}
			if err := alike(elem, k...); err != nil {
				return nil, err
			}
			return makeArray(k, t)
		}
	case tagSubscript:
		t := r.typ()
		return over(2, func(k []Expr) (Expr, error) {
			if elem, ok := k[0].Type().Elem(); !ok || elem.OID != t.OID || k[1].Type() != datum.Int4 {
				return nil, malformed()
			}
			return makeSubscript(k[0], k[1], t)
		})
	case tagRowCompare:
		op := r.string()
		return func(k []Expr) (Expr, error) {
			if len(k) == 0 || len(k)%2 != 0 || !rowOperator(op) {
				return nil, malformed()
			}
			return makeRowCompare(op, k[:len(k)/2:len(k)/2], k[len(k)/2:])
		}
	}
	r.fail(malformed())
	return nil
}

func rowOperator(op string) bool { return op == "<" || op == "<=" || op == ">" || op == ">=" }
