package expr

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// maxTemplate bounds a template, as PostgreSQL's sizes do.
const maxTemplate = 10000

// numberToChar is to_char of numbers.
func numberToChar(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	if err := checkTemplate(a[1].Text()); err != nil {
		return datum.Datum{}, err
	}
	if a[1].Text() == "" {
		return text("")
	}
	t, err := parseNumberTemplate(a[1].Text())
	if err != nil {
		return datum.Datum{}, err
	}
	d, digits := decimalArg(a[0], argType(c, 0))
	w := &numberWriter{t: t, sign: '+'}
	switch {
	case t.roman:
		w.number = roman(d)
		if !t.fill {
			w.number = strings.Repeat(" ", max(15-len(w.number), 0)) + w.number
		}
		return text(w.number)
	case t.scientific:
		return text(scientific(d, t.post))
	}
	w.prepare(d, digits)
	return text(w.write())
}

// decimalArg is the number as a numeric; digits bounds those of a float.
func decimalArg(v datum.Datum, t datum.Type) (*apd.Decimal, int) {
	switch v.Kind() {
	case datum.KindInt:
		return apd.New(v.Int(), 0), 0
	case datum.KindFloat:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			return floatToNumeric(v.Float(), false).Numeric(), 0
		}
		digits := 15
		if t.OID == datum.Float4.OID {
			digits = 6
		}
		var d apd.Decimal
		d.SetString(strconv.FormatFloat(v.Float(), 'f', -1, 64))
		return &d, digits
	}
	return v.Numeric(), 0
}

func roman(d *apd.Decimal) string {
	if special(d) {
		return strings.Repeat("#", 15)
	}
	n := numOf(d).round(0).coef
	if !n.IsInt64() || n.Int64() < 1 || n.Int64() > 3999 {
		return strings.Repeat("#", 15)
	}
	var b strings.Builder
	k := n.Int64()
	for _, r := range [...]struct {
		n int64
		s string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for ; k >= r.n; k -= r.n {
			b.WriteString(r.s)
		}
	}
	return b.String()
}

// scientific writes d.ddde+xx with so many digits behind the point.
func scientific(d *apd.Decimal, post int) string {
	if special(d) {
		return " #." + strings.Repeat("#", post) + "####"
	}
	n := numOf(d)
	e := 0
	if n.coef.Sign() != 0 {
		e = digitsOf(n.coef) - 1 - n.scale
	}
	m := num{n.coef, n.scale + e}
	if n.scale+e < 0 {
		m = num{new(big.Int).Mul(n.coef, pow10(-(n.scale + e))), 0}
	}
	m = m.round(post)
	if digitsOf(m.coef)-post > 1 {
		e++
		m = num{m.coef, post + 1}.round(post)
	}
	s := plainText(m)
	if m.coef.Sign() >= 0 {
		s = " " + s
	}
	sign := "+"
	if e < 0 {
		e, sign = -e, "-"
	}
	return s + "e" + sign + pad2(int64(e))
}

func plainText(n num) string {
	d, err := n.datum()
	if err != nil {
		return ""
	}
	return textOf(nil, d, datum.Numeric)
}

// numberWriter follows PostgreSQL's NUM_processor place by place.
type numberWriter struct {
	t    *numberTemplate
	b    strings.Builder
	sign byte

	number       string // digits and the point
	at           int    // index into number
	last         int    // index of the last relevant digit, with FM; -1: none
	spaces       int    // places in front of the number
	count, place int
	signWrote    bool
	started      bool // a digit was written
	bracket      bool
	lsign        signPlace
}

