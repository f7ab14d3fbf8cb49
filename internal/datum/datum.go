package datum

import (
	"math"

	"github.com/cockroachdb/apd/v3"
)

// Kind is what a Datum holds. Several types share a kind.
type Kind uint8

// The kinds of values.
const (
	KindNull        Kind = iota
	KindBool             // bool
	KindInt              // int2, int4, int8, oid
	KindFloat            // float4, float8
	KindNumeric          // numeric
	KindText             // text, varchar, char, name, unknown
	KindBytes            // bytea
	KindUUID             // uuid
	KindDate             // date: days since 2000-01-01
	KindTime             // time: microseconds since midnight
	KindTimestamp        // timestamp: microseconds since 2000-01-01
	KindTimestampTZ      // timestamptz: microseconds since 2000-01-01 UTC
	KindInterval         // interval
	KindJSON             // json: the text as it came
	KindJSONB            // jsonb: normalised text
	KindArray            // arrays of all types
)

// String names the kind.
func (k Kind) String() string {
	names := [...]string{"null", "bool", "int", "float", "numeric", "text", "bytes", "uuid", "date", "time",
		"timestamp", "timestamptz", "interval", "json", "jsonb", "array"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Datum is one value, or NULL, which is its zero value. It is immutable and can
// be copied freely; it is not to be compared with ==.
//
// An accessor of another kind than the value's returns a zero value.
type Datum struct {
	kind Kind
	n, m int64  // numbers; the halves of a uuid; interval: microseconds, months<<32|days
	s    string // texts, bytes, JSON
	x    *extra
}

// extra is the part of a value that does not fit in a Datum. Never changed.
type extra struct {
	dec apd.Decimal
	arr Array
}

// Null is the NULL value.
var Null = Datum{}

// IntervalValue is the value of an interval: its three parts are kept apart, as
// PostgreSQL keeps them.
type IntervalValue struct {
	Months, Days int32
	Micros       int64
}

// Values at the end of the ranges of dates and timestamps.
const (
	DateInfinity           = math.MaxInt32
	DateMinusInfinity      = math.MinInt32
	TimestampInfinity      = math.MaxInt64
	TimestampMinusInfinity = math.MinInt64
)

// NewBool makes a boolean.
func NewBool(b bool) Datum {
	if b {
		return Datum{kind: KindBool, n: 1}
	}
	return Datum{kind: KindBool}
}

// NewInt makes an integer of any width, or an oid.
func NewInt(n int64) Datum { return Datum{kind: KindInt, n: n} }

// NewFloat makes a real (which must be a float32's value) or double precision.
// All NaNs become the same one.
func NewFloat(f float64) Datum {
	if f != f {
		return Datum{kind: KindFloat, n: canonicalNaN}
	}
	return Datum{kind: KindFloat, n: int64(math.Float64bits(f))}
}

// canonicalNaN are the bits of the NaN that PostgreSQL has.
const canonicalNaN = 0x7ff8 << 48

// NewNumeric makes a numeric; d is copied. The exponent is the display scale: a
// positive exponent is brought to 0. Signaling NaNs and negative zero become NaN
// and zero.
func NewNumeric(d *apd.Decimal) Datum {
	x := &extra{}
	setNumeric(&x.dec, d)
	return Datum{kind: KindNumeric, x: x}
}

// NewText makes a text, which must be valid UTF-8 without NUL. The value of a
// character(n) is held without trailing spaces; AppendText pads it.
func NewText(s string) Datum { return Datum{kind: KindText, s: s} }

// NewBytes makes a bytea; b is copied.
func NewBytes(b []byte) Datum { return Datum{kind: KindBytes, s: string(b)} }

// NewByteString makes a bytea of a string's bytes, without a copy.
func NewByteString(s string) Datum { return Datum{kind: KindBytes, s: s} }

// NewUUID makes a uuid.
func NewUUID(u [16]byte) Datum {
	return Datum{kind: KindUUID, n: int64(be64(u[:8])), m: int64(be64(u[8:]))}
}

// NewDate makes a date of days since 2000-01-01, or DateInfinity, DateMinusInfinity.
func NewDate(days int64) Datum { return Datum{kind: KindDate, n: days} }

// NewTime makes a time of microseconds since midnight, 24:00 included.
func NewTime(micros int64) Datum { return Datum{kind: KindTime, n: micros} }

// NewTimestamp makes a timestamp of microseconds since 2000-01-01 00:00.
func NewTimestamp(micros int64) Datum { return Datum{kind: KindTimestamp, n: micros} }

// NewTimestampTZ makes a timestamptz of microseconds since 2000-01-01 00:00 UTC.
func NewTimestampTZ(micros int64) Datum { return Datum{kind: KindTimestampTZ, n: micros} }

// NewInterval makes an interval.
func NewInterval(v IntervalValue) Datum {
	return Datum{kind: KindInterval, n: v.Micros, m: int64(v.Months)<<32 | int64(uint32(v.Days))}
}

// NewJSON makes a json of a valid text, as ParseText accepts it.
func NewJSON(s string) Datum { return Datum{kind: KindJSON, s: s} }

// NewJSONB makes a jsonb of a normalised text, as NormalizeJSON returns it.
func NewJSONB(normalised string) Datum { return Datum{kind: KindJSONB, s: normalised} }

// Dim is one dimension of an array: its length and the index of its first
// element, usually 1.
type Dim struct{ Len, Lower int32 }

// Array is an array's value. It must not be changed.
type Array struct {
	Elem Type
	// Dims holds the dimensions, the outermost first; none for an empty array.
	Dims []Dim
	// Elems holds the elements, the last dimension varying fastest.
	Elems []Datum
}

// MaxDims is the greatest number of an array's dimensions.
const MaxDims = 6

// NewArray makes an array of one dimension that begins at 1. It keeps elems.
func NewArray(elem Type, elems []Datum) Datum {
	a := Array{Elem: elem.WithMod(-1), Elems: elems}
	if len(elems) > 0 {
		a.Dims = []Dim{{int32(len(elems)), 1}}
	}
	return Datum{kind: KindArray, x: &extra{arr: a}}
}

// NewArrayDims makes an array of several dimensions, whose lengths' product must
// be the number of elements. It keeps dims and elems.
func NewArrayDims(elem Type, dims []Dim, elems []Datum) Datum {
	return Datum{kind: KindArray, x: &extra{arr: Array{Elem: elem.WithMod(-1), Dims: dims, Elems: elems}}}
}

// IsNull reports whether the value is NULL.
func (d Datum) IsNull() bool { return d.kind == KindNull }

// Kind returns what the value is.
func (d Datum) Kind() Kind { return d.kind }

// Bool returns a boolean.
func (d Datum) Bool() bool { return d.kind == KindBool && d.n != 0 }

// Int returns an integer, or the number of days or microseconds of a date,
// time, timestamp or timestamptz.
func (d Datum) Int() int64 {
	if d.kind == KindInt || d.kind >= KindDate && d.kind <= KindTimestampTZ {
		return d.n
	}
	return 0
}

// Float returns a real or double precision.
func (d Datum) Float() float64 {
	if d.kind != KindFloat {
		return 0
	}
	return math.Float64frombits(uint64(d.n))
}

// Numeric returns a numeric, which must not be changed; nil for other kinds.
func (d Datum) Numeric() *apd.Decimal {
	if d.kind != KindNumeric {
		return nil
	}
	return &d.x.dec
}

// Text returns the string of a text, json or jsonb.
func (d Datum) Text() string {
	if d.kind == KindText || d.kind == KindJSON || d.kind == KindJSONB {
		return d.s
	}
	return ""
}

// Bytes returns a copy of a bytea.
func (d Datum) Bytes() []byte { return []byte(d.ByteString()) }

// ByteString returns a bytea's bytes as a string, without a copy.
func (d Datum) ByteString() string {
	if d.kind != KindBytes {
		return ""
	}
	return d.s
}

// UUID returns a uuid.
func (d Datum) UUID() (u [16]byte) {
	if d.kind == KindUUID {
		putBE64(u[:8], uint64(d.n))
		putBE64(u[8:], uint64(d.m))
	}
	return u
}

// Interval returns an interval.
func (d Datum) Interval() IntervalValue {
	if d.kind != KindInterval {
		return IntervalValue{}
	}
	return IntervalValue{Months: int32(d.m >> 32), Days: int32(d.m), Micros: d.n}
}

// Array returns an array; nil for other kinds.
func (d Datum) Array() *Array {
	if d.kind != KindArray {
		return nil
	}
	return &d.x.arr
}

func be64(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0])<<56 | uint64(b[1])<<48 | uint64(b[2])<<40 | uint64(b[3])<<32 |
		uint64(b[4])<<24 | uint64(b[5])<<16 | uint64(b[6])<<8 | uint64(b[7])
}

func putBE64(b []byte, v uint64) {
	_ = b[7]
	for i := range 8 {
		b[i] = byte(v >> (56 - 8*i))
	}
}
