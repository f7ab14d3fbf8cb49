package expr

import (
	"math"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// jsonOf makes a json or jsonb of a JSON text that is valid.
func jsonOf(s string, binary bool) (datum.Datum, error) {
	if len(s) > MaxValueBytes {
		return datum.Datum{}, tooLarge()
	}
	if !binary {
		return datum.NewJSON(s), nil
	}
	n, err := datum.NormalizeJSON(s)
	if err != nil {
		return datum.Datum{}, err
	}
	return datum.NewJSONB(n), nil
}

// view makes a value of a part of another of the same type.
func view(v datum.JSONValue, like datum.Datum) datum.Datum {
	if like.Kind() == datum.KindJSONB {
		return datum.NewJSONB(v.Raw())
	}
	return datum.NewJSON(v.Raw())
}

// got is what an operator returns for a part that was found.
func got(v datum.JSONValue, ok, asText bool, from datum.Datum) (datum.Datum, error) {
	if !ok {
		return datum.Datum{}, nil
	}
	if !asText {
		return view(v, from), nil
	}
	s, ok, err := v.Text()
	if err != nil || !ok {
		return datum.Datum{}, err
	}
	return text(s)
}

// jsonField is -> and ->> with a name.
func jsonField(asText bool) fn2 {
	return func(a, b datum.Datum) (datum.Datum, error) {
		v, ok := datum.ViewJSON(a).Field(b.Text())
		return got(v, ok, asText, a)
	}
}

// jsonElement is -> and ->> with an index.
func jsonElement(asText bool) fn2 {
	return func(a, b datum.Datum) (datum.Datum, error) {
		v, ok := datum.ViewJSON(a).Element(int(b.Int()))
		return got(v, ok, asText, a)
	}
}

// jsonExtractPath is #> and #>>, and json_extract_path with its path as arguments.
func jsonExtractPath(asText bool) fnx {
	return func(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
		path := a[1:]
		if len(path) == 1 && path[0].Kind() == datum.KindArray {
			path = path[0].Array().Elems
		}
		v, ok := follow(datum.ViewJSON(a[0]), path)
		return got(v, ok, asText, a[0])
	}
}

func follow(v datum.JSONValue, path []datum.Datum) (datum.JSONValue, bool) {
	for _, p := range path {
		if p.IsNull() {
			return v, false
		}
		ok := false
		switch v.Kind() {
		case datum.JSONObject:
			v, ok = v.Field(p.Text())
		case datum.JSONArrayKind:
			i, err := strconv.ParseInt(strings.TrimLeft(p.Text(), " "), 10, 32)
			if err != nil {
				return v, false
			}
			v, ok = v.Element(int(i))
		}
		if !ok {
			return v, false
		}
	}
	return v, true
}

func jsonTypeof(a datum.Datum) (datum.Datum, error) {
	switch datum.ViewJSON(a).Kind() {
	case datum.JSONObject:
		return text("object")
	case datum.JSONArrayKind:
		return text("array")
	case datum.JSONString:
		return text("string")
	case datum.JSONNumber:
		return text("number")
	case datum.JSONBool:
		return text("boolean")
	}
	return text("null")
}

func jsonError(format string, args ...any) *pgerror.Error {
	return pgerror.New(pgerror.InvalidParameterValue, format, args...)
}

func jsonArrayLength(a datum.Datum) (datum.Datum, error) {
	v := datum.ViewJSON(a)
	switch v.Kind() {
	case datum.JSONArrayKind:
		return datum.NewInt(int64(v.Len())), nil
	case datum.JSONObject:
		return datum.Datum{}, jsonError("cannot get array length of a non-array")
	}
	return datum.Datum{}, jsonError("cannot get array length of a scalar")
}

// scalar reports whether a value is neither object nor array.
func scalar(v datum.JSONValue) bool {
	return v.Kind() != datum.JSONObject && v.Kind() != datum.JSONArrayKind
}

func sameScalar(a, b datum.JSONValue) bool {
	return a.Kind() == b.Kind() && datum.Equal(datum.NewJSONB(a.Raw()), datum.NewJSONB(b.Raw()))
}

// jsonContains is @>.
func jsonContains(a, b datum.Datum) (datum.Datum, error) {
	c := containment{left: maxContainment}
	found := c.containsTop(datum.ViewJSON(a), datum.ViewJSON(b))
	if c.left < 0 {
		return datum.Datum{}, pgerror.New(pgerror.ProgramLimitExceeded, "jsonb values are too large to be compared")
	}
	return datum.NewBool(found), nil
}

// maxContainment bounds the comparisons of one @>, which compares every element of
// an array with every one of another.
const maxContainment = 1 << 22

// containment counts the comparisons that one @> may still make.
type containment struct{ left int }

// containsTop lets an array contain a bare scalar, at the top alone.
func (c *containment) containsTop(a, b datum.JSONValue) bool {
	if a.Kind() == datum.JSONArrayKind && scalar(b) {
		return c.hasElement(a, b)
	}
	if scalar(a) && scalar(b) {
		return sameScalar(a, b)
	}
	return c.contains(a, b)
}

func (c *containment) contains(a, b datum.JSONValue) bool {
	if c.left--; c.left < 0 || a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case datum.JSONObject:
		for k, want := range b.Fields() {
			have, ok := a.Field(k)
			if !ok || !c.contains(have, want) {
				return false
			}
		}
		return true
	case datum.JSONArrayKind:
		for want := range b.Elements() {
			if !c.hasElement(a, want) {
				return false
			}
		}
		return true
	}
	return sameScalar(a, b)
}

