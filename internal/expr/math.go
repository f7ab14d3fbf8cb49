package expr

import (
	"math"
	"math/big"
	"math/bits"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Integers of a width.

func intFn(name string, f func(n int64) int64) fn1 {
	return func(a datum.Datum) (datum.Datum, error) {
		n := f(a.Int())
		switch name {
		case "smallint":
			return int2(n)
		case "integer":
			return int4(n)
		}
		if a.Int() == math.MinInt64 && n == math.MinInt64 {
			return datum.Datum{}, rangeError(name)
		}
		return datum.NewInt(n), nil
	}
}

func negate(n int64) int64 { return -n }

func absolute(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

func same(a datum.Datum) (datum.Datum, error) { return a, nil }

func intAnd(a, b datum.Datum) (datum.Datum, error) { return datum.NewInt(a.Int() & b.Int()), nil }
func intOr(a, b datum.Datum) (datum.Datum, error)  { return datum.NewInt(a.Int() | b.Int()), nil }
func intXor(a, b datum.Datum) (datum.Datum, error) { return datum.NewInt(a.Int() ^ b.Int()), nil }
func intNot(a datum.Datum) (datum.Datum, error)    { return datum.NewInt(^a.Int()), nil }

// Shifts take the count modulo the width of the register, as PostgreSQL does on
// the usual processors.

func int2Shl(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(int16(int32(a.Int()) << (b.Int() & 31)))), nil
}

func int2Shr(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(int16(int32(a.Int()) >> (b.Int() & 31)))), nil
}

func int4Shl(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(int32(a.Int()) << (b.Int() & 31))), nil
}

func int4Shr(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(int32(a.Int()) >> (b.Int() & 31))), nil
}

func int8Shl(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewInt(a.Int() << (b.Int() & 63)), nil
}

func int8Shr(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewInt(a.Int() >> (b.Int() & 63)), nil
}

func intGCD(name string) fn2 {
	return func(a, b datum.Datum) (datum.Datum, error) {
		g := gcd(big.NewInt(a.Int()), big.NewInt(b.Int()))
		return intOf(name, g)
	}
}

func intLCM(name string) fn2 {
	return func(a, b datum.Datum) (datum.Datum, error) {
		if a.Int() == 0 || b.Int() == 0 {
			return datum.NewInt(0), nil
		}
		x, y := big.NewInt(a.Int()), big.NewInt(b.Int())
		g := gcd(x, y)
		l := x.Mul(x.Quo(x, g), y)
		return intOf(name, l.Abs(l))
	}
}

// intOf makes an integer of the named type.
func intOf(name string, n *big.Int) (datum.Datum, error) {
	if !n.IsInt64() || name == "integer" && n.Int64() != int64(int32(n.Int64())) {
		return datum.Datum{}, rangeError(name)
	}
	return datum.NewInt(n.Int64()), nil
}

func toHex32(a datum.Datum) (datum.Datum, error) { return hexOf(uint64(uint32(a.Int()))), nil }
func toHex64(a datum.Datum) (datum.Datum, error) { return hexOf(uint64(a.Int())), nil }

func hexOf(n uint64) datum.Datum {
	return datum.NewText(new(big.Int).SetUint64(n).Text(16))
}

func bitCount(a datum.Datum) (datum.Datum, error) {
	n := 0
	for _, c := range []byte(a.ByteString()) {
		n += bits.OnesCount8(c)
	}
	return datum.NewInt(int64(n)), nil
}

// Floats.

// float4 rounds a result to a real.
func float4(f fn2) fn2 {
	return func(a, b datum.Datum) (datum.Datum, error) {
		v, err := f(a, b)
		if err != nil {
			return v, err
		}
		return toFloat4(v.Float())
	}
}

func toFloat4(f float64) (datum.Datum, error) {
	g := float64(float32(f))
	switch {
	case math.IsInf(g, 0) && !math.IsInf(f, 0):
		return datum.Datum{}, floatOverflow()
	case g == 0 && f != 0:
		return datum.Datum{}, floatUnderflow()
	}
	return datum.NewFloat(g), nil
}

