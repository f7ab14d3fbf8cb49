package datum

import (
	"github.com/ssmr/ssmr/internal/pgerror"
)

// MaxJSONDepth bounds the nesting of a JSON value; deeper ones are 54001.
const MaxJSONDepth = 1000

// CheckJSON reports whether the text is valid JSON, with PostgreSQL's error (22P02).
func CheckJSON(s string) error {
	if err := CheckText(s); err != nil {
		return err
	}
	l := jsonLexer{text: s}
	if err := l.value(0); err != nil {
		return err
	}
	return l.end()
}

// jsonLexer walks a JSON text.
type jsonLexer struct {
	text string
	pos  int
	// decode has the escapes in strings checked as a conversion to text needs it:
	// surrogates are paired, and there is no \u0000.
	decode bool
}

func (l *jsonLexer) bad(detail string, args ...any) error {
	return pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type %s", "json").
		WithDetail(detail, args...)
}

func (l *jsonLexer) space() {
	for l.pos < len(l.text) {
		switch l.text[l.pos] {
		case ' ', '\t', '\n', '\r':
			l.pos++
		default:
			return
		}
	}
}

// token finds the extent of the token that begins here, for messages; ok tells
// whether it is one of JSON.
func (l *jsonLexer) token() (text string, ok bool) {
	rest := l.text[l.pos:]
	switch c := rest[0]; {
	case c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':':
		return rest[:1], true
	case c == '"':
		m := jsonLexer{text: l.text, pos: l.pos}
		if m.string() != nil {
			return rest, false
		}
		return l.text[l.pos:m.pos], true
	case c == '-' || isDigit(c):
		n, ok := numberEnd(rest)
		return rest[:n], ok
	case isWord(c):
		n := 0
		for n < len(rest) && isWord(rest[n]) {
			n++
		}
		w := rest[:n]
		return w, w == "true" || w == "false" || w == "null"
	}
	return rest[:1], false
}

// isWord reports whether a character belongs to a word that is not JSON.
func isWord(c byte) bool {
	return isAlpha(c) || isDigit(c) || c == '_' || c >= 0x80
}

// expected complains that something else stands here.
func (l *jsonLexer) expected(what string) error {
	l.space()
	if l.pos >= len(l.text) {
		return l.bad("The input string ended unexpectedly.")
	}
	text, ok := l.token()
	if !ok {
		if text[0] == '"' {
			m := jsonLexer{text: l.text, pos: l.pos}
			return m.string()
		}
		return l.bad("Token \"%s\" is invalid.", text)
	}
	return l.bad("Expected %s, but found \"%s\".", what, text)
}

// end checks that nothing follows.
func (l *jsonLexer) end() error {
	l.space()
	if l.pos < len(l.text) {
		return l.expected("end of input")
	}
	return nil
}

// is takes a punctuation character if it is next.
func (l *jsonLexer) is(c byte) bool {
	l.space()
	if l.pos < len(l.text) && l.text[l.pos] == c {
		l.pos++
		return true
	}
	return false
}

// value walks over a value.
func (l *jsonLexer) value(depth int) error {
	if depth > MaxJSONDepth {
		return pgerror.New("54001", "stack depth limit exceeded").
			WithDetail("A JSON value may be nested %d levels deep.", MaxJSONDepth)
	}
	l.space()
	if l.pos >= len(l.text) {
		return l.expected("")
	}
	switch c := l.text[l.pos]; {
	case c == '{':
		return l.object(depth)
	case c == '[':
		return l.array(depth)
	case c == '"':
		return l.string()
	case c == '-' || isDigit(c):
		n, ok := numberEnd(l.text[l.pos:])
		if !ok {
			return l.expected("JSON value")
		}
		l.pos += n
		return nil
	case isWord(c):
		if text, ok := l.token(); ok {
			l.pos += len(text)
			return nil
		}
	}
	return l.expected("JSON value")
}

func (l *jsonLexer) object(depth int) error {
	l.pos++
	if l.is('}') {
		return nil
	}
	for what := "string or \"}\""; ; what = "string" {
		l.space()
		if l.pos >= len(l.text) || l.text[l.pos] != '"' {
			return l.expected(what)
		}
		if err := l.string(); err != nil {
			return err
		}
		if !l.is(':') {
			return l.expected("\":\"")
		}
		if err := l.value(depth + 1); err != nil {
			return err
		}
		if l.is('}') {
			return nil
		}
		if !l.is(',') {
			return l.expected("\",\" or \"}\"")
		}
	}
}

func (l *jsonLexer) array(depth int) error {
	l.pos++
	if l.is(']') {
		return nil
	}
	for {
		if err := l.value(depth + 1); err != nil {
			return err
		}
		if l.is(']') {
			return nil
		}
		if !l.is(',') {
			return l.expected("\",\" or \"]\"")
		}
	}
}

// numberEnd returns the length of the number's token; ok is false where the
// token is no number.
func numberEnd(s string) (n int, ok bool) {
	digits := func() bool {
		start := n
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		return n > start
	}
	ok = true
	if s[0] == '-' {
		n++
	}
	if n < len(s) && s[n] == '0' {
		n++
	} else {
		ok = digits()
	}
	if n < len(s) && s[n] == '.' {
		n++
		ok = digits() && ok
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		n++
		if n < len(s) && (s[n] == '+' || s[n] == '-') {
			n++
		}
		ok = digits() && ok
	}
	for n < len(s) && isWord(s[n]) {
		n++
		ok = false
	}
	return n, ok
}
