package expr

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// formatG writes a float with so many significant digits, as C's %g.
func formatG(f float64, digits, bits int) string {
	return strconv.FormatFloat(f, 'g', digits, bits)
}

func clockText(h, m int64, s float64) string {
	return pad2(h) + ":" + pad2(m) + ":" + strings.TrimSpace(trimFloat(s))
}

func trimFloat(s float64) string {
	t := strconv.FormatFloat(s, 'f', -1, 64)
	if s < 10 && s >= 0 {
		t = "0" + t
	}
	return t
}

func pad2(n int64) string {
	if n >= 0 && n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

func concat(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	return joined(env, c, a, 0, "")
}

func concatWS(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return datum.Datum{}, nil
	}
	return joined(env, c, a, 1, a[0].Text())
}

// concatText is the text of a value within concat: booleans are t and f.
func concatText(env *Env, v datum.Datum, t datum.Type) string {
	if v.Kind() == datum.KindBool {
		return datum.TextOf(v, datum.Bool, nil)
	}
	return textOf(env, v, t)
}

func joined(env *Env, c *Call, a []datum.Datum, from int, between string) (datum.Datum, error) {
	var b strings.Builder
	some := false
	for i := from; i < len(a); i++ {
		if a[i].IsNull() {
			continue
		}
		if some {
			b.WriteString(between)
		}
		some = true
		b.WriteString(concatText(env, a[i], argType(c, i)))
		if b.Len() > MaxValueBytes {
			return datum.Datum{}, tooLarge()
		}
	}
	return text(b.String())
}

// textFormat is format(): %s, %I, %L and %%, with n$, - and a width.
func textFormat(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return datum.Datum{}, nil
	}
	f := &formatter{env: env, call: c, args: a, src: a[0].Text()}
	for len(f.src) > 0 {
		head, rest, found := strings.Cut(f.src, "%")
		f.b.WriteString(head)
		f.src = rest
		if !found {
			break
		}
		if err := f.verb(); err != nil {
			return datum.Datum{}, err
		}
		if f.b.Len() > MaxValueBytes {
			return datum.Datum{}, tooLarge()
		}
	}
	return text(f.b.String())
}

type formatter struct {
	env  *Env
	call *Call
	args []datum.Datum
	src  string
	next int // the argument used last
	b    strings.Builder
}

func formatEnd() error {
	return pgerror.New(pgerror.InvalidParameterValue, "unterminated format() type specifier").
		WithHint("For a single \"%%\" use \"%%%%\".")
}

// number reads digits; ok is false where there are none.
func (f *formatter) number() (n int, ok bool) {
	for len(f.src) > 0 && f.src[0] >= '0' && f.src[0] <= '9' && n < 1<<24 {
		n, ok, f.src = n*10+int(f.src[0]-'0'), true, f.src[1:]
	}
	return n, ok
}

// verb reads and writes what follows a %.
func (f *formatter) verb() error {
	if strings.HasPrefix(f.src, "%") {
		f.b.WriteByte('%')
		f.src = f.src[1:]
		return nil
	}
	position, width, left := 0, 0, false
	if n, ok := f.number(); ok {
		if strings.HasPrefix(f.src, "$") {
			if n == 0 {
				return pgerror.New(pgerror.InvalidParameterValue, "format specifies argument 0, but arguments are numbered from 1")
			}
			position, f.src = n, f.src[1:]
		} else {
			width = n
		}
	}
	if width == 0 {
		for strings.HasPrefix(f.src, "-") {
			left, f.src = true, f.src[1:]
		}
		if strings.HasPrefix(f.src, "*") {
			f.src = f.src[1:]
			w, err := f.argument(0)
			if err != nil {
				return err
			}
			width = int(f.args[w].Int())
			if width < 0 {
				left, width = true, -width
			}
		} else if n, ok := f.number(); ok {
			width = n
		}
	}
	if f.src == "" {
		return formatEnd()
	}
	verb := f.src[0]
	if verb != 's' && verb != 'I' && verb != 'L' {
		r, _ := utf8.DecodeRuneInString(f.src)
		return pgerror.New(pgerror.InvalidParameterValue, "unrecognized format() type specifier \"%c\"", r).
			WithHint("For a single \"%%\" use \"%%%%\".")
	}
	f.src = f.src[1:]
	i, err := f.argument(position)
	if err != nil {
		return err
	}
	return f.write(verb, i, width, left)
}

func (f *formatter) argument(position int) (int, error) {
	if position == 0 {
		position = f.next + 1
	}
	f.next = position
	if position >= len(f.args) {
		return 0, pgerror.New(pgerror.InvalidParameterValue, "too few arguments for format()")
	}
	return position, nil
}

func (f *formatter) write(verb byte, i, width int, left bool) error {
	v, s := f.args[i], ""
	if !v.IsNull() {
		s = concatText(f.env, v, argType(f.call, i))
	}
	switch verb {
	case 'I':
		if v.IsNull() {
			return pgerror.New(pgerror.NullValueNotAllowed, "null values cannot be formatted as an SQL identifier")
		}
		s = QuoteIdent(s)
	case 'L':
		if v.IsNull() {
			s = "NULL"
		} else {
			s = QuoteLiteral(s)
		}
	}
	fill := width - utf8.RuneCountInString(s)
	if fill > MaxValueBytes {
		return tooLarge()
	}
	blank := strings.Repeat(" ", max(fill, 0))
	if left {
		f.b.WriteString(s + blank)
	} else {
		f.b.WriteString(blank + s)
	}
	return nil
}

func numNulls(want bool) fnx {
	return func(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
		n := 0
		for _, v := range a {
			if v.IsNull() == want {
				n++
			}
		}
		return datum.NewInt(int64(n)), nil
	}
}

// pgTypeof names the type of its argument.
func pgTypeof(_ *Env, c *Call, _ []datum.Datum) (datum.Datum, error) {
	t := base(argType(c, 0))
	if t == datum.Char {
		return text("character")
	}
	return text(t.String())
}

func formatType(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return datum.Datum{}, nil
	}
	t, ok := datum.ByOID(uint32(a[0].Int()))
	if !ok {
		return text("???")
	}
	if !a[1].IsNull() {
		t.Mod = int32(a[1].Int())
	}
	if a[1].IsNull() && t == datum.Char {
		return text("character")
	}
	return text(t.String())
}

func sizePretty(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	n := a[0].Int()
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	abs := func(n int64) int64 { return int64(math.Abs(float64(n))) }
	if abs(n) >= 10*1024 {
		n >>= 9 // keep one bit for rounding
		for i = 1; i < len(units)-1 && abs(n) >= 20*1024-1; i++ {
			n >>= 10
		}
		n = (n + 1) / 2
		if a[0].Int() < 0 {
			n = (a[0].Int()>>(9+10*(i-1)) - 1) / 2
		}
	}
	return text(strconv.FormatInt(n, 10) + " " + units[i])
}
