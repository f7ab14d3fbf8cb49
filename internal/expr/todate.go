package expr

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// dateReader reads a text by a date template.
type dateReader struct {
	items    []dateItem
	fx       bool
	s, whole string

	year, month, day, yday, julian int
	hour, minute, second, us       int64
	pm, am, bc, clock12            bool
	hasYDay, hasJulian, hasSSSS    bool
	offset                         int64
	negative, hasZone              bool
}

func toDate(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	r, err := readDate(a[0].Text(), a[1].Text())
	if err != nil {
		return datum.Datum{}, err
	}
	days, err := r.date()
	if err != nil {
		return datum.Datum{}, err
	}
	return dateOf(days)
}

func toTimestamp(env *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	r, err := readDate(a[0].Text(), a[1].Text())
	if err != nil {
		return datum.Datum{}, err
	}
	days, err := r.date()
	if err != nil {
		return datum.Datum{}, err
	}
	us, err := r.clock()
	if err != nil {
		return datum.Datum{}, err
	}
	if days >= endTimestamp/microDay || days < minDate {
		return datum.Datum{}, timestampRange()
	}
	local := days*microDay + us
	if r.hasZone {
		o := r.offset
		if r.negative {
			o = -o
		}
		return timestampTZOf(checkTimestamp(local - o*microSecond))
	}
	return timestampTZOf(toUTC(env, local))
}

