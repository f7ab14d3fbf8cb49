package expr

import (
	"slices"

	"github.com/ssmr/ssmr/internal/datum"
)

// constSet is a list of constants in which In finds a value by binary search.
type constSet struct {
	null   bool
	values []datum.Datum // ascending
}

// setThreshold is the length of a list from which on a set is worth while.
const setThreshold = 6

// newConstSet makes the set of a list of constants that are of the left side's
// kind, so that equality is that of datum; nil where there is none.
func newConstSet(left datum.Type, list []Expr) *constSet {
	if len(list) < setThreshold || left.Kind() == datum.KindJSON {
		return nil
	}
	s := &constSet{}
	for _, e := range list {
		c, ok := e.(*Const)
		switch {
		case !ok:
			return nil
		case c.Value.IsNull():
			s.null = true
		case c.Value.Kind() != left.Kind():
			return nil
		default:
			s.values = append(s.values, c.Value)
		}
	}
	slices.SortFunc(s.values, datum.Compare)
	return s
}

func (s *constSet) has(d datum.Datum) bool {
	_, ok := slices.BinarySearchFunc(s.values, d, datum.Compare)
	return ok
}
