package expr

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// MaxValueBytes bounds the text or bytea that one function makes.
const MaxValueBytes = 64 << 20

func tooLarge() error {
	return pgerror.New(pgerror.ProgramLimitExceeded, "requested length too large")
}

func text(s string) (datum.Datum, error) {
	if len(s) > MaxValueBytes {
		return datum.Datum{}, tooLarge()
	}
	return datum.NewText(s), nil
}

func textCat(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Text(), b.Text()
	if len(x)+len(y) > MaxValueBytes {
		return datum.Datum{}, tooLarge()
	}
	return datum.NewText(x + y), nil
}

// anyCat is || between a text and a value of any type.
func anyCat(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	return textCat(datum.NewText(castText(env, c, a, 0)), datum.NewText(castText(env, c, a, 1)))
}

// castText is the text that a cast to text gives.
func castText(env *Env, c *Call, a []datum.Datum, i int) string {
	if v := a[i]; v.Kind() == datum.KindBool {
		return strconv.FormatBool(v.Bool())
	}
	if a[i].Kind() == datum.KindText {
		return a[i].Text()
	}
	return textOf(env, a[i], argType(c, i))
}

// argType is the type of a call's argument.
func argType(c *Call, i int) datum.Type {
	if i < len(c.Args) {
		return c.Args[i].Type()
	}
	return datum.Text
}

func textLen(a datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(utf8.RuneCountInString(a.Text()))), nil
}

func octetLen(a datum.Datum) (datum.Datum, error) { return datum.NewInt(int64(len(a.Text()))), nil }

// bpcharOctets counts the padding too.
func bpcharOctets(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(len(textOf(nil, a[0], argType(c, 0))))), nil
}

func byteLen(a datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(len(a.ByteString()))), nil
}

func bitLen(a datum.Datum) (datum.Datum, error) { return datum.NewInt(int64(len(a.Text()) * 8)), nil }

func byteBitLen(a datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(len(a.ByteString()) * 8)), nil
}

// asciiOnly maps ASCII letters alone, as PostgreSQL does under collation C.
func asciiOnly(s string, f func(byte) byte) string {
	for i := 0; i < len(s); i++ {
		if f(s[i]) != s[i] {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = f(b[i])
			}
			return string(b)
		}
	}
	return s
}

func upperByte(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 32
	}
	return c
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 32
	}
	return c
}

// Letters beyond ASCII are mapped by Unicode, one character by one, as with the
// collations that PostgreSQL uses for UTF-8 data bases.

func mapCase(s string, ascii func(byte) byte, f func(rune) rune) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(f, s)
		}
	}
	return asciiOnly(s, ascii)
}

func upper(a datum.Datum) (datum.Datum, error) {
	return text(mapCase(a.Text(), upperByte, unicode.ToUpper))
}

func lower(a datum.Datum) (datum.Datum, error) {
	return text(mapCase(a.Text(), lowerByte, unicode.ToLower))
}

