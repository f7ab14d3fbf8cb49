package expr

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

func byteCat(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.ByteString(), b.ByteString()
	if len(x)+len(y) > MaxValueBytes {
		return datum.Datum{}, tooLarge()
	}
	return datum.NewByteString(x + y), nil
}

func sha224(a datum.Datum) (datum.Datum, error) {
	sum := sha256.Sum224([]byte(a.ByteString()))
	return datum.NewBytes(sum[:]), nil
}

func sha256Sum(a datum.Datum) (datum.Datum, error) {
	sum := sha256.Sum256([]byte(a.ByteString()))
	return datum.NewBytes(sum[:]), nil
}

func sha384(a datum.Datum) (datum.Datum, error) {
	sum := sha512.Sum384([]byte(a.ByteString()))
	return datum.NewBytes(sum[:]), nil
}

func sha512Sum(a datum.Datum) (datum.Datum, error) {
	sum := sha512.Sum512([]byte(a.ByteString()))
	return datum.NewBytes(sum[:]), nil
}

func unknownEncoding(name string) error {
	return pgerror.New(pgerror.InvalidParameterValue, "unrecognized encoding: %q", name)
}

func encode(a, format datum.Datum) (datum.Datum, error) {
	s := a.ByteString()
	switch strings.ToLower(format.Text()) {
	case "hex":
		return text(hex.EncodeToString([]byte(s)))
	case "base64":
		return text(wrapLines(base64.StdEncoding.EncodeToString([]byte(s)), 76))
	case "escape":
		var b strings.Builder
		for _, c := range []byte(s) {
			switch {
			case c == 0 || c >= 0x80:
				b.Write([]byte{'\\', '0' + c>>6, '0' + c>>3&7, '0' + c&7})
			case c == '\\':
				b.WriteString(`\\`)
			default:
				b.WriteByte(c)
			}
		}
		return text(b.String())
	}
	return datum.Datum{}, unknownEncoding(format.Text())
}

func wrapLines(s string, n int) string {
	if len(s) <= n {
		return s
	}
	var b strings.Builder
	for len(s) > n {
		b.WriteString(s[:n])
		b.WriteByte('\n')
		s = s[n:]
	}
	b.WriteString(s)
	return b.String()
}

func decode(a, format datum.Datum) (datum.Datum, error) {
	s := a.Text()
	switch strings.ToLower(format.Text()) {
	case "hex":
		return decodeHex(s)
	case "base64":
		return decodeBase64(s)
	case "escape":
		return decodeEscape(s)
	}
	return datum.Datum{}, unknownEncoding(format.Text())
}

func decodeHex(s string) (datum.Datum, error) {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' {
			return -1
		}
		return r
	}, s)
	for _, r := range s {
		if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return datum.Datum{}, pgerror.New(pgerror.InvalidParameterValue, "invalid hexadecimal digit: \"%c\"", r)
		}
	}
	if len(s)%2 != 0 {
		return datum.Datum{}, pgerror.New(pgerror.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
	}
	b, _ := hex.DecodeString(s)
	return datum.NewBytes(b), nil
}

func decodeBase64(s string) (datum.Datum, error) {
	clean := strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' {
			return -1
		}
		return r
	}, s)
	for _, r := range clean {
		if r > 127 || !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '/' || r == '=') {
			return datum.Datum{}, pgerror.New(pgerror.InvalidParameterValue, "invalid symbol \"%c\" found while decoding base64 sequence", r)
		}
	}
	b, err := base64.StdEncoding.DecodeString(clean)
	if err != nil {
		return datum.Datum{}, pgerror.New(pgerror.InvalidParameterValue, "invalid base64 end sequence").
			WithHint("Input data is missing padding, is truncated, or is otherwise corrupted.")
	}
	return datum.NewBytes(b), nil
}

func decodeEscape(s string) (datum.Datum, error) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			out = append(out, s[i])
		case i+1 < len(s) && s[i+1] == '\\':
			out = append(out, '\\')
			i++
		case i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '3' && octal(s[i+2]) && octal(s[i+3]):
			out = append(out, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
		default:
			return datum.Datum{}, pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type bytea")
		}
	}
	return datum.NewBytes(out), nil
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

func encodingUTF8(name string) bool {
	n := strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
	return n == "utf8" || n == "unicode"
}

func convertFrom(a, name datum.Datum) (datum.Datum, error) {
	if !encodingUTF8(name.Text()) {
		return datum.Datum{}, pgerror.NotSupported("encoding %q", name.Text())
	}
	s := a.ByteString()
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") || r == 0 {
			return datum.Datum{}, pgerror.New(pgerror.CharacterNotInRepertoire,
				"invalid byte sequence for encoding \"UTF8\": 0x%02x", s[i])
		}
	}
	return text(s)
}

func convertTo(a, name datum.Datum) (datum.Datum, error) {
	if !encodingUTF8(name.Text()) {
		return datum.Datum{}, pgerror.NotSupported("encoding %q", name.Text())
	}
	return datum.NewByteString(a.Text()), nil
}

func byteIndex(n int64, length int) error {
	if n < 0 || n >= int64(length) {
		return pgerror.New(pgerror.ArraySubscriptError, "index %d out of valid range, 0..%d", n, length-1)
	}
	return nil
}

func getByte(a, n datum.Datum) (datum.Datum, error) {
	s := a.ByteString()
	if err := byteIndex(n.Int(), len(s)); err != nil {
		return datum.Datum{}, err
	}
	return datum.NewInt(int64(s[n.Int()])), nil
}

func setByte(a, n, v datum.Datum) (datum.Datum, error) {
	b := a.Bytes()
	if err := byteIndex(n.Int(), len(b)); err != nil {
		return datum.Datum{}, err
	}
	b[n.Int()] = byte(v.Int())
	return datum.NewBytes(b), nil
}

func getBit(a, n datum.Datum) (datum.Datum, error) {
	s := a.ByteString()
	if err := byteIndex(n.Int(), len(s)*8); err != nil {
		return datum.Datum{}, err
	}
	return datum.NewInt(int64(s[n.Int()/8] >> (n.Int() % 8) & 1)), nil
}

func setBit(a, n, v datum.Datum) (datum.Datum, error) {
	b := a.Bytes()
	if err := byteIndex(n.Int(), len(b)*8); err != nil {
		return datum.Datum{}, err
	}
	if v.Int() != 0 && v.Int() != 1 {
		return datum.Datum{}, pgerror.New(pgerror.InvalidParameterValue, "new bit must be 0 or 1")
	}
	mask := byte(1) << (n.Int() % 8)
	b[n.Int()/8] &^= mask
	if v.Int() == 1 {
		b[n.Int()/8] |= mask
	}
	return datum.NewBytes(b), nil
}

func byteOverlay(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	s, by, from := a[0].ByteString(), a[1].ByteString(), a[2].Int()
	n := int64(len(by))
	if len(a) == 4 {
		n = a[3].Int()
	}
	if from <= 0 {
		return datum.Datum{}, negativeSubstring()
	}
	head := byteWindow(s, 0, from-1).ByteString()
	tail := byteWindow(s, max(from-1+n, 0), 1<<40).ByteString()
	return datum.NewByteString(head + by + tail), nil
}
