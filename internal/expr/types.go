package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
)

// The polymorphic pseudo-types that functions are declared with, by their oids
// in PostgreSQL.
const (
	oidAny                = 2276
	oidAnyArray           = 2277
	oidAnyElement         = 2283
	oidAnyNonArray        = 2776
	oidAnyCompatible      = 5077
	oidAnyCompatibleArray = 5078
	oidAnyCompatibleNon   = 5079
)

// typeOf makes a type without modifier.
func typeOf(oid uint32) datum.Type { return datum.Type{OID: oid, Mod: -1} }

// base drops the modifier.
func base(t datum.Type) datum.Type {
	t.Mod = -1
	return t
}

func polymorphic(oid uint32) bool {
	switch oid {
	case oidAny, oidAnyArray, oidAnyElement, oidAnyNonArray, oidAnyCompatible, oidAnyCompatibleArray, oidAnyCompatibleNon:
		return true
	}
	return false
}

// category is PostgreSQL's typcategory.
func category(t datum.Type) byte {
	switch base(t) {
	case datum.Bool:
		return 'B'
	case datum.Int2, datum.Int4, datum.Int8, datum.Float4, datum.Float8, datum.Numeric, datum.OID:
		return 'N'
	case datum.Text, datum.Varchar, datum.Char, datum.Name:
		return 'S'
	case datum.Date, datum.Time, datum.Timestamp, datum.TimestampTZ:
		return 'D'
	case datum.Interval:
		return 'T'
	case datum.Unknown:
		return 'X'
	}
	if polymorphic(t.OID) || t.OID == datum.Void.OID {
		return 'P'
	}
	if _, ok := t.Elem(); ok {
		return 'A'
	}
	return 'U'
}

// preferred is PostgreSQL's typispreferred, for the category given.
func preferred(cat byte, t datum.Type) bool {
	if category(t) != cat {
		return false
	}
	switch base(t) {
	case datum.Bool, datum.Text, datum.OID, datum.Float8, datum.TimestampTZ, datum.Interval:
		return true
	}
	return false
}

// typeName is the type's name in error messages; it knows the pseudo-types too.
func typeName(t datum.Type) string {
	switch t.OID {
	case oidAny:
		return `"any"`
	case oidAnyArray:
		return "anyarray"
	case oidAnyElement:
		return "anyelement"
	case oidAnyNonArray:
		return "anynonarray"
	case oidAnyCompatible:
		return "anycompatible"
	case oidAnyCompatibleArray:
		return "anycompatiblearray"
	case oidAnyCompatibleNon:
		return "anycompatiblenonarray"
	}
	return base(t).String()
}
