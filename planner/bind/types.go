package bind

import (
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// typeName finds the type that a name means.
func typeName(n ast.TypeName) (datum.Type, error) {
	if n.Schema != "" && n.Schema != "pg_catalog" {
		return datum.Type{}, pgerror.New(pgerror.UndefinedObject, "type %q does not exist", n.Schema+"."+n.Name).At(n.Position())
	}
	name := n.Name
	if known, ok := unsupportedTypes[name]; ok && known {
		return datum.Type{}, pgerror.NotSupported("type %s", name).At(n.Position())
	}
	if len(n.Bounds) > 0 {
		name += "[]"
	}
	t, err := datum.ByName(name, n.Mods)
	if err != nil {
		if len(n.Bounds) > 0 && pgerror.As(err).Code == pgerror.UndefinedObject {
			err = pgerror.New(pgerror.UndefinedObject, "type %q does not exist", n.Name+"[]")
		}
		return t, at(err, n)
	}
	if n.Fields != "" {
		mask, ok := intervalFields(n.Fields)
		if !ok {
			return t, pgerror.New(pgerror.SyntaxError, "invalid interval fields %q", n.Fields).At(n.Position())
		}
		precision := int32(0xffff)
		if len(n.Mods) > 0 {
			precision = min(n.Mods[0], 6)
		}
		t.Mod = mask<<16 | precision
	}
	return t, nil
}

// unsupportedTypes are types that PostgreSQL has and ssmr does not: they are
// refused by name and not as unknown.
var unsupportedTypes = map[string]bool{
	"money": true, "timetz": true, "xml": true, "inet": true, "cidr": true, "macaddr": true, "macaddr8": true,
	"bit": true, "varbit": true, "point": true, "line": true, "lseg": true, "box": true, "path": true,
	"polygon": true, "circle": true, "tsvector": true, "tsquery": true, "int4range": true, "int8range": true,
	"numrange": true, "tsrange": true, "tstzrange": true, "daterange": true, "regclass": true, "regtype": true,
	"regproc": true, "regprocedure": true, "regnamespace": true, "regrole": true, "regoper": true, "regoperator": true,
	"regconfig": true, "regdictionary": true, "xid": true, "cid": true, "tid": true, "pg_lsn": true, "jsonpath": true,
}

// intervalFields is the mask of "day to second" and the like, as PostgreSQL has
// it in a type modifier.
func intervalFields(fields string) (int32, bool) {
	bits := []struct {
		name string
		bit  int
	}{{"year", 2}, {"month", 1}, {"day", 3}, {"hour", 10}, {"minute", 11}, {"second", 12}}
	from, to, found := strings.Cut(fields, " to ")
	if !found {
		to = from
	}
	mask, within := int32(0), false
	for _, f := range bits {
		if f.name == from {
			within = true
		}
		if within {
			mask |= 1 << f.bit
		}
		if f.name == to {
			return mask, within
		}
	}
	return 0, false
}