func (c *containment) hasElement(a, want datum.JSONValue) bool {
	for have := range a.Elements() {
		if c.contains(have, want) {
			return true
		}
		if c.left < 0 {
			return false
		}
	}
	return false
}

func hasKey(v datum.JSONValue, key string) bool {
	switch v.Kind() {
	case datum.JSONObject:
		_, ok := v.Field(key)
		return ok
	case datum.JSONArrayKind:
		for e := range v.Elements() {
			if hasText(e, key) {
				return true
			}
		}
		return false
	}
	return hasText(v, key)
}

func hasText(v datum.JSONValue, key string) bool {
	s, ok, err := v.Text()
	return v.Kind() == datum.JSONString && ok && err == nil && s == key
}

func jsonExists(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewBool(hasKey(datum.ViewJSON(a), b.Text())), nil
}

func jsonExistsAny(a, b datum.Datum) (datum.Datum, error) {
	for _, k := range b.Array().Elems {
		if !k.IsNull() && hasKey(datum.ViewJSON(a), k.Text()) {
			return datum.NewBool(true), nil
		}
	}
	return datum.NewBool(false), nil
}

func jsonExistsAll(a, b datum.Datum) (datum.Datum, error) {
	for _, k := range b.Array().Elems {
		if !k.IsNull() && !hasKey(datum.ViewJSON(a), k.Text()) {
			return datum.NewBool(false), nil
		}
	}
	return datum.NewBool(true), nil
}

// appendJSON writes a value of a type as JSON.
func appendJSON(dst []byte, env *Env, v datum.Datum, t datum.Type) []byte {
	if v.IsNull() {
		return append(dst, "null"...)
	}
	switch v.Kind() {
	case datum.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case datum.KindJSON, datum.KindJSONB:
		return append(dst, v.Text()...)
	case datum.KindArray:
		return appendJSONArray(dst, env, v.Array(), t, "")
	case datum.KindDate, datum.KindTimestamp, datum.KindTimestampTZ:
		return datum.AppendJSONString(dst, isoText(env, v, t))
	}
	s := textOf(env, v, t)
	if t.IsNumeric() && numberText(v) {
		return append(dst, s...)
	}
	return datum.AppendJSONString(dst, s)
}

// numberText reports whether a number can be written in JSON without quotes.
func numberText(v datum.Datum) bool {
	switch v.Kind() {
	case datum.KindFloat:
		return !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0)
	case datum.KindNumeric:
		return !special(v.Numeric())
	}
	return true
}

// isoText is a date or timestamp with a T between date and time.
func isoText(env *Env, v datum.Datum, t datum.Type) string {
	s := textOf(env, v, t)
	if v.Kind() == datum.KindDate {
		return s
	}
	s = strings.Replace(s, " ", "T", 1)
	if v.Kind() == datum.KindTimestampTZ && len(s) > 3 && (s[len(s)-3] == '+' || s[len(s)-3] == '-') {
		s += ":00"
	}
	return s
}

func appendJSONArray(dst []byte, env *Env, a *datum.Array, t datum.Type, newline string) []byte {
	elem, ok := t.Elem()
	if !ok {
		elem = a.Elem
	}
	if len(a.Dims) > 1 {
		return appendJSONDims(dst, env, a, elem, a.Dims, a.Elems)
	}
	dst = append(dst, '[')
	for i, x := range a.Elems {
		if i > 0 {
			dst = append(dst, ',')
			dst = append(dst, newline...)
		}
		dst = appendJSON(dst, env, x, elem)
	}
	return append(dst, ']')
}

func appendJSONDims(dst []byte, env *Env, a *datum.Array, elem datum.Type, dims []datum.Dim, elems []datum.Datum) []byte {
	dst = append(dst, '[')
	n := int(dims[0].Len)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		part := elems[i*len(elems)/n : (i+1)*len(elems)/n]
		if len(dims) > 1 {
			dst = appendJSONDims(dst, env, a, elem, dims[1:], part)
		} else {
			dst = appendJSON(dst, env, part[0], elem)
		}
	}
	return append(dst, ']')
}

