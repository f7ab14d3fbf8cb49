package bind

import (
	"math"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/quantity"
	"github.com/ssmr/ssmr/planner/ast"
)

// eachOption calls f for the items of an option list with their texts; an item
// without a value is true. An option may stand in a list once.
func eachOption(list []ast.Option, f func(o *option) error) error {
	seen := make(map[string]bool, len(list))
	for i := range list {
		o := option{Option: &list[i], text: "true"}
		if seen[o.Name] {
			return pgerror.New(pgerror.InvalidParameterValue, "parameter %q specified more than once", o.Name).At(o.Position())
		}
		seen[o.Name] = true
		if o.Value != nil {
			l, ok := o.Value.(*ast.Literal)
			if !ok {
				return o.invalid("")
			}
			o.text = l.Text
		}
		if err := f(&o); err != nil {
			return err
		}
	}
	return nil
}

// option is an item of an option list with its value's text. Its methods read that;
// their errors are 22023.
type option struct {
	*ast.Option
	text string
}

// invalid is the error of a value that means nothing; kind is "", or "integer " and the
// like.
func (o *option) invalid(kind string) *pgerror.Error {
	return pgerror.New(pgerror.InvalidParameterValue, "invalid value for %soption %q: %s", kind, o.Name, o.text).At(o.Position())
}

func (o *option) unknown() *pgerror.Error {
	return pgerror.New(pgerror.InvalidParameterValue, "unrecognized parameter %q", o.Name).At(o.Position())
}

func (o *option) bool() (bool, error) {
	v, err := datum.ParseText(o.text, datum.Bool, nil)
	if err != nil {
		return false, o.invalid("boolean ")
	}
	return v.Bool(), nil
}

// count reads a number that is not negative.
func (o *option) count() (int64, error) {
	v, err := datum.ParseText(o.text, datum.Int8, nil)
	if err != nil {
		return 0, o.invalid("integer ")
	}
	if v.Int() < 0 {
		return 0, o.negative()
	}
	return v.Int(), nil
}

func (o *option) negative() error {
	return pgerror.New(pgerror.InvalidParameterValue, "value %s out of bounds for option %q", o.text, o.Name).
		WithDetail("It cannot be negative; 0 means no bound.").At(o.Position())
}

// bytes reads a size: a number of bytes, or a number with a unit.
func (o *option) bytes() (int64, error) {
	n, hint, ok := quantity.Bytes.Parse(o.text, "B")
	switch {
	case !ok || math.IsNaN(n):
		e := o.invalid("")
		e.Hint = hint
		return 0, e
	case n < 0:
		return 0, o.negative()
	case n >= math.MaxInt64:
		return 0, o.invalid("").WithHint("Value exceeds bigint range.")
	}
	return int64(math.Round(n)), nil
}

// span reads a duration: an interval, which is also "1min", or a number of seconds.
func (o *option) span() (time.Duration, error) {
	v, err := datum.ParseText(o.text, datum.Interval, nil)
	if err != nil {
		return 0, o.invalid("").WithHint("It is an interval, as '1 minute' or '1min' are.")
	}
	i := v.Interval()
	day := (24 * time.Hour).Microseconds()
	micros := float64(i.Days)*float64(day) + float64(i.Micros)
	switch {
	case i.Months != 0:
		return 0, o.invalid("").WithDetail("Months and years have no certain length.")
	case micros < 0:
		return 0, o.negative()
	case micros > float64(math.MaxInt64/time.Microsecond):
		return 0, o.invalid("").WithDetail("It is too long.")
	}
	return time.Duration(int64(i.Days)*day+i.Micros) * time.Microsecond, nil
}
