package datum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/apd/v3"
)

// ErrMalformed is in the chain of every error of the decoders of stored values:
// the bytes are not what the encoder of this version, or an older one, writes.
var ErrMalformed = errors.New("malformed value encoding")

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// The first byte of a value: its kind and, where one of the two upper bits is
// set, also a small number or a short text's length. On disk and on the wire:
// append only.
const (
	tagNull byte = iota
	tagFalse
	tagTrue
	tagInt         // varint
	tagFloat       // 8 bytes, little endian
	tagNumeric     // length, payload
	tagText        // length, bytes
	tagBytes       // length, bytes
	tagUUID        // 16 bytes
	tagDate        // varint
	tagTime        // varint
	tagTimestamp   // 8 bytes, little endian
	tagTimestampTZ // 8 bytes, little endian
	tagInterval    // varints: months, days, microseconds
	tagJSON        // length, bytes
	tagJSONB       // length, bytes
	tagArray       // length, payload
	tagInt4        // 4 bytes, little endian: an integer beyond three bytes of varint

	tagShortText byte = 0x40 // + length, below 64
	tagSmallInt  byte = 0x80 // + value, 0 to 127
)

// AppendDatum appends the self-describing encoding of a value. It is on disk and
// on the wire, and does not change. Values that differ in any way, also in what
// Compare does not see, have different encodings; the same value always has the
// same.
func AppendDatum(dst []byte, d Datum) []byte {
	switch d.kind {
	case KindBool:
		return append(dst, tagFalse+byte(d.n))
	case KindInt:
		return appendInt(dst, d.n)
	case KindFloat:
		return binary.LittleEndian.AppendUint64(append(dst, tagFloat), uint64(d.n))
	case KindText:
		if len(d.s) < 64 {
			dst = append(dst, tagShortText+byte(len(d.s)))
			return append(dst, d.s...)
		}
		return appendTagged(dst, tagText, d.s)
	case KindBytes:
		return appendTagged(dst, tagBytes, d.s)
	case KindJSON:
		return appendTagged(dst, tagJSON, d.s)
	case KindJSONB:
		return appendTagged(dst, tagJSONB, d.s)
	case KindUUID:
		dst = binary.BigEndian.AppendUint64(append(dst, tagUUID), uint64(d.n))
		return binary.BigEndian.AppendUint64(dst, uint64(d.m))
	case KindDate:
		return binary.AppendVarint(append(dst, tagDate), d.n)
	case KindTime:
		return binary.AppendVarint(append(dst, tagTime), d.n)
	case KindTimestamp:
		return binary.LittleEndian.AppendUint64(append(dst, tagTimestamp), uint64(d.n))
	case KindTimestampTZ:
		return binary.LittleEndian.AppendUint64(append(dst, tagTimestampTZ), uint64(d.n))
	case KindInterval:
		v := d.Interval()
		dst = binary.AppendVarint(append(dst, tagInterval), int64(v.Months))
		dst = binary.AppendVarint(dst, int64(v.Days))
		return binary.AppendVarint(dst, v.Micros)
	case KindNumeric:
		return appendNumericPayload(append(dst, tagNumeric), &d.x.dec)
	case KindArray:
		return appendSized(append(dst, tagArray), func(b []byte) []byte { return appendArrayPayload(b, &d.x.arr) })
	}
	return append(dst, tagNull)
}

func appendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0 && n < 128:
		return append(dst, tagSmallInt+byte(n))
	case n >= -1<<20 && n < 1<<20, n < math.MinInt32, n > math.MaxInt32:
		return binary.AppendVarint(append(dst, tagInt), n)
	}
	return binary.LittleEndian.AppendUint32(append(dst, tagInt4), uint32(n))
}

func appendTagged(dst []byte, tag byte, s string) []byte {
	dst = binary.AppendUvarint(append(dst, tag), uint64(len(s)))
	return append(dst, s...)
}

// appendSized appends what f appends behind its length.
func appendSized(dst []byte, f func([]byte) []byte) []byte {
	start := len(dst)
	dst = f(dst)
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(dst)-start))
	dst = append(dst, head[:n]...)
	copy(dst[start+n:], dst[start:])
	copy(dst[start:], head[:n])
	return dst
}

// The forms of a numeric, its payload's first byte; then, of a finite one, the
// display scale (uvarint) and the coefficient (big endian).
const (
	formPositive byte = iota
	formNegative
	formNaN
	formInfinity
	formMinusInfinity
)

func appendNumericPayload(dst []byte, d *apd.Decimal) []byte {
	form := formPositive
	switch {
	case d.Form == apd.Infinite && d.Negative:
		form = formMinusInfinity
	case d.Form == apd.Infinite:
		form = formInfinity
	case d.Form != apd.Finite:
		form = formNaN
	case d.Negative:
		form = formNegative
	}
	if form >= formNaN {
		return append(dst, 1, form)
	}
	var scale [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(scale[:], uint64(-d.Exponent))
	size := (d.Coeff.BitLen() + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(1+n+size))
	dst = append(append(dst, form), scale[:n]...)
	if d.Coeff.IsUint64() {
		v := d.Coeff.Uint64()
		for i := size - 1; i >= 0; i-- {
			dst = append(dst, byte(v>>(8*i)))
		}
		return dst
	}
	start := len(dst)
	dst = append(dst, make([]byte, size)...)
	d.Coeff.FillBytes(dst[start:])
	return dst
}

// appendArrayPayload: OID of the elements, number of dimensions, each one's length
// and lower bound, the elements.
func appendArrayPayload(dst []byte, a *Array) []byte {
	dst = binary.AppendUvarint(dst, uint64(a.Elem.OID))
	dst = binary.AppendUvarint(dst, uint64(len(a.Dims)))
	for _, dim := range a.Dims {
		dst = binary.AppendUvarint(dst, uint64(dim.Len))
		dst = binary.AppendVarint(dst, int64(dim.Lower))
	}
	for _, e := range a.Elems {
		dst = AppendDatum(dst, e)
	}
	return dst
}

// AppendTuple appends the encoding of a sequence of values.
func AppendTuple(dst []byte, values []Datum) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	for _, v := range values {
		dst = AppendDatum(dst, v)
	}
	return dst
}

// rowFormat is the first byte of a stored row. A row of another format begins
// with another byte.
const rowFormat = 1

// AppendRow appends the encoding of a stored row: the values of columns 0 to
// len(values)-1. Columns behind are absent: they did not exist when the row was
// written.
func AppendRow(dst []byte, values []Datum) []byte {
	return AppendTuple(append(dst, rowFormat), values)
}
