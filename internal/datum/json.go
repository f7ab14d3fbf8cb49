package datum

import "iter"

// JSONKind is what a JSON value is.
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

// JSONValue is a view of a JSON value within a valid text. Nothing is parsed
// before it is asked for; moving through the value takes no memory.
type JSONValue struct {
	raw string // without surrounding white space
}

// ViewJSON returns the view of a json or jsonb; of JSON null for other kinds.
func ViewJSON(d Datum) JSONValue { return JSONValue{} }

// Kind says what the value is.
func (v JSONValue) Kind() JSONKind { return JSONNull }

// Raw is the value's JSON text as it stands.
func (v JSONValue) Raw() string { return v.raw }

// Text is what ->> returns: a string's content, the JSON text of all else. ok
// is false for null. A string that no text can hold (\u0000) is 22P05.
func (v JSONValue) Text() (s string, ok bool, err error) { return "", false, nil }

// Len is the number of elements of an array or fields of an object (fields of a
// json that appear twice count twice); 0 for all else.
func (v JSONValue) Len() int { return 0 }

// Field returns an object's field (the last of that name, as PostgreSQL does);
// false if there is none or the value is no object.
func (v JSONValue) Field(name string) (JSONValue, bool) { return JSONValue{}, false }

// Element returns an array's element from 0, from the end if negative; false if
// there is none or the value is no array.
func (v JSONValue) Element(i int) (JSONValue, bool) { return JSONValue{}, false }

// Elements iterates over an array.
func (v JSONValue) Elements() iter.Seq[JSONValue] { return func(func(JSONValue) bool) {} }

// Fields iterates over an object's names, decoded, and values.
func (v JSONValue) Fields() iter.Seq2[string, JSONValue] {
	return func(func(string, JSONValue) bool) {}
}

// CheckJSON reports whether the text is valid JSON, with PostgreSQL's error (22P02).
func CheckJSON(s string) error { return notYet() }

// NormalizeJSON returns the text of the jsonb that a JSON text means, in
// PostgreSQL's output form; 22P02 if it is not valid.
func NormalizeJSON(s string) (string, error) { return "", notYet() }

// AppendJSONString appends a text as a JSON string, as PostgreSQL writes it.
func AppendJSONString(dst []byte, s string) []byte { return dst }

func compareJSONB(a, b string) int { return 0 }

func hashJSONB(h uint64, s string) uint64 { return h }

func notYet() error { return nil }
