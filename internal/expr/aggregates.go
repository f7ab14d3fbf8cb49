package expr

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

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
