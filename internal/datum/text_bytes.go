package datum

import (
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// appendBytea writes hex or, where the format asks for it, the escape format.
func appendBytea(dst []byte, s string, f *Format) []byte {
	if f == nil || !f.ByteaEscape {
		dst = append(dst, '\\', 'x')
		for i := range len(s) {
			dst = append(dst, hexDigits[s[i]>>4], hexDigits[s[i]&15])
		}
		return dst
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func parseBytea(s string) (Datum, error) {
	if err := CheckText(s); err != nil {
		return Datum{}, err
	}
	if strings.HasPrefix(s, `\x`) {
		return parseByteaHex(s[2:])
	}
	if strings.IndexByte(s, '\\') < 0 {
		return NewByteString(s), nil
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			out = append(out, s[i])
		case i+1 < len(s) && s[i+1] == '\\':
			out = append(out, '\\')
			i++
		case i+3 < len(s) && s[i+1]-'0' <= 3 && s[i+2]-'0' <= 7 && s[i+3]-'0' <= 7:
			out = append(out, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
		default:
			return Datum{}, pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type %s", "bytea")
		}
	}
	return NewByteString(string(out)), nil
}

// parseByteaHex reads pairs of digits; white space may stand between pairs.
func parseByteaHex(s string) (Datum, error) {
	out := make([]byte, 0, len(s)/2)
	digit := func(i int) (byte, error) {
		if v := hexValue(s[i]); v < 16 {
			return v, nil
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		return 0, pgerror.New(pgerror.InvalidParameterValue, "invalid hexadecimal digit: \"%s\"", s[i:i+n])
	}
	for i := 0; i < len(s); {
		if c := s[i]; c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		high, err := digit(i)
		if err != nil {
			return Datum{}, err
		}
		if i+1 >= len(s) {
			return Datum{}, pgerror.New(pgerror.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
		}
		low, err := digit(i + 1)
		if err != nil {
			return Datum{}, err
		}
		out = append(out, high<<4|low)
		i += 2
	}
	return NewByteString(string(out)), nil
}

// hexValue is the value of a hexadecimal digit; 16 or more for other characters.
func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

func appendUUID(dst []byte, u [16]byte) []byte {
	for i, c := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

// parseUUID accepts braces around, and a hyphen behind each four digits.
func parseUUID(s string) (Datum, error) {
	body := s
	if strings.HasPrefix(body, "{") {
		if !strings.HasSuffix(body, "}") {
			return Datum{}, errSyntax
		}
		body = body[1 : len(body)-1]
	}
	var u [16]byte
	for i := range u {
		if len(body) < 2 || hexValue(body[0]) > 15 || hexValue(body[1]) > 15 {
			return Datum{}, errSyntax
		}
		u[i] = hexValue(body[0])<<4 | hexValue(body[1])
		body = body[2:]
		if i%2 == 1 && i < 15 && strings.HasPrefix(body, "-") {
			body = body[1:]
		}
	}
	if body != "" {
		return Datum{}, errSyntax
	}
	return NewUUID(u), nil
}
