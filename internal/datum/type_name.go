package datum

import (
	"strings"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// ByName finds a type by the name that SQL gives it, in lower case without
// quotes and with single spaces ("int", "character varying", "timestamp with
// time zone", "pg_catalog.int4"; "[]" at the end or "_" in front is an array),
// and the modifiers between parentheses. It fails with 42704, and with 22023
// where the modifiers are wrong.
func ByName(name string, mods []int32) (Type, error) {
	base, array := name, false
	for strings.HasSuffix(base, "[]") {
		base, array = strings.TrimSpace(strings.TrimSuffix(base, "[]")), true
	}
	base = strings.TrimPrefix(base, "pg_catalog.")
	oid := uint32(0)
	for i := range typeAliases {
		if typeAliases[i].name == base {
			oid = typeAliases[i].oid
		}
	}
	for i := range types {
		if oid == 0 && types[i].name == base {
			oid = types[i].oid
		}
	}
	if oid == 0 {
		return Type{}, pgerror.New(pgerror.UndefinedObject, "type %q does not exist", name)
	}
	t := Type{oid, -1}
	var err error
	if t.Mod, err = modOf(t, base, mods); err != nil {
		return Type{}, err
	}
	if array && !t.IsArray() {
		a, ok := t.Array()
		if !ok {
			return Type{}, pgerror.New(pgerror.UndefinedObject, "type %q does not exist", name)
		}
		t = a
	}
	return t, nil
}

// typeAliases are the names that are not in pg_type.
var typeAliases = [...]struct {
	name string
	oid  uint32
}{
	{"boolean", 16}, {"bigint", 20}, {"smallint", 21}, {"int", 23}, {"integer", 23},
	{"real", 700}, {"float", 701}, {"double precision", 701}, {"double", 701},
	{"decimal", 1700}, {"dec", 1700},
	{"character varying", 1043}, {"char varying", 1043}, {"character", 1042}, {"char", 1042},
	{"nchar", 1042}, {"national character", 1042}, {"national char", 1042},
	{"nchar varying", 1043}, {"national character varying", 1043}, {"national char varying", 1043},
	{"time without time zone", 1083}, {"timestamp without time zone", 1114},
	{"timestamp with time zone", 1184},
}

// modOf turns the modifiers of a type's name into PostgreSQL's type modifier.
func modOf(t Type, name string, mods []int32) (int32, error) {
	if e, ok := t.Elem(); ok {
		t = e
	}
	bad := func() error { return pgerror.New(pgerror.InvalidParameterValue, "invalid type modifier") }
	switch t.OID {
	case Varchar.OID, Char.OID:
		n := int32(1)
		if len(mods) == 0 && (t.OID == Varchar.OID || name == "bpchar" || name == "_bpchar") {
			return -1, nil
		}
		if len(mods) > 1 {
			return -1, bad()
		}
		if len(mods) == 1 {
			n = mods[0]
		}
		kind := "varchar"
		if t.OID == Char.OID {
			kind = "char"
		}
		if n < 1 {
			return -1, pgerror.New(pgerror.InvalidParameterValue, "length for type %s must be at least 1", kind)
		}
		if n > MaxCharLen {
			return -1, pgerror.New(pgerror.InvalidParameterValue, "length for type %s cannot exceed %d", kind, MaxCharLen)
		}
		return n + 4, nil
	case Numeric.OID:
		return numericMod(mods, bad)
	case Float8.OID:
		if name != "float" || len(mods) == 0 {
			break
		}
	case Time.OID, Timestamp.OID, TimestampTZ.OID, Interval.OID:
		if len(mods) == 0 {
			return -1, nil
		}
		return timeMod(t, mods, bad)
	}
	if len(mods) > 0 {
		return -1, pgerror.New(pgerror.SyntaxError, "type modifier is not allowed for type %q", t.Name())
	}
	return -1, nil
}

// MaxCharLen is the greatest n of character(n) and character varying(n).
const MaxCharLen = 10485760

func numericMod(mods []int32, bad func() error) (int32, error) {
	if len(mods) == 0 {
		return -1, nil
	}
	if len(mods) > 2 {
		return -1, pgerror.New(pgerror.InvalidParameterValue, "invalid NUMERIC type modifier")
	}
	p, s := mods[0], int32(0)
	if p < 1 || p > 1000 {
		return -1, pgerror.New(pgerror.InvalidParameterValue, "NUMERIC precision %d must be between 1 and 1000", p)
	}
	if len(mods) == 2 {
		s = mods[1]
	}
	if s < -1000 || s > 1000 {
		return -1, pgerror.New(pgerror.InvalidParameterValue, "NUMERIC scale %d must be between -1000 and 1000", s)
	}
	return NumericOf(int(p), int(s)).Mod, nil
}

func timeMod(t Type, mods []int32, bad func() error) (int32, error) {
	if t.OID == Interval.OID && len(mods) == 2 { // fields, precision
		if mods[1] < 0 {
			return -1, bad()
		}
		if mods[1] == IntervalFullPrecision {
			return mods[0]<<16 | mods[1], nil
		}
		return mods[0]<<16 | min(mods[1], 6), nil
	}
	if len(mods) != 1 || mods[0] < 0 {
		return -1, bad()
	}
	p := min(mods[0], 6) // PostgreSQL warns and reduces
	if t.OID == Interval.OID {
		return IntervalFull<<16 | p, nil
	}
	return p, nil
}
