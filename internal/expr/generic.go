package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// generics is what the polymorphic types of one call stand for.
type generics struct {
	elem, array         datum.Type // anyelement and anyarray; zero where not used
	compElem, compArray datum.Type // anycompatible and its array
}

func (g *generics) substitute(t datum.Type) datum.Type {
	switch t.OID {
	case oidAnyElement, oidAnyNonArray:
		return g.elem
	case oidAnyArray:
		return g.array
	case oidAnyCompatible, oidAnyCompatibleNon:
		return g.compElem
	case oidAnyCompatibleArray:
		return g.compArray
	}
	return t
}

// bindGenerics finds what the polymorphic types stand for, and with them the
// types to which the arguments are coerced (PostgreSQL's
// enforce_generic_type_consistency).
func bindGenerics(args, declared []datum.Type) ([]datum.Type, *generics, error) {
	g := &generics{}
	if err := g.bindElements(args, declared); err != nil {
		return nil, nil, err
	}
	if err := g.bindCompatible(args, declared); err != nil {
		return nil, nil, err
	}
	want := make([]datum.Type, len(declared))
	for i, d := range declared {
		want[i] = g.substitute(d)
		if d.OID == oidAny {
			want[i] = args[i]
		}
	}
	return want, g, nil
}

var errIndeterminate = pgerror.New(pgerror.DatatypeMismatch,
	"could not determine polymorphic type because input has type unknown")

func (g *generics) bindElements(args, declared []datum.Type) error {
	used, nonArray := false, false
	for i, d := range declared {
		t := base(args[i])
		switch d.OID {
		case oidAnyElement, oidAnyNonArray:
			used = true
			nonArray = nonArray || d.OID == oidAnyNonArray
			if t == datum.Unknown {
				continue
			}
			if g.elem.OID != 0 && g.elem != t {
				return pgerror.New(pgerror.DatatypeMismatch, "arguments declared \"anyelement\" are not all alike").
					WithDetail("%s versus %s", g.elem, t)
			}
			g.elem = t
		case oidAnyArray:
			used = true
			if t == datum.Unknown {
				continue
			}
			if g.array.OID != 0 && g.array != t {
				return pgerror.New(pgerror.DatatypeMismatch, "arguments declared \"anyarray\" are not all alike").
					WithDetail("%s versus %s", g.array, t)
			}
			g.array = t
		}
	}
	if !used {
		return nil
	}
	if g.array.OID != 0 {
		e, ok := g.array.Elem()
		if !ok {
			return pgerror.New(pgerror.DatatypeMismatch, "argument declared anyarray is not an array but type %s", g.array)
		}
		if g.elem.OID != 0 && g.elem != e {
			return pgerror.New(pgerror.DatatypeMismatch, "argument declared anyarray is not consistent with argument declared anyelement").
				WithDetail("%s versus %s", g.array, g.elem)
		}
		g.elem = e
	}
	if g.elem.OID == 0 {
		return errIndeterminate
	}
	if _, isArray := g.elem.Elem(); nonArray && isArray {
		return pgerror.New(pgerror.DatatypeMismatch, "type matched to anynonarray is an array type: %s", g.elem)
	}
	if g.array.OID == 0 {
		g.array, _ = g.elem.Array()
	}
	return nil
}

func (g *generics) bindCompatible(args, declared []datum.Type) error {
	var types []datum.Type
	used, unknown, nonArray := false, false, false
	for i, d := range declared {
		t := base(args[i])
		switch d.OID {
		case oidAnyCompatible, oidAnyCompatibleNon:
			used = true
			nonArray = nonArray || d.OID == oidAnyCompatibleNon
			if t == datum.Unknown {
				unknown = true
				continue
			}
			types = append(types, t)
		case oidAnyCompatibleArray:
			used = true
			if t == datum.Unknown {
				unknown = true
				continue
			}
			e, ok := t.Elem()
			if !ok {
				return pgerror.New(pgerror.DatatypeMismatch, "argument declared anycompatiblearray is not an array but type %s", t)
			}
			types = append(types, e)
		}
	}
	if !used {
		return nil
	}
	if len(types) == 0 {
		if !unknown {
			return errIndeterminate
		}
		types = append(types, datum.Text)
	}
	t, err := CommonType(types, "")
	if err != nil {
		return err
	}
	if _, isArray := t.Elem(); nonArray && isArray {
		return pgerror.New(pgerror.DatatypeMismatch, "type matched to anycompatiblenonarray is an array type: %s", t)
	}
	g.compElem = t
	g.compArray, _ = t.Array()
	return nil
}
