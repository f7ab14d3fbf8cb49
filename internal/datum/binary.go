package datum

import (
	"encoding/binary"
	"math"

	"github.com/cockroachdb/apd/v3"
)

// AppendBinary appends PostgreSQL's binary format of a value of the type. For
// NULL it appends nothing.
func AppendBinary(dst []byte, d Datum, t Type) []byte {
	switch d.kind {
	case KindBool:
		return append(dst, byte(d.n))
	case KindInt:
		switch t.OID {
		case Int2.OID:
			return binary.BigEndian.AppendUint16(dst, uint16(d.n))
		case Int4.OID, OID.OID:
			return binary.BigEndian.AppendUint32(dst, uint32(d.n))
		}
		return binary.BigEndian.AppendUint64(dst, uint64(d.n))
	case KindFloat:
		if t.OID == Float4.OID {
			return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(d.Float())))
		}
		return binary.BigEndian.AppendUint64(dst, uint64(d.n))
	case KindNumeric:
		return appendNumericBinary(dst, &d.x.dec)
	case KindText, KindJSON, KindBytes:
		dst = append(dst, d.s...)
		if t.OID == Char.OID && t.Mod >= 4 {
			dst = appendPadding(dst, d.s, t)
		}
		return dst
	case KindJSONB:
		return append(append(dst, 1), d.s...)
	case KindUUID:
		dst = binary.BigEndian.AppendUint64(dst, uint64(d.n))
		return binary.BigEndian.AppendUint64(dst, uint64(d.m))
	case KindDate:
		return binary.BigEndian.AppendUint32(dst, uint32(d.n))
	case KindTime, KindTimestamp, KindTimestampTZ:
		return binary.BigEndian.AppendUint64(dst, uint64(d.n))
	case KindInterval:
		v := d.Interval()
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.Micros))
		dst = binary.BigEndian.AppendUint32(dst, uint32(v.Days))
		return binary.BigEndian.AppendUint32(dst, uint32(v.Months))
	case KindArray:
		return appendArrayBinary(dst, &d.x.arr, t)
	}
	return dst
}

// Signs of a numeric in the binary format.
const (
	numericPositive      = 0x0000
	numericNegative      = 0x4000
	numericNaN           = 0xc000
	numericInfinity      = 0xd000
	numericMinusInfinity = 0xf000
)

// appendNumericBinary: number of digits to the base 10000, weight of the first,
// sign, display scale, digits.
func appendNumericBinary(dst []byte, d *apd.Decimal) []byte {
	head := func(ndigits, weight int, sign uint16, scale int) {
		dst = binary.BigEndian.AppendUint16(dst, uint16(ndigits))
		dst = binary.BigEndian.AppendUint16(dst, uint16(weight))
		dst = binary.BigEndian.AppendUint16(dst, sign)
		dst = binary.BigEndian.AppendUint16(dst, uint16(scale))
	}
	switch {
	case d.Form == apd.Infinite && d.Negative:
		head(0, 0, numericMinusInfinity, 0x20) // PostgreSQL sends this scale
		return dst
	case d.Form == apd.Infinite:
		head(0, 0, numericInfinity, 0x20)
		return dst
	case d.Form != apd.Finite:
		head(0, 0, numericNaN, 0)
		return dst
	case d.Coeff.Sign() == 0:
		head(0, 0, numericPositive, Scale(d))
		return dst
	}
	var buf [48]byte
	digits := d.Coeff.Append(buf[:0], 10)
	scale := Scale(d)
	// lead zeros make the digits before the point a multiple of four.
	whole := len(digits) - scale
	lead := (4 - whole%4) % 4
	if whole%4 < 0 {
		lead = -(whole % 4)
	}
	at := func(i int) uint16 {
		if i -= lead; i >= 0 && i < len(digits) {
			return uint16(digits[i] - '0')
		}
		return 0
	}
	groups, weight := (lead+len(digits)+3)/4, (whole+lead)/4-1
	first := 0
	value := func(g int) uint16 { return at(4*g)*1000 + at(4*g+1)*100 + at(4*g+2)*10 + at(4*g+3) }
	for first < groups && value(first) == 0 {
		first++
	}
	for groups > first && value(groups-1) == 0 {
		groups--
	}
	sign := uint16(numericPositive)
	if d.Negative {
		sign = numericNegative
	}
	head(groups-first, weight-first, sign, scale)
	for g := first; g < groups; g++ {
		dst = binary.BigEndian.AppendUint16(dst, value(g))
	}
	return dst
}

// appendArrayBinary: dimensions, whether there are NULLs, element type, length
// and lower bound of each dimension, elements with their lengths.
func appendArrayBinary(dst []byte, a *Array, t Type) []byte {
	elem := a.Elem
	if e, ok := t.Elem(); ok && e.OID == elem.OID {
		elem = e
	}
	nulls := uint32(0)
	for _, e := range a.Elems {
		if e.IsNull() {
			nulls = 1
		}
	}
	dims := a.Dims
	if len(a.Elems) == 0 {
		dims = nil
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(dims)))
	dst = binary.BigEndian.AppendUint32(dst, nulls)
	dst = binary.BigEndian.AppendUint32(dst, elem.OID)
	for _, dim := range dims {
		dst = binary.BigEndian.AppendUint32(dst, uint32(dim.Len))
		dst = binary.BigEndian.AppendUint32(dst, uint32(dim.Lower))
	}
	for _, e := range a.Elems {
		if e.IsNull() {
			dst = binary.BigEndian.AppendUint32(dst, 1<<32-1)
			continue
		}
		at := len(dst)
		dst = AppendBinary(append(dst, 0, 0, 0, 0), e, elem)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst
}
