package expr

import (
	"math"
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
)

// moments is average, variance and deviation of floats by the Youngs-Cramer
// recurrence that PostgreSQL uses: n, the sum, and the sum of squared differences.
type moments struct {
	n        float64
	sum, sxx float64
	name     string
}

func startMoments(a *Aggregate) Accumulator { return &moments{name: a.Fn.Name} }

func (s *moments) Add(args []datum.Datum) error {
	if args[0].IsNull() {
		return nil
	}
	x := args[0].Float()
	s.n++
	old := s.sum
	s.sum += x
	if s.n > 1 {
		d := x*s.n - s.sum
		s.sxx += d * d / (s.n * (s.n - 1))
	} else if math.IsNaN(x) || math.IsInf(x, 0) {
		s.sxx = math.NaN()
	}
	return s.check(old, x)
}

func (s *moments) check(inputs ...float64) error {
	if !math.IsInf(s.sum, 0) && !math.IsInf(s.sxx, 0) {
		return nil
	}
	for _, x := range inputs {
		if math.IsInf(x, 0) {
			s.sxx = math.NaN()
			return nil
		}
	}
	return floatOverflow()
}

func (s *moments) AppendPartial(dst []datum.Datum) []datum.Datum {
	return append(dst, datum.NewInt(int64(s.n)), datum.NewFloat(s.sum), datum.NewFloat(s.sxx))
}

func (s *moments) Merge(p []datum.Datum) error {
	if len(p) < 3 || p[0].Int() == 0 {
		return nil
	}
	n, sum, sxx := float64(p[0].Int()), p[1].Float(), p[2].Float()
	if s.n == 0 {
		s.n, s.sum, s.sxx = n, sum, sxx
		return nil
	}
	d := s.sum/s.n - sum/n
	old := s.sum
	s.sxx += sxx + s.n*n*d*d/(s.n+n)
	s.n += n
	s.sum += sum
	return s.check(old, sum)
}

func (s *moments) Final() (datum.Datum, error) {
	if s.n == 0 {
		return datum.Datum{}, nil
	}
	if s.name == "avg" {
		return datum.NewFloat(s.sum / s.n), nil
	}
	n := s.n - 1
	if strings.HasSuffix(s.name, "_pop") {
		n = s.n
	}
	if n == 0 {
		return datum.Datum{}, nil
	}
	v := s.sxx / n
	if strings.HasPrefix(s.name, "stddev") {
		v = math.Sqrt(v)
	}
	return datum.NewFloat(v), nil
}

func (s *moments) Size() int { return 48 }
