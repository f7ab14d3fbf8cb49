package datum

import (
	"encoding/binary"
	"math"

	"github.com/cockroachdb/apd/v3"
)

// DecodeDatum is the inverse of AppendDatum; it returns what follows the value.
// The value does not keep b.
func DecodeDatum(b []byte) (d Datum, rest []byte, err error) { return decodeDatum(b, false) }

// decodeDatum decodes a value; inArray refuses an array, so that rubbish does
// not nest.
func decodeDatum(b []byte, inArray bool) (Datum, []byte, error) {
	if len(b) == 0 {
		return Datum{}, nil, malformed("too short")
	}
	tag := b[0]
	b = b[1:]
	switch {
	case tag >= tagSmallInt:
		return NewInt(int64(tag - tagSmallInt)), b, nil
	case tag >= tagShortText:
		n := int(tag - tagShortText)
		if n > len(b) {
			return Datum{}, nil, malformed("too short")
		}
		return NewText(string(b[:n])), b[n:], nil
	}
	switch tag {
	case tagNull:
		return Datum{}, b, nil
	case tagFalse, tagTrue:
		return NewBool(tag == tagTrue), b, nil
	case tagInt, tagDate, tagTime:
		v, n := binary.Varint(b)
		if n <= 0 {
			return Datum{}, nil, malformed("not a number")
		}
		return Datum{kind: kindOfTag(tag), n: v}, b[n:], nil
	case tagInt4:
		if len(b) < 4 {
			return Datum{}, nil, malformed("too short")
		}
		return NewInt(int64(int32(binary.LittleEndian.Uint32(b)))), b[4:], nil
	case tagFloat, tagTimestamp, tagTimestampTZ:
		if len(b) < 8 {
			return Datum{}, nil, malformed("too short")
		}
		if tag == tagFloat {
			return NewFloat(math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:], nil
		}
		return Datum{kind: kindOfTag(tag), n: int64(binary.LittleEndian.Uint64(b))}, b[8:], nil
	case tagUUID:
		if len(b) < 16 {
			return Datum{}, nil, malformed("too short")
		}
		return Datum{kind: KindUUID, n: int64(be64(b)), m: int64(be64(b[8:]))}, b[16:], nil
	case tagInterval:
		return decodeInterval(b)
	}
	return decodeSized(tag, b, inArray)
}

func kindOfTag(tag byte) Kind {
	switch tag {
	case tagInt:
		return KindInt
	case tagDate:
		return KindDate
	case tagTime:
		return KindTime
	case tagTimestamp:
		return KindTimestamp
	}
	return KindTimestampTZ
}

func decodeInterval(b []byte) (Datum, []byte, error) {
	var part [3]int64
	for i := range part {
		v, n := binary.Varint(b)
		if n <= 0 || i < 2 && v != int64(int32(v)) {
			return Datum{}, nil, malformed("not an interval")
		}
		part[i], b = v, b[n:]
	}
	return NewInterval(IntervalValue{int32(part[0]), int32(part[1]), part[2]}), b, nil
}

// decodeSized decodes a value whose length precedes it.
func decodeSized(tag byte, b []byte, inArray bool) (Datum, []byte, error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return Datum{}, nil, malformed("too short")
	}
	payload, rest := b[n:n+int(size)], b[n+int(size):]
	switch tag {
	case tagText:
		return NewText(string(payload)), rest, nil
	case tagBytes:
		return NewBytes(payload), rest, nil
	case tagJSON:
		return NewJSON(string(payload)), rest, nil
	case tagJSONB:
		return NewJSONB(string(payload)), rest, nil
	case tagNumeric:
		d, err := decodeNumeric(payload)
		return d, rest, err
	case tagArray:
		if inArray {
			return Datum{}, nil, malformed("array in an array")
		}
		d, err := decodeArray(payload)
		return d, rest, err
	}
	return Datum{}, nil, malformed("unknown kind of value")
}

func decodeNumeric(b []byte) (Datum, error) {
	if len(b) == 0 {
		return Datum{}, malformed("not a numeric")
	}
	x := &extra{}
	form := b[0]
	switch form {
	case formNaN:
		x.dec.Form = apd.NaN
	case formInfinity, formMinusInfinity:
		x.dec.Form, x.dec.Negative = apd.Infinite, form == formMinusInfinity
	case formPositive, formNegative:
		scale, n := binary.Uvarint(b[1:])
		if n <= 0 || scale > MaxNumericScale {
			return Datum{}, malformed("scale of a numeric")
		}
		coeff := b[1+n:]
		if len(coeff) <= 8 {
			v := uint64(0)
			for _, c := range coeff {
				v = v<<8 | uint64(c)
			}
			x.dec.Coeff.SetUint64(v)
		} else {
			x.dec.Coeff.SetBytes(coeff)
		}
		x.dec.Exponent = -int32(scale)
		x.dec.Negative = form == formNegative && x.dec.Coeff.Sign() != 0
		if CheckNumeric(&x.dec) != nil {
			return Datum{}, malformed("numeric is too large")
		}
	default:
		return Datum{}, malformed("form of a numeric")
	}
	return Datum{kind: KindNumeric, x: x}, nil
}

