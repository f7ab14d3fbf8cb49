package bind

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/planner/plan"
)

// intersect combines two conditions: each alternative with each.
func (k *keyFinder) intersect(a, b []keyed) []keyed {
	out := make([]keyed, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			if z, ok := k.both(x, y); ok {
				out = append(out, z)
			}
		}
	}
	return out
}

// both is the conjunction of two; false if no row can satisfy it.
func (k *keyFinder) both(x, y keyed) (keyed, bool) {
	out := make(keyed, len(x))
	for i := range x {
		c, d := x[i], y[i]
		switch {
		case c.values != nil && d.values != nil:
			if disjoint(c.values, d.values) {
				return nil, false
			}
			if count(d.values) < count(c.values) {
				c, d = d, c
			}
			k.lossy[d.valuesFrom] = true
		case c.values == nil:
			c.values, c.valuesFrom = d.values, d.valuesFrom
		}
		c.lower, c.lowerFrom = k.one(c.lower, c.lowerFrom, d.lower, d.lowerFrom)
		c.upper, c.upperFrom = k.one(c.upper, c.upperFrom, d.upper, d.upperFrom)
		out[i] = c
	}
	return out, true
}

// one chooses between two bounds; the filter has to do the other's work.
func (k *keyFinder) one(a *plan.Bound, aFrom int, b *plan.Bound, bFrom int) (*plan.Bound, int) {
	switch {
	case a == nil:
		return b, bFrom
	case b != nil && a != b:
		k.lossy[bFrom] = true
	}
	return a, aFrom
}

// count is how many values there are; an array counts as many.
func count(v *plan.KeyValues) int {
	if v.Array != nil {
		return maxProduct
	}
	return len(v.Exprs)
}

// disjoint reports whether two lists of constants have nothing in common.
func disjoint(a, b *plan.KeyValues) bool {
	if a.Array != nil || b.Array != nil || !a.Type.Is(b.Type) || len(a.Exprs)*len(b.Exprs) > maxProduct {
		return false
	}
	for _, x := range a.Exprs {
		for _, y := range b.Exprs {
			c, ok := x.(*expr.Const)
			d, both := y.(*expr.Const)
			if !ok || !both || datum.Equal(c.Value, d.Value) {
				return false
			}
		}
	}
	return true
}

// finish turns conjunctions into alternatives of an access: values for the first
// columns of the key, bounds for the next. False if one says nothing about the
// first column.
func (k *keyFinder) finish(a *plan.Access, list []keyed) bool {
	for _, alt := range list {
		var out plan.Alternative
		i, product, arrays := 0, 1, 0
		for ; i < len(alt) && alt[i].values != nil; i++ {
			c := &alt[i]
			more, array := len(c.values.Exprs), 0
			if c.values.Array != nil {
				more, array = 1, 1
			}
			limit := maxProduct
			if arrays+array > 0 {
				limit = maxTimesArray
			}
			// One list alone may be of any length.
			if arrays+array > 1 || i > 0 && product*more > max(limit, product) {
				break
			}
			product, arrays = product*more, arrays+array
			out.Prefix = append(out.Prefix, *c.values)
			k.lose(c.lower, c.lowerFrom)
			k.lose(c.upper, c.upperFrom)
		}
		if i < len(alt) {
			out.Lower, out.Upper = alt[i].lower, alt[i].upper
			if alt[i].values != nil {
				k.lossy[alt[i].valuesFrom] = true
			}
		}
		for _, c := range alt[min(i+1, len(alt)):] {
			k.lose(c.lower, c.lowerFrom)
			k.lose(c.upper, c.upperFrom)
			if c.values != nil {
				k.lossy[c.valuesFrom] = true
			}
		}
		if len(out.Prefix) == 0 && out.Lower == nil && out.Upper == nil {
			return false
		}
		a.Alternatives = append(a.Alternatives, out)
	}
	return true
}

func (k *keyFinder) lose(b *plan.Bound, term int) {
	if b != nil {
		k.lossy[term] = true
	}
}
