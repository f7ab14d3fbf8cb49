package datum

import (
	"math"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/pgerror"
)

func parseBool(s string) (Datum, error) {
	b := trimSpace(s)
	// PostgreSQL takes any beginning of these words; "o" alone is ambiguous.
	for _, w := range [...]struct {
		word  string
		least int
		value bool
	}{{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
		{"on", 2, true}, {"off", 2, false}, {"1", 1, true}, {"0", 1, false}} {
		if len(b) >= w.least && len(b) <= len(w.word) && equalFold(b, w.word[:len(b)]) {
			return NewBool(w.value), nil
		}
	}
	return Datum{}, errSyntax
}

// parseInt reads an integer of the given number of bits.
func parseInt(s string, bits int, typ string) (int64, error) {
	i, negative := 0, false
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		negative = s[i] == '-'
		i++
	}
	limit := uint64(1)<<(bits-1) - 1
	if negative {
		limit++
	}
	start, n := i, uint64(0)
	for ; i < len(s) && isDigit(s[i]); i++ {
		c := uint64(s[i] - '0')
		if n > (limit-c)/10 {
			return 0, outOfRange(typ, s)
		}
		n = n*10 + c
	}
	if i == start {
		return 0, errSyntax
	}
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i < len(s) {
		return 0, errSyntax
	}
	if negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

// parseOID reads an oid; negative numbers count from 2^32, as strtoul has it.
func parseOID(s string) (int64, error) {
	n, err := parseInt(s, 64, "oid")
	if err != nil {
		return 0, err
	}
	if n < math.MinInt32 || n > math.MaxUint32 {
		return 0, outOfRange("oid", s)
	}
	return int64(uint32(n)), nil
}

// appendFloat writes a float as PostgreSQL does since version 12.
func appendFloat(dst []byte, v float64, single bool, f *Format) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	bits, digits, abs := 64, 15, math.Abs(v)
	// The shortest digits stand without exponent from 0.0001 to below 10^15 (10^6).
	plain := abs == 0 || abs >= 1e-4 && abs < 1e15
	if single {
		bits, digits = 32, 6
		plain = abs == 0 || float32(abs) >= 1e-4 && float32(abs) < 1e6
	}
	switch {
	case f != nil && f.RoundFloats:
		return strconv.AppendFloat(dst, v, 'g', max(digits+f.ExtraFloatDigits, 1), 64)
	case plain:
		return strconv.AppendFloat(dst, v, 'f', -1, bits)
	}
	return appendShortest(dst, v, bits)
}

// appendShortest writes the fewest digits between the points halfway to the
// neighbouring floats. Unlike Go, PostgreSQL does not take these points
// themselves: 1e23 is halfway, and so it writes 9.999999999999999e+22.
func appendShortest(dst []byte, v float64, bits int) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'e', -1, bits)
	for digits := 0; digits < 17 && isHalfway(dst[start:], math.Abs(v), bits); digits++ {
		for dst = strconv.AppendFloat(dst[:start], v, 'e', digits, 64); digits < 17; digits++ {
			if back, err := strconv.ParseFloat(string(dst[start:]), bits); err == nil && back == v {
				break
			}
			dst = strconv.AppendFloat(dst[:start], v, 'e', digits+1, 64)
		}
	}
	return dst
}

// isHalfway reports whether a number d.dddde+xx is halfway between v and one of
// its neighbours. Only integers can be, and only where v's unit is above 1.
func isHalfway(text []byte, v float64, bits int) bool {
	digits, exponent, behind := uint64(0), 0, 0
	for i, c := range text {
		switch {
		case c == 'e':
			exponent, _ = strconv.Atoi(string(text[i+1:]))
		case isDigit(c) && exponent == 0:
			digits = digits*10 + uint64(c-'0')
			behind++
		}
		if c == 'e' {
			break
		}
	}
	k := exponent - (behind - 1)
	if digits == 0 || k < 0 || k > 23 {
		return false
	}
	twos := k
	for ; digits&1 == 0; digits >>= 1 {
		twos++
	}
	for ; k > 0; k-- {
		if digits > 1<<60 {
			return false
		}
		digits *= 5
	}
	mantissa := 53
	if bits == 32 {
		mantissa = 24
	}
	fr, e := math.Frexp(v)
	m, e := uint64(math.Ldexp(fr, mantissa)), e-mantissa
	switch {
	case digits == 2*m+1 || digits == 2*m-1:
		return twos == e-1
	case m == 1<<(mantissa-1): // the neighbour below is nearer
		return digits == 4*m-1 && twos == e-2
	}
	return false
}

// parseFloat reads what strtod reads, and PostgreSQL's special values.
func parseFloat(s string, single bool) (float64, error) {
	name, bits := "double precision", 64
	if single {
		name, bits = "real", 32
	}
	body := trimSpace(s)
	if body == "" || strings.IndexByte(body, '_') >= 0 {
		return 0, errSyntax
	}
	number := body
	if strings.ContainsAny(body, "xX") && !strings.ContainsAny(body, "pP") {
		number += "p0"
	}
	v, err := strconv.ParseFloat(number, bits)
	if err != nil {
		if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
			return 0, floatRange(body, name)
		}
		return 0, errSyntax
	}
	if v == 0 {
		mantissa := body
		if i := strings.IndexAny(body, "eE"); i >= 0 {
			mantissa = body[:i]
		}
		if strings.ContainsAny(mantissa, "123456789") {
			return 0, floatRange(body, name)
		}
	}
	return v, nil
}

func floatRange(s, typ string) error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "\"%s\" is out of range for type %s", s, typ)
}