func readDate(s, template string) (*dateReader, error) {
	if err := checkTemplate(template); err != nil {
		return nil, err
	}
	r := &dateReader{s: s, whole: s, month: 1, day: 1}
	r.items, r.fx = parseDateTemplate(template)
	extra := 0
	for i := range r.items {
		if r.s == "" {
			break
		}
		it := &r.items[i]
		if !r.fx && (it.field != "" || it.blank() || i == 0) {
			n := len(r.s)
			r.s = strings.TrimLeft(r.s, " \t\n\v\f\r")
			extra += n - len(r.s)
		}
		if it.field == "" {
			extra = r.literal(it, extra)
			continue
		}
		extra = 0
		if err := r.field(i); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// blank tells spaces and separators of a template, which match any of them.
func (it *dateItem) blank() bool {
	return it.field == "" && it.written == "" && (unicode.IsSpace(it.literal) || separator(it.literal))
}

func separator(r rune) bool {
	return r > 0x20 && r < 0x7f && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// literal skips what stands for a literal of the template.
func (r *dateReader) literal(it *dateItem, extra int) int {
	if r.s == "" {
		return extra
	}
	c, n := utf8.DecodeRuneInString(r.s)
	if it.blank() && !r.fx {
		extra--
		if unicode.IsSpace(c) || separator(c) {
			r.s = r.s[n:]
			extra++
		}
		return extra
	}
	if !r.fx && extra > 0 {
		return extra - 1
	}
	r.s = r.s[n:]
	return extra
}

func (r *dateReader) bad(it *dateItem, found, detail string) error {
	return pgerror.New(pgerror.InvalidDatetimeFormat, "invalid value \"%s\" for \"%s\"", found, it.written).WithDetail("%s", detail)
}

func (r *dateReader) outOfRange() error {
	return pgerror.New(pgerror.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", r.whole)
}

// nextEnds reports whether digits of item i end by themselves, because what
// follows is no digit.
func (r *dateReader) nextEnds(i int) bool {
	if r.items[i].th != "" || i+1 == len(r.items) {
		return true
	}
	next := &r.items[i+1]
	if next.field != "" {
		return !next.numericField()
	}
	return !unicode.IsDigit(next.literal)
}

// int reads a number of at most width digits, or all digits where they end by
// themselves.
func (r *dateReader) int(i, width int) (n, digits int, err error) {
	it := &r.items[i]
	r.s = strings.TrimLeft(r.s, " \t\n\v\f\r")
	end := len(r.s)
	if !it.fill && !r.nextEnds(i) {
		end = min(end, width)
	}
	k := 0
	if k < end && (r.s[k] == '-' || r.s[k] == '+') {
		k++
	}
	for k < end && r.s[k] >= '0' && r.s[k] <= '9' {
		k++
	}
	n64, perr := strconv.ParseInt(r.s[:k], 10, 32)
	switch {
	case perr != nil && k > 0 && r.s[k-1] >= '0' && r.s[k-1] <= '9':
		return 0, 0, pgerror.New(pgerror.DatetimeFieldOverflow, "value for \"%s\" in source string is out of range", it.written).
			WithDetail("Value must be in the range -2147483648 to 2147483647.")
	case perr != nil:
		return 0, 0, r.bad(it, cutRunes(r.s, width), "Value must be an integer.")
	case !it.fill && !r.nextEnds(i) && k < width && r.fx:
		return 0, 0, pgerror.New(pgerror.InvalidDatetimeFormat, "source string too short for \"%s\" formatting field", it.written)
	}
	r.s = r.s[k:]
	if it.th != "" && len(r.s) >= 2 {
		r.s = r.s[2:]
	}
	return int(n64), k, nil
}

func cutRunes(s string, n int) string { return s[:runeOffset(s, int64(n))] }

// oneOf reads one of some names; -1 where there is none.
func (r *dateReader) oneOf(names []string, least int) int {
	for i, n := range names {
		for k := len(n); k >= least; k = least - 1 {
			if len(r.s) >= k && strings.EqualFold(r.s[:k], n[:k]) {
				r.s = r.s[k:]
				return i
			}
		}
	}
	return -1
}

func (r *dateReader) field(i int) error {
	it := &r.items[i]
	switch it.field {
	case "YYYY", "MM", "DD", "DDD", "J", "YYY", "YY", "Y", "HH24", "HH12", "HH", "MI", "SS", "MS", "US",
		"FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "SSSS", "SSSSS", "D", "ID", "Q", "W", "WW", "CC", "TZH", "TZM":
		return r.numberField(i)
	case "Y,YYY":
		head, rest, ok := strings.Cut(r.s, ",")
		n, err := strconv.Atoi(head + rest[:min(3, len(rest))])
		if !ok || err != nil || len(rest) < 3 {
			return pgerror.New(pgerror.InvalidDatetimeFormat, "invalid input string for \"Y,YYY\"")
		}
		r.year, r.s = n, rest[3:]
	case "MONTH", "MON":
		if r.month = r.oneOf(monthNames[:], 3) + 1; r.month == 0 {
			return r.badName(it)
		}
	case "DAY", "DY":
		if r.oneOf(dayNames[:], 3) < 0 {
			return r.badName(it)
		}
	case "RM":
		word := cutWord(r.s)
		for k, n := range romanMonths {
			if strings.EqualFold(word, n) {
				r.month, r.s = k+1, r.s[len(n):]
				return nil
			}
		}
		return r.badName(it)
	case "AM", "PM", "A.M.", "P.M.":
		names := []string{"AM", "PM"}
		if len(it.field) == 4 {
			names = []string{"A.M.", "P.M."}
		}
		k := r.oneOf(names, len(names[0]))
		if k < 0 {
			return r.badName(it)
		}
		r.am, r.pm, r.clock12 = k == 0, k == 1, true
	case "AD", "BC", "A.D.", "B.C.":
		names := []string{"AD", "BC"}
		if len(it.field) == 4 {
			names = []string{"A.D.", "B.C."}
		}
		k := r.oneOf(names, len(names[0]))
		if k < 0 {
			return r.badName(it)
		}
		r.bc = k == 1
	case "TZ", "OF":
		return pgerror.New(pgerror.FeatureNotSupported, "formatting field \"%s\" is only supported in to_char", it.written)
	default:
		return pgerror.NotSupported("formatting field \"%s\" in to_date and to_timestamp", it.written)
	}
	return nil
}

func cutWord(s string) string {
	n := 0
	for n < len(s) && (s[n] >= 'a' && s[n] <= 'z' || s[n] >= 'A' && s[n] <= 'Z') {
		n++
	}
	return s[:n]
}

func (r *dateReader) badName(it *dateItem) error {
	word := r.s
	if i := strings.IndexAny(word, " \t\n"); i >= 0 {
		word = word[:i]
	}
	return r.bad(it, word, "The given value did not match any of the allowed values for this field.")
}

// fieldWidth is the number of digits of a field.
func fieldWidth(f string) int {
	switch f {
	case "YYYY", "SSSS", "SSSSS":
		return 4 + len(f)/5
	case "YYY", "DDD", "MS", "FF3":
		return 3
	case "Y", "D", "ID", "Q", "W", "FF1":
		return 1
	case "J":
		return 9
	case "US", "FF6":
		return 6
	case "FF4":
		return 4
	case "FF5":
		return 5
	}
	return 2
}

func (r *dateReader) numberField(i int) error {
	it := &r.items[i]
	if it.field == "TZH" {
		r.hasZone = true
		if r.s[0] == '+' || r.s[0] == '-' || r.s[0] == ' ' {
			r.negative, r.s = r.s[0] == '-', r.s[1:]
		}
	}
	n, digits, err := r.int(i, fieldWidth(it.field))
	if err != nil {
		return err
	}
	switch it.field {
	case "YYYY":
		r.year = n
	case "YYY", "YY", "Y":
		r.year = n
		if digits < 4 {
			r.year = fullYear(n)
		}
	case "MM":
		r.month = n
	case "DD":
		r.day = n
	case "DDD":
		r.yday, r.hasYDay = n, true
	case "J":
		r.julian, r.hasJulian = n, true
	case "HH24":
		r.hour = int64(n)
	case "HH12", "HH":
		r.hour, r.clock12 = int64(n), true
	case "MI":
		r.minute = int64(n)
	case "SS":
		r.second = int64(n)
	case "SSSS", "SSSSS":
		r.hour, r.minute, r.second = int64(n/3600), int64(n/60%60), int64(n%60)
		r.hasSSSS = true
	case "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		if digits > 6 {
			return r.outOfRange()
		}
		us := int64(n)
		for ; digits < 6; digits++ {
			us *= 10
		}
		r.us = us
	case "TZH":
		r.offset += int64(n) * 3600
	case "TZM":
		r.offset += int64(n) * 60
	case "CC":
		if r.year == 0 {
			r.year = (n-1)*100 + 1
		}
	}
	return nil
}

// fullYear completes a year of less than four digits towards 2020.
func fullYear(n int) int {
	switch {
	case n < 0:
		return n
	case n < 70:
		return n + 2000
	case n < 100:
		return n + 1900
	case n < 520:
		return n + 2000
	case n < 1000:
		return n + 1000
	}
	return n
}

func (r *dateReader) date() (int64, error) {
	if r.hasJulian {
		return int64(r.julian) - julianDay2000, nil
	}
	y := r.year
	switch {
	case r.bc && y > 0:
		y = -(y - 1)
	case y < 0:
		y++
	}
	if y > 5874897 || y < -4713 {
		return 0, r.outOfRange()
	}
	if r.hasYDay {
		if r.yday < 1 || r.yday > 366 || r.yday == 366 && monthDays(y, 2) != 29 {
			return 0, r.outOfRange()
		}
		return datum.DaysOf(y, 1, 1) + int64(r.yday) - 1, nil
	}
	if r.month < 1 || r.month > 12 || r.day < 1 || r.day > monthDays(y, r.month) {
		return 0, r.outOfRange()
	}
	return datum.DaysOf(y, r.month, r.day), nil
}

func (r *dateReader) clock() (int64, error) {
	h := r.hour
	if r.clock12 {
		if h < 1 || h > 12 {
			return 0, pgerror.New(pgerror.InvalidDatetimeFormat, "hour \"%d\" is invalid for the 12-hour clock", h).
				WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
		}
		switch {
		case r.pm && h < 12:
			h += 12
		case !r.pm && h == 12:
			h = 0
		}
	}
	if h < 0 || h > 23 || r.minute < 0 || r.minute > 59 || r.second < 0 || r.second > 59 || r.us < 0 {
		return 0, r.outOfRange()
	}
	return h*microHour + r.minute*microMinute + r.second*microSecond + r.us, nil
}