func floatAdd(a, b datum.Datum) (datum.Datum, error) {
	return floatArith(opFloat8Add, a.Float(), b.Float())
}

func floatSub(a, b datum.Datum) (datum.Datum, error) {
	return floatArith(opFloat8Sub, a.Float(), b.Float())
}

func floatMul(a, b datum.Datum) (datum.Datum, error) {
	return floatArith(opFloat8Mul, a.Float(), b.Float())
}

func floatDiv(a, b datum.Datum) (datum.Datum, error) {
	return floatArith(opFloat8Div, a.Float(), b.Float())
}

// plain is a function that has a value everywhere.
func plain(f func(float64) float64) fn1 {
	return func(a datum.Datum) (datum.Datum, error) { return datum.NewFloat(f(a.Float())), nil }
}

// finite fails with "input is out of range" outside of a domain, and on results
// that overflow.
func finite(inDomain func(float64) bool, f func(float64) float64) fn1 {
	return func(a datum.Datum) (datum.Datum, error) {
		x := a.Float()
		if math.IsNaN(x) {
			return a, nil
		}
		if !inDomain(x) {
			return datum.Datum{}, pgerror.New(pgerror.NumericValueOutOfRange, "input is out of range")
		}
		y := f(x)
		if math.IsInf(y, 0) && !math.IsInf(x, 0) {
			return datum.Datum{}, floatOverflow()
		}
		return datum.NewFloat(y), nil
	}
}

func notInf(x float64) bool  { return !math.IsInf(x, 0) }
func inUnit(x float64) bool  { return x >= -1 && x <= 1 }
func fromOne(x float64) bool { return x >= 1 }

