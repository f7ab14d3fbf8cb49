package execute

import (
	"context"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// seriesRows is the stream of a set-returning function.
type seriesRows struct {
	env    *expr.Env
	series *plan.Series
	step   func() (datum.Datum, bool, error)
	row    [1]datum.Datum
}

func (r *seriesRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if r.step == nil {
		r.env.Row = nil
		step, err := openSeries(r.env, r.series)
		if err != nil {
			return nil, false, err
		}
		r.step = step
	}
	if err := alive(ctx); err != nil {
		return nil, false, err
	}
	v, ok, err := r.step()
	r.row[0] = v
	return r.row[:], ok, err
}

func (r *seriesRows) close() {}

type stepper = func() (datum.Datum, bool, error)

func ended() (datum.Datum, bool, error) { return datum.Datum{}, false, nil }

func openSeries(env *expr.Env, s *plan.Series) (stepper, error) {
	args, err := evalRow(env, s.Args, nil)
	if err != nil {
		return nil, err
	}
	for _, a := range args {
		if a.IsNull() {
			return ended, nil
		}
	}
	if s.Kind == plan.Unnest && len(args) == 1 && args[0].Array() != nil {
		return elements(args[0].Array().Elems), nil
	}
	if s.Kind != plan.GenerateSeries || len(args) < 2 {
		return nil, internalError("a series of kind %d with %d arguments", s.Kind, len(args))
	}
	switch args[0].Kind() {
	case datum.KindInt:
		step := int64(1)
		if len(args) > 2 {
			step = args[2].Int()
		}
		return integers(args[0].Int(), args[1].Int(), step)
	case datum.KindNumeric:
		step := datum.NewNumeric(apd.New(1, 0))
		if len(args) > 2 {
			step = args[2]
		}
		return numerics(args[0], args[1], step)
	case datum.KindTimestamp, datum.KindTimestampTZ:
		if len(args) == 3 {
			return timestamps(env, s, args)
		}
	}
	return nil, pgerror.NotSupported("generate_series of %s", s.Type)
}

func elements(elems []datum.Datum) stepper {
	return func() (datum.Datum, bool, error) {
		if len(elems) == 0 {
			return ended()
		}
		v := elems[0]
		elems = elems[1:]
		return v, true, nil
	}
}

func errStepZero() error {
	return pgerror.New(pgerror.InvalidParameterValue, "step size cannot equal zero")
}

func integers(at, end, step int64) (stepper, error) {
	if step == 0 {
		return nil, errStepZero()
	}
	over := false // the next value does not fit in an integer
	return func() (datum.Datum, bool, error) {
		if over || step > 0 && at > end || step < 0 && at < end {
			return ended()
		}
		v := at
		at += step
		over = (step > 0) != (at > v)
		return datum.NewInt(v), true, nil
	}, nil
}

func numerics(at, end, step datum.Datum) (stepper, error) {
	for i, d := range []datum.Datum{at, end, step} {
		what := [...]string{"start value", "stop value", "step size"}[i]
		if n := d.Numeric(); n.Form == apd.NaN || n.Form == apd.NaNSignaling {
			return nil, pgerror.New(pgerror.InvalidParameterValue, "%s cannot be NaN", what)
		} else if n.Form == apd.Infinite {
			return nil, pgerror.New(pgerror.InvalidParameterValue, "%s cannot be infinity", what)
		}
	}
	sign := step.Numeric().Sign()
	if sign == 0 {
		return nil, errStepZero()
	}
	ctx := apd.BaseContext.WithPrecision(1000)
	return func() (datum.Datum, bool, error) {
		if datum.Compare(at, end)*sign > 0 {
			return ended()
		}
		v := at
		var sum apd.Decimal
		if _, err := ctx.Add(&sum, at.Numeric(), step.Numeric()); err != nil {
			return datum.Datum{}, false, pgerror.New(pgerror.NumericValueOutOfRange, "value overflows numeric format")
		}
		at = datum.NewNumeric(&sum)
		return v, true, nil
	}, nil
}

// timestamps adds an interval again and again, with the + operator of
// expressions.
func timestamps(outer *expr.Env, s *plan.Series, args []datum.Datum) (stepper, error) {
	step := args[2].Interval()
	// PostgreSQL compares an interval by its span: 30 days to a month.
	span := float64(step.Months)*30*86400e6 + float64(step.Days)*86400e6 + float64(step.Micros)
	if span == 0 {
		return nil, errStepZero()
	}
	env := &expr.Env{Format: outer.Format}
	sum, err := expr.NewOperator("+", expr.NewColumn(0, s.Type, "at"), expr.NewColumn(1, datum.Interval, "step"))
	if err != nil {
		return nil, err
	}
	at, end := args[0], args[1]
	return func() (datum.Datum, bool, error) {
		if c := datum.Compare(at, end); span > 0 && c > 0 || span < 0 && c < 0 {
			return ended()
		}
		v := at
		env.Row = []datum.Datum{at, args[2]}
		var err error
		if at, err = sum.Eval(env); err != nil {
			return datum.Datum{}, false, err
		}
		return v, true, nil
	}, nil
}
