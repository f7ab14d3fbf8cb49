package datum

import (
	"math"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// How a part of a key looks. They are on disk and do not change.
//
//	NULL                     FE
//	integers, dates, times   order-preserving integer: 80 to FD, 0 to 8 bytes
//	booleans                 01 or 02
//	texts, byteas            01, the bytes with 00 escaped as 00 FF, 00 01
//	floats                   01, 8 bytes: IEEE with the sign's order mended
//	uuids                    01, 16 bytes
//	intervals                days and microseconds, two integers
//	numerics                 see appendNumericKey
//	arrays                   01 and the element for each one, 00, the dimensions
const (
	keyNull = 0xfe
	keyHead = 0x01

	keyIntZero  = 0x88 // the integer 0
	keyIntSmall = 109  // the greatest integer of one byte
	keyIntMax   = 0xfd // head of a positive integer of 8 bytes
)

// AppendKey appends the encoding of a value of the type as a part of a key. The
// bytes order as the values do (NULL last), equal values have equal bytes, and
// no encoding is the prefix of another, so that parts can be strung together
// and the encoding of the first columns is a prefix of all keys that begin with
// these values (see PrefixEnd). json and jsonb are refused with 0A000.
func AppendKey(dst []byte, d Datum, t Type) ([]byte, error) {
	switch d.kind {
	case KindNull:
		return append(dst, keyNull), nil
	case KindInt, KindDate, KindTime, KindTimestamp, KindTimestampTZ:
		return appendKeyInt(dst, d.n), nil
	case KindText, KindBytes:
		dst = AppendKeyPrefix(dst, d)
		return append(dst, 0, 1), nil
	case KindBool:
		return append(dst, 1+byte(d.n)), nil
	case KindUUID:
		return appendUint64(appendUint64(append(dst, keyHead), uint64(d.n)), uint64(d.m)), nil
	case KindFloat:
		return appendUint64(append(dst, keyHead), floatKey(math.Float64frombits(uint64(d.n)))), nil
	case KindInterval:
		days, micros := span(d.Interval())
		return appendKeyInt(appendKeyInt(dst, days), micros), nil
	case KindNumeric:
		return appendNumericKey(dst, &d.x.dec), nil
	case KindArray:
		return appendArrayKey(dst, &d.x.arr)
	}
	return dst, pgerror.NotSupported("a key of type %s", t)
}

// AppendKeyPrefix appends the beginning that the encodings of all texts (or
// byteas) have that begin with the given one: for LIKE 'abc%'.
func AppendKeyPrefix(dst []byte, d Datum) []byte {
	dst = append(dst, keyHead)
	s := d.s
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(append(dst, s[:i]...), 0, 0xff)
		s = s[i+1:]
	}
}

// PrefixEnd returns the first key that is greater than all keys that begin with
// the prefix; nil where there is none. It does not change prefix.
func PrefixEnd(prefix []byte) []byte {
	n := len(prefix)
	for n > 0 && prefix[n-1] == 0xff {
		n--
	}
	if n == 0 {
		return nil
	}
	end := append([]byte(nil), prefix[:n]...)
	end[n-1]++
	return end
}

// appendKeyInt appends an integer: small ones in one byte, others in a head that
// tells sign and length and as few bytes as hold them.
func appendKeyInt(dst []byte, n int64) []byte {
	if n >= 0 && n <= keyIntSmall {
		return append(dst, keyIntZero+byte(n))
	}
	size := 1
	if n > 0 {
		for size < 8 && n>>(8*size) != 0 {
			size++
		}
		dst = append(dst, byte(keyIntMax-8+size))
	} else {
		for size < 8 && n>>(8*size) != -1 {
			size++
		}
		dst = append(dst, byte(keyIntZero-size))
	}
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}

func decodeKeyInt(b []byte) (int64, []byte, error) {
	if len(b) == 0 || b[0] < keyIntZero-8 || b[0] > keyIntMax {
		return 0, nil, malformed("integer of a key")
	}
	head := b[0]
	if head >= keyIntZero && head <= keyIntZero+keyIntSmall {
		return int64(head - keyIntZero), b[1:], nil
	}
	size, n := int(head)-(keyIntMax-8), int64(0)
	if head < keyIntZero {
		size, n = keyIntZero-int(head), -1
	}
	if len(b) <= size {
		return 0, nil, malformed("integer of a key")
	}
	for _, c := range b[1 : 1+size] {
		n = n<<8 | int64(c)
	}
	var again [9]byte
	if string(appendKeyInt(again[:0], n)) != string(b[:1+size]) {
		return 0, nil, malformed("integer of a key")
	}
	return n, b[1+size:], nil
}

// floatKey orders floats as unsigned integers: -0 is 0, NaN is the greatest.
func floatKey(f float64) uint64 {
	switch {
	case f == 0:
		return 1 << 63
	case math.IsNaN(f):
		return math.MaxUint64
	}
	bits := math.Float64bits(f)
	if bits>>63 != 0 {
		return ^bits
	}
	return bits | 1<<63
}

func floatOfKey(v uint64) float64 {
	switch {
	case v == math.MaxUint64:
		return math.NaN()
	case v>>63 != 0:
		return math.Float64frombits(v &^ (1 << 63))
	}
	return math.Float64frombits(^v)
}

func appendUint64(dst []byte, v uint64) []byte {
	return append(dst, byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// Heads of numerics in order.
const (
	keyMinusInfinity = iota + 1
	keyNegative
	keyZero
	keyPositive
	keyInfinity
	keyNaN
)

// appendNumericKey: a finite number other than 0 is 0.d1d2d3... x 10^e with d1
// not 0 and no 0 at the end. After its head come e as an integer, the digits by
// pairs, each pair as a byte 1 to 100, and 0. All but the head is complemented
// for a negative number.
func appendNumericKey(dst []byte, d *apd.Decimal) []byte {
	switch {
	case d.Form == apd.Infinite && d.Negative:
		return append(dst, keyMinusInfinity)
	case d.Form == apd.Infinite:
		return append(dst, keyInfinity)
	case d.Form != apd.Finite:
		return append(dst, keyNaN)
	case d.Coeff.Sign() == 0:
		return append(dst, keyZero)
	}
	head := byte(keyPositive)
	if d.Negative {
		head = keyNegative
	}
	dst = append(dst, head)
	start := len(dst)
	var buf [40]byte
	digits := d.Coeff.Append(buf[:0], 10)
	dst = appendKeyInt(dst, int64(len(digits))+int64(d.Exponent))
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	for i := 0; i < len(digits); i += 2 {
		pair := (digits[i] - '0') * 10
		if i+1 < len(digits) {
			pair += digits[i+1] - '0'
		}
		dst = append(dst, pair+1)
	}
	dst = append(dst, 0)
	if d.Negative {
		for i := start; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

func appendArrayKey(dst []byte, a *Array) ([]byte, error) {
	var err error
	for _, e := range a.Elems {
		if e.kind == KindArray {
			return dst, pgerror.NotSupported("a key of arrays of arrays")
		}
		if dst, err = AppendKey(append(dst, keyHead), e, a.Elem); err != nil {
			return dst, err
		}
	}
	dst = appendKeyInt(append(dst, 0), int64(len(a.Dims)))
	for _, dim := range a.Dims {
		dst = appendKeyInt(dst, int64(dim.Len))
	}
	for _, dim := range a.Dims {
		dst = appendKeyInt(dst, int64(dim.Lower))
	}
	return dst, nil
}
