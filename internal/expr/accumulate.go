package expr

import (
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// aggregateRow is a row of the table of aggregates.
type aggregateRow struct {
	id      uint32
	name    string
	args    string // "*" for count(*)
	ret     string
	partial string // types of the partial state; "=" means the result's type
	start   func(a *Aggregate) Accumulator
}

func (r *aggregateRow) candidate() candidate {
	c := candidate{fn: &Overload{ID: r.id, Name: r.name, Result: tableType(r.ret), Supported: true}}
	if r.args != "" && r.args != "*" {
		for a := range strings.SplitSeq(r.args, ",") {
			c.args = append(c.args, tableType(a))
		}
	}
	c.fn.Args = c.args
	return c
}

func (r *aggregateRow) function(c candidate) *AggregateFunction {
	return &AggregateFunction{ID: r.id, Name: r.name, Args: c.args, Result: c.fn.Result, partial: r.partial, start: r.start}
}

func aggregateByID(id uint32) (candidate, *AggregateFunction) {
	for i := range aggregateTable {
		if r := &aggregateTable[i]; r.id == id {
			c := r.candidate()
			return c, r.function(c)
		}
	}
	return candidate{}, nil
}

func resolveAggregate(name string, star bool, args []datum.Type) (candidate, *AggregateFunction, error) {
	var list []candidate
	rows := map[uint32]*aggregateRow{}
	for i := range aggregateTable {
		r := &aggregateTable[i]
		if r.name != name || (r.args == "*") != star {
			continue
		}
		c := r.candidate()
		if len(c.args) == len(args) {
			list = append(list, c)
			rows[r.id] = r
		}
	}
	c, n := choose(list, args)
	switch {
	case n == 1:
		return c, rows[c.fn.ID].function(c), nil
	case n > 1:
		return c, nil, pgerror.New(pgerror.AmbiguousFunction, "function %s is not unique", signature(name, args)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
	case star:
		return c, nil, pgerror.New(pgerror.UndefinedFunction, "function %s() does not exist", name).
			WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
	case len(args) == 0 && name == "count":
		return c, nil, pgerror.New(pgerror.WrongObjectType, "count(*) must be used to call a parameterless aggregate function")
	}
	return c, nil, pgerror.New(pgerror.UndefinedFunction, "function %s does not exist", signature(name, args)).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

func partialTypes(a *Aggregate) []datum.Type {
	switch a.Fn.partial {
	case "":
		return nil
	case "=":
		return []datum.Type{a.Typ}
	}
	var types []datum.Type
	for name := range strings.SplitSeq(a.Fn.partial, ",") {
		types = append(types, tableType(name))
	}
	return types
}

// sorted gathers rows for an aggregate with DISTINCT or ORDER BY, and feeds them
// to the aggregate itself in the end.
type sorted struct {
	a    *Aggregate
	rows [][]datum.Datum
	seen map[string]struct{} // DISTINCT: encoded arguments
	size int
}

func newSorted(a *Aggregate) Accumulator {
	s := &sorted{a: a}
	if a.Distinct {
		s.seen = map[string]struct{}{}
	}
	return s
}

func (s *sorted) Add(args []datum.Datum) error {
	if s.seen != nil {
		key := distinctKey(args[:len(s.a.Args)])
		if _, ok := s.seen[key]; ok {
			return nil
		}
		s.seen[key] = struct{}{}
		s.size += len(key)
	}
	s.rows = append(s.rows, slices.Clone(args))
	for _, d := range args {
		s.size += sizeOf(d)
	}
	return nil
}

func (s *sorted) AppendPartial(dst []datum.Datum) []datum.Datum { return dst }

func (s *sorted) Merge([]datum.Datum) error {
	return pgerror.New(pgerror.InternalError, "an aggregate with DISTINCT or ORDER BY has no partial state")
}

// Final sorts, by the arguments where there is DISTINCT and no ORDER BY.
func (s *sorted) Final() (datum.Datum, error) {
	n := len(s.a.Args)
	slices.SortStableFunc(s.rows, func(x, y []datum.Datum) int {
		for i, o := range s.a.OrderBy {
			if c := compareNulls(x[n+i], y[n+i], o.Descending, o.NullsFirst); c != 0 {
				return c
			}
		}
		for i := 0; s.a.Distinct && i < n; i++ {
			if c := compareNulls(x[i], y[i], false, false); c != 0 {
				return c
			}
		}
		return 0
	})
	acc := s.a.Fn.start(s.a)
	for _, r := range s.rows {
		if err := acc.Add(r[:n]); err != nil {
			return datum.Datum{}, err
		}
	}
	return acc.Final()
}

func (s *sorted) Size() int { return s.size }

func compareNulls(a, b datum.Datum, descending, nullsFirst bool) int {
	switch {
	case a.IsNull() && b.IsNull():
		return 0
	case a.IsNull():
		if nullsFirst {
			return -1
		}
		return 1
	case b.IsNull():
		if nullsFirst {
			return 1
		}
		return -1
	}
	c := datum.Compare(a, b)
	if descending {
		return -c
	}
	return c
}

// sizeOf is about the memory that a value takes.
func sizeOf(d datum.Datum) int {
	n := 48 + len(d.Text()) + len(d.ByteString())
	if dec := d.Numeric(); dec != nil {
		n += 64 + dec.Coeff.BitLen()/8
	}
	if a := d.Array(); a != nil {
		for _, x := range a.Elems {
			n += sizeOf(x)
		}
	}
	return n
}