func (w *numberWriter) prepare(d *apd.Decimal, digits int) {
	t := w.t
	post := t.post
	w.last = -1
	if special(d) {
		w.number = "NaN"
		if !nan(d) {
			w.number = "Infinity"
			if d.Negative {
				w.sign = '-'
			}
		}
	} else {
		n := numOf(d)
		if t.multiply {
			n.coef = new(big.Int).Mul(n.coef, pow10(t.multi))
		}
		if n.coef.Sign() < 0 {
			w.sign = '-'
			n.coef = new(big.Int).Neg(n.coef)
		}
		if digits > 0 {
			whole := len(plainText(n.trunc(0)))
			post = min(post, max(digits-whole, 0))
		}
		w.number = plainText(n.round(post))
	}
	whole, _, _ := strings.Cut(w.number, ".")
	pre := t.pre
	if t.multiply {
		pre += t.multi
	}
	switch {
	case len(whole) < pre:
		w.spaces = pre - len(whole)
	case len(whole) > pre:
		w.number = strings.Repeat("#", pre) + "." + strings.Repeat("#", post)
	}
	w.prepareSign(pre)
}

func (w *numberWriter) prepareSign(pre int) {
	t := w.t
	w.bracket, w.lsign = t.bracket, t.lsign
	if t.plus || t.minus {
		w.signWrote = !t.plus || t.minus
	} else {
		if w.sign != '-' && t.fill {
			w.bracket = false
		}
		w.signWrote = w.sign == '+' && t.fill && t.lsign == noSign
		if w.lsign == signBefore && t.pre == t.preSign {
			w.lsign = signAfter
		}
	}
	w.count = t.post + pre - 1
	if t.decimal && t.fill {
		if dot := strings.IndexByte(w.number, '.'); dot >= 0 {
			w.last = dot
			for i := dot + 1; i < len(w.number); i++ {
				if w.number[i] != '0' {
					w.last = i
				}
			}
			if t.zeroEnd > w.spaces {
				w.last = max(w.last, min(len(w.number)-1, t.zeroEnd-w.spaces))
			}
		}
	}
	if !w.signWrote && w.spaces == 0 {
		w.count++
	}
}

func (w *numberWriter) write() string {
	for _, it := range w.t.items {
		switch it.field {
		case "":
			w.b.WriteString(it.written)
		case "9", "0", ".", "D":
			w.digit(it.field)
		case ",", "G":
			switch {
			case w.started:
				w.b.WriteByte(',')
			case !w.t.fill:
				w.b.WriteByte(' ')
			}
		case "MI":
			w.blankUnless(w.sign == '-', '-')
		case "PL":
			w.blankUnless(w.sign == '+', '+')
		case "SG":
			w.b.WriteByte(w.sign)
		case "L":
			if !w.t.fill {
				w.b.WriteByte(' ')
			}
		case "TH":
			if w.sign != '-' && !w.t.decimal && !strings.HasPrefix(w.number, "#") {
				w.b.WriteString(ordinal(w.number, it.written))
			}
		}
	}
	return w.b.String()
}

func (w *numberWriter) blankUnless(cond bool, c byte) {
	switch {
	case cond:
		w.b.WriteByte(c)
	case !w.t.fill:
		w.b.WriteByte(' ')
	}
}

func (w *numberWriter) now() byte {
	if w.at < len(w.number) {
		return w.number[w.at]
	}
	return 0
}

// leadingZero is the 0 of 0.1, which 9.9 does not show.
func (w *numberWriter) leadingZero() bool {
	return !w.t.zero && w.at == 0 && strings.HasPrefix(w.number, "0") && w.t.post != 0
}

func (w *numberWriter) lastIsPoint() bool { return w.last >= 0 && w.number[w.last] == '.' }

// digit writes one place of the number.
func (w *numberWriter) digit(field string) {
	t := w.t
	if !w.signWrote && (w.place >= w.spaces || t.zero && t.zeroStart == w.place) && (!w.leadingZero() || w.lastIsPoint()) {
		w.leadingSign()
	}
	switch {
	case w.place < w.spaces && (t.zeroStart > w.place || !t.zero):
		if !t.fill {
			w.b.WriteByte(' ')
		}
	case t.zero && w.place < w.spaces && t.zeroStart <= w.place:
		w.b.WriteByte('0')
		w.started = true
	default:
		w.numberPlace(field)
	}
	end := w.count + 1
	if w.spaces == 0 {
		end = w.count
	}
	if t.decimal {
		end++
	}
	if w.last >= 0 && w.last == w.at {
		end = w.place
	}
	if w.place+1 == end {
		switch {
		case w.signWrote && w.bracket:
			w.b.WriteByte(pickByte(w.sign == '-', '>', ' '))
		case w.lsign == signAfter:
			w.b.WriteByte(w.sign)
		}
	}
	w.place++
}

