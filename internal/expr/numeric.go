package expr

import (
	"math"
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// The limits and scales of PostgreSQL's numeric.
const (
	minSigDigits    = 16   // significant digits that inexact results have at least
	maxDisplayScale = 1000 // scale that inexact results have at most
	maxScale        = 16383
	maxWeight       = 131072 // digits in front of the point
)

// exact computes sums and products without rounding.
var exact = apd.BaseContext.WithPrecision(0)

// num is a finite numeric as an integer and the number of its digits behind the
// point.
type num struct {
	coef  *big.Int
	scale int
}

func numOf(d *apd.Decimal) num {
	c := new(big.Int).Set(d.Coeff.MathBigInt())
	if d.Negative {
		c.Neg(c)
	}
	if d.Exponent > 0 {
		c.Mul(c, pow10(int(d.Exponent)))
		return num{c, 0}
	}
	return num{c, -int(d.Exponent)}
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// datum returns the value; an error where it has too many digits.
func (n num) datum() (datum.Datum, error) {
	if n.coef.BitLen() > (maxWeight+maxScale)*4 || digitsOf(n.coef)-n.scale > maxWeight {
		return datum.Datum{}, numericOverflow()
	}
	if n.scale > maxScale {
		n = n.round(maxScale)
	}
	var d apd.Decimal
	d.Negative = n.coef.Sign() < 0
	d.Coeff.SetMathBigInt(new(big.Int).Abs(n.coef))
	d.Exponent = int32(-n.scale)
	return datum.NewNumeric(&d), nil
}

func numericOverflow() error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "value overflows numeric format")
}

// digitsOf is the number of decimal digits; 0 for zero.
func digitsOf(c *big.Int) int {
	if c.Sign() == 0 {
		return 0
	}
	n := int(float64(c.BitLen()-1)*0.30102999566398120) + 1
	if new(big.Int).Abs(c).Cmp(pow10(n)) >= 0 {
		n++
	}
	return n
}

// round rounds half away from zero to a scale, which may be negative.
func (n num) round(scale int) num {
	if scale >= n.scale {
		return num{new(big.Int).Mul(n.coef, pow10(scale-n.scale)), scale}
	}
	q := divRound(n.coef, pow10(n.scale-scale))
	if scale < 0 {
		return num{q.Mul(q, pow10(-scale)), 0}
	}
	return num{q, scale}
}

// trunc cuts digits off to a scale, which may be negative.
func (n num) trunc(scale int) num {
	if scale >= n.scale {
		return n.round(scale)
	}
	q := new(big.Int).Quo(n.coef, pow10(n.scale-scale))
	if scale < 0 {
		return num{q.Mul(q, pow10(-scale)), 0}
	}
	return num{q, scale}
}

// divRound divides and rounds half away from zero.
func divRound(a, b *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	r.Abs(r).Lsh(r, 1)
	if r.Cmp(new(big.Int).Abs(b)) >= 0 {
		q.Add(q, big.NewInt(int64(a.Sign()*b.Sign())))
	}
	return q
}

