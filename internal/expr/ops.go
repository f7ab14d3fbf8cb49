package expr

import (
	"math"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// opcode names what Call.Eval computes by itself, without a call through a
// pointer. It is not stored.
type opcode uint8

const (
	opFn1 opcode = iota
	opFn2
	opFn3
	opFnx

	// Comparisons of integers, dates and timestamps.
	opIntEq
	opIntNe
	opIntLt
	opIntLe
	opIntGt
	opIntGe
	// Comparisons of texts.
	opTextEq
	opTextNe
	opTextLt
	opTextLe
	opTextGt
	opTextGe
	// Comparisons of values of one kind, by datum.Compare.
	opEq
	opNe
	opLt
	opLe
	opGt
	opGe
	// Arithmetic: the result must fit in the type.
	opInt2Add
	opInt2Sub
	opInt2Mul
	opInt4Add
	opInt4Sub
	opInt4Mul
	opInt8Add
	opInt8Sub
	opInt8Mul
	opIntMod
	opInt2Div
	opInt4Div
	opInt8Div
	opFloat8Add
	opFloat8Sub
	opFloat8Mul
	opFloat8Div
)

// compareInt decides an integer comparison.
func compareInt(op opcode, a, b int64) bool {
	switch op {
	case opIntEq:
		return a == b
	case opIntNe:
		return a != b
	case opIntLt:
		return a < b
	case opIntLe:
		return a <= b
	case opIntGt:
		return a > b
	}
	return a >= b
}

// apply computes a binary operator on values that are not NULL. Values come by
// pointer because a Datum is too wide for registers.
func apply(op opcode, a, b *datum.Datum) (datum.Datum, error) {
	switch op {
	case opIntEq, opIntNe, opIntLt, opIntLe, opIntGt, opIntGe:
		return datum.NewBool(compareInt(op, a.Int(), b.Int())), nil
	case opTextEq:
		return datum.NewBool(a.Text() == b.Text()), nil
	case opTextNe:
		return datum.NewBool(a.Text() != b.Text()), nil
	case opTextLt:
		return datum.NewBool(a.Text() < b.Text()), nil
	case opTextLe:
		return datum.NewBool(a.Text() <= b.Text()), nil
	case opTextGt:
		return datum.NewBool(a.Text() > b.Text()), nil
	case opTextGe:
		return datum.NewBool(a.Text() >= b.Text()), nil
	case opEq:
		return datum.NewBool(datum.Equal(*a, *b)), nil
	case opNe:
		return datum.NewBool(!datum.Equal(*a, *b)), nil
	case opLt:
		return datum.NewBool(datum.Compare(*a, *b) < 0), nil
	case opLe:
		return datum.NewBool(datum.Compare(*a, *b) <= 0), nil
	case opGt:
		return datum.NewBool(datum.Compare(*a, *b) > 0), nil
	case opGe:
		return datum.NewBool(datum.Compare(*a, *b) >= 0), nil
	case opFloat8Add, opFloat8Sub, opFloat8Mul, opFloat8Div:
		return floatArith(op, a.Float(), b.Float())
	}
	return intArith(op, a.Int(), b.Int())
}

func intArith(op opcode, a, b int64) (datum.Datum, error) {
	switch op {
	case opInt2Add:
		return int2(a + b)
	case opInt2Sub:
		return int2(a - b)
	case opInt2Mul:
		return int2(a * b)
	case opInt4Add:
		return int4(a + b)
	case opInt4Sub:
		return int4(a - b)
	case opInt4Mul:
		return int4(a * b)
	case opInt8Add:
		if c := a + b; (c > a) == (b > 0) {
			return datum.NewInt(c), nil
		}
		return datum.Datum{}, rangeError("bigint")
	case opInt8Sub:
		if c := a - b; (c < a) == (b > 0) {
			return datum.NewInt(c), nil
		}
		return datum.Datum{}, rangeError("bigint")
	case opInt8Mul:
		return int8Mul(a, b)
	}
	if b == 0 {
		return datum.Datum{}, divisionByZero()
	}
	switch op {
	case opIntMod:
		if b == -1 {
			return datum.NewInt(0), nil
		}
		return datum.NewInt(a % b), nil
	case opInt2Div:
		return int2(a / b)
	case opInt4Div:
		return int4(a / b)
	case opInt8Div:
		if a == math.MinInt64 && b == -1 {
			return datum.Datum{}, rangeError("bigint")
		}
		return datum.NewInt(a / b), nil
	}
	return datum.Datum{}, pgerror.New(pgerror.InternalError, "unknown operation %d", op)
}

func int8Mul(a, b int64) (datum.Datum, error) {
	if a == 0 || b == 0 {
		return datum.NewInt(0), nil
	}
	c := a * b
	if c/b != a || (a == math.MinInt64 && b == -1) || (b == math.MinInt64 && a == -1) {
		return datum.Datum{}, rangeError("bigint")
	}
	return datum.NewInt(c), nil
}

func int2(n int64) (datum.Datum, error) {
	if n != int64(int16(n)) {
		return datum.Datum{}, rangeError("smallint")
	}
	return datum.NewInt(n), nil
}

func int4(n int64) (datum.Datum, error) {
	if n != int64(int32(n)) {
		return datum.Datum{}, rangeError("integer")
	}
	return datum.NewInt(n), nil
}

func rangeError(what string) error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "%s out of range", what)
}

func divisionByZero() error { return pgerror.New(pgerror.DivisionByZero, "division by zero") }

// floatArith fails as PostgreSQL does where finite operands give an infinite
// result, or a zero that is none.
func floatArith(op opcode, a, b float64) (datum.Datum, error) {
	var c float64
	underflow := false
	switch op {
	case opFloat8Add:
		c = a + b
	case opFloat8Sub:
		c = a - b
	case opFloat8Mul:
		c = a * b
		underflow = c == 0 && a != 0 && b != 0
	case opFloat8Div:
		if b == 0 && !math.IsNaN(a) {
			return datum.Datum{}, divisionByZero()
		}
		c = a / b
		underflow = c == 0 && a != 0 && !math.IsInf(b, 0)
	}
	if math.IsInf(c, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return datum.Datum{}, floatOverflow()
	}
	if underflow {
		return datum.Datum{}, floatUnderflow()
	}
	return datum.NewFloat(c), nil
}

func floatOverflow() error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "value out of range: overflow")
}

func floatUnderflow() error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "value out of range: underflow")
}

// compareAs orders two values of a type.
func compareAs(_ datum.Type, a, b datum.Datum) int { return datum.Compare(a, b) }

// orderable fails with 42883 for types without an order.
func orderable(t datum.Type) error {
	e, isArray := t.Elem()
	if !isArray {
		e = t
	}
	if e.OID == datum.JSON.OID {
		return pgerror.New(pgerror.UndefinedFunction, "could not identify a comparison function for type %s", typeName(t))
	}
	return nil
}
