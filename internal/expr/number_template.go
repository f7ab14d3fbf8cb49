package expr

import (
	"strings"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// numberFields are the template patterns of to_char and to_number for numbers.
const numberFields = "EEEE FM MI PL PR RN SG SP TH . , 0 9 B C D E G L S V"

// signPlace is where the sign of S goes.
type signPlace uint8

const (
	noSign signPlace = iota
	signBefore
	signAfter
)

// numberTemplate is a template for numbers, in PostgreSQL's terms (NUMDesc).
type numberTemplate struct {
	items              []numberItem
	pre, post, multi   int // digits before and behind the point, and behind V
	zeroStart, zeroEnd int // places of the first and the last 0
	lsign              signPlace
	preSign            int // digits in front of S

	fill, decimal, zero, bracket, minus, plus, roman, scientific, multiply bool
}

type numberItem struct {
	field   string // "" for a literal
	written string
}

func badNumberTemplate(format string, args ...any) error {
	return pgerror.New(pgerror.SyntaxError, format, args...)
}

func parseNumberTemplate(s string) (*numberTemplate, error) {
	t := &numberTemplate{}
	for s != "" {
		field := ""
		for f := range strings.SplitSeq(numberFields, " ") {
			if len(s) >= len(f) && strings.EqualFold(s[:len(f)], f) {
				field = f
				break
			}
		}
		if field != "" {
			t.items = append(t.items, numberItem{field, s[:len(field)]})
			s = s[len(field):]
			if err := t.add(field); err != nil {
				return nil, err
			}
			continue
		}
		if s[0] != '"' {
			if s[0] == '\\' && len(s) > 1 && s[1] == '"' {
				s = s[1:]
			}
			n := len(cutRunes(s, 1))
			t.items, s = append(t.items, numberItem{"", s[:n]}), s[n:]
			continue
		}
		quoted, rest, _ := strings.Cut(s[1:], `"`)
		t.items, s = append(t.items, numberItem{"", quoted}), rest
	}
	if t.zeroStart > 0 {
		t.zeroStart--
	}
	return t, nil
}

// add takes a field into account.
func (t *numberTemplate) add(field string) error {
	if t.scientific && field != "E" {
		return badNumberTemplate("\"EEEE\" must be the last pattern used")
	}
	switch field {
	case "9", "0":
		return t.digit(field)
	case ".", "D":
		if t.decimal {
			return badNumberTemplate("multiple decimal points")
		}
		if t.multiply {
			return badNumberTemplate("cannot use \"V\" and decimal point together")
		}
		t.decimal = true
	case "FM":
		t.fill = true
	case "S":
		if t.lsign != noSign {
			return badNumberTemplate("cannot use \"S\" twice")
		}
		if t.plus || t.minus || t.bracket {
			return badNumberTemplate("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together")
		}
		t.lsign, t.preSign = signBefore, t.pre
		if t.decimal {
			t.lsign = signAfter
		}
	case "MI", "PL", "SG":
		if t.lsign != noSign {
			return badNumberTemplate("cannot use \"S\" and \"%s\" together", field)
		}
		t.minus = t.minus || field != "PL"
		t.plus = t.plus || field != "MI"
	case "PR":
		if t.lsign != noSign || t.plus || t.minus {
			return badNumberTemplate("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together")
		}
		t.bracket = true
	case "RN":
		t.roman = true
	case "V":
		if t.decimal {
			return badNumberTemplate("cannot use \"V\" and decimal point together")
		}
		t.multiply = true
	case "EEEE":
		if t.fill || t.lsign != noSign || t.bracket || t.minus || t.plus || t.roman || t.multiply {
			return badNumberTemplate("\"EEEE\" is incompatible with other formats")
		}
		t.scientific = true
	}
	return nil
}

func (t *numberTemplate) digit(field string) error {
	if t.bracket {
		return badNumberTemplate("\"%s\" must be ahead of \"PR\"", field)
	}
	switch {
	case field == "9" && t.multiply:
		t.multi++
	case field == "9" && t.decimal, field == "0" && t.decimal:
		t.post++
	default:
		if field == "0" && !t.zero {
			t.zero, t.zeroStart = true, t.pre+1
		}
		t.pre++
	}
	if field == "0" {
		t.zeroEnd = t.pre + t.post
	}
	return nil
}
