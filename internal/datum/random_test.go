package datum

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/apd/v3"
)

// newRand is a source whose seed is in the test's log.
func newRand(t testing.TB) *rand.Rand {
	const seed = 20261124
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// keyTypes are the types that a key may have.
var keyTypes = []Type{Bool, Int2, Int4, Int8, OID, Float4, Float8, Numeric, Text, Varchar, Name, Bytea, UUID, Date, Time,
	Timestamp, TimestampTZ, Interval, Int4Array, TextArray, NumericArray}

// allTypes are the types that a row may have.
var allTypes = append([]Type{JSON, JSONB, JSONBArray, BoolArray, IntervalArray, UUIDArray}, keyTypes...)

// randomDatum makes a value of the type, often one at an edge.
func randomDatum(r *rand.Rand, t Type) Datum {
	if elem, ok := t.Elem(); ok {
		return randomArray(r, elem)
	}
	switch t.Kind() {
	case KindBool:
		return NewBool(r.IntN(2) == 1)
	case KindInt:
		n := randomInt(r)
		switch t.OID {
		case Int2.OID:
			n = int64(int16(n))
		case Int4.OID:
			n = int64(int32(n))
		case OID.OID:
			n = int64(uint32(n))
		}
		return NewInt(n)
	case KindFloat:
		f := randomFloat(r)
		if t.OID == Float4.OID {
			f = float64(float32(f))
		}
		return NewFloat(f)
	case KindNumeric:
		return randomNumeric(r)
	case KindText:
		s := randomText(r)
		if t.OID == Name.OID {
			s = s[:min(len(s), 1)]
			if s >= "\x80" {
				s = ""
			}
		}
		return NewText(s)
	case KindBytes:
		b := make([]byte, r.IntN(5))
		for i := range b {
			b[i] = []byte{0, 1, 0xff, 0xfe, 'a', byte(r.Uint32())}[r.IntN(6)]
		}
		return NewBytes(b)
	case KindUUID:
		var u [16]byte
		for i := range u {
			u[i] = []byte{0, 0xff, byte(r.Uint32())}[r.IntN(3)]
		}
		return NewUUID(u)
	case KindDate:
		return NewDate([]int64{DateInfinity, DateMinusInfinity, minDate, endDate - 1, 0, int64(r.IntN(100000) - 50000)}[r.IntN(6)])
	case KindTime:
		return NewTime([]int64{0, microsPerDay, r.Int64N(microsPerDay)}[r.IntN(3)])
	case KindTimestamp, KindTimestampTZ:
		n := []int64{TimestampInfinity, TimestampMinusInfinity, minTime, endTime - 1, 0,
			r.Int64N(endTime - 1), -r.Int64N(-minTime), randomInt(r) % 1e15}[r.IntN(8)]
		return Datum{kind: t.Kind(), n: n}
	case KindInterval:
		// The least number of microseconds has no text that can be read, as in PostgreSQL.
		return NewInterval(IntervalValue{int32(randomInt(r)), int32(randomInt(r)), max(randomInt(r), -math.MaxInt64)})
	case KindJSON:
		return NewJSON(`{"a": [1, "x"]}`)
	case KindJSONB:
		return NewJSONB(randomJSON(r, 3))
	}
	return Datum{}
}

func randomInt(r *rand.Rand) int64 {
	switch r.IntN(6) {
	case 0:
		return []int64{math.MaxInt64, math.MinInt64, 0, -1, 1, 109, 110, 127, 128, 255, 256, -128, -129, -256, -257, 1 << 20, -1 << 20}[r.IntN(17)]
	case 1:
		return int64(r.IntN(300) - 150)
	}
	return int64(r.Uint64()) >> r.IntN(64)
}

func randomFloat(r *rand.Rand) float64 {
	switch r.IntN(4) {
	case 0:
		return []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64,
			-math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1}[r.IntN(11)]
	case 1:
		return float64(r.IntN(100) - 50)
	}
	return math.Float64frombits(r.Uint64())
}

func randomNumeric(r *rand.Rand) Datum {
	d := new(apd.Decimal)
	switch r.IntN(8) {
	case 0:
		d.Form = []apd.Form{apd.NaN, apd.Infinite, apd.Infinite}[r.IntN(3)]
		d.Negative = d.Form == apd.Infinite && r.IntN(2) == 0
	case 1:
		d.Coeff.SetUint64(r.Uint64())
		d.Coeff.Mul(&d.Coeff, pow10(int64(r.IntN(60))))
		d.Exponent = -int32(r.IntN(90))
	default:
		d.SetFinite(randomInt(r)>>1, int32(r.IntN(12)-8))
	}
	if r.IntN(2) == 0 && d.Form == apd.Finite {
		d.Negative = !d.Negative
	}
	return NewNumeric(d)
}

func randomText(r *rand.Rand) string {
	letters := []rune("aabAB \x01\x7fä€😀\"\\,{}")
	s := make([]rune, r.IntN(6))
	for i := range s {
		s[i] = letters[r.IntN(len(letters))]
	}
	if r.IntN(20) == 0 {
		for range 100 {
			s = append(s, 'x')
		}
	}
	return string(s)
}

func randomArray(r *rand.Rand, elem Type) Datum {
	dims := make([]Dim, r.IntN(3))
	total := min(len(dims), 1)
	for i := range dims {
		dims[i] = Dim{int32(1 + r.IntN(3)), int32(r.IntN(3))}
		total *= int(dims[i].Len)
	}
	elems := make([]Datum, total)
	for i := range elems {
		if r.IntN(6) > 0 {
			elems[i] = randomDatum(r, elem)
		}
	}
	if total == 0 {
		return NewArray(elem, nil)
	}
	return NewArrayDims(elem, dims, elems)
}

// randomJSON makes a normalised text.
func randomJSON(r *rand.Rand, depth int) string {
	var build func(depth int) string
	build = func(depth int) string {
		n := 8
		if depth == 0 {
			n = 6
		}
		switch r.IntN(n) {
		case 0:
			return "null"
		case 1:
			return "true"
		case 2:
			return "false"
		case 3, 4:
			return string(appendNumericText(nil, apd.New(int64(r.IntN(50)-25)*10, -int32(r.IntN(3)))))
		case 5:
			return QuoteJSON(randomText(r))
		case 6:
			s := "["
			for i := range r.IntN(4) {
				if i > 0 {
					s += ","
				}
				s += build(depth - 1)
			}
			return s + "]"
		}
		s := "{"
		for i := range r.IntN(4) {
			if i > 0 {
				s += ","
			}
			s += QuoteJSON(randomText(r)) + ":" + build(depth-1)
		}
		return s + "}"
	}
	s, err := NormalizeJSON(build(depth))
	if err != nil {
		panic(err)
	}
	return s
}

// same reports whether two values agree in all that can be seen.
func same(a, b Datum) bool {
	return string(AppendDatum(nil, a)) == string(AppendDatum(nil, b))
}
