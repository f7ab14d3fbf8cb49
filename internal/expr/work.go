package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// callWork is what a call costs that has nothing much to do.
const callWork = 32

// LimitWork bounds what the evaluations to come may cost together, in units of
// about a byte that is read or made; 0 ends the bound. Beyond it they fail with
// 54000. What is spent depends on expressions and values alone, so that all
// replicas fail alike: a command, which nobody can cancel once it is logged, needs
// such a bound.
func (e *Env) LimitWork(units int64) { e.limited, e.work = units > 0, units }

// spend takes from the bound, where there is one.
func (e *Env) spend(units int64) error {
	if !e.limited {
		return nil
	}
	if e.work -= units; e.work < 0 {
		return pgerror.New(pgerror.ProgramLimitExceeded, "statement computes too much for one command").
			WithHint("Let it change fewer rows at a time.")
	}
	return nil
}

// spendCall takes what a call of up to three arguments has cost.
func (c *Call) spendCall(env *Env, result *datum.Datum, args ...datum.Datum) error {
	units := callWork + weight(result)
	for i := range args {
		units += weight(&args[i])
	}
	if len(args) == 2 && args[0].Kind() == datum.KindJSONB && args[1].Kind() == datum.KindJSONB {
		// Every element may have been compared with every other one.
		units += min(weight(&args[0])*weight(&args[1])/16, maxContainment*8)
	}
	return env.spend(units)
}

// weight is about the size of a value, and for a long number about the time of a
// multiplication.
func weight(d *datum.Datum) int64 {
	switch d.Kind() {
	case datum.KindText, datum.KindJSON, datum.KindJSONB:
		return int64(len(d.Text()))
	case datum.KindBytes:
		return int64(len(d.ByteString()))
	case datum.KindArray:
		return int64(len(d.Array().Elems)) * 16
	case datum.KindNumeric:
		n := int64(d.Numeric().Coeff.BitLen() / 8)
		return n + n*n/512
	}
	return 0
}
