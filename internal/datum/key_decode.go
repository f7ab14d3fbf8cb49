package datum

import (
	"bytes"
	"math"

	"github.com/cockroachdb/apd/v3"
)

// DecodeKey is the inverse of AppendKey for a whole key: one value for each
// type. It gives values that are equal to the originals; what equality does not
// see is lost (a numeric's trailing zeros, unless the type has a scale; the way
// an interval was split into months, days and microseconds).
func DecodeKey(b []byte, types []Type) ([]Datum, error) {
	values := make([]Datum, len(types))
	var err error
	for i, t := range types {
		if values[i], b, err = DecodeKeyPart(b, t); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 {
		return nil, malformed("bytes are left over")
	}
	return values, nil
}

// DecodeKeyPart decodes the first value of a key and returns the rest.
func DecodeKeyPart(b []byte, t Type) (d Datum, rest []byte, err error) {
	if len(b) == 0 {
		return Datum{}, nil, malformed("key is too short")
	}
	if b[0] == keyNull {
		return Datum{}, b[1:], nil
	}
	switch k := t.Kind(); k {
	case KindInt, KindDate, KindTime, KindTimestamp, KindTimestampTZ:
		n, rest, err := decodeKeyInt(b)
		if err != nil {
			return Datum{}, nil, err
		}
		return Datum{kind: k, n: n}, rest, nil
	case KindText, KindBytes:
		s, rest, err := decodeKeyString(b)
		if err != nil {
			return Datum{}, nil, err
		}
		return Datum{kind: k, s: s}, rest, nil
	case KindBool:
		if b[0] != 1 && b[0] != 2 {
			return Datum{}, nil, malformed("boolean of a key")
		}
		return NewBool(b[0] == 2), b[1:], nil
	case KindUUID:
		if len(b) < 17 || b[0] != keyHead {
			return Datum{}, nil, malformed("uuid of a key")
		}
		return Datum{kind: k, n: int64(be64(b[1:])), m: int64(be64(b[9:]))}, b[17:], nil
	case KindFloat:
		if len(b) < 9 || b[0] != keyHead {
			return Datum{}, nil, malformed("float of a key")
		}
		f := floatOfKey(be64(b[1:]))
		if floatKey(f) != be64(b[1:]) {
			return Datum{}, nil, malformed("float of a key")
		}
		return NewFloat(f), b[9:], nil
	case KindInterval:
		return decodeIntervalKey(b)
	case KindNumeric:
		return decodeNumericKey(b, t)
	case KindArray:
		return decodeArrayKey(b, t)
	}
	return Datum{}, nil, malformed("type of a key")
}

func decodeKeyString(b []byte) (string, []byte, error) {
	if b[0] != keyHead {
		return "", nil, malformed("text of a key")
	}
	b = b[1:]
	var s []byte // only if something is escaped
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 || i+1 >= len(b) {
			return "", nil, malformed("text of a key")
		}
		switch b[i+1] {
		case 1:
			if s == nil {
				return string(b[:i]), b[i+2:], nil
			}
			return string(append(s, b[:i]...)), b[i+2:], nil
		case 0xff:
			s = append(s, b[:i+1]...)
			b = b[i+2:]
		default:
			return "", nil, malformed("text of a key")
		}
	}
}

// decodeIntervalKey splits into months only where the days would not fit.
func decodeIntervalKey(b []byte) (Datum, []byte, error) {
	days, b, err := decodeKeyInt(b)
	if err != nil {
		return Datum{}, nil, err
	}
	micros, b, err := decodeKeyInt(b)
	if err != nil {
		return Datum{}, nil, err
	}
	if micros < 0 || micros >= microsPerDay {
		return Datum{}, nil, malformed("interval of a key")
	}
	months, rest := int64(0), clampInt32(days)
	if rest != days {
		months = clampInt32(days / 30)
		rest = clampInt32(days - months*30)
	}
	// What months and days cannot hold came from the microseconds.
	if excess := days - months*30 - rest; excess != 0 {
		if excess > math.MaxInt64/microsPerDay-1 || excess < math.MinInt64/microsPerDay {
			return Datum{}, nil, malformed("interval of a key")
		}
		micros += excess * microsPerDay
	}
	return NewInterval(IntervalValue{int32(months), int32(rest), micros}), b, nil
}

