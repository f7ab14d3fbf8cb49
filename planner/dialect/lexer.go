package dialect

import (
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// lexer cuts text into tokens by the rules of PostgreSQL's scan.l, with
// standard_conforming_strings on.
type lexer struct {
	src  string
	pos  int // next byte
	char int // bytes before counted that are not the first of a character, for char positions
	seen int // bytes counted in char
}

// charAt returns the position in characters, from 1, of a byte that is not
// before those asked for until now.
func (l *lexer) charAt(offset int) int {
	for ; l.seen < offset && l.seen < len(l.src); l.seen++ {
		if l.src[l.seen]&0xC0 == 0x80 {
			l.char++
		}
	}
	return offset - l.char + 1
}

// charPosition counts from the beginning; for errors.
func charPosition(src string, offset int) int {
	if offset > len(src) {
		offset = len(src)
	}
	return utf8.RuneCountInString(src[:offset]) + 1
}

// errorAt is a syntax error of the lexer at a byte, with the text from there on
// to end.
func (l *lexer) errorAt(message string, start, end int) error {
	return pgerror.New(pgerror.SyntaxError, "%s at or near \"%s\"", message, l.src[start:end]).
		At(charPosition(l.src, start))
}

func (l *lexer) at(offset int) byte {
	if offset < len(l.src) {
		return l.src[offset]
	}
	return 0
}

// checkText refuses what cannot be text in UTF-8.
func checkText(src string) error {
	if len(src) > MaxText {
		return errTooLong("bytes", MaxText)
	}
	if strings.IndexByte(src, 0) >= 0 {
		return pgerror.New(pgerror.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0x00`)
	}
	if !utf8.ValidString(src) {
		for i, r := range src {
			if r != utf8.RuneError {
				continue
			}
			if _, size := utf8.DecodeRuneInString(src[i:]); size == 1 {
				return pgerror.New(pgerror.CharacterNotInRepertoire,
					`invalid byte sequence for encoding "UTF8": 0x%02x`, src[i])
			}
		}
	}
	return nil
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isIdentStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

func isIdent(c byte) bool { return isIdentStart(c) || isDigit(c) || c == '$' }

func isOp(c byte) bool { return strings.IndexByte("~!@#^&|`?+-*/%<>=", c) >= 0 }

// skipSpace passes white space and comments.
func (l *lexer) skipSpace() error {
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		switch {
		case isSpace(c):
			l.pos++
		case c == '-' && l.at(l.pos+1) == '-':
			n := strings.IndexAny(l.src[l.pos:], "\n\r")
			if n < 0 {
				l.pos = len(l.src)
				return nil
			}
			l.pos += n
		case c == '/' && l.at(l.pos+1) == '*':
			if err := l.skipComment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// skipComment passes a comment in which others may be nested.
func (l *lexer) skipComment() error {
	start := l.pos
	depth := 0
	for l.pos < len(l.src) {
		switch {
		case l.src[l.pos] == '/' && l.at(l.pos+1) == '*':
			depth++
			l.pos += 2
		case l.src[l.pos] == '*' && l.at(l.pos+1) == '/':
			depth--
			l.pos += 2
			if depth == 0 {
				return nil
			}
		default:
			l.pos++
		}
	}
	return l.errorAt("unterminated /* comment", start, len(l.src))
}

// next returns the next token; at the end its kind is kindEnd.
func (l *lexer) next() (token, error) {
	if err := l.skipSpace(); err != nil {
		return token{}, err
	}
	t := token{start: int32(l.pos), char: int32(l.charAt(l.pos)), match: -1}
	if l.pos >= len(l.src) {
		t.end = t.start
		return t, nil
	}
	err := l.scan(&t)
	t.end = int32(l.pos)
	return t, err
}

func (l *lexer) scan(t *token) error {
	c := l.src[l.pos]
	next := l.at(l.pos + 1)
	switch {
	case c == '\'':
		return l.plainString(t)
	case c == '"':
		return l.quotedIdent(t)
	case (c == 'e' || c == 'E') && next == '\'':
		return l.escapeString(t)
	case (c == 'b' || c == 'B' || c == 'x' || c == 'X') && next == '\'':
		return l.bitString(t)
	case (c == 'n' || c == 'N') && next == '\'':
		l.pos++
		t.kind, t.text, t.class = kindKeyword, "nchar", keywords["nchar"].class
		return nil
	case (c == 'u' || c == 'U') && next == '&' && l.at(l.pos+2) == '\'':
		return l.unicodeString(t)
	case (c == 'u' || c == 'U') && next == '&' && l.at(l.pos+2) == '"':
		return l.unicodeIdent(t)
	case isIdentStart(c):
		l.ident(t)
		return nil
	case isDigit(c), c == '.' && isDigit(next):
		return l.number(t)
	case c == '$':
		return l.dollar(t)
	case isOp(c):
		l.operator(t)
		return nil
	}
	return l.punctuation(t)
}

// ident reads a name or a keyword.
func (l *lexer) ident(t *token) {
	start := l.pos
	lower := true
	for l.pos < len(l.src) && isIdent(l.src[l.pos]) {
		if c := l.src[l.pos]; 'A' <= c && c <= 'Z' {
			lower = false
		}
		l.pos++
	}
	raw := l.src[start:l.pos]
	var buf [20]byte
	if len(raw) <= len(buf) {
		for i := 0; i < len(raw); i++ {
			buf[i] = lowerByte(raw[i])
		}
		if k, ok := keywords[string(buf[:len(raw)])]; ok {
			t.kind, t.text, t.class = kindKeyword, k.word, k.class
			return
		}
	}
	if !lower {
		raw = foldASCII(raw)
	}
	t.kind, t.text = kindIdent, cutIdent(raw)
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// foldASCII is how PostgreSQL folds names in UTF-8: other letters stay.
func foldASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerByte(c)
	}
	return string(b)
}

// cutIdent cuts a name to what PostgreSQL keeps of it.
func cutIdent(s string) string {
	if len(s) <= maxIdent {
		return s
	}
	n := maxIdent
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// number reads an integer or a decimal number.
func (l *lexer) number(t *token) error {
	start := l.pos
	t.kind = kindInteger
	for isDigit(l.at(l.pos)) {
		l.pos++
	}
	if l.at(l.pos) == '.' && l.at(l.pos+1) != '.' {
		t.kind = kindNumeric
		l.pos++
		for isDigit(l.at(l.pos)) {
			l.pos++
		}
	}
	if c := l.at(l.pos); c == 'e' || c == 'E' {
		digits := l.pos + 1
		if s := l.at(digits); s == '+' || s == '-' {
			digits++
		}
		if isDigit(l.at(digits)) {
			t.kind = kindNumeric
			for l.pos = digits; isDigit(l.at(l.pos)); {
				l.pos++
			}
		}
	}
	if isIdentStart(l.at(l.pos)) {
		end := l.pos
		for isIdent(l.at(end)) {
			end++
		}
		return l.errorAt("trailing junk after numeric literal", start, end)
	}
	t.text = l.src[start:l.pos]
	return nil
}

// dollar reads $n or $tag$...$tag$.
func (l *lexer) dollar(t *token) error {
	start := l.pos
	end := start + 1
	if isDigit(l.at(end)) {
		for isDigit(l.at(end)) {
			end++
		}
		if isIdentStart(l.at(end)) {
			for isIdent(l.at(end)) {
				end++
			}
			return l.errorAt("trailing junk after parameter", start, end)
		}
		l.pos = end
		t.kind, t.text = kindParam, l.src[start+1:end]
		return nil
	}
	if isIdentStart(l.at(end)) {
		for isIdent(l.at(end)) && l.at(end) != '$' {
			end++
		}
	}
	if l.at(end) != '$' {
		return l.errorAt("syntax error", start, start+1)
	}
	tag := l.src[start : end+1]
	n := strings.Index(l.src[end+1:], tag)
	if n < 0 {
		return l.errorAt("unterminated dollar-quoted string", start, len(l.src))
	}
	t.kind, t.text = kindString, l.src[end+1:end+1+n]
	l.pos = end + 1 + n + len(tag)
	return nil
}

// operator reads the longest operator by PostgreSQL's rules: a comment ends it,
// and of several characters it ends in + or - only if it has one that no
// operator of the standard has.
func (l *lexer) operator(t *token) {
	start := l.pos
	end := start
	special := false
	for end < len(l.src) && isOp(l.src[end]) {
		c := l.src[end]
		if end > start && (c == '-' && l.at(end+1) == '-' || c == '/' && l.at(end+1) == '*') {
			break
		}
		if strings.IndexByte("~!@#^&|`?%", c) >= 0 {
			special = true
		}
		end++
	}
	for !special && end > start+1 && (l.src[end-1] == '+' || l.src[end-1] == '-') {
		end--
	}
	l.pos = end
	t.text = l.src[start:end]
	t.kind = kindOp
	switch t.text {
	case "+", "-", "*", "/", "%", "^", "<", ">", "=", "<=", ">=", "<>", "=>":
		t.kind = kindSymbol
	case "!=":
		t.kind, t.text = kindSymbol, "<>"
	}
}

// punctuation reads the rest of the language.
func (l *lexer) punctuation(t *token) error {
	n := 1
	switch c, next := l.src[l.pos], l.at(l.pos+1); {
	case c == ':' && (next == ':' || next == '='), c == '.' && next == '.':
		n = 2
	case strings.IndexByte("()[],;:.", c) >= 0:
	default:
		_, size := utf8.DecodeRuneInString(l.src[l.pos:])
		return l.errorAt("syntax error", l.pos, l.pos+size)
	}
	t.kind, t.text = kindSymbol, l.src[l.pos:l.pos+n]
	l.pos += n
	return nil
}
