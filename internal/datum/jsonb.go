package datum

import (
	"sort"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/apd/v3"
)

// NormalizeJSON returns the text of the jsonb that a JSON text means, in
// PostgreSQL's output form; 22P02 if it is not valid.
func NormalizeJSON(s string) (string, error) {
	if err := CheckText(s); err != nil {
		return "", err
	}
	l := jsonLexer{text: s, decode: true}
	if err := l.value(0); err != nil {
		return "", err
	}
	if err := l.end(); err != nil {
		return "", err
	}
	out, err := appendNormal(make([]byte, 0, len(s)+len(s)/8), JSONValue{s}.trimmed())
	if err != nil {
		return "", err
	}
	if string(out) == s {
		return s, nil
	}
	return string(out), nil
}

// jsonPair is a field of an object while it is put in order.
type jsonPair struct {
	name  string
	value JSONValue
}

// sortPairs orders fields by length, then bytes; of the same name only the last stays.
func sortPairs(pairs []jsonPair) []jsonPair {
	sort.SliceStable(pairs, func(i, j int) bool { return compareNames(pairs[i].name, pairs[j].name) < 0 })
	n := 0
	for i := range pairs {
		if i+1 < len(pairs) && pairs[i].name == pairs[i+1].name {
			continue
		}
		pairs[n] = pairs[i]
		n++
	}
	return pairs[:n]
}

// compareNames is the order of the fields of a jsonb.
func compareNames(a, b string) int {
	if len(a) != len(b) {
		return cmpOrdered(len(a), len(b))
	}
	return strings.Compare(a, b)
}

// appendNormal appends the normal form of a valid value.
func appendNormal(dst []byte, v JSONValue) ([]byte, error) {
	var err error
	switch v.Kind() {
	case JSONObject:
		var pairs []jsonPair
		for name, value := range v.Fields() {
			pairs = append(pairs, jsonPair{name, value})
		}
		dst = append(dst, '{')
		for i, p := range sortPairs(pairs) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(AppendJSONString(dst, p.name), ": "...)
			if dst, err = appendNormal(dst, p.value); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	case JSONArrayKind:
		dst = append(dst, '[')
		i := 0
		for e := range v.Elements() {
			if i++; i > 1 {
				dst = append(dst, ", "...)
			}
			if dst, err = appendNormal(dst, e); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case JSONString:
		text, _ := unquoteJSON(v.raw)
		return AppendJSONString(dst, text), nil
	case JSONNumber:
		var d apd.Decimal
		if err := parseDecimal(&d, v.raw); err != nil {
			return dst, err
		}
		return appendNumericText(dst, &d), nil
	}
	return append(dst, v.raw...), nil
}

// compareJSONB orders normalised texts as PostgreSQL orders jsonb.
func compareJSONB(a, b string) int {
	if a == b {
		return 0
	}
	va, vb := JSONValue{a}.trimmed(), JSONValue{b}.trimmed()
	ka, kb := va.Kind(), vb.Kind()
	// At the top a scalar counts as an array of one: greater than the empty array,
	// less than all others.
	switch {
	case ka == JSONArrayKind && kb < JSONArrayKind:
		if va.Len() == 0 {
			return -1
		}
		return 1
	case kb == JSONArrayKind && ka < JSONArrayKind:
		return -compareJSONB(b, a)
	}
	return compareJSONValues(va, vb, 0)
}

func compareJSONValues(a, b JSONValue, depth int) int {
	ka, kb := a.Kind(), b.Kind()
	if ka != kb || depth > MaxJSONDepth {
		return cmpOrdered(ka, kb)
	}
	switch ka {
	case JSONString:
		x, _ := unquoteJSON(a.raw)
		y, _ := unquoteJSON(b.raw)
		return strings.Compare(x, y)
	case JSONNumber:
		var x, y apd.Decimal
		_ = parseDecimal(&x, a.raw)
		_ = parseDecimal(&y, b.raw)
		return compareNumeric(&x, &y)
	case JSONBool:
		return strings.Compare(a.raw, b.raw) // f before t
	case JSONArrayKind, JSONObject:
		return compareContainers(a, b, depth)
	}
	return 0
}

// compareContainers compares the numbers of members, then member by member.
func compareContainers(a, b JSONValue, depth int) int {
	if c := cmpOrdered(a.Len(), b.Len()); c != 0 {
		return c
	}
	wa, wb := a.walk(), b.walk()
	for {
		na, va, ok := wa.next()
		nb, vb, _ := wb.next()
		if !ok {
			return 0
		}
		if c := strings.Compare(na, nb); c != 0 {
			return c
		}
		if c := compareJSONValues(va, vb, depth+1); c != 0 {
			return c
		}
	}
}

// hashJSONB hashes so that 1.0 and 1 give the same.
func hashJSONB(h uint64, s string) uint64 {
	return hashJSONValue(h, JSONValue{s}.trimmed(), 0)
}

func hashJSONValue(h uint64, v JSONValue, depth int) uint64 {
	k := v.Kind()
	h = mix(h ^ uint64(k))
	if depth > MaxJSONDepth {
		return h
	}
	switch k {
	case JSONString:
		text, _ := unquoteJSON(v.raw)
		return mix(h ^ xxhash.Sum64String(text))
	case JSONNumber:
		var d apd.Decimal
		_ = parseDecimal(&d, v.raw)
		return mix(h ^ xxhash.Sum64(appendNumericKey(nil, &d)))
	case JSONBool:
		return mix(h ^ uint64(len(v.raw)))
	case JSONArrayKind, JSONObject:
		w := v.walk()
		for {
			name, value, ok := w.next()
			if !ok {
				return mix(h)
			}
			h = hashJSONValue(mix(h^xxhash.Sum64String(name)), value, depth+1)
		}
	}
	return h
}