func decodeArray(b []byte) (Datum, error) {
	oid, n := binary.Uvarint(b)
	if n <= 0 || oid > 1<<32-1 || infoOf(uint32(oid)) == nil {
		return Datum{}, malformed("type of an array's elements")
	}
	b = b[n:]
	ndim, n := binary.Uvarint(b)
	if n <= 0 || ndim > MaxDims {
		return Datum{}, malformed("dimensions of an array")
	}
	b = b[n:]
	x := &extra{arr: Array{Elem: Type{uint32(oid), -1}}}
	total := uint64(0)
	if ndim > 0 {
		x.arr.Dims, total = make([]Dim, ndim), 1
	}
	for i := range x.arr.Dims {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)) {
			return Datum{}, malformed("length of an array")
		}
		lower, m := binary.Varint(b[n:])
		if m <= 0 || lower != int64(int32(lower)) {
			return Datum{}, malformed("lower bound of an array")
		}
		x.arr.Dims[i] = Dim{int32(length), int32(lower)}
		b = b[n+m:]
		total *= length
		if total > uint64(len(b)) {
			return Datum{}, malformed("length of an array")
		}
	}
	if total > 0 {
		x.arr.Elems = make([]Datum, total)
	}
	var err error
	for i := range x.arr.Elems {
		if x.arr.Elems[i], b, err = decodeDatum(b, true); err != nil {
			return Datum{}, err
		}
	}
	if len(b) > 0 {
		return Datum{}, malformed("bytes are left over")
	}
	return Datum{kind: KindArray, x: x}, nil
}

// skipDatum returns what follows a value.
func skipDatum(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, malformed("too short")
	}
	tag := b[0]
	b = b[1:]
	size := 0
	switch {
	case tag >= tagSmallInt:
	case tag >= tagShortText:
		size = int(tag - tagShortText)
	default:
		switch tag {
		case tagNull, tagFalse, tagTrue:
		case tagInt4:
			size = 4
		case tagFloat, tagTimestamp, tagTimestampTZ:
			size = 8
		case tagUUID:
			size = 16
		case tagInt, tagDate, tagTime:
			return skipVarints(b, 1)
		case tagInterval:
			return skipVarints(b, 3)
		case tagNumeric, tagText, tagBytes, tagJSON, tagJSONB, tagArray:
			v, n := binary.Uvarint(b)
			if n <= 0 || v > uint64(len(b)-n) {
				return nil, malformed("too short")
			}
			size = n + int(v)
		default:
			return nil, malformed("unknown kind of value")
		}
	}
	if size > len(b) {
		return nil, malformed("too short")
	}
	return b[size:], nil
}

func skipVarints(b []byte, count int) ([]byte, error) {
	for ; count > 0; count-- {
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, malformed("not a number")
		}
		b = b[n:]
	}
	return b, nil
}

// DecodeTuple is the inverse of AppendTuple for all of b: it appends the values
// to into and returns it. The values do not keep b.
func DecodeTuple(b []byte, into []Datum) ([]Datum, error) {
	count, b, err := decodeCount(b)
	if err != nil {
		return into, err
	}
	for range count {
		var d Datum
		if d, b, err = DecodeDatum(b); err != nil {
			return into, err
		}
		into = append(into, d)
	}
	if len(b) > 0 {
		return into, malformed("bytes are left over")
	}
	return into, nil
}

func decodeCount(b []byte) (int, []byte, error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)-n) {
		return 0, nil, malformed("number of values")
	}
	return int(count), b[n:], nil
}

// Columns is a set of column indexes; nil is the set of all columns.
type Columns []uint64

// With returns the set with a column added; a nil set is taken for an empty
// one. The set that it was called on must not be used any more.
func (c Columns) With(column int) Columns {
	if c == nil {
		c = Columns{}
	}
	for len(c) <= column/64 {
		c = append(c, 0)
	}
	c[column/64] |= 1 << (column % 64)
	return c
}

// Has reports whether the column is in the set.
func (c Columns) Has(column int) bool {
	return c == nil || column/64 < len(c) && c[column/64]>>(column%64)&1 == 1
}

// DecodeRow decodes the columns of a stored row that are needed (nil: all) into
// into, whose length is that of the table's columns. Columns that are absent
// from the row get missing's value (catalog.Column.Missing, decoded), NULL where
// missing is shorter. Columns that are not needed keep what into held. The row
// may have more columns than into. The values do not keep b.
func DecodeRow(b []byte, into []Datum, needed Columns, missing []Datum) error {
	count, b, err := rowCount(b)
	if err != nil {
		return err
	}
	last := len(into) // behind the last column of interest
	if needed != nil {
		last = min(last, len(needed)*64)
		for last > 0 && !needed.Has(last-1) {
			last--
		}
	}
	for i := range min(count, last) {
		if !needed.Has(i) {
			if b, err = skipDatum(b); err != nil {
				return err
			}
			continue
		}
		if into[i], b, err = DecodeDatum(b); err != nil {
			return err
		}
	}
	for i := count; i < last; i++ {
		if !needed.Has(i) {
			continue
		}
		into[i] = Datum{}
		if i < len(missing) {
			into[i] = missing[i]
		}
	}
	return nil
}

// RowWidth returns the number of columns that are in the row: those with an
// index at or above it are absent.
func RowWidth(b []byte) (int, error) {
	count, _, err := rowCount(b)
	return count, err
}

func rowCount(b []byte) (int, []byte, error) {
	if len(b) == 0 || b[0] != rowFormat {
		return 0, nil, malformed("format of a row")
	}
	return decodeCount(b[1:])
}
