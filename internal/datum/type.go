package datum

import (
	"strconv"
	"strings"
)

// Type is an SQL type: a PostgreSQL OID and a type modifier, which holds the
// length, precision or scale as PostgreSQL encodes it; -1 means none. Types are
// comparable; types of the same OID and other modifiers hold the same values.
type Type struct {
	OID uint32 `json:"oid"`
	Mod int32  `json:"mod"`
}

// The supported types, without modifiers. Unknown is the type of a quoted
// literal whose type nothing has decided yet; its values are texts.
var (
	Bool        = Type{16, -1}
	Bytea       = Type{17, -1}
	Name        = Type{19, -1}
	Int8        = Type{20, -1}
	Int2        = Type{21, -1}
	Int4        = Type{23, -1}
	Text        = Type{25, -1}
	OID         = Type{26, -1}
	JSON        = Type{114, -1}
	Float4      = Type{700, -1}
	Float8      = Type{701, -1}
	Unknown     = Type{705, -1}
	Char        = Type{1042, -1} // character(n), also known as bpchar
	Varchar     = Type{1043, -1}
	Date        = Type{1082, -1}
	Time        = Type{1083, -1}
	Timestamp   = Type{1114, -1}
	TimestampTZ = Type{1184, -1}
	Interval    = Type{1186, -1}
	Numeric     = Type{1700, -1}
	Void        = Type{2278, -1}
	UUID        = Type{2950, -1}
	JSONB       = Type{3802, -1}

	BoolArray        = Type{1000, -1}
	ByteaArray       = Type{1001, -1}
	NameArray        = Type{1003, -1}
	Int2Array        = Type{1005, -1}
	Int4Array        = Type{1007, -1}
	TextArray        = Type{1009, -1}
	CharArray        = Type{1014, -1}
	VarcharArray     = Type{1015, -1}
	Int8Array        = Type{1016, -1}
	Float4Array      = Type{1021, -1}
	Float8Array      = Type{1022, -1}
	OIDArray         = Type{1028, -1}
	JSONArray        = Type{199, -1}
	TimestampArray   = Type{1115, -1}
	DateArray        = Type{1182, -1}
	TimeArray        = Type{1183, -1}
	TimestampTZArray = Type{1185, -1}
	IntervalArray    = Type{1187, -1}
	NumericArray     = Type{1231, -1}
	UUIDArray        = Type{2951, -1}
	JSONBArray       = Type{3807, -1}
)

// typeInfo is what is known of an OID.
type typeInfo struct {
	oid   uint32
	elem  uint32 // of an array
	array uint32 // the type of arrays of it
	kind  Kind   // of the values
	len   int16  // as in pg_type.typlen
	name  string // as in pg_type.typname
	sql   string // as format_type says it
}

