package datum

import (
	"sort"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/cockroachdb/apd/v3"
	"github.com/ssmr/ssmr/internal/pgerror"
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
	n := jsonNormalizer{rest: s, out: make([]byte, 0, len(s)+len(s)/8)}
	if err := n.value(); err != nil {
		return "", err
	}
	if string(n.out) == s {
		return s, nil
	}
	return string(n.out), nil
}

// MaxJSONBSize bounds the normal form of a jsonb, in bytes.
const MaxJSONBSize = 64 << 20

// jsonNormalizer goes through a valid text once and writes its normal form.
type jsonNormalizer struct {
	rest string
	out  []byte
}

// jsonMember is a field that is written: where in the output it lies.
type jsonMember struct {
	name       string
	start, end int
}

func (n *jsonNormalizer) space() {
	for n.rest != "" && isJSONSpace(n.rest[0]) {
		n.rest = n.rest[1:]
	}
}

// is takes a punctuation character if it is next.
func (n *jsonNormalizer) is(c byte) bool {
	n.space()
	if n.rest == "" || n.rest[0] != c {
		return false
	}
	n.rest = n.rest[1:]
	return true
}

// scalar takes what is no array and no object.
func (n *jsonNormalizer) scalar() string {
	n.space()
	end := jsonExtent(n.rest)
	s := n.rest[:end]
	n.rest = n.rest[end:]
	return s
}

func (n *jsonNormalizer) value() error {
	if len(n.out) > MaxJSONBSize {
		return pgerror.New(pgerror.ProgramLimitExceeded, "size of jsonb exceeds the maximum of %d bytes", MaxJSONBSize)
	}
	n.space()
	switch (JSONValue{n.rest}).Kind() {
	case JSONObject:
		n.rest = n.rest[1:]
		return n.object()
	case JSONArrayKind:
		n.rest = n.rest[1:]
		return n.array()
	case JSONString:
		text, _ := unquoteJSON(n.scalar())
		n.out = AppendJSONString(n.out, text)
	case JSONNumber:
		var ok bool
		if n.out, ok = appendPlain(n.out, n.scalar()); !ok {
			return numericOverflow()
		}
	default:
		n.out = append(n.out, n.scalar()...)
	}
	return nil
}

func (n *jsonNormalizer) array() error {
	n.out = append(n.out, '[')
	for first := true; !n.is(']') && n.rest != ""; first = false {
		if !first && n.is(',') {
			n.out = append(n.out, ", "...)
		}
		if err := n.value(); err != nil {
			return err
		}
	}
	n.out = append(n.out, ']')
	return nil
}

func (n *jsonNormalizer) object() error {
	n.out = append(n.out, '{')
	start := len(n.out)
	var members []jsonMember
	ordered := true
	for !n.is('}') && n.rest != "" {
		if len(members) > 0 && n.is(',') {
			n.out = append(n.out, ", "...)
		}
		m := jsonMember{start: len(n.out)}
		m.name, _ = unquoteJSON(n.scalar())
		n.out = append(AppendJSONString(n.out, m.name), ": "...)
		n.is(':')
		if err := n.value(); err != nil {
			return err
		}
		m.end = len(n.out)
		ordered = ordered && (len(members) == 0 || compareNames(members[len(members)-1].name, m.name) < 0)
		members = append(members, m)
	}
	if !ordered {
		n.reorder(start, members)
	}
	n.out = append(n.out, '}')
	return nil
}

// reorder puts the fields behind start in order; of the same name only the last
// stays.
func (n *jsonNormalizer) reorder(start int, members []jsonMember) {
	sort.SliceStable(members, func(i, j int) bool { return compareNames(members[i].name, members[j].name) < 0 })
	sorted := make([]byte, 0, len(n.out)-start)
	for i, m := range members {
		if i+1 < len(members) && m.name == members[i+1].name {
			continue
		}
		if len(sorted) > 0 {
			sorted = append(sorted, ", "...)
		}
		sorted = append(sorted, n.out[m.start:m.end]...)
	}
	n.out = append(n.out[:start], sorted...)
}

// compareNames is the order of the fields of a jsonb.
func compareNames(a, b string) int {
	if len(a) != len(b) {
		return cmpOrdered(len(a), len(b))
	}
	return strings.Compare(a, b)
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