func floatSign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func floatSqrt(a datum.Datum) (datum.Datum, error) {
	if a.Float() < 0 {
		return datum.Datum{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
	}
	return datum.NewFloat(math.Sqrt(a.Float())), nil
}

func floatExp(a datum.Datum) (datum.Datum, error) {
	x := a.Float()
	y := math.Exp(x)
	switch {
	case math.IsInf(y, 0) && !math.IsInf(x, 0):
		return datum.Datum{}, floatOverflow()
	case y == 0 && !math.IsInf(x, 0):
		return datum.Datum{}, floatUnderflow()
	}
	return datum.NewFloat(y), nil
}

func floatLog(f func(float64) float64) fn1 {
	return func(a datum.Datum) (datum.Datum, error) {
		x := a.Float()
		if !math.IsNaN(x) {
			if err := checkLog(int(floatSign(x))); err != nil {
				return datum.Datum{}, err
			}
		}
		return datum.NewFloat(f(x)), nil
	}
}

func floatPower(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Float(), b.Float()
	switch {
	case x == 0 && y < 0:
		return datum.Datum{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	case x < 0 && !math.IsInf(x, 0) && y != math.Floor(y) && !math.IsNaN(y):
		return datum.Datum{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction,
			"a negative number raised to a non-integer power yields a complex result")
	}
	z := math.Pow(x, y)
	if notInf(x) && notInf(y) && !math.IsNaN(x) && !math.IsNaN(y) {
		switch {
		case math.IsInf(z, 0):
			return datum.Datum{}, floatOverflow()
		case z == 0 && x != 0:
			return datum.Datum{}, floatUnderflow()
		}
	}
	return datum.NewFloat(z), nil
}

func floatAtan2(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewFloat(math.Atan2(a.Float(), b.Float())), nil
}

func floatAtan2d(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewFloat(toDegrees(math.Atan2(a.Float(), b.Float()))), nil
}

func toDegrees(x float64) float64 { return x / (math.Pi / 180) }

func radians(x float64) float64 { return x * (math.Pi / 180) }

// The functions of degrees are exact at multiples of 30 and 45 degrees.

func sind(x float64) float64 {
	x = math.Mod(x, 360)
	sign := 1.0
	if x < 0 {
		x, sign = -x, -1
	}
	if x > 180 {
		x, sign = 360-x, -sign
	}
	if x > 90 {
		x = 180 - x
	}
	return sign * sindQ1(x)
}

func cosd(x float64) float64 {
	x = math.Abs(math.Mod(x, 360))
	if x > 180 {
		x = 360 - x
	}
	if x > 90 {
		return -sindQ1(x - 90)
	}
	return sindQ1(90 - x)
}

// sindQ1 is the sine of 0 to 90 degrees.
func sindQ1(x float64) float64 {
	if x <= 30 {
		return math.Sin(radians(x)) / math.Sin(radians(30)) / 2
	}
	return 1 - (1-math.Cos(radians(90-x)))/(1-math.Cos(radians(60)))/2
}

func tand(x float64) float64 { return sind(x) / cosd(x) }

func cotd(x float64) float64 { return cosd(x) / sind(x) }

func asind(x float64) float64 {
	if x < 0 {
		return -asind(-x)
	}
	if x <= 0.5 {
		return math.Asin(x) / math.Asin(0.5) * 30
	}
	return 90 - math.Acos(x)/math.Acos(0.5)*60
}

func acosd(x float64) float64 { return 90 - asind(x) }

func atand(x float64) float64 { return math.Atan(x) / math.Atan(1) * 45 }

func cot(x float64) float64 { return 1 / math.Tan(x) }

func pi(*Env, *Call, []datum.Datum) (datum.Datum, error) { return datum.NewFloat(math.Pi), nil }

func random(env *Env, _ *Call, _ []datum.Datum) (datum.Datum, error) {
	return datum.NewFloat(env.Rand.Float64()), nil
}

func genUUID(env *Env, _ *Call, _ []datum.Datum) (datum.Datum, error) {
	return datum.NewUUID(env.Rand.UUID()), nil
}

func badBucket(text string) error { return pgerror.New("2201G", "%s", text) }

func widthBucketFloat(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	x, low, high, n := a[0].Float(), a[1].Float(), a[2].Float(), a[3].Int()
	switch {
	case n <= 0:
		return datum.Datum{}, badBucket("count must be greater than zero")
	case math.IsNaN(x) || math.IsNaN(low) || math.IsNaN(high):
		return datum.Datum{}, badBucket("operand, lower bound, and upper bound cannot be NaN")
	case math.IsInf(low, 0) || math.IsInf(high, 0):
		return datum.Datum{}, badBucket("lower and upper bounds must be finite")
	case low == high:
		return datum.Datum{}, badBucket("lower bound cannot equal upper bound")
	}
	down := low > high
	if down {
		x, low, high = -x, -low, -high
	}
	switch {
	case x < low:
		return datum.NewInt(0), nil
	case x >= high:
		return int4(n + 1)
	}
	return int4(int64(float64(n)*(x-low)/(high-low)) + 1)
}

func widthBucketNumeric(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	x, low, high, n := a[0].Numeric(), a[1].Numeric(), a[2].Numeric(), a[3].Int()
	switch {
	case n <= 0:
		return datum.Datum{}, badBucket("count must be greater than zero")
	case nan(x) || nan(low) || nan(high):
		return datum.Datum{}, badBucket("operand, lower bound, and upper bound cannot be NaN")
	case special(low) || special(high):
		return datum.Datum{}, badBucket("lower and upper bounds must be finite")
	case low.Cmp(high) == 0:
		return datum.Datum{}, badBucket("lower bound cannot equal upper bound")
	}
	sign := high.Cmp(low)
	switch {
	case x.Cmp(low) == -sign:
		return datum.NewInt(0), nil
	case x.Cmp(high) != -sign:
		return int4(n + 1)
	}
	p, l := align(numOf(x), numOf(low))
	h, l2 := align(numOf(high), numOf(low))
	over := num{p.coef.Sub(p.coef, l.coef), p.scale}
	span := num{h.coef.Sub(h.coef, l2.coef), h.scale}
	over, span = align(over, span)
	over.coef.Mul(over.coef, big.NewInt(n))
	return int4(over.coef.Quo(over.coef, span.coef).Int64() + 1)
}
