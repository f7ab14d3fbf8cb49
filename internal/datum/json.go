package datum

import (
	"iter"
	"strings"
)

// JSONKind is what a JSON value is. The order is that of jsonb's comparison.
type JSONKind uint8

// The kinds of JSON values.
const (
	JSONNull JSONKind = iota
	JSONString
	JSONNumber
	JSONBool
	JSONArrayKind
	JSONObject
)

// String names the kind as jsonb_typeof does.
func (k JSONKind) String() string {
	names := [...]string{"null", "string", "number", "boolean", "array", "object"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// JSONValue is a view of a JSON value within a valid text. Nothing is parsed
// before it is asked for; moving through the value takes no memory.
type JSONValue struct {
	raw string // without surrounding white space
}

// ViewJSON returns the view of a json or jsonb; of JSON null for other kinds.
func ViewJSON(d Datum) JSONValue {
	if d.kind != KindJSON && d.kind != KindJSONB {
		return JSONValue{"null"}
	}
	return JSONValue{d.s}.trimmed()
}

func (v JSONValue) trimmed() JSONValue {
	s := v.raw
	for s != "" && isJSONSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isJSONSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return JSONValue{s}
}

func isJSONSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// Kind says what the value is.
func (v JSONValue) Kind() JSONKind {
	if v.raw == "" {
		return JSONNull
	}
	switch v.raw[0] {
	case '{':
		return JSONObject
	case '[':
		return JSONArrayKind
	case '"':
		return JSONString
	case 't', 'f':
		return JSONBool
	case 'n':
		return JSONNull
	}
	return JSONNumber
}

// Raw is the value's JSON text as it stands.
func (v JSONValue) Raw() string { return v.raw }

// Text is what ->> returns: a string's content, the JSON text of all else. ok
// is false for null. A string that no text can hold (\u0000) is 22P05.
func (v JSONValue) Text() (s string, ok bool, err error) {
	switch v.Kind() {
	case JSONNull:
		return "", false, nil
	case JSONString:
		if s, ok = unquoteJSON(v.raw); !ok {
			l := jsonLexer{text: v.raw, decode: true}
			if err = l.string(); err == nil {
				err = nulEscape()
			}
			return "", false, err
		}
		return s, true, nil
	}
	return v.raw, true, nil
}

// Len is the number of elements of an array or fields of an object (fields of a
// json that appear twice count twice); 0 for all else.
func (v JSONValue) Len() int {
	n := 0
	w := v.walk()
	for {
		if _, ok := w.skip(); !ok {
			return n
		}
		n++
	}
}

// Field returns an object's field (the last of that name, as PostgreSQL does);
// false if there is none or the value is no object.
func (v JSONValue) Field(name string) (JSONValue, bool) {
	if v.Kind() != JSONObject {
		return JSONValue{}, false
	}
	var found JSONValue
	ok := false
	w := v.walk()
	for {
		value, more := w.skip()
		if !more {
			return found, ok
		}
		if w.isNamed(name) {
			found, ok = value, true
		}
	}
}

// Element returns an array's element from 0, from the end if negative; false if
// there is none or the value is no array.
func (v JSONValue) Element(i int) (JSONValue, bool) {
	if v.Kind() != JSONArrayKind {
		return JSONValue{}, false
	}
	if i < 0 {
		i += v.Len()
		if i < 0 {
			return JSONValue{}, false
		}
	}
	w := v.walk()
	for {
		value, ok := w.skip()
		if !ok {
			return JSONValue{}, false
		}
		if i == 0 {
			return value, true
		}
		i--
	}
}

// Elements iterates over an array.
func (v JSONValue) Elements() iter.Seq[JSONValue] {
	return func(yield func(JSONValue) bool) {
		if v.Kind() != JSONArrayKind {
			return
		}
		w := v.walk()
		for {
			value, ok := w.skip()
			if !ok || !yield(value) {
				return
			}
		}
	}
}

// Fields iterates over an object's names, decoded, and values.
func (v JSONValue) Fields() iter.Seq2[string, JSONValue] {
	return func(yield func(string, JSONValue) bool) {
		if v.Kind() != JSONObject {
			return
		}
		w := v.walk()
		for {
			name, value, ok := w.next()
			if !ok || !yield(name, value) {
				return
			}
		}
	}
}

// jsonWalk goes through the members of an array or object.
type jsonWalk struct {
	rest   string // behind the bracket or the last member
	object bool
	name   string // of the last member, with quotes
}

func (v JSONValue) walk() jsonWalk {
	k := v.Kind()
	if k != JSONObject && k != JSONArrayKind {
		return jsonWalk{}
	}
	return jsonWalk{rest: v.raw[1:], object: k == JSONObject}
}

// next returns the next member; the name is decoded, and empty in an array.
func (w *jsonWalk) next() (name string, v JSONValue, ok bool) {
	if v, ok = w.skip(); ok && w.object {
		name, _ = unquoteJSON(w.name)
	}
	return name, v, ok
}

// skip returns the next member and leaves its name in w.name.
func (w *jsonWalk) skip() (JSONValue, bool) {
	w.punctuation()
	if w.rest == "" || w.rest[0] == ']' || w.rest[0] == '}' {
		w.rest = ""
		return JSONValue{}, false
	}
	if w.object {
		n := jsonExtent(w.rest)
		w.name, w.rest = w.rest[:n], w.rest[n:]
		w.punctuation()
	}
	n := jsonExtent(w.rest)
	v := JSONValue{w.rest[:n]}
	w.rest = w.rest[n:]
	return v, true
}

func (w *jsonWalk) punctuation() {
	for w.rest != "" && (isJSONSpace(w.rest[0]) || w.rest[0] == ',' || w.rest[0] == ':') {
		w.rest = w.rest[1:]
	}
}

func (w *jsonWalk) isNamed(name string) bool {
	if strings.IndexByte(w.name, '\\') < 0 {
		return len(w.name) == len(name)+2 && w.name[1:len(w.name)-1] == name
	}
	decoded, ok := unquoteJSON(w.name)
	return ok && decoded == name
}

// jsonExtent is the length of the valid value at the beginning of s.
func jsonExtent(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return min(i+1, len(s))
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + max(depth+1, 0)
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return len(s)
}
