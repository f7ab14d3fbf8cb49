package dialect

import (
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// quoted returns the text between the quote at l.pos and its end, with doubled
// quotes still doubled, and passes it.
func (l *lexer) quoted(quote byte, start int, unterminated string) (raw string, doubled bool, err error) {
	begin := l.pos + 1
	for i := begin; ; {
		n := strings.IndexByte(l.src[i:], quote)
		if n < 0 {
			return "", false, l.errorAt(unterminated, start, len(l.src))
		}
		i += n
		if l.at(i+1) != quote {
			l.pos = i + 1
			return l.src[begin:i], doubled, nil
		}
		doubled = true
		i += 2
	}
}

// continuation says whether another piece of the same string follows: white
// space with a line break in it and a quote. If so it moves to the quote.
func (l *lexer) continuation() bool {
	newline := false
	i := l.pos
	for i < len(l.src) {
		c := l.src[i]
		switch {
		case c == '\n' || c == '\r':
			newline = true
			i++
		case isSpace(c):
			i++
		case c == '-' && l.at(i+1) == '-':
			n := strings.IndexAny(l.src[i:], "\n\r")
			if n < 0 {
				return false
			}
			i += n
		default:
			if !newline || c != '\'' {
				return false
			}
			l.pos = i
			return true
		}
	}
	return false
}

const unterminatedString = "unterminated quoted string"

// pieces reads a string of one or more pieces from the quote at l.pos on and
// returns it with single quotes.
func (l *lexer) pieces(start int, unterminated string) (string, error) {
	raw, doubled, err := l.quoted('\'', start, unterminated)
	if err != nil {
		return "", err
	}
	if doubled {
		raw = strings.ReplaceAll(raw, "''", "'")
	}
	if !l.continuation() {
		return raw, nil
	}
	var b strings.Builder
	b.WriteString(raw)
	for {
		raw, _, err := l.quoted('\'', start, unterminated)
		if err != nil {
			return "", err
		}
		b.WriteString(strings.ReplaceAll(raw, "''", "'"))
		if !l.continuation() {
			return b.String(), nil
		}
	}
}

// plainString reads '...', in which a backslash is a character like others.
func (l *lexer) plainString(t *token) (err error) {
	t.kind = kindString
	t.text, err = l.pieces(l.pos, unterminatedString)
	return err
}

// quotedIdent reads "...".
func (l *lexer) quotedIdent(t *token) error {
	start := l.pos
	raw, doubled, err := l.quoted('"', start, "unterminated quoted identifier")
	if err != nil {
		return err
	}
	if raw == "" {
		return l.errorAt("zero-length delimited identifier", start, l.pos)
	}
	if doubled {
		raw = strings.ReplaceAll(raw, `""`, `"`)
	}
	t.kind, t.text = kindIdent, cutIdent(raw)
	return nil
}

// bitString reads B'...' and X'...'.
func (l *lexer) bitString(t *token) error {
	start := l.pos
	t.kind = kindHex
	what, name := "unterminated hexadecimal string literal", "hexadecimal"
	digits := "0123456789abcdefABCDEF"
	if c := l.src[start]; c == 'b' || c == 'B' {
		t.kind = kindBits
		what, name = "unterminated bit string literal", "binary"
		digits = "01"
	}
	l.pos++
	text, err := l.pieces(start, what)
	if err != nil {
		return err
	}
	for _, r := range text {
		if !strings.ContainsRune(digits, r) {
			return pgerror.New(pgerror.InvalidTextRepresentation, "\"%c\" is not a valid %s digit", r, name).
				At(charPosition(l.src, start))
		}
	}
	t.text = text
	return nil
}

// escapeString reads E'...'.
func (l *lexer) escapeString(t *token) error {
	start := l.pos
	l.pos++
	var b []byte
	for {
		l.pos++ // the quote
		var err error
		if b, err = l.escapePiece(b, start); err != nil {
			return err
		}
		if !l.continuation() {
			break
		}
	}
	if !utf8.Valid(b) || strings.IndexByte(string(b), 0) >= 0 {
		return invalidBytes(b).At(charPosition(l.src, start))
	}
	t.kind, t.text = kindString, string(b)
	return nil
}

func invalidBytes(b []byte) *pgerror.Error {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == 0 || r == utf8.RuneError && size == 1 {
			break
		}
		b = b[size:]
	}
	if len(b) == 0 {
		b = []byte{0}
	}
	return pgerror.New(pgerror.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0x%02x`, b[0])
}

// escapePiece reads one piece of an E'...' up to and past its closing quote.
func (l *lexer) escapePiece(b []byte, start int) ([]byte, error) {
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		switch {
		case c == '\'' && l.at(l.pos+1) == '\'':
			b = append(b, '\'')
			l.pos += 2
		case c == '\'':
			l.pos++
			return b, nil
		case c == '\\' && l.pos+1 < len(l.src):
			var err error
			if b, err = l.escape(b); err != nil {
				return nil, err
			}
		default:
			b = append(b, c)
			l.pos++
		}
	}
	return nil, l.errorAt(unterminatedString, start, len(l.src))
}

// escape reads one backslash escape.
func (l *lexer) escape(b []byte) ([]byte, error) {
	c := l.src[l.pos+1]
	switch {
	case c == 'u' || c == 'U':
		return l.unicodeEscape(b)
	case '0' <= c && c <= '7':
		value, n := l.digits(l.pos+1, 8, 3)
		l.pos += 1 + n
		return append(b, byte(value)), nil
	case c == 'x':
		value, n := l.digits(l.pos+2, 16, 2)
		if n > 0 {
			l.pos += 2 + n
			return append(b, byte(value)), nil
		}
	}
	l.pos += 2
	if i := strings.IndexByte("bfnrt", c); i >= 0 {
		c = "\b\f\n\r\t"[i]
	}
	return append(b, c), nil
}

// digits reads up to most digits of a base and returns their value and number.
func (l *lexer) digits(at, base, most int) (value rune, n int) {
	for n < most {
		d := strings.IndexByte("0123456789abcdef", lowerByte(l.at(at+n)))
		if d < 0 || d >= base {
			break
		}
		value = value*rune(base) + rune(d)
		n++
	}
	return value, n
}

// unicodeEscape reads \uXXXX or \UXXXXXXXX, or two of them that form a pair.
func (l *lexer) unicodeEscape(b []byte) ([]byte, error) {
	at := l.pos
	first, err := l.unicodeUnit()
	if err != nil {
		return nil, err
	}
	if isLow(first) {
		return nil, l.surrogateError(at)
	}
	if isHigh(first) {
		if l.at(l.pos) != '\\' || l.at(l.pos+1)|0x20 != 'u' {
			return nil, l.surrogateError(at)
		}
		second, err := l.unicodeUnit()
		if err != nil {
			return nil, err
		}
		if !isLow(second) {
			return nil, l.surrogateError(at)
		}
		first = pair(first, second)
	}
	return l.appendUnicode(b, first, at)
}

func (l *lexer) unicodeUnit() (rune, error) {
	want := 4
	if l.src[l.pos+1] == 'U' {
		want = 8
	}
	value, n := l.digits(l.pos+2, 16, want)
	if n < want {
		return 0, pgerror.New(pgerror.InvalidEscapeSequence, "invalid Unicode escape").
			WithHint(`Unicode escapes must be \uXXXX or \UXXXXXXXX.`).At(charPosition(l.src, l.pos))
	}
	l.pos += 2 + n
	return value, nil
}

func isHigh(r rune) bool { return 0xD800 <= r && r <= 0xDBFF }
func isLow(r rune) bool  { return 0xDC00 <= r && r <= 0xDFFF }

func pair(high, low rune) rune { return (high-0xD800)<<10 + (low - 0xDC00) + 0x10000 }

func (l *lexer) surrogateError(at int) error {
	return pgerror.New(pgerror.SyntaxError, "invalid Unicode surrogate pair").At(charPosition(l.src, at))
}

func (l *lexer) appendUnicode(b []byte, r rune, at int) ([]byte, error) {
	if r <= 0 || r > utf8.MaxRune || !utf8.ValidRune(r) {
		return nil, pgerror.New(pgerror.SyntaxError, "invalid Unicode escape value").At(charPosition(l.src, at))
	}
	return utf8.AppendRune(b, r), nil
}

// unicodeString reads U&'...' [UESCAPE 'c'].
func (l *lexer) unicodeString(t *token) error {
	start := l.pos
	l.pos += 2
	raw, err := l.pieces(start, unterminatedString)
	if err != nil {
		return err
	}
	t.kind = kindString
	t.text, err = l.decodeUnicode(raw, start)
	return err
}

// unicodeIdent reads U&"..." [UESCAPE 'c'].
func (l *lexer) unicodeIdent(t *token) error {
	start := l.pos
	l.pos += 2
	if err := l.quotedIdent(t); err != nil {
		return err
	}
	text, err := l.decodeUnicode(t.text, start)
	t.text = cutIdent(text)
	return err
}

// uescape reads a UESCAPE clause, if one follows.
func (l *lexer) uescape() (byte, error) {
	rest := *l
	word, err := rest.next()
	if err != nil || !word.word("uescape") {
		return '\\', nil
	}
	value, err := rest.next()
	if err != nil {
		return 0, err
	}
	if value.kind != kindString || len(value.text) != 1 ||
		strings.IndexByte("0123456789abcdefABCDEF+'\" \t\n\r\f", value.text[0]) >= 0 {
		if value.kind != kindString {
			return 0, pgerror.New(pgerror.SyntaxError, "UESCAPE must be followed by a simple string literal").
				At(int(value.char))
		}
		return 0, pgerror.New(pgerror.SyntaxError, "invalid Unicode escape character").At(int(value.char))
	}
	l.pos = rest.pos
	return value.text[0], nil
}

// decodeUnicode resolves the escapes of U&.
func (l *lexer) decodeUnicode(raw string, start int) (string, error) {
	esc, err := l.uescape()
	if err != nil {
		return "", err
	}
	if strings.IndexByte(raw, esc) < 0 {
		return raw, nil
	}
	inner := lexer{src: raw}
	var b []byte
	var high rune
	for inner.pos < len(raw) {
		c := raw[inner.pos]
		var r rune
		switch {
		case c != esc:
			inner.pos++
			if high != 0 {
				return "", l.surrogateError(start)
			}
			b = append(b, c)
			continue
		case inner.at(inner.pos+1) == esc:
			inner.pos += 2
			if high != 0 {
				return "", l.surrogateError(start)
			}
			b = append(b, esc)
			continue
		default:
			skip, want := 1, 4
			if inner.at(inner.pos+1) == '+' {
				skip, want = 2, 6
			}
			value, n := inner.digits(inner.pos+skip, 16, want)
			if n < want {
				return "", pgerror.New(pgerror.InvalidEscapeSequence, "invalid Unicode escape").
					WithHint(`Unicode escapes must be \XXXX or \+XXXXXX.`).At(charPosition(l.src, start))
			}
			inner.pos += skip + n
			r = value
		}
		switch {
		case high != 0 && isLow(r):
			r, high = pair(high, r), 0
		case high != 0 || isLow(r):
			return "", l.surrogateError(start)
		case isHigh(r):
			high = r
			continue
		}
		if b, err = l.appendUnicode(b, r, start); err != nil {
			return "", err
		}
	}
	if high != 0 {
		return "", l.surrogateError(start)
	}
	return string(b), nil
}
