package datum

import (
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// Bounds of a numeric, as PostgreSQL has them.
const (
	MaxNumericDigits = 131072 // before the decimal point
	MaxNumericScale  = 16383  // behind it
)

// setNumeric copies a decimal in the form that numerics have: the exponent is
// the negative display scale, from 0 to -MaxNumericScale. What has too many
// digits before the point becomes infinite, see CheckNumeric.
func setNumeric(dst, src *apd.Decimal) {
	switch src.Form {
	case apd.Finite:
	case apd.Infinite:
		dst.Form, dst.Negative = apd.Infinite, src.Negative
		return
	default:
		dst.Form = apd.NaN
		return
	}
	switch {
	case src.Exponent > 0 && !src.IsZero():
		if CheckNumeric(src) != nil {
			dst.Form, dst.Negative = apd.Infinite, src.Negative
			return
		}
		dst.Coeff.Mul(&src.Coeff, pow10(int64(src.Exponent)))
	case src.Exponent < -MaxNumericScale:
		rescale(dst, src, MaxNumericScale)
	default:
		dst.Coeff.Set(&src.Coeff)
		dst.Exponent = min(src.Exponent, 0)
	}
	dst.Negative = src.Negative && dst.Coeff.Sign() != 0
}

// CheckNumeric fails with 22003 if a finite number has more digits than a
// numeric can have.
func CheckNumeric(d *apd.Decimal) error {
	if d.Form != apd.Finite || d.Coeff.Sign() == 0 {
		return nil
	}
	// The number of bits bounds the number of digits; count only in doubt.
	e := int64(d.Exponent)
	if e > MaxNumericDigits || int64(d.Coeff.BitLen())*30103/100000+1+e > MaxNumericDigits && d.NumDigits()+e > MaxNumericDigits {
		return numericOverflow()
	}
	return nil
}

func numericOverflow() error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "value overflows numeric format")
}

// pow10 is 10 to the power of n, n >= 0.
func pow10(n int64) *apd.BigInt {
	p := apd.NewBigInt(10)
	if n <= 18 {
		v := int64(1)
		for range n {
			v *= 10
		}
		return p.SetInt64(v)
	}
	return p.Exp(p, apd.NewBigInt(n), nil)
}

// rescale sets dst to a finite src with the given number of digits behind the
// point, which may be negative, rounded half away from zero. dst may be src.
func rescale(dst, src *apd.Decimal, scale int) {
	negative, shift := src.Negative, int64(scale)+int64(src.Exponent)
	switch {
	case shift >= 0:
		dst.Coeff.Mul(&src.Coeff, pow10(shift))
	case -shift > MaxNumericDigits+MaxNumericScale+1:
		dst.Coeff.SetInt64(0)
	default:
		p := pow10(-shift)
		var rem apd.BigInt
		dst.Coeff.QuoRem(&src.Coeff, p, &rem)
		rem.Lsh(&rem, 1)
		if rem.Cmp(p) >= 0 {
			dst.Coeff.Add(&dst.Coeff, apd.NewBigInt(1))
		}
	}
	dst.Form, dst.Exponent = apd.Finite, int32(-scale)
	dst.Negative = negative && dst.Coeff.Sign() != 0
}

// RoundNumeric returns a number with the given number of digits behind the point
// (before it, if negative), rounded half away from zero as PostgreSQL rounds,
// never more than a numeric can have. NaN and infinities stay what they are.
func RoundNumeric(d *apd.Decimal, scale int) *apd.Decimal {
	out := new(apd.Decimal)
	if d.Form != apd.Finite {
		setNumeric(out, d)
		return out
	}
	rescale(out, d, max(min(scale, MaxNumericScale), -MaxNumericDigits))
	if out.Exponent > 0 {
		if CheckNumeric(out) != nil {
			out.Coeff.SetInt64(0)
		}
		out.Coeff.Mul(&out.Coeff, pow10(int64(out.Exponent)))
		out.Exponent = 0
	}
	return out
}

