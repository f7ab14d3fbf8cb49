package datum

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/pgerror"
)

func shortMessage() error {
	return pgerror.New(pgerror.ProtocolViolation, "insufficient data left in message")
}

// errTrailing says that a value is followed by bytes; it never leaves the package.
var errTrailing = errors.New("trailing bytes")

// ParseBinary reads a value of the type from PostgreSQL's binary format and
// applies the type's modifier as an assignment does. Errors are *pgerror.Error
// (08P01, 22P03, 22021, 22003, ...). The value does not keep b.
func ParseBinary(b []byte, t Type) (Datum, error) {
	d, err := parseBinary(b, t)
	if err == errTrailing {
		err = pgerror.New(pgerror.InvalidBinaryRepresentation, "incorrect binary data format")
	}
	if err != nil {
		return Datum{}, err
	}
	if t.Mod >= 0 || t.OID == Char.OID || t.OID == Name.OID || t.OID == CharArray.OID || t.OID == NameArray.OID {
		return ApplyMod(d, t, false)
	}
	return d, nil
}

func parseBinary(b []byte, t Type) (Datum, error) {
	kind := t.Kind()
	if n := int(t.Len()); n > 0 && kind != KindText && kind != KindNull {
		if len(b) < n {
			return Datum{}, shortMessage()
		}
		if len(b) > n {
			return Datum{}, errTrailing
		}
		return parseFixed(b, t, kind)
	}
	switch kind {
	case KindNumeric:
		return parseNumericBinary(b)
	case KindText, KindNull:
		s := string(b)
		return NewText(s), CheckText(s)
	case KindBytes:
		return NewBytes(b), nil
	case KindJSON:
		s := string(b)
		return NewJSON(s), CheckJSON(s)
	case KindJSONB:
		if len(b) == 0 {
			return Datum{}, shortMessage()
		}
		if b[0] != 1 {
			return Datum{}, pgerror.New(pgerror.InternalError, "unsupported jsonb version number %d", b[0])
		}
		s, err := NormalizeJSON(string(b[1:]))
		return NewJSONB(s), err
	case KindArray:
		return parseArrayBinary(b, t)
	}
	return Datum{}, pgerror.NotSupported("binary input of type %s", t)
}

// parseFixed reads a value whose length is the type's.
func parseFixed(b []byte, t Type, kind Kind) (Datum, error) {
	var n int64
	switch len(b) {
	case 1:
		n = int64(b[0])
	case 2:
		n = int64(int16(binary.BigEndian.Uint16(b)))
	case 4:
		n = int64(int32(binary.BigEndian.Uint32(b)))
	case 8:
		n = int64(binary.BigEndian.Uint64(b))
	}
	switch kind {
	case KindBool:
		return NewBool(n != 0), nil
	case KindInt:
		if t.OID == OID.OID {
			n = int64(uint32(n))
		}
		return NewInt(n), nil
	case KindFloat:
		if len(b) == 4 {
			return NewFloat(float64(math.Float32frombits(uint32(n)))), nil
		}
		return NewFloat(math.Float64frombits(uint64(n))), nil
	case KindUUID:
		return NewUUID([16]byte(b)), nil
	case KindInterval:
		return NewInterval(IntervalValue{
			Micros: int64(binary.BigEndian.Uint64(b)),
			Days:   int32(binary.BigEndian.Uint32(b[8:])),
			Months: int32(binary.BigEndian.Uint32(b[12:])),
		}), nil
	case KindDate:
		if n != DateInfinity && n != DateMinusInfinity && (n < minDate || n >= endDate) {
			return Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "date out of range")
		}
	case KindTime:
		if n < 0 || n > microsPerDay {
			return Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "time out of range")
		}
	case KindTimestamp, KindTimestampTZ:
		if !validTimestamp(n) {
			return Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp out of range")
		}
	}
	return Datum{kind: kind, n: n}, nil
}