func pickByte(b bool, yes, no byte) byte {
	if b {
		return yes
	}
	return no
}

func (w *numberWriter) leadingSign() {
	switch {
	case w.lsign != noSign:
		if w.lsign == signBefore {
			w.b.WriteByte(w.sign)
			w.signWrote = true
		}
	case w.bracket:
		w.b.WriteByte(pickByte(w.sign == '+', ' ', '<'))
		w.signWrote = true
	case w.sign == '+':
		if !w.t.fill {
			w.b.WriteByte(' ')
		}
		w.signWrote = true
	default:
		w.b.WriteByte('-')
		w.signWrote = true
	}
}

func (w *numberWriter) numberPlace(field string) {
	c := w.now()
	switch {
	case c == '.':
		if !w.lastIsPoint() || w.t.fill {
			w.b.WriteByte('.')
		}
	case c == 0:
	case w.last >= 0 && w.at > w.last && field != "0":
	case w.leadingZero():
		switch {
		case !w.t.fill:
			w.b.WriteByte(' ')
		case w.lastIsPoint():
			w.b.WriteByte('0')
		}
	default:
		w.b.WriteByte(c)
		w.started = true
	}
	if w.at < len(w.number) {
		w.at++
	}
}

// toNumber is to_number(text, template): digits are taken where the template has
// them, all else is skipped.
func toNumber(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	if err := checkTemplate(a[1].Text()); err != nil {
		return datum.Datum{}, err
	}
	t, err := parseNumberTemplate(a[1].Text())
	switch {
	case err != nil:
		return datum.Datum{}, err
	case a[1].Text() == "":
		return datum.Datum{}, nil
	case t.scientific:
		return datum.Datum{}, pgerror.New(pgerror.FeatureNotSupported, "\"EEEE\" not supported for input")
	case t.roman:
		return datum.Datum{}, pgerror.New(pgerror.FeatureNotSupported, "\"RN\" not supported for input")
	}
	sign, digits, err := t.read(a[0].Text())
	if err != nil {
		return datum.Datum{}, err
	}
	if digits == "" {
		digits = " " // PostgreSQL's message shows it
	}
	v, err := datum.ParseText(sign+digits, datum.Numeric, nil)
	if err != nil || !t.multiply {
		return v, err
	}
	n := numOf(v.Numeric())
	return quotient(n, num{pow10(t.multi), 0}, max(n.scale, t.multi)).datum()
}

func (t *numberTemplate) read(s string) (sign, digits string, err error) {
	var b strings.Builder
	point := false
	for _, it := range t.items {
		if s == "" {
			break
		}
		switch it.field {
		case "9", "0", ".", "D":
			s = strings.TrimLeft(s, " ")
			if s != "" && sign == "" && (s[0] == '-' || s[0] == '+' || s[0] == '<') && !t.minus {
				sign, s = string(s[0]), s[1:]
				if sign == "<" {
					sign = "-"
				}
			}
			if s == "" {
				break
			}
			switch {
			case s[0] >= '0' && s[0] <= '9' && it.field != "." && it.field != "D":
				b.WriteByte(s[0])
				s = s[1:]
			case s[0] == '.' && !point && t.decimal:
				b.WriteByte('.')
				point, s = true, s[1:]
			}
		case ",", "G":
			s = strings.TrimPrefix(s, ",")
		case "S", "MI", "PL", "SG":
			if s[0] == '-' || s[0] == '+' {
				sign, s = string(s[0]), s[1:]
			} else if it.field == "MI" && s[0] == ' ' {
				s = s[1:]
			}
		case "":
			s = s[min(len(it.written), len(s)):]
		}
	}
	if sign == "" && strings.HasPrefix(s, "-") && t.lsign != noSign {
		sign = "-"
	}
	return sign, b.String(), nil
}