// weight is the position of the first base-10000 digit, and that digit: the
// shape in which PostgreSQL holds a numeric and estimates the size of results.
func (n num) weight() (weight int, first int) {
	digits := digitsOf(n.coef)
	if digits == 0 {
		return 0, 0
	}
	weight = floorDiv(digits-1-n.scale, 4)
	shift := n.scale + weight*4 // the first digit is coef / 10^shift
	c := new(big.Int).Abs(n.coef)
	if shift >= 0 {
		c.Quo(c, pow10(shift))
	} else {
		c.Mul(c, pow10(-shift))
	}
	return weight, int(c.Int64())
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func clampScale(scale int, atLeast ...int) int {
	for _, s := range atLeast {
		scale = max(scale, s)
	}
	return min(max(scale, 0), maxDisplayScale)
}

// special reports whether a value is NaN or infinite.
func special(d *apd.Decimal) bool { return d.Form != apd.Finite }

func nan(d *apd.Decimal) bool { return d.Form == apd.NaN || d.Form == apd.NaNSignaling }

func numericNaN() datum.Datum { return datum.NewNumeric(&apd.Decimal{Form: apd.NaN}) }

func numericInf(negative bool) datum.Datum {
	return datum.NewNumeric(&apd.Decimal{Form: apd.Infinite, Negative: negative})
}

func signOf(d *apd.Decimal) int {
	if d.Form == apd.Infinite {
		if d.Negative {
			return -1
		}
		return 1
	}
	return d.Sign()
}

func numericAdd(a, b datum.Datum) (datum.Datum, error) { return numericSum(a, b, false) }

func numericSub(a, b datum.Datum) (datum.Datum, error) { return numericSum(a, b, true) }

func numericSum(a, b datum.Datum, subtract bool) (datum.Datum, error) {
	x, y := a.Numeric(), b.Numeric()
	if special(x) || special(y) {
		return specialSum(x, y, subtract), nil
	}
	var z apd.Decimal
	var err error
	if subtract {
		_, err = exact.Sub(&z, x, y)
	} else {
		_, err = exact.Add(&z, x, y)
	}
	if err != nil {
		return datum.Datum{}, numericOverflow()
	}
	return fitNumeric(&z)
}

// fitNumeric refuses a result with too many digits.
func fitNumeric(z *apd.Decimal) (datum.Datum, error) {
	if z.Coeff.BitLen() > maxWeight*3 && int(z.NumDigits())+int(z.Exponent) > maxWeight {
		return datum.Datum{}, numericOverflow()
	}
	return datum.NewNumeric(z), nil
}

func specialSum(x, y *apd.Decimal, subtract bool) datum.Datum {
	switch {
	case nan(x) || nan(y):
		return numericNaN()
	case special(x) && special(y):
		if x.Negative != (y.Negative != subtract) {
			return numericNaN()
		}
		return numericInf(x.Negative)
	case special(x):
		return numericInf(x.Negative)
	}
	return numericInf(y.Negative != subtract)
}

func numericMul(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Numeric(), b.Numeric()
	if special(x) || special(y) {
		if nan(x) || nan(y) || signOf(x) == 0 || signOf(y) == 0 {
			return numericNaN(), nil
		}
		return numericInf(signOf(x) != signOf(y)), nil
	}
	var z apd.Decimal
	if _, err := exact.Mul(&z, x, y); err != nil {
		return datum.Datum{}, numericOverflow()
	}
	if -z.Exponent > maxScale {
		return numOf(&z).datum()
	}
	return fitNumeric(&z)
}

func numericDiv(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Numeric(), b.Numeric()
	if special(x) || special(y) {
		return specialDiv(x, y)
	}
	if y.IsZero() {
		return datum.Datum{}, divisionByZero()
	}
	p, q := numOf(x), numOf(y)
	return quotient(p, q, divScale(p, q)).datum()
}

// divScale is PostgreSQL's select_div_scale.
func divScale(p, q num) int {
	w1, f1 := p.weight()
	w2, f2 := q.weight()
	qw := w1 - w2
	if f1 <= f2 {
		qw--
	}
	return clampScale(minSigDigits-qw*4, p.scale, q.scale)
}

// quotient divides, rounded to a scale.
func quotient(p, q num, scale int) num {
	a, b := new(big.Int).Set(p.coef), q.coef
	if shift := scale + q.scale - p.scale; shift >= 0 {
		a.Mul(a, pow10(shift))
	} else {
		b = new(big.Int).Mul(b, pow10(-shift))
	}
	return num{divRound(a, b), scale}
}

func specialDiv(x, y *apd.Decimal) (datum.Datum, error) {
	switch {
	case nan(x) || nan(y) || special(x) && special(y):
		return numericNaN(), nil
	case special(x):
		if y.IsZero() {
			return datum.Datum{}, divisionByZero()
		}
		return numericInf(x.Negative != y.Negative), nil
	}
	return datum.NewNumeric(apd.New(0, 0)), nil
}

// numericDivTrunc is div(): the quotient, cut to an integer.
func numericDivTrunc(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Numeric(), b.Numeric()
	if special(x) || special(y) {
		return specialDiv(x, y)
	}
	if y.IsZero() {
		return datum.Datum{}, divisionByZero()
	}
	p, q := align(numOf(x), numOf(y))
	return num{new(big.Int).Quo(p.coef, q.coef), 0}.datum()
}

// align brings two numbers to the greater scale.
func align(p, q num) (num, num) {
	s := max(p.scale, q.scale)
	return p.round(s), q.round(s)
}

func numericMod(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Numeric(), b.Numeric()
	switch {
	case nan(x) || nan(y):
		return numericNaN(), nil
	case special(x):
		if !special(y) && y.IsZero() {
			return datum.Datum{}, divisionByZero()
		}
		return numericNaN(), nil
	case special(y):
		return a, nil
	case y.IsZero():
		return datum.Datum{}, divisionByZero()
	}
	p, q := align(numOf(x), numOf(y))
	return num{new(big.Int).Rem(p.coef, q.coef), p.scale}.datum()
}

func numericNeg(a datum.Datum) (datum.Datum, error) {
	var z apd.Decimal
	z.Set(a.Numeric())
	if !nan(&z) {
		z.Negative = !z.Negative && signOf(&z) != 0
	}
	return datum.NewNumeric(&z), nil
}

func numericAbs(a datum.Datum) (datum.Datum, error) {
	if x := a.Numeric(); nan(x) || !x.Negative {
		return a, nil
	}
	return numericNeg(a)
}

func numericSign(a datum.Datum) (datum.Datum, error) {
	if nan(a.Numeric()) {
		return a, nil
	}
	return datum.NewNumeric(apd.New(int64(signOf(a.Numeric())), 0)), nil
}

func numericRound(a, scale datum.Datum) (datum.Datum, error) {
	if special(a.Numeric()) {
		return a, nil
	}
	return numOf(a.Numeric()).round(boundScale(scale.Int())).datum()
}

func numericTrunc(a, scale datum.Datum) (datum.Datum, error) {
	if special(a.Numeric()) {
		return a, nil
	}
	return numOf(a.Numeric()).trunc(boundScale(scale.Int())).datum()
}

func boundScale(n int64) int { return int(min(max(n, -2000), 2000)) }

func numericRound0(a datum.Datum) (datum.Datum, error) { return numericRound(a, datum.NewInt(0)) }

func numericTrunc0(a datum.Datum) (datum.Datum, error) { return numericTrunc(a, datum.NewInt(0)) }

func numericCeil(a datum.Datum) (datum.Datum, error) { return toward(a, 1) }

func numericFloor(a datum.Datum) (datum.Datum, error) { return toward(a, -1) }

// toward rounds to the next integer in a direction.
func toward(a datum.Datum, sign int) (datum.Datum, error) {
	if special(a.Numeric()) {
		return a, nil
	}
	n := numOf(a.Numeric())
	t := n.trunc(0)
	if n.coef.Sign() == sign && t.round(n.scale).coef.Cmp(n.coef) != 0 {
		t.coef.Add(t.coef, big.NewInt(int64(sign)))
	}
	return t.datum()
}

func numericScale(a datum.Datum) (datum.Datum, error) {
	if special(a.Numeric()) {
		return datum.Datum{}, nil
	}
	return datum.NewInt(int64(numOf(a.Numeric()).scale)), nil
}

func numericMinScale(a datum.Datum) (datum.Datum, error) {
	if special(a.Numeric()) {
		return datum.Datum{}, nil
	}
	return datum.NewInt(int64(trimmed(numOf(a.Numeric())).scale)), nil
}

func numericTrimScale(a datum.Datum) (datum.Datum, error) {
	if special(a.Numeric()) {
		return a, nil
	}
	return trimmed(numOf(a.Numeric())).datum()
}

// trimmed drops zeros at the end of the fraction.
func trimmed(n num) num {
	ten, r := big.NewInt(10), new(big.Int)
	for n.scale > 0 {
		q, _ := new(big.Int).QuoRem(n.coef, ten, r)
		if r.Sign() != 0 {
			break
		}
		n = num{q, n.scale - 1}
	}
	return n
}

func numericGCD(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Numeric(), b.Numeric()
	if special(x) || special(y) {
		return numericNaN(), nil
	}
	p, q := align(numOf(x), numOf(y))
	return num{gcd(p.coef, q.coef), p.scale}.datum()
}

func numericLCM(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Numeric(), b.Numeric()
	if special(x) || special(y) {
		return numericNaN(), nil
	}
	p, q := align(numOf(x), numOf(y))
	if p.coef.Sign() == 0 || q.coef.Sign() == 0 {
		return num{new(big.Int), p.scale}.datum()
	}
	g := gcd(p.coef, q.coef)
	l := g.Mul(g.Quo(p.coef, g), q.coef)
	return num{l.Abs(l), p.scale}.datum()
}

func gcd(a, b *big.Int) *big.Int {
	return new(big.Int).GCD(nil, nil, new(big.Int).Abs(a), new(big.Int).Abs(b))
}

// maxFactorial is the greatest argument whose factorial a numeric can hold.
const maxFactorial = 32177

func factorial(a datum.Datum) (datum.Datum, error) {
	n := a.Int()
	switch {
	case n < 0:
		return datum.Datum{}, pgerror.New(pgerror.NumericValueOutOfRange, "factorial of a negative number is undefined")
	case n > maxFactorial:
		return datum.Datum{}, numericOverflow()
	}
	return num{new(big.Int).MulRange(1, n), 0}.datum()
}

// numericFloat is the nearest float of a numeric.
func numericFloat(d *apd.Decimal) float64 {
	switch {
	case nan(d):
		return math.NaN()
	case special(d) && d.Negative:
		return math.Inf(-1)
	case special(d):
		return math.Inf(1)
	}
	f, _ := d.Float64()
	return f
}