// fitNumeric applies numeric(precision, scale).
func fitNumeric(d *apd.Decimal, precision, scale int) (*apd.Decimal, error) {
	overflow := func(format string, args ...any) error {
		return pgerror.New(pgerror.NumericValueOutOfRange, "numeric field overflow").WithDetail(format, args...)
	}
	if d.Form == apd.Infinite {
		return nil, overflow("A field with precision %d, scale %d cannot hold an infinite value.", precision, scale)
	}
	if d.Form != apd.Finite {
		return d, nil
	}
	out := d
	if int(-d.Exponent) != scale {
		out = RoundNumeric(d, scale)
	}
	if digits := out.NumDigits() + int64(out.Exponent); out.Coeff.Sign() != 0 && digits > int64(precision-scale) {
		limit := "1"
		if precision != scale {
			limit = "10^" + strconv.Itoa(precision-scale)
		}
		return nil, overflow("A field with precision %d, scale %d must round to an absolute value less than %s.",
			precision, scale, limit)
	}
	return out, nil
}

// DecimalOf converts a float to the numeric that a cast gives: 15 significant
// digits of a double precision, 6 of a real.
func DecimalOf(f float64, single bool) *apd.Decimal {
	d := new(apd.Decimal)
	switch {
	case math.IsNaN(f):
		d.Form = apd.NaN
		return d
	case math.IsInf(f, 0):
		d.Form, d.Negative = apd.Infinite, f < 0
		return d
	}
	digits := 15
	if single {
		digits = 6
	}
	var buf [40]byte
	s := strconv.AppendFloat(buf[:0], f, 'g', digits, 64)
	if parseDecimal(d, string(s)) != nil {
		d.SetInt64(0)
	}
	out := new(apd.Decimal)
	setNumeric(out, d)
	return out
}

// Scale is the number of digits behind the point that a numeric is written with.
func Scale(d *apd.Decimal) int {
	if d.Form != apd.Finite || d.Exponent >= 0 {
		return 0
	}
	return int(-d.Exponent)
}

// compareNumeric orders numerics: NaN equals NaN and is the greatest.
func compareNumeric(a, b *apd.Decimal) int {
	ra, rb := numericRank(a), numericRank(b)
	if ra != rb {
		return cmpOrdered(ra, rb)
	}
	if ra != 0 {
		return 0
	}
	if a.Exponent == b.Exponent && a.Coeff.IsInt64() && b.Coeff.IsInt64() {
		x, y := a.Coeff.Int64(), b.Coeff.Int64()
		if a.Negative {
			x = -x
		}
		if b.Negative {
			y = -y
		}
		return cmpOrdered(x, y)
	}
	return a.Cmp(b)
}

func numericRank(d *apd.Decimal) int {
	switch {
	case d.Form == apd.Finite:
		return 0
	case d.Form != apd.Infinite:
		return 2
	case d.Negative:
		return -1
	}
	return 1
}

// appendNumericText writes a numeric with its display scale.
func appendNumericText(dst []byte, d *apd.Decimal) []byte {
	switch {
	case d.Form == apd.Infinite && d.Negative:
		return append(dst, "-Infinity"...)
	case d.Form == apd.Infinite:
		return append(dst, "Infinity"...)
	case d.Form != apd.Finite:
		return append(dst, "NaN"...)
	}
	if d.Negative && d.Coeff.Sign() != 0 {
		dst = append(dst, '-')
	}
	start := len(dst)
	if d.Coeff.IsUint64() {
		dst = strconv.AppendUint(dst, d.Coeff.Uint64(), 10)
	} else {
		dst = d.Coeff.Append(dst, 10)
	}
	scale := int(-d.Exponent)
	for ; scale < 0; scale++ {
		dst = append(dst, '0')
	}
	if scale == 0 {
		return dst
	}
	// At least one digit stands before the point.
	if missing := scale + 1 - (len(dst) - start); missing > 0 {
		n := len(dst)
		for range missing {
			dst = append(dst, '0')
		}
		copy(dst[start+missing:], dst[start:n])
		for i := range missing {
			dst[start+i] = '0'
		}
	}
	dst = append(dst, 0)
	point := len(dst) - 1 - scale
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst
}