// types is looked up by infoOf.
var types = [...]typeInfo{
	{16, 0, 1000, KindBool, 1, "bool", "boolean"},
	{17, 0, 1001, KindBytes, -1, "bytea", "bytea"},
	{19, 0, 1003, KindText, 64, "name", "name"},
	{20, 0, 1016, KindInt, 8, "int8", "bigint"},
	{21, 0, 1005, KindInt, 2, "int2", "smallint"},
	{23, 0, 1007, KindInt, 4, "int4", "integer"},
	{25, 0, 1009, KindText, -1, "text", "text"},
	{26, 0, 1028, KindInt, 4, "oid", "oid"},
	{114, 0, 199, KindJSON, -1, "json", "json"},
	{700, 0, 1021, KindFloat, 4, "float4", "real"},
	{701, 0, 1022, KindFloat, 8, "float8", "double precision"},
	{705, 0, 0, KindText, -2, "unknown", "unknown"},
	{1042, 0, 1014, KindText, -1, "bpchar", "character"},
	{1043, 0, 1015, KindText, -1, "varchar", "character varying"},
	{1082, 0, 1182, KindDate, 4, "date", "date"},
	{1083, 0, 1183, KindTime, 8, "time", "time without time zone"},
	{1114, 0, 1115, KindTimestamp, 8, "timestamp", "timestamp without time zone"},
	{1184, 0, 1185, KindTimestampTZ, 8, "timestamptz", "timestamp with time zone"},
	{1186, 0, 1187, KindInterval, 16, "interval", "interval"},
	{1700, 0, 1231, KindNumeric, -1, "numeric", "numeric"},
	{2278, 0, 0, KindNull, 4, "void", "void"},
	{2950, 0, 2951, KindUUID, 16, "uuid", "uuid"},
	{3802, 0, 3807, KindJSONB, -1, "jsonb", "jsonb"},

	{1000, 16, 0, KindArray, -1, "_bool", "boolean[]"},
	{1001, 17, 0, KindArray, -1, "_bytea", "bytea[]"},
	{1003, 19, 0, KindArray, -1, "_name", "name[]"},
	{1005, 21, 0, KindArray, -1, "_int2", "smallint[]"},
	{1007, 23, 0, KindArray, -1, "_int4", "integer[]"},
	{1009, 25, 0, KindArray, -1, "_text", "text[]"},
	{1014, 1042, 0, KindArray, -1, "_bpchar", "character[]"},
	{1015, 1043, 0, KindArray, -1, "_varchar", "character varying[]"},
	{1016, 20, 0, KindArray, -1, "_int8", "bigint[]"},
	{1021, 700, 0, KindArray, -1, "_float4", "real[]"},
	{1022, 701, 0, KindArray, -1, "_float8", "double precision[]"},
	{1028, 26, 0, KindArray, -1, "_oid", "oid[]"},
	{199, 114, 0, KindArray, -1, "_json", "json[]"},
	{1115, 1114, 0, KindArray, -1, "_timestamp", "timestamp without time zone[]"},
	{1182, 1082, 0, KindArray, -1, "_date", "date[]"},
	{1183, 1083, 0, KindArray, -1, "_time", "time without time zone[]"},
	{1185, 1184, 0, KindArray, -1, "_timestamptz", "timestamp with time zone[]"},
	{1187, 1186, 0, KindArray, -1, "_interval", "interval[]"},
	{1231, 1700, 0, KindArray, -1, "_numeric", "numeric[]"},
	{2951, 2950, 0, KindArray, -1, "_uuid", "uuid[]"},
	{3807, 3802, 0, KindArray, -1, "_jsonb", "jsonb[]"},
}

// typeIndex is where in types an OID stands, from 1; all OIDs are small.
var typeIndex = [4096]uint8{
	16: 1, 17: 2, 19: 3, 20: 4, 21: 5, 23: 6, 25: 7, 26: 8,
	114: 9, 700: 10, 701: 11, 705: 12, 1042: 13, 1043: 14, 1082: 15, 1083: 16,
	1114: 17, 1184: 18, 1186: 19, 1700: 20, 2278: 21, 2950: 22, 3802: 23, 1000: 24,
	1001: 25, 1003: 26, 1005: 27, 1007: 28, 1009: 29, 1014: 30, 1015: 31, 1016: 32,
	1021: 33, 1022: 34, 1028: 35, 199: 36, 1115: 37, 1182: 38, 1183: 39, 1185: 40,
	1187: 41, 1231: 42, 2951: 43, 3807: 44,
}

// infoOf returns what is known of an OID; nil if it is not supported.
func infoOf(oid uint32) *typeInfo {
	if oid < uint32(len(typeIndex)) {
		if i := typeIndex[oid]; i > 0 {
			return &types[i-1]
		}
	}
	return nil
}

// ByOID returns the type of an OID; false if it is not supported.
func ByOID(oid uint32) (Type, bool) {
	if infoOf(oid) == nil {
		return Type{}, false
	}
	return Type{oid, -1}, true
}

// Name is the name in pg_type: "int4", "_text".
func (t Type) Name() string {
	if i := infoOf(t.OID); i != nil {
		return i.name
	}
	return strconv.FormatUint(uint64(t.OID), 10)
}

// Len is the length as RowDescription tells it: -1 for variable lengths.
func (t Type) Len() int16 {
	if i := infoOf(t.OID); i != nil {
		return i.len
	}
	return -1
}

// Kind is the kind of the type's values (NULL aside); KindNull for Void.
func (t Type) Kind() Kind {
	if i := infoOf(t.OID); i != nil {
		return i.kind
	}
	return KindNull
}

