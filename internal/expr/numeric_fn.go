package expr

import (
	"math"
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// inexact computes functions with so many significant digits.
func inexact(digits int) *apd.Context {
	c := apd.BaseContext.WithPrecision(uint32(max(digits, 20)))
	c.Traps = 0
	return c
}

// result rounds an inexact result to a scale.
func result(d *apd.Decimal, scale int) (datum.Datum, error) {
	if special(d) || d.Exponent > maxWeight || -d.Exponent > 1<<20 {
		return datum.Datum{}, numericOverflow()
	}
	return numOf(d).round(scale).datum()
}

func numericSqrt(a datum.Datum) (datum.Datum, error) {
	x := a.Numeric()
	switch {
	case nan(x):
		return a, nil
	case signOf(x) < 0:
		return datum.Datum{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
	case special(x):
		return a, nil
	}
	n := numOf(x)
	w, _ := n.weight()
	return sqrtTo(n, clampScale(minSigDigits-((w+1)*4/2-1), n.scale)).datum()
}

// sqrtTo is the square root of a number that is not negative, rounded to a scale.
func sqrtTo(n num, scale int) num {
	// sqrt(coef * 10^(2*(scale+1)-n.scale)) has one digit more than is needed.
	c := new(big.Int).Set(n.coef)
	if shift := 2*(scale+1) - n.scale; shift >= 0 {
		c.Mul(c, pow10(shift))
	} else {
		c.Quo(c, pow10(-shift))
	}
	return num{c.Sqrt(c), scale + 1}.round(scale)
}

func numericExp(a datum.Datum) (datum.Datum, error) {
	x := a.Numeric()
	switch {
	case nan(x):
		return a, nil
	case special(x) && x.Negative:
		return datum.NewNumeric(apd.New(0, 0)), nil
	case special(x):
		return a, nil
	}
	f := numericFloat(x)
	if f > 2000*3.01 {
		return datum.Datum{}, numericOverflow()
	}
	val := min(max(f*0.434294481903252, -2000), 2000)
	scale := clampScale(minSigDigits-int(val), datum.Scale(x))
	if f < -2000*3.01 {
		return num{new(big.Int), scale}.datum()
	}
	var z apd.Decimal
	if _, err := inexact(int(math.Abs(f)*0.4343)+scale+12).Exp(&z, x); err != nil {
		return datum.Datum{}, numericOverflow()
	}
	return result(&z, scale)
}

// checkLog refuses what has no logarithm.
func checkLog(sign int) error {
	switch {
	case sign == 0:
		return pgerror.New(pgerror.InvalidArgumentForLogarithm, "cannot take logarithm of zero")
	case sign < 0:
		return pgerror.New(pgerror.InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
	}
	return nil
}

func numericLn(a datum.Datum) (datum.Datum, error) {
	x := a.Numeric()
	if nan(x) {
		return a, nil
	}
	if err := checkLog(signOf(x)); err != nil || special(x) {
		return a, err
	}
	scale := clampScale(minSigDigits-lnWeight(numOf(x)), datum.Scale(x))
	z, err := lnOf(x, scale)
	if err != nil {
		return datum.Datum{}, err
	}
	return result(z, scale)
}

func lnOf(x *apd.Decimal, scale int) (*apd.Decimal, error) {
	var z apd.Decimal
	if _, err := inexact(scale+20).Ln(&z, x); err != nil {
		return nil, numericOverflow()
	}
	return &z, nil
}

// lnWeight is PostgreSQL's estimate_ln_dweight: about the number of digits of
// the logarithm's integer part, less one.
func lnWeight(n num) int {
	f := numericFloat(decimalOf(n))
	if f >= 0.9 && f <= 1.1 {
		x := num{new(big.Int).Sub(n.coef, pow10(n.scale)), n.scale}
		if x.coef.Sign() == 0 {
			return 0
		}
		w, first := x.weight()
		return w*4 + int(math.Log10(float64(first)))
	}
	digits := digitsOf(n.coef)
	if digits == 0 {
		return 0
	}
	// ln(m * 10^e) with m of up to 15 digits
	c, e := new(big.Int).Abs(n.coef), -n.scale
	if digits > 15 {
		c.Quo(c, pow10(digits-15))
		e += digits - 15
	}
	m, _ := new(big.Float).SetInt(c).Float64()
	return int(math.Log10(math.Abs(math.Log(m) + float64(e)*math.Ln10)))
}

func decimalOf(n num) *apd.Decimal {
	d := &apd.Decimal{Negative: n.coef.Sign() < 0, Exponent: int32(-n.scale)}
	d.Coeff.SetMathBigInt(new(big.Int).Abs(n.coef))
	return d
}

func numericLog10(a datum.Datum) (datum.Datum, error) {
	return numericLog(datum.NewNumeric(apd.New(10, 0)), a)
}

// numericLog is log(base, x).
func numericLog(b, a datum.Datum) (datum.Datum, error) {
	base, x := b.Numeric(), a.Numeric()
	if nan(base) || nan(x) {
		return numericNaN(), nil
	}
	for _, d := range []*apd.Decimal{base, x} {
		if err := checkLog(signOf(d)); err != nil {
			return datum.Datum{}, err
		}
	}
	switch {
	case special(base) && special(x):
		return numericNaN(), nil
	case special(base):
		return datum.NewNumeric(apd.New(0, 0)), nil
	case special(x):
		return a, nil
	}
	weight := lnWeight(numOf(x)) - lnWeight(numOf(base))
	scale := clampScale(minSigDigits-weight, datum.Scale(base), datum.Scale(x))
	p, err := lnOf(x, scale+16)
	if err != nil {
		return datum.Datum{}, err
	}
	q, err := lnOf(base, scale+16)
	if err != nil {
		return datum.Datum{}, err
	}
	if q.IsZero() {
		return datum.Datum{}, divisionByZero()
	}
	return quotient(numOf(p), numOf(q), scale).datum()
}

func numericPower(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Numeric(), b.Numeric()
	if special(x) || special(y) {
		return specialPower(x, y)
	}
	e := numOf(y)
	integer := trimmed(e).scale == 0
	switch {
	case x.Sign() == 0 && y.Sign() < 0:
		return datum.Datum{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	case x.Sign() < 0 && !integer:
		return datum.Datum{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction,
			"a negative number raised to a non-integer power yields a complex result")
	}
	if whole := trimmed(e); integer && whole.coef.IsInt64() && whole.coef.Int64() == int64(int32(whole.coef.Int64())) {
		return integerPower(numOf(x), int(whole.coef.Int64()))
	}
	if x.Sign() == 0 {
		return num{new(big.Int), minSigDigits}.datum()
	}
	return fractionPower(x, y)
}

// integerPower computes exact powers of small results exactly and rounds them.
func integerPower(x num, e int) (datum.Datum, error) {
	scale := clampScale(minSigDigits, x.scale)
	if x.coef.Sign() == 0 {
		if e == 0 {
			return num{big.NewInt(1), 0}.round(scale).datum()
		}
		return num{new(big.Int), scale}.datum()
	}
	lead := math.Log10(math.Abs(numericFloat(decimalOf(x)))) * float64(e)
	switch {
	case lead > maxWeight:
		return datum.Datum{}, numericOverflow()
	case lead < float64(-scale-1):
		return num{new(big.Int), scale}.datum()
	}
	n := e
	if n < 0 {
		n = -n
	}
	if float64(digitsOf(x.coef))*float64(n) < 20000 {
		c := new(big.Int).Exp(x.coef, big.NewInt(int64(n)), nil)
		p := num{c, x.scale * n}
		if e < 0 {
			return quotient(num{big.NewInt(1), 0}, p, scale).datum()
		}
		return p.round(scale).datum()
	}
	var z apd.Decimal
	ctx := inexact(int(math.Abs(lead)) + scale + 20)
	if _, err := ctx.Pow(&z, decimalOf(x), apd.New(int64(e), 0)); err != nil {
		return datum.Datum{}, numericOverflow()
	}
	return result(&z, scale)
}

func fractionPower(x, y *apd.Decimal) (datum.Datum, error) {
	ax := decimalOf(numOf(x))
	ax.Negative = false
	lead := math.Log(numericFloat(ax)) * numericFloat(y)
	if math.IsNaN(lead) || math.Abs(lead) > 2000*3.01 {
		if lead > 0 {
			return datum.Datum{}, numericOverflow()
		}
		return num{new(big.Int), maxDisplayScale}.datum()
	}
	val := lead * 0.434294481903252
	scale := clampScale(minSigDigits-int(val), datum.Scale(x), datum.Scale(y))
	digits := int(math.Abs(val)) + scale + 20
	var l, z apd.Decimal
	ctx := inexact(digits)
	if _, err := ctx.Ln(&l, ax); err != nil {
		return datum.Datum{}, numericOverflow()
	}
	ctx.Mul(&l, &l, y)
	if _, err := ctx.Exp(&z, &l); err != nil {
		return datum.Datum{}, numericOverflow()
	}
	if x.Negative {
		odd := trimmed(numOf(y))
		z.Negative = odd.coef.Bit(0) == 1
	}
	return result(&z, scale)
}

func specialPower(x, y *apd.Decimal) (datum.Datum, error) {
	one := datum.NewNumeric(apd.New(1, 0))
	if !nan(y) && !special(y) && y.IsZero() || !nan(x) && !special(x) && x.Cmp(apd.New(1, 0)) == 0 {
		return one, nil
	}
	if nan(x) || nan(y) {
		return numericNaN(), nil
	}
	f := math.Pow(numericFloat(x), numericFloat(y))
	switch {
	case signOf(x) == 0 && signOf(y) < 0:
		return datum.Datum{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	case math.IsNaN(f):
		return datum.Datum{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction,
			"a negative number raised to a non-integer power yields a complex result")
	case math.IsInf(f, 0):
		return numericInf(f < 0), nil
	}
	return datum.NewNumeric(apd.New(int64(f), 0)), nil
}
