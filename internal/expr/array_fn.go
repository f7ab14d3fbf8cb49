package expr

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// oneDim returns an array's elements; an error for arrays of several dimensions.
// NULL has none.
func oneDim(d datum.Datum) ([]datum.Datum, error) {
	a := d.Array()
	if a == nil {
		return nil, nil
	}
	if len(a.Dims) > 1 {
		return nil, pgerror.New("22000", "argument must be empty or one-dimensional array")
	}
	return a.Elems, nil
}

// lower is the index of the first element.
func lowerBound(d datum.Datum) int32 {
	if a := d.Array(); a != nil && len(a.Dims) > 0 {
		return a.Dims[0].Lower
	}
	return 1
}

// maxElements bounds the arrays that functions make.
const maxElements = MaxValueBytes / 48

func tooManyElements() error {
	return pgerror.New(pgerror.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", maxElements)
}

// likeArray makes an array with the lower bound of another.
func likeArray(t datum.Type, lower int32, elems []datum.Datum) (datum.Datum, error) {
	if len(elems) > maxElements {
		return datum.Datum{}, tooManyElements()
	}
	elem, _ := t.Elem()
	if lower == 1 || len(elems) == 0 {
		return datum.NewArray(elem, elems), nil
	}
	return datum.NewArrayDims(elem, []datum.Dim{{Len: int32(len(elems)), Lower: lower}}, elems), nil
}

func arrayAppend(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	list, err := oneDim(a[0])
	if err != nil {
		return datum.Datum{}, err
	}
	return likeArray(c.Typ, lowerBound(a[0]), append(slices.Clone(list), a[1]))
}

func arrayPrepend(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	list, err := oneDim(a[1])
	if err != nil {
		return datum.Datum{}, err
	}
	return likeArray(c.Typ, lowerBound(a[1]), append([]datum.Datum{a[0]}, list...))
}

func arrayCat(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	switch {
	case a[0].IsNull():
		return a[1], nil
	case a[1].IsNull():
		return a[0], nil
	}
	x, y := a[0].Array(), a[1].Array()
	switch {
	case len(x.Elems) == 0:
		return a[1], nil
	case len(y.Elems) == 0:
		return a[0], nil
	case len(x.Dims) > 1 || len(y.Dims) > 1:
		return datum.Datum{}, pgerror.NotSupported("concatenation of arrays of several dimensions")
	}
	return likeArray(c.Typ, lowerBound(a[0]), slices.Concat(x.Elems, y.Elems))
}

func arrayLength(a, b datum.Datum) (datum.Datum, error) {
	if dims, n := a.Array().Dims, b.Int(); n >= 1 && n <= int64(len(dims)) {
		return datum.NewInt(int64(dims[n-1].Len)), nil
	}
	return datum.Datum{}, nil
}

func arrayLower(a, b datum.Datum) (datum.Datum, error) {
	if dims, n := a.Array().Dims, b.Int(); n >= 1 && n <= int64(len(dims)) {
		return datum.NewInt(int64(dims[n-1].Lower)), nil
	}
	return datum.Datum{}, nil
}

func arrayUpper(a, b datum.Datum) (datum.Datum, error) {
	if dims, n := a.Array().Dims, b.Int(); n >= 1 && n <= int64(len(dims)) {
		return datum.NewInt(int64(dims[n-1].Lower) + int64(dims[n-1].Len) - 1), nil
	}
	return datum.Datum{}, nil
}

func arrayDims(a datum.Datum) (datum.Datum, error) {
	if len(a.Array().Dims) == 0 {
		return datum.Datum{}, nil
	}
	var b strings.Builder
	for _, d := range a.Array().Dims {
		b.WriteString("[" + strconv.Itoa(int(d.Lower)) + ":" + strconv.Itoa(int(d.Lower+d.Len-1)) + "]")
	}
	return text(b.String())
}

func arrayNDims(a datum.Datum) (datum.Datum, error) {
	if n := len(a.Array().Dims); n > 0 {
		return datum.NewInt(int64(n)), nil
	}
	return datum.Datum{}, nil
}

func cardinality(a datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(len(a.Array().Elems))), nil
}

// same values, NULL included: what array_position and array_remove look for.
func notDistinct(a, b datum.Datum) bool { return datum.Equal(a, b) }

func arrayPosition(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return datum.Datum{}, nil
	}
	if len(a[0].Array().Dims) > 1 {
		return datum.Datum{}, pgerror.New(pgerror.FeatureNotSupported, "searching for elements in multidimensional arrays is not supported")
	}
	lower, from := int64(lowerBound(a[0])), int64(0)
	if len(a) > 2 {
		if a[2].IsNull() {
			return datum.Datum{}, pgerror.New(pgerror.NullValueNotAllowed, "initial position must not be null")
		}
		from = max(a[2].Int()-lower, 0)
	}
	for i, x := range a[0].Array().Elems {
		if int64(i) >= from && notDistinct(x, a[1]) {
			return datum.NewInt(int64(i) + lower), nil
		}
	}
	return datum.Datum{}, nil
}

