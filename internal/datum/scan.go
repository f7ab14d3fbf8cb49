package datum

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// errSyntax says that a text is not what was looked for; it is turned into an
// error with the whole text and never leaves the package.
var errSyntax = errors.New("syntax")

// badSyntax is 22P02 for a text that is not a value of the type.
func badSyntax(typ, s string) error {
	return pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type %s: \"%s\"", typ, s)
}

func outOfRange(typ, s string) error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "value \"%s\" is out of range for type %s", s, typ)
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isSpace(c byte) bool { return c == ' ' || c-'\t' <= '\r'-'\t' }

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// equalFold compares with a text in lower case, letters of ASCII in any case.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// CheckText fails with 22021 if the text is not valid UTF-8 or holds a NUL.
func CheckText(s string) error {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return nil
	}
	return badEncoding(s)
}

// badEncoding names the first wrong byte sequence as PostgreSQL does: as many
// bytes as its first byte asks for.
func badEncoding(s string) error {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r != utf8.RuneError && r != 0 || n > 1 {
			i += n
			continue
		}
		size := 1
		switch c := s[i]; {
		case c >= 0xf0 && c < 0xf8:
			size = 4
		case c >= 0xe0 && c < 0xf0:
			size = 3
		case c >= 0xc0 && c < 0xe0:
			size = 2
		}
		var list []byte
		for _, c := range []byte(s[i:min(len(s), i+size)]) {
			list = append(list, " 0x"...)
			list = append(list, hexDigits[c>>4], hexDigits[c&15])
		}
		return pgerror.New(pgerror.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\":%s", list)
	}
	return nil
}

const hexDigits = "0123456789abcdef"