func parseNumericBinary(b []byte) (Datum, error) {
	if len(b) < 8 {
		return Datum{}, shortMessage()
	}
	u16 := func(i int) int { return int(binary.BigEndian.Uint16(b[2*i:])) }
	ndigits, weight, sign, scale := u16(0), int(int16(u16(1))), u16(2), u16(3)
	bad := func(what string) (Datum, error) {
		return Datum{}, pgerror.New(pgerror.InvalidBinaryRepresentation, "invalid %s in external \"numeric\" value", what)
	}
	if len(b) < 8+2*ndigits {
		return Datum{}, shortMessage()
	}
	if len(b) > 8+2*ndigits {
		return Datum{}, errTrailing
	}
	x := &extra{}
	switch sign {
	case numericPositive, numericNegative:
	case numericNaN:
		x.dec.Form = apd.NaN
		return Datum{kind: KindNumeric, x: x}, nil
	case numericInfinity, numericMinusInfinity:
		x.dec.Form, x.dec.Negative = apd.Infinite, sign == numericMinusInfinity
		return Datum{kind: KindNumeric, x: x}, nil
	default:
		return bad("sign")
	}
	if scale > 0x3fff {
		return bad("scale")
	}
	digits := make([]byte, 0, 4*ndigits+1)
	for i := range ndigits {
		v := u16(4 + i)
		if v > 9999 {
			return bad("digit")
		}
		digits = append(digits, '0'+byte(v/1000), '0'+byte(v/100%10), '0'+byte(v/10%10), '0'+byte(v%10))
	}
	var raw apd.Decimal
	if len(digits) > 0 && !setCoeff(&raw.Coeff, string(digits)) {
		return Datum{}, numericOverflow()
	}
	raw.Exponent = int32(4 * (weight + 1 - ndigits))
	if err := CheckNumeric(&raw); err != nil {
		return Datum{}, err
	}
	raw.Negative = sign == numericNegative
	// What lies behind the display scale is cut, as PostgreSQL does.
	truncate(&x.dec, &raw, scale)
	return Datum{kind: KindNumeric, x: x}, nil
}

// truncate sets dst to src with the given number of digits behind the point.
func truncate(dst, src *apd.Decimal, scale int) {
	shift := int64(scale) + int64(src.Exponent)
	switch {
	case src.Coeff.Sign() == 0:
	case shift >= 0:
		dst.Coeff.Mul(&src.Coeff, pow10(shift))
	default:
		dst.Coeff.Quo(&src.Coeff, pow10(-shift))
	}
	dst.Exponent = int32(-scale)
	dst.Negative = src.Negative && dst.Coeff.Sign() != 0
}

func parseArrayBinary(b []byte, t Type) (Datum, error) {
	elem, _ := t.Elem()
	elem = elem.WithMod(-1)
	u32 := func(i int) int32 { return int32(binary.BigEndian.Uint32(b[4*i:])) }
	if len(b) < 12 {
		return Datum{}, shortMessage()
	}
	ndim, flags, oid := u32(0), u32(1), uint32(u32(2))
	if ndim < 0 {
		return Datum{}, pgerror.New(pgerror.InvalidBinaryRepresentation, "invalid number of dimensions: %d", ndim)
	}
	if ndim > MaxDims {
		return Datum{}, tooManyDims(int(ndim))
	}
	if flags != 0 && flags != 1 {
		return Datum{}, pgerror.New(pgerror.InvalidBinaryRepresentation, "invalid array flags")
	}
	if oid != elem.OID {
		return Datum{}, wrongElementType(oid, elem)
	}
	b = b[12:]
	if len(b) < 8*int(ndim) {
		return Datum{}, shortMessage()
	}
	dims, total := make([]Dim, ndim), int64(min(ndim, 1))
	for i := range dims {
		dims[i] = Dim{u32(2 * i), u32(2*i + 1)}
		if dims[i].Len < 0 {
			return Datum{}, pgerror.New(pgerror.ArraySubscriptError, "upper bound cannot be less than lower bound")
		}
		if int64(dims[i].Lower)+int64(dims[i].Len) > math.MaxInt32 {
			return Datum{}, pgerror.New(pgerror.ArraySubscriptError, "array lower bound is too large: %d", dims[i].Lower)
		}
		if total *= int64(dims[i].Len); total > math.MaxInt32 {
			return Datum{}, pgerror.New(pgerror.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", 1<<27-1)
		}
	}
	b = b[8*ndim:]
	if total > int64(len(b)/4) {
		return Datum{}, shortMessage()
	}
	elems, err := parseElements(b, int(total), elem)
	if err != nil || total == 0 {
		return NewArray(elem, nil), err
	}
	return NewArrayDims(elem, dims, elems), nil
}

func wrongElementType(oid uint32, want Type) error {
	return pgerror.New(pgerror.DatatypeMismatch,
		"binary data has array element type %d (%s) instead of expected %d (%s)",
		oid, Type{oid, -1}.String(), want.OID, want.String())
}

func parseElements(b []byte, n int, elem Type) ([]Datum, error) {
	elems, total := make([]Datum, n), 0
	for i := range elems {
		if len(b) < 4 {
			return nil, shortMessage()
		}
		size := int32(binary.BigEndian.Uint32(b))
		b = b[4:]
		if size == -1 {
			continue
		}
		if size < 0 || int64(size) > int64(len(b)) {
			return nil, shortMessage()
		}
		var err error
		elems[i], err = parseBinary(b[:size], elem)
		if err == errTrailing {
			err = pgerror.New(pgerror.InvalidBinaryRepresentation, "improper binary format in array element %d", i+1)
		}
		if err == nil {
			total += grown(elems[i], int(size))
			err = checkGrown(total)
		}
		if err != nil {
			return nil, err
		}
		b = b[size:]
	}
	if len(b) > 0 {
		return nil, errTrailing
	}
	return elems, nil
}