func arrayPositions(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return datum.Datum{}, nil
	}
	if len(a[0].Array().Dims) > 1 {
		return datum.Datum{}, pgerror.New(pgerror.FeatureNotSupported, "searching for elements in multidimensional arrays is not supported")
	}
	list := []datum.Datum{}
	for i, x := range a[0].Array().Elems {
		if notDistinct(x, a[1]) {
			list = append(list, datum.NewInt(int64(i)+int64(lowerBound(a[0]))))
		}
	}
	return datum.NewArray(datum.Int4, list), nil
}

func arrayRemove(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return a[0], nil
	}
	if len(a[0].Array().Dims) > 1 {
		return datum.Datum{}, pgerror.New(pgerror.FeatureNotSupported, "removing elements from multidimensional arrays is not supported")
	}
	list := []datum.Datum{}
	for _, x := range a[0].Array().Elems {
		if !notDistinct(x, a[1]) {
			list = append(list, x)
		}
	}
	return likeArray(c.Typ, lowerBound(a[0]), list)
}

func arrayReplace(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return a[0], nil
	}
	list := slices.Clone(a[0].Array().Elems)
	for i, x := range list {
		if notDistinct(x, a[1]) {
			list[i] = a[2]
		}
	}
	elem, _ := c.Typ.Elem()
	return datum.NewArrayDims(elem, a[0].Array().Dims, list), nil
}

func arrayToString(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() || a[1].IsNull() {
		return datum.Datum{}, nil
	}
	elem, _ := argType(c, 0).Elem()
	var b strings.Builder
	some := false
	for _, x := range a[0].Array().Elems {
		s := ""
		switch {
		case !x.IsNull():
			s = textOf(env, x, elem)
		case len(a) > 2 && !a[2].IsNull():
			s = a[2].Text()
		default:
			continue
		}
		if some {
			b.WriteString(a[1].Text())
		}
		some = true
		if b.WriteString(s); b.Len() > MaxValueBytes {
			return datum.Datum{}, tooLarge()
		}
	}
	return text(b.String())
}

func stringToArray(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return datum.Datum{}, nil
	}
	var parts []string
	switch s := a[0].Text(); {
	case s == "":
	case a[1].IsNull():
		parts = strings.SplitN(s, "", maxElements+1)
	case a[1].Text() == "":
		parts = []string{s}
	default:
		parts = strings.SplitN(s, a[1].Text(), maxElements+1)
	}
	if len(parts) > maxElements {
		return datum.Datum{}, tooManyElements()
	}
	list := make([]datum.Datum, len(parts))
	for i, p := range parts {
		if len(a) > 2 && !a[2].IsNull() && p == a[2].Text() {
			continue
		}
		list[i] = datum.NewText(p)
	}
	return datum.NewArray(datum.Text, list), nil
}

func trimArray(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	list, err := oneDim(a[0])
	if err != nil {
		return datum.Datum{}, err
	}
	n := a[1].Int()
	if n < 0 || n > int64(len(list)) {
		return datum.Datum{}, pgerror.New(pgerror.ArraySubscriptError, "number of elements to trim must be between 0 and %d", len(list))
	}
	return likeArray(c.Typ, 1, list[:int64(len(list))-n])
}

func arrayFill(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	if a[1].IsNull() || len(a) > 2 && a[2].IsNull() {
		return datum.Datum{}, pgerror.New(pgerror.NullValueNotAllowed, "dimension array or low bound array cannot be null")
	}
	dims := a[1].Array().Elems
	if len(dims) != 1 || dims[0].IsNull() {
		return datum.Datum{}, pgerror.NotSupported("array_fill for several dimensions")
	}
	n := dims[0].Int()
	if n < 0 || n > maxElements {
		return datum.Datum{}, tooManyElements()
	}
	lower := int32(1)
	if len(a) > 2 {
		if low := a[2].Array().Elems; len(low) == 1 {
			lower = int32(low[0].Int())
		}
	}
	return likeArray(c.Typ, lower, slices.Repeat([]datum.Datum{a[0]}, int(n)))
}

// arrayContains is @>: each element of b is one of a's. NULLs are never found.
func arrayContains(a, b datum.Datum) (datum.Datum, error) {
	elems := b.Array().Elems
	has := finder(a.Array().Elems, len(elems))
	for _, x := range elems {
		if !has(x) {
			return datum.NewBool(false), nil
		}
	}
	return datum.NewBool(true), nil
}

func arrayOverlap(a, b datum.Datum) (datum.Datum, error) {
	elems := b.Array().Elems
	return datum.NewBool(slices.ContainsFunc(elems, finder(a.Array().Elems, len(elems)))), nil
}

// finder returns a function that tells whether a list has a value, which is not
// NULL, for about so many calls: a long list is sorted for them.
func finder(list []datum.Datum, calls int) func(datum.Datum) bool {
	if len(list) < 16 || calls < 16 {
		return func(x datum.Datum) bool {
			return !x.IsNull() && slices.ContainsFunc(list, func(y datum.Datum) bool { return datum.Equal(x, y) })
		}
	}
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, datum.Compare)
	return func(x datum.Datum) bool {
		_, found := slices.BinarySearchFunc(sorted, x, datum.Compare)
		return found && !x.IsNull()
	}
}