func initcap(a datum.Datum) (datum.Datum, error) {
	inWord := false
	return text(strings.Map(func(r rune) rune {
		was := inWord
		inWord = unicode.IsLetter(r) || unicode.IsDigit(r)
		if was {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, a.Text()))
}

// runeOffset is the byte offset of character n from 0; the length if s is shorter.
func runeOffset(s string, n int64) int {
	if n <= 0 {
		return 0
	}
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// window turns SQL's start (from 1) and length into a range; false where the
// length is negative.
func window(start int64, length *int64) (from, to int64, ok bool) {
	from, to = max(start, 1)-1, 1<<40
	if length != nil {
		if *length < 0 {
			return 0, 0, false
		}
		to = max(start+*length-1, from)
	}
	return from, to, true
}

func negativeSubstring() error {
	return pgerror.New(pgerror.SubstringError, "negative substring length not allowed")
}

func substr(a, start, length datum.Datum) (datum.Datum, error) {
	n := length.Int()
	from, to, ok := window(start.Int(), &n)
	if !ok {
		return datum.Datum{}, negativeSubstring()
	}
	return text(runes(a.Text(), from, to))
}

func substrFrom(a, start datum.Datum) (datum.Datum, error) {
	from, to, _ := window(start.Int(), nil)
	return text(runes(a.Text(), from, to))
}

// runes cuts characters from..to out of a text.
func runes(s string, from, to int64) string {
	i := runeOffset(s, from)
	return s[i : i+runeOffset(s[i:], to-from)]
}

func byteSubstr(a, start, length datum.Datum) (datum.Datum, error) {
	n := length.Int()
	from, to, ok := window(start.Int(), &n)
	if !ok {
		return datum.Datum{}, negativeSubstring()
	}
	return byteWindow(a.ByteString(), from, to), nil
}

func byteSubstrFrom(a, start datum.Datum) (datum.Datum, error) {
	from, to, _ := window(start.Int(), nil)
	return byteWindow(a.ByteString(), from, to), nil
}

func byteWindow(s string, from, to int64) datum.Datum {
	from, to = min(from, int64(len(s))), min(to, int64(len(s)))
	return datum.NewByteString(s[from:to])
}

func left(a, n datum.Datum) (datum.Datum, error) {
	s, k := a.Text(), n.Int()
	if k < 0 {
		k = max(int64(utf8.RuneCountInString(s))+k, 0)
	}
	return text(s[:runeOffset(s, k)])
}

func right(a, n datum.Datum) (datum.Datum, error) {
	s, k := a.Text(), n.Int()
	if k >= 0 {
		k = int64(utf8.RuneCountInString(s)) - k
	} else {
		k = -k
	}
	return text(s[runeOffset(s, k):])
}

func trimLeft(a, set datum.Datum) (datum.Datum, error) {
	return text(strings.TrimLeft(a.Text(), set.Text()))
}

func trimRight(a, set datum.Datum) (datum.Datum, error) {
	return text(strings.TrimRight(a.Text(), set.Text()))
}

func trimBoth(a, set datum.Datum) (datum.Datum, error) {
	return text(strings.Trim(a.Text(), set.Text()))
}

func trimLeft1(a datum.Datum) (datum.Datum, error)  { return text(strings.TrimLeft(a.Text(), " ")) }
func trimRight1(a datum.Datum) (datum.Datum, error) { return text(strings.TrimRight(a.Text(), " ")) }
func trimBoth1(a datum.Datum) (datum.Datum, error)  { return text(strings.Trim(a.Text(), " ")) }

func byteTrim(left, right bool) fn2 {
	return func(a, set datum.Datum) (datum.Datum, error) {
		s, cut := a.ByteString(), set.ByteString()
		for left && len(s) > 0 && strings.IndexByte(cut, s[0]) >= 0 {
			s = s[1:]
		}
		for right && len(s) > 0 && strings.IndexByte(cut, s[len(s)-1]) >= 0 {
			s = s[:len(s)-1]
		}
		return datum.NewByteString(s), nil
	}
}

func lpad(a, n, fill datum.Datum) (datum.Datum, error) {
	s, pad, err := padding(a.Text(), n.Int(), fill.Text())
	return datum.NewText(pad + s), err
}

func rpad(a, n, fill datum.Datum) (datum.Datum, error) {
	s, pad, err := padding(a.Text(), n.Int(), fill.Text())
	return datum.NewText(s + pad), err
}

func lpad1(a, n datum.Datum) (datum.Datum, error) { return lpad(a, n, datum.NewText(" ")) }
func rpad1(a, n datum.Datum) (datum.Datum, error) { return rpad(a, n, datum.NewText(" ")) }

// padding cuts s to n characters or makes what fills it up to n.
func padding(s string, n int64, fill string) (string, string, error) {
	if n < 0 {
		n = 0
	}
	have := int64(utf8.RuneCountInString(s))
	if have >= n || fill == "" {
		return s[:runeOffset(s, n)], "", nil
	}
	need := n - have
	unit := int64(utf8.RuneCountInString(fill))
	if need*utf8.UTFMax > MaxValueBytes {
		return "", "", tooLarge()
	}
	pad := strings.Repeat(fill, int(need/unit))
	return s, pad + fill[:runeOffset(fill, need%unit)], nil
}

func replace(a, from, to datum.Datum) (datum.Datum, error) {
	s, f, t := a.Text(), from.Text(), to.Text()
	if f == "" {
		return a, nil
	}
	if len(t) > len(f) && len(s)+strings.Count(s, f)*(len(t)-len(f)) > MaxValueBytes {
		return datum.Datum{}, tooLarge()
	}
	return text(strings.ReplaceAll(s, f, t))
}

func translate(a, from, to datum.Datum) (datum.Datum, error) {
	f, t := []rune(from.Text()), []rune(to.Text())
	by := make(map[rune]rune, min(len(f), 256))
	for i, r := range f {
		if _, twice := by[r]; twice {
			continue
		}
		by[r] = -1
		if i < len(t) {
			by[r] = t[i]
		}
	}
	out := strings.Map(func(r rune) rune {
		if other, ok := by[r]; ok {
			return other
		}
		return r
	}, a.Text())
	return text(out)
}

func position(a, sub datum.Datum) (datum.Datum, error) {
	i := strings.Index(a.Text(), sub.Text())
	if i < 0 {
		return datum.NewInt(0), nil
	}
	return datum.NewInt(int64(utf8.RuneCountInString(a.Text()[:i])) + 1), nil
}

func bytePosition(a, sub datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(strings.Index(a.ByteString(), sub.ByteString()) + 1)), nil
}

func splitPart(a, sep, n datum.Datum) (datum.Datum, error) {
	s, d, k := a.Text(), sep.Text(), n.Int()
	if k == 0 {
		return datum.Datum{}, pgerror.New(pgerror.InvalidParameterValue, "field position must not be zero")
	}
	if s == "" {
		return text("")
	}
	if d == "" {
		if k == 1 || k == -1 {
			return a, nil
		}
		return text("")
	}
	if k < 0 {
		k += int64(strings.Count(s, d)) + 2
	}
	for ; k > 1; k-- {
		i := strings.Index(s, d)
		if i < 0 {
			return text("")
		}
		s = s[i+len(d):]
	}
	if k < 1 {
		return text("")
	}
	s, _, _ = strings.Cut(s, d)
	return text(s)
}

func repeat(a, n datum.Datum) (datum.Datum, error) {
	k := max(n.Int(), 0)
	if int64(len(a.Text()))*k > MaxValueBytes {
		return datum.Datum{}, tooLarge()
	}
	return text(strings.Repeat(a.Text(), int(k)))
}

func reverse(a datum.Datum) (datum.Datum, error) {
	r := []rune(a.Text())
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return text(string(r))
}

func chr(a datum.Datum) (datum.Datum, error) {
	switch n := a.Int(); {
	case n == 0:
		return datum.Datum{}, pgerror.New(pgerror.ProgramLimitExceeded, "null character not permitted")
	case n < 0:
		return datum.Datum{}, pgerror.New(pgerror.InvalidParameterValue, "character number must be positive")
	case n > unicode.MaxRune:
		return datum.Datum{}, pgerror.New(pgerror.ProgramLimitExceeded, "requested character too large for encoding: %d", n)
	case !utf8.ValidRune(rune(n)):
		return datum.Datum{}, pgerror.New(pgerror.ProgramLimitExceeded, "requested character not valid for encoding: %d", n)
	default:
		return text(string(rune(n)))
	}
}

func ascii(a datum.Datum) (datum.Datum, error) {
	if a.Text() == "" {
		return datum.NewInt(0), nil
	}
	r, _ := utf8.DecodeRuneInString(a.Text())
	return datum.NewInt(int64(r)), nil
}

func md5Text(a datum.Datum) (datum.Datum, error) {
	sum := md5.Sum([]byte(a.Text()))
	return text(hex.EncodeToString(sum[:]))
}

func md5Bytes(a datum.Datum) (datum.Datum, error) {
	sum := md5.Sum([]byte(a.ByteString()))
	return text(hex.EncodeToString(sum[:]))
}

func startsWith(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewBool(strings.HasPrefix(a.Text(), b.Text())), nil
}

func overlay3(a, by, from datum.Datum) (datum.Datum, error) {
	return overlay(a.Text(), by.Text(), from.Int(), int64(utf8.RuneCountInString(by.Text())))
}

func overlay4(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	return overlay(a[0].Text(), a[1].Text(), a[2].Int(), a[3].Int())
}

func overlay(s, by string, from, length int64) (datum.Datum, error) {
	if from <= 0 {
		return datum.Datum{}, negativeSubstring()
	}
	head := s[:runeOffset(s, from-1)]
	tail := s[runeOffset(s, from-1+length):]
	if len(head)+len(by)+len(tail) > MaxValueBytes {
		return datum.Datum{}, tooLarge()
	}
	return text(head + by + tail)
}

// unistr replaces \XXXX, \+XXXXXX, \uXXXX and \UXXXXXXXX by the characters.
func unistr(a datum.Datum) (datum.Datum, error) {
	s := a.Text()
	var b strings.Builder
	for s != "" {
		head, rest, found := strings.Cut(s, `\`)
		b.WriteString(head)
		if !found {
			break
		}
		if strings.HasPrefix(rest, `\`) {
			b.WriteByte('\\')
			s = rest[1:]
			continue
		}
		skip, width := 0, 4
		if rest != "" {
			switch rest[0] {
			case '+':
				skip, width = 1, 6
			case 'u':
				skip = 1
			case 'U':
				skip, width = 1, 8
			}
		}
		if len(rest) < skip+width {
			return datum.Datum{}, badUnicode()
		}
		n, err := strconv.ParseUint(rest[skip:skip+width], 16, 32)
		if err != nil {
			return datum.Datum{}, badUnicode()
		}
		if n == 0 || !utf8.ValidRune(rune(n)) || n > unicode.MaxRune {
			return datum.Datum{}, pgerror.New(pgerror.SyntaxError, "invalid Unicode code point: %04X", n)
		}
		b.WriteRune(rune(n))
		s = rest[skip+width:]
	}
	return text(b.String())
}

func badUnicode() error {
	return pgerror.New(pgerror.SyntaxError, "invalid Unicode escape").
		WithHint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
}
