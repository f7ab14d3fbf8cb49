package datum

import (
	"strconv"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// MaxJSONDepth bounds the nesting of a JSON value; deeper ones are 54001.
const MaxJSONDepth = 6400

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

// string walks over a string.
func (l *jsonLexer) string() error {
	start, high := l.pos, false // high: a high surrogate precedes
	for l.pos++; l.pos < len(l.text); l.pos++ {
		c := l.text[l.pos]
		switch {
		case c >= 0x20 && c != '\\' && high:
			return l.surrogate("low")
		case c == '"':
			l.pos++
			return nil
		case c < 0x20:
			return l.bad("Character with value 0x%02x must be escaped.", c)
		case c != '\\':
			continue
		}
		l.pos++
		if l.pos >= len(l.text) {
			break
		}
		if l.text[l.pos] != 'u' {
			if high {
				return l.surrogate("low")
			}
			if !isEscape(l.text[l.pos]) {
				_, n := utf8.DecodeRuneInString(l.text[l.pos:])
				return l.bad("Escape sequence \"\\%s\" is invalid.", l.text[l.pos:l.pos+n])
			}
			continue
		}
		r, ok := hex4(l.text[l.pos+1:])
		if !ok {
			if len(l.text) < l.pos+5 && allHex(l.text[l.pos+1:]) {
				l.pos = len(l.text)
				break
			}
			return l.bad("\"\\u\" must be followed by four hexadecimal digits.")
		}
		l.pos += 4
		if l.decode {
			var err error
			if high, err = l.checkRune(r, high); err != nil {
				return err
			}
		}
	}
	return l.bad("Token \"%s\" is invalid.", l.text[start:])
}

func allHex(s string) bool {
	for i := range len(s) {
		if hexValue(s[i]) > 15 {
			return false
		}
	}
	return true
}

func (l *jsonLexer) surrogate(which string) error {
	if which == "high" {
		return l.bad("Unicode high surrogate must not follow a high surrogate.")
	}
	return l.bad("Unicode low surrogate must follow a high surrogate.")
}

// checkRune checks what \u gave; it returns whether a low surrogate must follow.
func (l *jsonLexer) checkRune(r rune, high bool) (bool, error) {
	switch {
	case r >= 0xd800 && r < 0xdc00:
		if high {
			return false, l.surrogate("high")
		}
		return true, nil
	case (r >= 0xdc00 && r < 0xe000) != high:
		return false, l.surrogate("low")
	case r == 0:
		return false, nulEscape()
	}
	return false, nil
}

func nulEscape() error {
	return pgerror.New(pgerror.UntranslatableCharacter, "unsupported Unicode escape sequence").
		WithDetail("\\u0000 cannot be converted to text.")
}

func isEscape(c byte) bool {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	}
	return false
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	r := rune(0)
	for i := range 4 {
		v := hexValue(s[i])
		if v > 15 {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	return r, true
}

// unquoteJSON decodes a string with its quotes. ok is false where no text can
// hold it.
func unquoteJSON(s string) (text string, ok bool) {
	if len(s) < 2 {
		return "", false
	}
	s = s[1 : len(s)-1]
	i := 0
	for i < len(s) && s[i] != '\\' {
		i++
	}
	if i == len(s) {
		return s, true
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for i < len(s) {
		if s[i] != '\\' || i+1 >= len(s) {
			b = append(b, s[i])
			i++
			continue
		}
		c := s[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, n := unquoteRune(s[i:])
			if n == 0 {
				return "", false
			}
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		b = append(b, c)
	}
	return string(b), true
}

// unquoteRune decodes what follows \u, a second surrogate included; n is 0
// where it is nothing that a text can hold.
func unquoteRune(s string) (r rune, n int) {
	r, ok := hex4(s)
	switch {
	case !ok || r == 0 || r >= 0xdc00 && r < 0xe000:
		return 0, 0
	case r < 0xd800 || r >= 0xe000:
		return r, 4
	case len(s) < 10 || s[4] != '\\' || s[5] != 'u':
		return 0, 0
	}
	low, ok := hex4(s[6:])
	if !ok || low < 0xdc00 || low >= 0xe000 {
		return 0, 0
	}
	return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00), 10
}

// AppendJSONString appends a text as a JSON string, as PostgreSQL writes it.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
				continue
			}
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// QuoteJSON returns a text as a JSON string, as PostgreSQL writes it.
func QuoteJSON(s string) string { return string(AppendJSONString(nil, s)) }

// AppendJSONInt appends an integer as a JSON number.
func AppendJSONInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