// parseDecimal sets d to the number in s, or fails with errSyntax or 22003.
func parseDecimal(d *apd.Decimal, s string) error {
	body, negative := s, false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		body, negative = s[1:], s[0] == '-'
	}
	if form, ok := specialNumber(body); ok {
		if form == apd.NaN && body != s {
			return errSyntax
		}
		d.Form, d.Negative = form, negative && form == apd.Infinite
		return nil
	}
	digits, point, exponent, ok := scanDecimal(body)
	if !ok {
		return errSyntax
	}
	if exponent >= math.MaxInt32/2 || exponent <= -math.MaxInt32/2 {
		return numericOverflow()
	}
	exponent -= int64(point)
	if !setCoeff(&d.Coeff, digits) {
		return numericOverflow()
	}
	if -exponent > MaxNumericScale || exponent > MaxNumericDigits && d.Coeff.Sign() != 0 {
		return numericOverflow()
	}
	d.Form, d.Exponent = apd.Finite, int32(exponent)
	if err := CheckNumeric(d); err != nil {
		return err
	}
	if exponent > 0 {
		if d.Coeff.Sign() != 0 {
			d.Coeff.Mul(&d.Coeff, pow10(exponent))
		}
		d.Exponent = 0
	}
	d.Negative = negative && d.Coeff.Sign() != 0
	return nil
}

func specialNumber(s string) (apd.Form, bool) {
	switch {
	case equalFold(s, "nan"):
		return apd.NaN, true
	case equalFold(s, "infinity"), equalFold(s, "inf"):
		return apd.Infinite, true
	}
	return 0, false
}

// scanDecimal takes digits, a point and an exponent apart: the digits without
// the point, how many of them stand behind it, the exponent (saturated).
func scanDecimal(s string) (digits string, point int, exponent int64, ok bool) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	digits = s[:i]
	if i < len(s) && s[i] == '.' {
		j := i + 1
		for j < len(s) && isDigit(s[j]) {
			j++
		}
		digits, point = digits+s[i+1:j], j-i-1
		i = j
	}
	if digits == "" {
		return "", 0, 0, false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		negative := false
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			negative = s[i] == '-'
			i++
		}
		if i >= len(s) {
			return "", 0, 0, false
		}
		for ; i < len(s) && isDigit(s[i]); i++ {
			exponent = min(exponent*10+int64(s[i]-'0'), math.MaxInt32)
		}
		if !isDigit(s[i-1]) {
			return "", 0, 0, false
		}
		if negative {
			exponent = -exponent
		}
	}
	return digits, point, exponent, i == len(s)
}

// appendPlain writes a finite number's text as the numeric that it means would
// be written, without making one; false if it has too many digits.
func appendPlain(dst []byte, s string) ([]byte, bool) {
	body := strings.TrimLeft(s, "-+")
	digits, point, exponent, ok := scanDecimal(body)
	if !ok {
		return dst, false
	}
	exponent -= int64(point)
	digits = strings.TrimLeft(digits, "0")
	if -exponent > MaxNumericScale || digits != "" && int64(len(digits))+exponent > MaxNumericDigits {
		return dst, false
	}
	if digits == "" {
		digits, exponent = "0", min(exponent, 0)
	} else if s[0] == '-' {
		dst = append(dst, '-')
	}
	whole := len(digits) + int(min(exponent, 0)) // digits before the point
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, digits[:whole]...)
	}
	for ; exponent > 0; exponent-- {
		dst = append(dst, '0')
	}
	if exponent < 0 {
		dst = append(dst, '.')
		for ; whole < 0; whole++ {
			dst = append(dst, '0')
		}
		dst = append(dst, digits[whole:]...)
	}
	return dst, true
}

// setCoeff sets c to a string of digits; false if there are too many.
func setCoeff(c *apd.BigInt, digits string) bool {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	if len(digits) <= 18 {
		v := int64(0)
		for i := range len(digits) {
			v = v*10 + int64(digits[i]-'0')
		}
		c.SetInt64(v)
		return true
	}
	if len(digits) > MaxNumericDigits+MaxNumericScale {
		return false
	}
	_, ok := c.SetString(digits, 10)
	return ok
}
