package datum

import (
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
)

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