func clampInt32(n int64) int64 { return max(min(n, math.MaxInt32), math.MinInt32) }

func decodeNumericKey(b []byte, t Type) (Datum, []byte, error) {
	x := &extra{}
	head, rest := b[0], b[1:]
	switch head {
	case keyMinusInfinity, keyInfinity:
		x.dec.Form, x.dec.Negative = apd.Infinite, head == keyMinusInfinity
	case keyNaN:
		x.dec.Form = apd.NaN
	case keyZero:
	case keyPositive, keyNegative:
		var err error
		if rest, err = decodeNumericDigits(&x.dec, rest, head == keyNegative); err != nil {
			return Datum{}, nil, err
		}
	default:
		return Datum{}, nil, malformed("numeric of a key")
	}
	if _, scale, ok := t.PrecisionScale(); ok && x.dec.Form == apd.Finite && int(-x.dec.Exponent) < scale {
		rescale(&x.dec, &x.dec, scale)
	}
	return Datum{kind: KindNumeric, x: x}, rest, nil
}

// decodeNumericDigits decodes what follows the head of a number other than 0.
func decodeNumericDigits(d *apd.Decimal, b []byte, negative bool) ([]byte, error) {
	flip := byte(0)
	if negative {
		flip = 0xff
	}
	var head [9]byte
	n := copy(head[:], b)
	for i := range head[:n] {
		head[i] ^= flip
	}
	e, left, err := decodeKeyInt(head[:n])
	if err != nil {
		return nil, err
	}
	b = b[n-len(left):]
	end := bytes.IndexByte(b, flip)
	if end <= 0 || e > MaxNumericDigits || e < -MaxNumericScale || end > (MaxNumericDigits+MaxNumericScale)/2+1 {
		return nil, malformed("numeric of a key")
	}
	digits := make([]byte, 0, 2*end)
	for _, c := range b[:end] {
		pair := (c ^ flip) - 1
		if pair > 99 {
			return nil, malformed("numeric of a key")
		}
		digits = append(digits, '0'+pair/10, '0'+pair%10)
	}
	if digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	if digits[0] == '0' || digits[len(digits)-1] == '0' || int64(len(digits))-e > MaxNumericScale {
		return nil, malformed("numeric of a key")
	}
	var raw apd.Decimal
	if !setCoeff(&raw.Coeff, string(digits)) {
		return nil, malformed("numeric of a key")
	}
	raw.Negative, raw.Exponent = negative, int32(e)-int32(len(digits))
	setNumeric(d, &raw)
	return b[end+1:], nil
}

func decodeArrayKey(b []byte, t Type) (Datum, []byte, error) {
	elem, _ := t.Elem()
	x := &extra{arr: Array{Elem: elem.WithMod(-1)}}
	for len(b) > 0 && b[0] == keyHead {
		e, rest, err := DecodeKeyPart(b[1:], elem)
		if err != nil {
			return Datum{}, nil, err
		}
		x.arr.Elems, b = append(x.arr.Elems, e), rest
	}
	if len(b) == 0 || b[0] != 0 {
		return Datum{}, nil, malformed("array of a key")
	}
	n, b, err := decodeKeyInt(b[1:])
	if err != nil || n < 0 || n > MaxDims {
		return Datum{}, nil, malformed("array of a key")
	}
	dims := make([]Dim, n)
	total := int64(min(n, 1))
	for i := range dims {
		var v int64
		if v, b, err = decodeKeyInt(b); err != nil || v < 0 || v > int64(len(x.arr.Elems)) {
			return Datum{}, nil, malformed("array of a key")
		}
		dims[i].Len = int32(v)
		total = min(total*v, math.MaxInt32)
	}
	for i := range dims {
		var v int64
		if v, b, err = decodeKeyInt(b); err != nil || v != int64(int32(v)) {
			return Datum{}, nil, malformed("array of a key")
		}
		dims[i].Lower = int32(v)
	}
	if total != int64(len(x.arr.Elems)) {
		return Datum{}, nil, malformed("array of a key")
	}
	if n > 0 {
		x.arr.Dims = dims
	}
	return Datum{kind: KindArray, x: x}, b, nil
}
