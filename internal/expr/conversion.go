package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
)

// how is the way in which a cast computes its value.
type how uint8

const (
	byRelabel how = iota // the value stays as it is
	byFunction
	byText  // through the text of the value
	byArray // element by element
)

// conversion is a way from one type to another.
type conversion struct {
	how  how
	from datum.Type
	fn   castFunction
	elem *conversion // byArray
	to   datum.Type  // of the elements, byArray
}

// castFunction converts a value that is not NULL.
type castFunction func(env *Env, v datum.Datum) (datum.Datum, error)

// castEntry is a row of PostgreSQL's pg_cast.
type castEntry struct {
	context Context
	how     how
	fn      castFunction
}

type castKey struct{ from, to uint32 }

// pathway finds the way from one type to another in a context (PostgreSQL's
// find_coercion_pathway); a change of the modifier alone included.
func pathway(from, to datum.Type, ctx Context) (conversion, bool) {
	c := conversion{from: from, to: to}
	if from.OID == to.OID {
		return c, true
	}
	if polymorphic(from.OID) || polymorphic(to.OID) {
		return c, false
	}
	if e, ok := catalog().casts[castKey{from.OID, to.OID}]; ok {
		c.how, c.fn = e.how, e.fn
		return c, ctx >= e.context
	}
	fe, fromArray := from.Elem()
	te, toArray := to.Elem()
	if fromArray && toArray {
		elem, ok := pathway(fe, te, ctx)
		c.how, c.elem, c.to = byArray, &elem, te
		if ok && elem.how == byRelabel {
			return c, true
		}
		return c, ok
	}
	c.how = byText
	if category(to) == 'S' && from.OID != datum.Void.OID {
		return c, ctx >= Assignment
	}
	return c, ctx == Explicit && category(from) == 'S' && to.OID != datum.Void.OID && to != datum.Unknown
}

// apply converts a value that is not NULL and fits it to the target's modifier.
func (c *conversion) apply(env *Env, v datum.Datum, to datum.Type, explicit bool) (datum.Datum, error) {
	var err error
	switch c.how {
	case byFunction:
		v, err = c.fn(env, v)
	case byText:
		if category(to) == 'S' {
			v = datum.NewText(textOf(env, v, c.from))
			if to.OID == datum.Char.OID || to.OID == datum.Name.OID {
				v, err = datum.ParseText(v.Text(), base(to), nil)
			}
		} else {
			v, err = datum.ParseText(v.Text(), base(to), env.Format)
		}
	case byArray:
		return c.applyArray(env, v, to, explicit)
	}
	if err != nil || to.Mod < 0 {
		return v, err
	}
	return applyMod(v, to, explicit)
}

func (c *conversion) applyArray(env *Env, v datum.Datum, to datum.Type, explicit bool) (datum.Datum, error) {
	elem, _ := to.Elem()
	a := v.Array()
	list := make([]datum.Datum, len(a.Elems))
	for i, x := range a.Elems {
		if x.IsNull() {
			continue
		}
		var err error
		if list[i], err = c.elem.apply(env, x, elem, explicit); err != nil {
			return datum.Datum{}, err
		}
	}
	return datum.NewArrayDims(elem, a.Dims, list), nil
}

func applyMod(v datum.Datum, to datum.Type, explicit bool) (datum.Datum, error) {
	if v.IsNull() || to.Mod < 0 {
		return v, nil
	}
	return datum.ApplyMod(v, to, explicit)
}

// textOf is the text of a value that is not NULL.
func textOf(env *Env, v datum.Datum, t datum.Type) string {
	if v.Kind() == datum.KindText && t.OID != datum.Char.OID {
		return v.Text()
	}
	var f *datum.Format
	if env != nil {
		f = env.Format
	}
	return datum.TextOf(v, t, f)
}
