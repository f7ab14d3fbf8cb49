package builtin

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/plugins/placement"
)

// list places by what a column's value is listed for.
type list struct {
	column   int
	name     string
	byValue  map[string]uint32
	fallback uint32 // 0: the object's home
}

const (
	listColumn  = "list.column"
	listMap     = "list.map"
	listDefault = "list.default"
)

func (list) Name() string    { return "list" }
func (list) Version() string { return version }

func (list) Configure(options placement.Options, t placement.Table) (placement.Policy, error) {
	if err := checkOptions(options, listColumn, listMap, listDefault); err != nil {
		return nil, err
	}
	i, err := columnOption(options, listColumn, t)
	if err != nil {
		return nil, err
	}
	l := list{column: i, name: options[listColumn], byValue: make(map[string]uint32)}
	wrong := &placement.OptionError{Option: listMap, Value: options[listMap], Allowed: "value:partition pairs, separated by commas, each value once"}
	for pair := range strings.SplitSeq(options[listMap], ",") {
		at := strings.LastIndexByte(pair, ':')
		if at < 0 {
			return nil, wrong
		}
		value := strings.TrimSpace(pair[:at])
		partition, ok := partitionNumber(pair[at+1:])
		if _, twice := l.byValue[value]; twice || !ok {
			return nil, wrong
		}
		l.byValue[value] = partition
	}
	if d, given := options[listDefault]; given {
		var ok bool
		if l.fallback, ok = partitionNumber(d); !ok {
			return nil, &placement.OptionError{Option: listDefault, Value: d, Allowed: "the number of a partition"}
		}
	}
	return l, nil
}

func partitionNumber(s string) (uint32, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	return uint32(n), err == nil && n > 0
}

func (l list) ReadColumns(placement.Table) []string { return []string{l.name} }

func (l list) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	out := make([]placement.Placement, len(b.Objects))
	for i, o := range b.Objects {
		v := o.Values[l.column]
		partition, listed := l.byValue[v.Text]
		switch {
		case listed && !v.Null:
			out[i] = placement.Placement{Partition: partition, Reason: fmt.Sprintf("%s is %s", l.name, v.Text)}
		case l.fallback != 0:
			out[i] = placement.Placement{Partition: l.fallback, Reason: l.name + " is not listed"}
		default:
			out[i] = placement.Placement{Partition: o.Home, Reason: l.name + " is not listed, hash of the key"}
		}
	}
	return out, nil
}

// ranges places by the range that a column's value falls into: below the first
// bound is the first partition, from the last bound on the last one.
type ranges struct {
	column  int
	name    string
	bounds  []string
	numbers []*big.Rat // of the bounds where the column is a number
}

const (
	rangeColumn = "range.column"
	rangeBounds = "range.bounds"
)

func (ranges) Name() string    { return "range" }
func (ranges) Version() string { return version }

func (ranges) Configure(options placement.Options, t placement.Table) (placement.Policy, error) {
	if err := checkOptions(options, rangeColumn, rangeBounds); err != nil {
		return nil, err
	}
	i, err := columnOption(options, rangeColumn, t)
	if err != nil {
		return nil, err
	}
	r := ranges{column: i, name: options[rangeColumn]}
	for bound := range strings.SplitSeq(options[rangeBounds], ",") {
		r.bounds = append(r.bounds, strings.TrimSpace(bound))
	}
	wrong := &placement.OptionError{Option: rangeBounds, Value: options[rangeBounds], Allowed: "values of the column in rising order, separated by commas"}
	if options[rangeBounds] == "" {
		return nil, wrong
	}
	if isNumber(t.Columns[i].Type) {
		for _, bound := range r.bounds {
			n, ok := number(bound)
			if !ok {
				return nil, wrong
			}
			r.numbers = append(r.numbers, n)
		}
		if !risingFunc(r.numbers, (*big.Rat).Cmp) {
			return nil, wrong
		}
	} else if !risingFunc(r.bounds, strings.Compare) {
		return nil, wrong
	}
	return r, nil
}

func isNumber(typ string) bool {
	base, _, _ := strings.Cut(typ, "(")
	return slices.Contains([]string{"smallint", "integer", "bigint", "numeric", "real", "double precision"}, base)
}

// number reads a decimal number; fractions and long exponents are none.
func number(s string) (*big.Rat, bool) {
	if strings.ContainsAny(s, "/eEpPxX_") {
		if f, err := strconv.ParseFloat(s, 64); err == nil && !strings.ContainsAny(s, "/pPxX_") {
			r := new(big.Rat)
			return r, r.SetFloat64(f) != nil
		}
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func risingFunc[T any](s []T, compare func(a, b T) int) bool {
	for i := 1; i < len(s); i++ {
		if compare(s[i-1], s[i]) >= 0 {
			return false
		}
	}
	return true
}

// index returns how many bounds are at or below a value.
func (r ranges) index(v placement.Value) (int, bool) {
	if v.Null {
		return 0, false
	}
	if r.numbers == nil {
		n, found := slices.BinarySearch(r.bounds, v.Text)
		if found {
			n++
		}
		return n, true
	}
	value, ok := number(v.Text)
	if !ok {
		return 0, false // NaN, Infinity
	}
	n, found := slices.BinarySearchFunc(r.numbers, value, (*big.Rat).Cmp)
	if found {
		n++
	}
	return n, true
}

func (r ranges) ReadColumns(placement.Table) []string { return []string{r.name} }

func (r ranges) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	out := make([]placement.Placement, len(b.Objects))
	for i, o := range b.Objects {
		n, ok := r.index(o.Values[r.column])
		if !ok {
			out[i] = placement.Placement{Partition: o.Home, Reason: r.name + " is in no range, hash of the key"}
			continue
		}
		out[i] = placement.Placement{
			Partition: b.Partitions[n%len(b.Partitions)].ID,
			Reason:    fmt.Sprintf("%s is in range %d", r.name, n+1),
		}
	}
	return out, nil
}
