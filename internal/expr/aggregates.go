package expr

import (
	"math/big"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// aggregateTable holds the aggregates, with the oids that they have in PostgreSQL.
var aggregateTable = [...]aggregateRow{
	{2803, "count", "*", "int8", "int8", startCount},
	{2147, "count", "any", "int8", "int8", startCount},
	{2108, "sum", "int4", "int8", "int8", startSumInt},
	{2109, "sum", "int2", "int8", "int8", startSumInt},
	{2107, "sum", "int8", "numeric", "numeric", startSumNumeric},
	{2114, "sum", "numeric", "numeric", "numeric", startSumNumeric},
	{2110, "sum", "float4", "float4", "float8", startSumFloat},
	{2111, "sum", "float8", "float8", "float8", startSumFloat},
	{2113, "sum", "interval", "interval", "interval", startSumInterval},
	{2101, "avg", "int4", "numeric", "int8,numeric", startAvgNumeric},
	{2102, "avg", "int2", "numeric", "int8,numeric", startAvgNumeric},
	{2100, "avg", "int8", "numeric", "int8,numeric", startAvgNumeric},
	{2103, "avg", "numeric", "numeric", "int8,numeric", startAvgNumeric},
	{2104, "avg", "float4", "float8", "int8,float8,float8", startMoments},
	{2105, "avg", "float8", "float8", "int8,float8,float8", startMoments},
	{2106, "avg", "interval", "interval", "int8,interval", startAvgInterval},

	{2115, "max", "int8", "int8", "=", startMax}, {2116, "max", "int4", "int4", "=", startMax},
	{2117, "max", "int2", "int2", "=", startMax}, {2118, "max", "oid", "oid", "=", startMax},
	{2119, "max", "float4", "float4", "=", startMax}, {2120, "max", "float8", "float8", "=", startMax},
	{2122, "max", "date", "date", "=", startMax}, {2123, "max", "time", "time", "=", startMax},
	{2126, "max", "timestamp", "timestamp", "=", startMax},
	{2127, "max", "timestamptz", "timestamptz", "=", startMax},
	{2128, "max", "interval", "interval", "=", startMax}, {2129, "max", "text", "text", "=", startMax},
	{2130, "max", "numeric", "numeric", "=", startMax}, {2244, "max", "bpchar", "bpchar", "=", startMax},
	{2050, "max", "anyarray", "anyarray", "=", startMax},
	{2131, "min", "int8", "int8", "=", startMin}, {2132, "min", "int4", "int4", "=", startMin},
	{2133, "min", "int2", "int2", "=", startMin}, {2134, "min", "oid", "oid", "=", startMin},
	{2135, "min", "float4", "float4", "=", startMin}, {2136, "min", "float8", "float8", "=", startMin},
	{2138, "min", "date", "date", "=", startMin}, {2139, "min", "time", "time", "=", startMin},
	{2142, "min", "timestamp", "timestamp", "=", startMin},
	{2143, "min", "timestamptz", "timestamptz", "=", startMin},
	{2144, "min", "interval", "interval", "=", startMin}, {2145, "min", "text", "text", "=", startMin},
	{2146, "min", "numeric", "numeric", "=", startMin}, {2245, "min", "bpchar", "bpchar", "=", startMin},
	{2051, "min", "anyarray", "anyarray", "=", startMin},

	{2517, "bool_and", "bool", "bool", "bool", startBoolAnd},
	{2519, "every", "bool", "bool", "bool", startBoolAnd},
	{2518, "bool_or", "bool", "bool", "bool", startBoolOr},
	{2236, "bit_and", "int2", "int2", "=", startBits(func(a, b int64) int64 { return a & b })},
	{2238, "bit_and", "int4", "int4", "=", startBits(func(a, b int64) int64 { return a & b })},
	{2240, "bit_and", "int8", "int8", "=", startBits(func(a, b int64) int64 { return a & b })},
	{2237, "bit_or", "int2", "int2", "=", startBits(func(a, b int64) int64 { return a | b })},
	{2239, "bit_or", "int4", "int4", "=", startBits(func(a, b int64) int64 { return a | b })},
	{2241, "bit_or", "int8", "int8", "=", startBits(func(a, b int64) int64 { return a | b })},
	{6164, "bit_xor", "int2", "int2", "=", startBits(func(a, b int64) int64 { return a ^ b })},
	{6165, "bit_xor", "int4", "int4", "=", startBits(func(a, b int64) int64 { return a ^ b })},
	{6166, "bit_xor", "int8", "int8", "=", startBits(func(a, b int64) int64 { return a ^ b })},

	{3538, "string_agg", "text,text", "text", "", startStringAgg},
	{3545, "string_agg", "bytea,bytea", "bytea", "", startStringAgg},
	{2335, "array_agg", "anynonarray", "anyarray", "", startArrayAgg},
	{3175, "json_agg", "anyelement", "json", "", startJSONAgg},
	{3267, "jsonb_agg", "anyelement", "jsonb", "", startJSONAgg},
	{3197, "json_object_agg", "any,any", "json", "", startJSONObjectAgg},
	{3270, "jsonb_object_agg", "any,any", "jsonb", "", startJSONObjectAgg},

	{2718, "var_pop", "int8", "numeric", "int8,numeric,numeric", startSpread(true, false)},
	{2719, "var_pop", "int4", "numeric", "int8,numeric,numeric", startSpread(true, false)},
	{2720, "var_pop", "int2", "numeric", "int8,numeric,numeric", startSpread(true, false)},
	{2723, "var_pop", "numeric", "numeric", "int8,numeric,numeric", startSpread(true, false)},
	{2721, "var_pop", "float4", "float8", "int8,float8,float8", startMoments},
	{2722, "var_pop", "float8", "float8", "int8,float8,float8", startMoments},
	{2641, "var_samp", "int8", "numeric", "int8,numeric,numeric", startSpread(false, false)},
	{2642, "var_samp", "int4", "numeric", "int8,numeric,numeric", startSpread(false, false)},
	{2643, "var_samp", "int2", "numeric", "int8,numeric,numeric", startSpread(false, false)},
	{2646, "var_samp", "numeric", "numeric", "int8,numeric,numeric", startSpread(false, false)},
	{2644, "var_samp", "float4", "float8", "int8,float8,float8", startMoments},
	{2645, "var_samp", "float8", "float8", "int8,float8,float8", startMoments},
	{2148, "variance", "int8", "numeric", "int8,numeric,numeric", startSpread(false, false)},
	{2149, "variance", "int4", "numeric", "int8,numeric,numeric", startSpread(false, false)},
	{2150, "variance", "int2", "numeric", "int8,numeric,numeric", startSpread(false, false)},
	{2153, "variance", "numeric", "numeric", "int8,numeric,numeric", startSpread(false, false)},
	{2151, "variance", "float4", "float8", "int8,float8,float8", startMoments},
	{2152, "variance", "float8", "float8", "int8,float8,float8", startMoments},
	{2724, "stddev_pop", "int8", "numeric", "int8,numeric,numeric", startSpread(true, true)},
	{2725, "stddev_pop", "int4", "numeric", "int8,numeric,numeric", startSpread(true, true)},
	{2726, "stddev_pop", "int2", "numeric", "int8,numeric,numeric", startSpread(true, true)},
	{2729, "stddev_pop", "numeric", "numeric", "int8,numeric,numeric", startSpread(true, true)},
	{2727, "stddev_pop", "float4", "float8", "int8,float8,float8", startMoments},
	{2728, "stddev_pop", "float8", "float8", "int8,float8,float8", startMoments},
	{2712, "stddev_samp", "int8", "numeric", "int8,numeric,numeric", startSpread(false, true)},
	{2713, "stddev_samp", "int4", "numeric", "int8,numeric,numeric", startSpread(false, true)},
	{2714, "stddev_samp", "int2", "numeric", "int8,numeric,numeric", startSpread(false, true)},
	{2717, "stddev_samp", "numeric", "numeric", "int8,numeric,numeric", startSpread(false, true)},
	{2715, "stddev_samp", "float4", "float8", "int8,float8,float8", startMoments},
	{2716, "stddev_samp", "float8", "float8", "int8,float8,float8", startMoments},
	{2154, "stddev", "int8", "numeric", "int8,numeric,numeric", startSpread(false, true)},
	{2155, "stddev", "int4", "numeric", "int8,numeric,numeric", startSpread(false, true)},
	{2156, "stddev", "int2", "numeric", "int8,numeric,numeric", startSpread(false, true)},
	{2159, "stddev", "numeric", "numeric", "int8,numeric,numeric", startSpread(false, true)},
	{2157, "stddev", "float4", "float8", "int8,float8,float8", startMoments},
	{2158, "stddev", "float8", "float8", "int8,float8,float8", startMoments},
}

// fold is an aggregate whose state is one value: the first, then step of the
// state and the next. NULLs are left out.
type fold struct {
	state datum.Datum
	step  func(state, v datum.Datum) (datum.Datum, error)
}

func (f *fold) Add(args []datum.Datum) error { return f.Merge(args) }

func (f *fold) AppendPartial(dst []datum.Datum) []datum.Datum { return append(dst, f.state) }

func (f *fold) Merge(p []datum.Datum) error {
	if len(p) < 1 || p[0].IsNull() {
		return nil
	}
	if f.state.IsNull() {
		f.state = p[0]
		return nil
	}
	var err error
	f.state, err = f.step(f.state, p[0])
	return err
}

func (f *fold) Final() (datum.Datum, error) { return f.state, nil }

func (f *fold) Size() int { return 64 + sizeOf(f.state) }

func startMax(*Aggregate) Accumulator {
	return &fold{step: func(s, v datum.Datum) (datum.Datum, error) {
		if datum.Compare(v, s) > 0 {
			return v, nil
		}
		return s, nil
	}}
}

func startMin(*Aggregate) Accumulator {
	return &fold{step: func(s, v datum.Datum) (datum.Datum, error) {
		if datum.Compare(v, s) < 0 {
			return v, nil
		}
		return s, nil
	}}
}

func startBoolAnd(*Aggregate) Accumulator {
	return &fold{step: func(s, v datum.Datum) (datum.Datum, error) { return datum.NewBool(s.Bool() && v.Bool()), nil }}
}

func startBoolOr(*Aggregate) Accumulator {
	return &fold{step: func(s, v datum.Datum) (datum.Datum, error) { return datum.NewBool(s.Bool() || v.Bool()), nil }}
}

func startBits(f func(a, b int64) int64) func(*Aggregate) Accumulator {
	return func(*Aggregate) Accumulator {
		return &fold{step: func(s, v datum.Datum) (datum.Datum, error) { return datum.NewInt(f(s.Int(), v.Int())), nil }}
	}
}

func startSumInt(*Aggregate) Accumulator {
	return &fold{step: func(s, v datum.Datum) (datum.Datum, error) { return intArith(opInt8Add, s.Int(), v.Int()) }}
}

func startSumInterval(*Aggregate) Accumulator { return &fold{step: intervalAdd} }

// count counts rows, or those whose argument is not NULL.
type count struct {
	n   int64
	all bool
}

func startCount(a *Aggregate) Accumulator { return &count{all: len(a.Args) == 0} }

func (c *count) Add(args []datum.Datum) error {
	if c.all || !args[0].IsNull() {
		c.n++
	}
	return nil
}

func (c *count) AppendPartial(dst []datum.Datum) []datum.Datum {
	return append(dst, datum.NewInt(c.n))
}

func (c *count) Merge(p []datum.Datum) error {
	if len(p) > 0 {
		c.n += p[0].Int()
	}
	return nil
}

func (c *count) Final() (datum.Datum, error) { return datum.NewInt(c.n), nil }
func (c *count) Size() int                   { return 16 }

// sumFloat is the sum of floats.
type sumFloat struct {
	fold
	single bool
}

func startSumFloat(a *Aggregate) Accumulator {
	return &sumFloat{fold: fold{step: floatAdd}, single: a.Typ.OID == datum.Float4.OID}
}

func (s *sumFloat) Final() (datum.Datum, error) {
	if s.single && !s.state.IsNull() {
		return toFloat4(s.state.Float())
	}
	return s.state, nil
}

// sumNumeric is the sum of bigints or numerics; small integers are added
// without big numbers.
type sumNumeric struct {
	n     int64 // of values
	small int64
	big   apd.Decimal
}

func startSumNumeric(*Aggregate) Accumulator { return &sumNumeric{} }

func (s *sumNumeric) Add(args []datum.Datum) error {
	v := args[0]
	if v.IsNull() {
		return nil
	}
	s.n++
	return s.add(v)
}

func (s *sumNumeric) add(v datum.Datum) error {
	if v.Kind() == datum.KindInt {
		a, b := s.small, v.Int()
		if c := a + b; (c > a) == (b > 0) {
			s.small = c
			return nil
		}
		return s.addDecimal(apd.New(b, 0))
	}
	return s.addDecimal(v.Numeric())
}

func (s *sumNumeric) addDecimal(d *apd.Decimal) error {
	if special(d) || special(&s.big) {
		v := specialSum(&s.big, d, false)
		s.big.Set(v.Numeric())
		return nil
	}
	if _, err := exact.Add(&s.big, &s.big, d); err != nil {
		return numericOverflow()
	}
	return nil
}

// total is the sum so far.
func (s *sumNumeric) total() (datum.Datum, error) {
	if s.small != 0 {
		n := s.small
		s.small = 0
		if err := s.addDecimal(apd.New(n, 0)); err != nil {
			return datum.Datum{}, err
		}
	}
	return fitNumeric(&s.big)
}

func (s *sumNumeric) AppendPartial(dst []datum.Datum) []datum.Datum {
	v, err := s.total()
	if s.n == 0 || err != nil {
		v = datum.Datum{}
	}
	return append(dst, v)
}

func (s *sumNumeric) Merge(p []datum.Datum) error {
	if len(p) < 1 {
		return nil
	}
	return s.Add(p)
}

func (s *sumNumeric) Final() (datum.Datum, error) {
	if s.n == 0 {
		return datum.Datum{}, nil
	}
	return s.total()
}

func (s *sumNumeric) Size() int { return 96 }

// avgNumeric is the average of integers or numerics.
type avgNumeric struct{ sumNumeric }

func startAvgNumeric(*Aggregate) Accumulator { return &avgNumeric{} }

func (s *avgNumeric) AppendPartial(dst []datum.Datum) []datum.Datum {
	v, _ := s.total()
	return append(dst, datum.NewInt(s.n), v)
}

func (s *avgNumeric) Merge(p []datum.Datum) error {
	if len(p) < 2 || p[0].Int() == 0 || p[1].IsNull() {
		return nil
	}
	s.n += p[0].Int()
	return s.add(p[1])
}

func (s *avgNumeric) Final() (datum.Datum, error) {
	if s.n == 0 {
		return datum.Datum{}, nil
	}
	v, err := s.total()
	if err != nil {
		return v, err
	}
	return numericDiv(v, datum.NewNumeric(apd.New(s.n, 0)))
}

// avgInterval is the average of intervals.
type avgInterval struct {
	n   int64
	sum datum.Datum
}

func startAvgInterval(*Aggregate) Accumulator { return &avgInterval{} }

func (s *avgInterval) Add(args []datum.Datum) error { return s.add(1, args[0]) }

func (s *avgInterval) add(n int64, v datum.Datum) error {
	if v.IsNull() {
		return nil
	}
	s.n += n
	if s.sum.IsNull() {
		s.sum = v
		return nil
	}
	var err error
	s.sum, err = intervalAdd(s.sum, v)
	return err
}

func (s *avgInterval) AppendPartial(dst []datum.Datum) []datum.Datum {
	return append(dst, datum.NewInt(s.n), s.sum)
}

func (s *avgInterval) Merge(p []datum.Datum) error {
	if len(p) < 2 {
		return nil
	}
	return s.add(p[0].Int(), p[1])
}

func (s *avgInterval) Final() (datum.Datum, error) {
	if s.n == 0 {
		return datum.Datum{}, nil
	}
	return intervalDiv(s.sum, datum.NewFloat(float64(s.n)))
}

func (s *avgInterval) Size() int { return 64 }

// stringAgg joins texts or byteas.
type stringAgg struct {
	b     strings.Builder
	some  bool
	bytea bool
}

func startStringAgg(a *Aggregate) Accumulator {
	return &stringAgg{bytea: a.Typ.OID == datum.Bytea.OID}
}

func (s *stringAgg) Add(args []datum.Datum) error {
	if args[0].IsNull() {
		return nil
	}
	if s.some {
		s.b.WriteString(s.content(args[1]))
	}
	s.some = true
	s.b.WriteString(s.content(args[0]))
	if s.b.Len() > MaxValueBytes {
		return tooLarge()
	}
	return nil
}

func (s *stringAgg) content(d datum.Datum) string {
	if s.bytea {
		return d.ByteString()
	}
	return d.Text()
}

func (s *stringAgg) Final() (datum.Datum, error) {
	switch {
	case !s.some:
		return datum.Datum{}, nil
	case s.bytea:
		return datum.NewByteString(s.b.String()), nil
	}
	return text(s.b.String())
}

func (s *stringAgg) AppendPartial(dst []datum.Datum) []datum.Datum { return dst }
func (s *stringAgg) Merge([]datum.Datum) error                     { return noPartial() }
func (s *stringAgg) Size() int                                     { return 64 + s.b.Cap() }

func noPartial() error {
	return pgerror.New(pgerror.InternalError, "the aggregate has no partial state")
}

// arrayAgg gathers values, NULLs too.
type arrayAgg struct {
	elem datum.Type
	list []datum.Datum
	size int
}

func startArrayAgg(a *Aggregate) Accumulator {
	t, _ := a.Typ.Elem()
	return &arrayAgg{elem: t}
}

func (s *arrayAgg) Add(args []datum.Datum) error {
	s.list = append(s.list, args[0])
	s.size += sizeOf(args[0])
	if s.size > MaxValueBytes {
		return tooLarge()
	}
	return nil
}

func (s *arrayAgg) Final() (datum.Datum, error) {
	if s.list == nil {
		return datum.Datum{}, nil
	}
	return datum.NewArray(s.elem, s.list), nil
}

func (s *arrayAgg) AppendPartial(dst []datum.Datum) []datum.Datum { return dst }
func (s *arrayAgg) Merge([]datum.Datum) error                     { return noPartial() }
func (s *arrayAgg) Size() int                                     { return 64 + s.size }

// distinctKey is a text that is equal for rows that are equal.
func distinctKey(args []datum.Datum) string {
	var b []byte
	for _, d := range args {
		if n := d.Numeric(); n != nil && !special(n) { // 1.0 equals 1
			d, _ = trimmed(numOf(n)).datum()
		}
		b = datum.AppendDatum(b, d)
	}
	return string(b)
}

// spread is the variance family over integers and numerics, by exact sums.
type spread struct {
	n                int64
	sum, squares     num
	odd              bool // NaN or infinity was seen
	population, root bool
}

func startSpread(population, root bool) func(*Aggregate) Accumulator {
	return func(*Aggregate) Accumulator {
		return &spread{sum: num{new(big.Int), 0}, squares: num{new(big.Int), 0}, population: population, root: root}
	}
}

func (s *spread) Add(args []datum.Datum) error {
	v := args[0]
	if v.IsNull() {
		return nil
	}
	s.n++
	x := num{big.NewInt(v.Int()), 0}
	if d := v.Numeric(); d != nil {
		if special(d) {
			s.odd = true
			return nil
		}
		x = numOf(d)
	}
	s.sum = plus(s.sum, x)
	s.squares = plus(s.squares, num{new(big.Int).Mul(x.coef, x.coef), 2 * x.scale})
	return nil
}

func plus(a, b num) num {
	if a.scale != b.scale {
		a, b = align(a, b)
	}
	return num{a.coef.Add(a.coef, b.coef), a.scale}
}

func (s *spread) AppendPartial(dst []datum.Datum) []datum.Datum {
	sum, _ := s.sum.datum()
	squares, _ := s.squares.datum()
	if s.odd {
		sum = numericNaN()
	}
	return append(dst, datum.NewInt(s.n), sum, squares)
}

func (s *spread) Merge(p []datum.Datum) error {
	if len(p) < 3 || p[1].Numeric() == nil || p[2].Numeric() == nil {
		return nil
	}
	s.n += p[0].Int()
	if special(p[1].Numeric()) {
		s.odd = true
		return nil
	}
	s.sum = plus(s.sum, numOf(p[1].Numeric()))
	s.squares = plus(s.squares, numOf(p[2].Numeric()))
	return nil
}

// Final computes (n*squares - sum^2) / (n*n or n*(n-1)) in PostgreSQL's scale.
func (s *spread) Final() (datum.Datum, error) {
	if s.n == 0 || s.n == 1 && !s.population {
		return datum.Datum{}, nil
	}
	if s.odd {
		return numericNaN(), nil
	}
	n := big.NewInt(s.n)
	scale := 2 * s.sum.scale
	a := num{new(big.Int).Mul(s.squares.round(scale).coef, n), scale}
	b := new(big.Int).Mul(s.sum.coef, s.sum.coef)
	a.coef.Sub(a.coef, b)
	if a.coef.Sign() <= 0 {
		return datum.NewNumeric(apd.New(0, 0)), nil
	}
	m := new(big.Int).Set(n)
	if !s.population {
		m.Sub(m, big.NewInt(1))
	}
	d := num{m.Mul(m, n), 0}
	digits := divScale(a, d)
	v := quotient(a, d, digits)
	if s.root {
		v = sqrtTo(v, digits)
	}
	return v.datum()
}

func (s *spread) Size() int { return 128 }