func toJSON(binary bool) fnx {
	return func(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
		return jsonOf(string(appendJSON(nil, env, a[0], argType(c, 0))), binary)
	}
}

func arrayToJSON(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	newline := when(len(a) > 1 && a[1].Bool(), "\n ")
	return jsonOf(string(appendJSONArray(nil, env, a[0].Array(), argType(c, 0), newline)), false)
}

func jsonBuildArray(binary bool) fnx {
	return func(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
		b := []byte{'['}
		for i, v := range a {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendJSON(b, env, v, argType(c, i))
		}
		return jsonOf(string(append(b, ']')), binary)
	}
}

func jsonBuildObject(binary bool) fnx {
	return func(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
		name := "json_build_object"
		if binary {
			name = "jsonb_build_object"
		}
		if len(a)%2 != 0 {
			return datum.Datum{}, jsonError("argument list must have even number of elements").
				WithHint("The arguments of %s() must consist of alternating keys and values.", name)
		}
		b := []byte{'{'}
		for i := 0; i < len(a); i += 2 {
			if a[i].IsNull() {
				if binary {
					return datum.Datum{}, jsonError("argument %d: key must not be null", i+1)
				}
				return datum.Datum{}, jsonError("argument %d cannot be null", i+1).WithHint("Object keys should be text.")
			}
			if i > 0 {
				b = append(b, ", "...)
			}
			b = datum.AppendJSONString(b, textOf(env, a[i], argType(c, i)))
			b = append(b, " : "...)
			b = appendJSON(b, env, a[i+1], argType(c, i+1))
		}
		return jsonOf(string(append(b, '}')), binary)
	}
}

// jsonObject is json_object of pairs in one array, or of keys and values in two.
func jsonObject(binary bool) fnx {
	return func(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
		keys := a[0].Array().Elems
		var values []datum.Datum
		if len(a) == 2 {
			values = a[1].Array().Elems
			if len(keys) != len(values) {
				return datum.Datum{}, pgerror.New(pgerror.ArraySubscriptError, "mismatched array dimensions")
			}
		} else {
			if len(keys)%2 != 0 {
				return datum.Datum{}, pgerror.New(pgerror.ArraySubscriptError, "array must have even number of elements")
			}
			var odd []datum.Datum
			for i := 0; i < len(keys); i += 2 {
				odd, values = append(odd, keys[i]), append(values, keys[i+1])
			}
			keys = odd
		}
		b := []byte{'{'}
		for i, k := range keys {
			if k.IsNull() {
				return datum.Datum{}, pgerror.New(pgerror.NullValueNotAllowed, "null value not allowed for object key")
			}
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(datum.AppendJSONString(b, k.Text()), " : "...)
			b = appendJSON(b, nil, values[i], datum.Text)
		}
		return jsonOf(string(append(b, '}')), binary)
	}
}

// jsonAgg gathers json_agg and json_object_agg.
type jsonAgg struct {
	b      []byte
	types  [2]datum.Type
	binary bool
	object bool
}

func startJSONAgg(a *Aggregate) Accumulator {
	return &jsonAgg{types: [2]datum.Type{a.Args[0].Type()}, binary: a.Typ.OID == datum.JSONB.OID}
}

func startJSONObjectAgg(a *Aggregate) Accumulator {
	return &jsonAgg{
		types:  [2]datum.Type{a.Args[0].Type(), a.Args[1].Type()},
		binary: a.Typ.OID == datum.JSONB.OID, object: true,
	}
}

func (s *jsonAgg) Add(args []datum.Datum) error {
	switch {
	case s.b != nil:
		s.b = append(s.b, ", "...)
	case s.object:
		s.b = append(s.b, "{ "...)
	default:
		s.b = append(s.b, '[')
	}
	if !s.object {
		s.b = appendJSON(s.b, nil, args[0], s.types[0])
	} else {
		if args[0].IsNull() {
			return jsonError("field name must not be null")
		}
		s.b = datum.AppendJSONString(s.b, textOf(nil, args[0], s.types[0]))
		s.b = append(s.b, " : "...)
		s.b = appendJSON(s.b, nil, args[1], s.types[1])
	}
	if len(s.b) > MaxValueBytes {
		return tooLarge()
	}
	return nil
}

func (s *jsonAgg) Final() (datum.Datum, error) {
	if s.b == nil {
		return datum.Datum{}, nil
	}
	end := "]"
	if s.object {
		end = " }"
	}
	return jsonOf(string(s.b)+end, s.binary)
}

func (s *jsonAgg) AppendPartial(dst []datum.Datum) []datum.Datum { return dst }
func (s *jsonAgg) Merge([]datum.Datum) error                     { return noPartial() }
func (s *jsonAgg) Size() int                                     { return 64 + cap(s.b) }
