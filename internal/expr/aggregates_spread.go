package expr

import (
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
)

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
