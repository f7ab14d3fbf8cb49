package plan

import (
	"math"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
)

// Comparable reports whether a condition that compares a column of a key with a
// value of another type can be answered by keys: every value can be converted to
// the column's type exactly, or be seen to lie between two values of it, and the
// comparison orders values as the key does.
func Comparable(column, value datum.Type) bool {
	if column.Kind() == datum.KindText {
		// character(n) compares without its trailing spaces, as no other type does.
		return value.Kind() == datum.KindText && (column.Is(datum.Char) == value.Is(datum.Char))
	}
	if column.Is(value) {
		return true
	}
	switch {
	case column.IsInteger():
		return value.IsInteger() || value.Is(datum.Numeric)
	case column.Is(datum.Numeric):
		return value.IsInteger()
	}
	return false
}

// closeness says how a converted value relates to the original.
type closeness uint8

const (
	isExact  closeness = iota
	isAbove            // the least value of the type that is above the original
	aboveAll           // the original is above all values of the type
	belowAll           // the original is below all values of the type
)

// exact converts a value to a column's type; false where the column cannot hold
// it, and for NULL.
func exact(d datum.Datum, t datum.Type) (datum.Datum, bool) {
	if d.IsNull() {
		return d, false
	}
	v, how := ceiling(d, t)
	return v, how == isExact
}

// ceiling converts a value to the least value of a column's type that is not
// below it.
func ceiling(d datum.Datum, t datum.Type) (datum.Datum, closeness) {
	switch {
	case t.IsInteger():
		lo, hi := intRange(t)
		switch d.Kind() {
		case datum.KindInt:
			return d, within(d.Int(), lo, hi)
		case datum.KindNumeric:
			return ceilInt(d.Numeric(), lo, hi)
		}
	case t.Is(datum.Numeric):
		if d.Kind() == datum.KindInt {
			return datum.NewNumeric(apd.New(d.Int(), 0)), isExact
		}
	}
	return d, isExact
}

func intRange(t datum.Type) (lo, hi int64) {
	switch {
	case t.Is(datum.Int2):
		return math.MinInt16, math.MaxInt16
	case t.Is(datum.Int4):
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

func within(n, lo, hi int64) closeness {
	switch {
	case n < lo:
		return belowAll
	case n > hi:
		return aboveAll
	}
	return isExact
}

// ceilInt rounds a numeric up to an integer.
func ceilInt(d *apd.Decimal, lo, hi int64) (datum.Datum, closeness) {
	switch {
	case d.Form == apd.NaN || d.Form == apd.NaNSignaling:
		return datum.Null, aboveAll
	case d.Form == apd.Infinite && d.Negative:
		return datum.Null, belowAll
	case d.Form == apd.Infinite:
		return datum.Null, aboveAll
	// Beyond 20 digits it is out of range; rounding would cost what the exponent says.
	case !d.IsZero() && d.NumDigits()+int64(d.Exponent) > 20:
		if d.Negative {
			return datum.Null, belowAll
		}
		return datum.Null, aboveAll
	}
	var whole, part apd.Decimal
	d.Modf(&whole, &part)
	n, err := whole.Int64()
	if err != nil {
		if d.Negative {
			return datum.Null, belowAll
		}
		return datum.Null, aboveAll
	}
	how := isExact
	if !part.IsZero() {
		how = isAbove
		if !d.Negative {
			if n == math.MaxInt64 {
				return datum.Null, aboveAll
			}
			n++
		}
	}
	if w := within(n, lo, hi); w != isExact {
		return datum.Null, w
	}
	return datum.NewInt(n), how
}