// Elem returns the type of the elements of an array type, with the array's
// modifier; false if the type is no array.
func (t Type) Elem() (Type, bool) {
	if i := infoOf(t.OID); i != nil && i.elem != 0 {
		return Type{i.elem, t.Mod}, true
	}
	return Type{}, false
}

// Array returns the type of arrays of the type, with its modifier; false if
// there is none.
func (t Type) Array() (Type, bool) {
	if i := infoOf(t.OID); i != nil && i.array != 0 {
		return Type{i.array, t.Mod}, true
	}
	return Type{}, false
}

// IsArray reports whether the type is an array type.
func (t Type) IsArray() bool { return t.Kind() == KindArray }

// Is reports whether the types are the same, modifiers aside.
func (t Type) Is(other Type) bool { return t.OID == other.OID }

// WithMod returns the type with another modifier.
func (t Type) WithMod(mod int32) Type { return Type{t.OID, mod} }

// IsInteger reports whether the type is smallint, integer or bigint.
func (t Type) IsInteger() bool {
	return t.OID == Int2.OID || t.OID == Int4.OID || t.OID == Int8.OID
}

// IsFloat reports whether the type is real or double precision.
func (t Type) IsFloat() bool { return t.OID == Float4.OID || t.OID == Float8.OID }

// IsNumeric reports whether the type is a number: an integer, a float, numeric.
func (t Type) IsNumeric() bool { return t.IsInteger() || t.IsFloat() || t.OID == Numeric.OID }

// IsString reports whether the type's values are texts: text, varchar, char,
// name; not unknown.
func (t Type) IsString() bool { return t.Kind() == KindText && t.OID != Unknown.OID }

// IsDateTime reports whether the type is date, time, timestamp, timestamptz or
// interval.
func (t Type) IsDateTime() bool {
	k := t.Kind()
	return k >= KindDate && k <= KindInterval
}

// VarcharOf is character varying(n).
func VarcharOf(n int) Type { return Type{Varchar.OID, int32(n) + 4} }

// CharOf is character(n).
func CharOf(n int) Type { return Type{Char.OID, int32(n) + 4} }

// NumericOf is numeric(precision, scale).
func NumericOf(precision, scale int) Type {
	return Type{Numeric.OID, int32(precision<<16|scale&0x7ff) + 4}
}

// MaxLen is the n of character(n) and character varying(n).
func (t Type) MaxLen() (n int, ok bool) {
	if (t.OID == Varchar.OID || t.OID == Char.OID) && t.Mod >= 4 {
		return int(t.Mod) - 4, true
	}
	return 0, false
}

// PrecisionScale returns the modifiers of numeric(precision, scale).
func (t Type) PrecisionScale() (precision, scale int, ok bool) {
	if t.OID != Numeric.OID || t.Mod < 4 {
		return 0, 0, false
	}
	m := t.Mod - 4
	return int(m>>16) & 0xffff, int((m&0x7ff)^1024) - 1024, true
}

// FractionDigits is the p of time(p), timestamp(p), timestamptz(p), interval(p).
func (t Type) FractionDigits() (p int, ok bool) {
	switch t.OID {
	case Time.OID, Timestamp.OID, TimestampTZ.OID:
		return int(t.Mod), t.Mod >= 0
	case Interval.OID:
		p := int(t.Mod & 0xffff)
		return p, t.Mod >= 0 && p != 0xffff
	}
	return 0, false
}

// String is the type as error messages say it: "character varying(20)".
func (t Type) String() string {
	if e, ok := t.Elem(); ok {
		return e.String() + "[]"
	}
	i := infoOf(t.OID)
	if i == nil {
		return "oid " + strconv.FormatUint(uint64(t.OID), 10)
	}
	if n, ok := t.MaxLen(); ok {
		return i.sql + "(" + strconv.Itoa(n) + ")"
	}
	if p, s, ok := t.PrecisionScale(); ok {
		return "numeric(" + strconv.Itoa(p) + "," + strconv.Itoa(s) + ")"
	}
	if t.OID == Interval.OID && t.Mod >= 0 {
		return "interval" + intervalModText(t.Mod)
	}
	if p, ok := t.FractionDigits(); ok {
		head, rest, _ := strings.Cut(i.sql, " ")
		return strings.TrimSpace(head + "(" + strconv.Itoa(p) + ") " + rest)
	}
	return i.sql
}
