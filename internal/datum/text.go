package datum

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// TextOf is AppendText as a string. A text that is written as it is is not copied.
func TextOf(d Datum, t Type, f *Format) string {
	switch {
	case d.kind == KindInt:
		return strconv.FormatInt(d.n, 10)
	case d.kind == KindJSON, d.kind == KindJSONB, d.kind == KindText && t.OID != Char.OID:
		return d.s
	}
	return string(AppendText(nil, d, t, f))
}

// AppendText appends the text that PostgreSQL writes for a value of the type.
// For NULL it appends nothing: the caller tells NULL from an empty text. f may
// be nil.
func AppendText(dst []byte, d Datum, t Type, f *Format) []byte {
	switch d.kind {
	case KindBool:
		if d.n != 0 {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case KindInt:
		return strconv.AppendInt(dst, d.n, 10)
	case KindFloat:
		return appendFloat(dst, d.Float(), t.OID == Float4.OID, f)
	case KindNumeric:
		return appendNumericText(dst, &d.x.dec)
	case KindText:
		dst = append(dst, d.s...)
		if t.OID == Char.OID && t.Mod >= 4 {
			dst = appendPadding(dst, d.s, t)
		}
		return dst
	case KindJSON, KindJSONB:
		return append(dst, d.s...)
	case KindBytes:
		return appendBytea(dst, d.s, f)
	case KindUUID:
		return appendUUID(dst, d.UUID())
	case KindDate:
		return appendDate(dst, d.n)
	case KindTime:
		return appendTime(dst, d.n)
	case KindTimestamp:
		return appendTimestamp(dst, d.n)
	case KindTimestampTZ:
		return appendTimestampTZ(dst, d.n, f.location())
	case KindInterval:
		return appendInterval(dst, d.Interval(), f)
	case KindArray:
		return appendArrayText(dst, &d.x.arr, t, f)
	}
	return dst
}

// appendPadding fills a character(n) with spaces.
func appendPadding(dst []byte, s string, t Type) []byte {
	n, _ := t.MaxLen()
	for n -= utf8.RuneCountInString(s); n > 0; n-- {
		dst = append(dst, ' ')
	}
	return dst
}

// ParseText reads a value of the type from its text, as PostgreSQL's input
// functions do, and applies the type's modifier as an assignment does. Errors
// are *pgerror.Error with PostgreSQL's texts and codes (22P02, 22003, 22007,
// 22008, 22021, 22001, ...). f may be nil.
func ParseText(s string, t Type, f *Format) (Datum, error) {
	d, err := parseText(s, t, f)
	if err != nil {
		// A message must not quote what is no text.
		if bad := CheckText(s); bad != nil {
			return Datum{}, bad
		}
		if err == errSyntax {
			err = badSyntax(t.WithMod(-1).String(), s)
		}
		return Datum{}, err
	}
	if t.Mod >= 0 || t.OID == Char.OID || t.OID == Name.OID {
		return ApplyMod(d, t, false)
	}
	return d, nil
}

func parseText(s string, t Type, f *Format) (Datum, error) {
	switch t.OID {
	case Bool.OID:
		return parseBool(s)
	case Int2.OID:
		n, err := parseInt(s, 16, "smallint")
		return NewInt(n), err
	case Int4.OID:
		n, err := parseInt(s, 32, "integer")
		return NewInt(n), err
	case Int8.OID:
		n, err := parseInt(s, 64, "bigint")
		return NewInt(n), err
	case OID.OID:
		n, err := parseOID(s)
		return NewInt(n), err
	case Float4.OID, Float8.OID:
		v, err := parseFloat(s, t.OID == Float4.OID)
		return NewFloat(v), err
	case Numeric.OID:
		x := &extra{}
		if err := parseDecimal(&x.dec, trimSpace(s)); err != nil {
			return Datum{}, err
		}
		return Datum{kind: KindNumeric, x: x}, nil
	case Text.OID, Varchar.OID, Char.OID, Name.OID, Unknown.OID, Void.OID:
		return NewText(s), CheckText(s)
	case Bytea.OID:
		return parseBytea(s)
	case UUID.OID:
		return parseUUID(s)
	case JSON.OID:
		return NewJSON(s), CheckJSON(s)
	case JSONB.OID:
		s, err := NormalizeJSON(s)
		return NewJSONB(s), err
	case Date.OID:
		return parseDate(s, f)
	case Time.OID:
		return parseTime(s, f)
	case Timestamp.OID:
		return parseTimestamp(s, f)
	case TimestampTZ.OID:
		return parseTimestampTZ(s, f)
	case Interval.OID:
		return parseInterval(s, t.Mod, f)
	}
	if elem, ok := t.Elem(); ok {
		return parseArrayText(s, elem, f)
	}
	return Datum{}, pgerror.NotSupported("input of type %s", t)
}

// ApplyMod fits a value of the type to the type's modifier: it rounds a numeric
// (22003), shortens a text, rounds times. Where explicit is false, a text that
// is too long for other reasons than trailing spaces is refused (22001), as in
// an assignment; where it is true, it is cut, as by a cast.
func ApplyMod(d Datum, t Type, explicit bool) (Datum, error) {
	switch d.kind {
	case KindText:
		return fitText(d, t, explicit)
	case KindNumeric:
		p, s, ok := t.PrecisionScale()
		if !ok {
			return d, nil
		}
		dec, err := fitNumeric(&d.x.dec, p, s)
		if err != nil || dec == &d.x.dec {
			return d, err
		}
		return NewNumeric(dec), nil
	case KindTime, KindTimestamp, KindTimestampTZ:
		p, ok := t.FractionDigits()
		if ok && d.n != TimestampInfinity && d.n != TimestampMinusInfinity {
			d.n = roundMicros(d.n, p)
		}
	case KindInterval:
		if t.Mod >= 0 {
			return NewInterval(fitInterval(d.Interval(), t.Mod)), nil
		}
	case KindArray:
		return fitArray(d, t, explicit)
	}
	return d, nil
}

func fitText(d Datum, t Type, explicit bool) (Datum, error) {
	if t.OID == Name.OID && len(d.s) > 63 {
		n := 63
		for !utf8.RuneStart(d.s[n]) {
			n--
		}
		return NewText(d.s[:n]), nil
	}
	if n, ok := t.MaxLen(); ok && len(d.s) > n {
		cut := byteOffset(d.s, n)
		if !explicit && strings.Trim(d.s[cut:], " ") != "" {
			return Datum{}, pgerror.New(pgerror.StringDataRightTruncation, "value too long for type %s", t)
		}
		d = NewText(d.s[:cut])
	}
	if t.OID == Char.OID {
		return NewText(strings.TrimRight(d.s, " ")), nil
	}
	return d, nil
}

// byteOffset is where the character after the first n ones begins.
func byteOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func fitArray(d Datum, t Type, explicit bool) (Datum, error) {
	elem, ok := t.Elem()
	if !ok || t.Mod < 0 && elem.OID != Char.OID && elem.OID != Name.OID {
		return d, nil
	}
	a := d.x.arr
	elems := make([]Datum, len(a.Elems))
	for i, e := range a.Elems {
		if e.kind == KindArray {
			return d, nil
		}
		var err error
		if elems[i], err = ApplyMod(e, elem, explicit); err != nil {
			return Datum{}, err
		}
	}
	return NewArrayDims(elem, a.Dims, elems), nil
}

// roundMicros rounds to p digits of a second, half away from zero.
func roundMicros(n int64, p int) int64 {
	if p >= 6 {
		return n
	}
	unit := int64(1)
	for range 6 - max(p, 0) {
		unit *= 10
	}
	half := unit / 2
	switch {
	case n >= 0 && n <= math.MaxInt64-half:
		return (n + half) / unit * unit
	case n < 0 && n >= math.MinInt64+half:
		return (n - half) / unit * unit
	}
	return n / unit * unit
}

// String is the value's text, for logs and tests.
func (d Datum) String() string {
	if d.kind == KindNull {
		return "NULL"
	}
	return string(AppendText(nil, d, Type{}, nil))
}
