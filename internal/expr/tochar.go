package expr

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// dateFields are the template patterns of to_char and to_date, so that the first
// that fits is the longest.
const dateFields = "A.D. A.M. AD AM B.C. BC CC DAY DDD DD DY D FF1 FF2 FF3 FF4 FF5 FF6 HH24 HH12 HH IDDD ID IW IYYY IYY IY I J " +
	"MI MM MONTH MON MS OF P.M. PM Q RM SSSSS SSSS SS TZH TZM TZ US WW W Y,YYY YYYY YYY YY Y"

func checkTemplate(s string) error {
	if len(s) > maxTemplate {
		return pgerror.New(pgerror.ProgramLimitExceeded, "format template of more than %d bytes", maxTemplate)
	}
	return nil
}

// dateItem is a piece of a date template: a field, or a literal character.
type dateItem struct {
	field   string // upper case; "" for a literal
	written string // as in the template
	literal rune
	fill    bool // FM
	th      string
}

// numericField reports whether a field reads and writes digits.
func (it *dateItem) numericField() bool {
	switch it.field {
	case "", "A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "P.M.", "PM", "DAY", "DY", "MONTH", "MON", "RM", "TZ", "OF":
		return false
	}
	return true
}

// parseDateTemplate splits a template into its items; fx tells exact mode.
func parseDateTemplate(s string) (items []dateItem, fx bool) {
	for s != "" {
		if len(s) >= 2 && (s[:2] == "FX" || s[:2] == "fx") {
			fx, s = true, s[2:]
			continue
		}
		it := dateItem{}
		rest := s
		for len(rest) >= 2 && (rest[:2] == "FM" || rest[:2] == "fm" || rest[:2] == "TM") {
			it.fill, rest = it.fill || rest[1] != 'T', rest[2:]
		}
		if f, w := dateField(rest); f != "" {
			it.field, it.written, s = f, w, rest[len(w):]
			if len(s) >= 2 && (s[:2] == "TH" || s[:2] == "th") {
				it.th, s = s[:2], s[2:]
			}
			items = append(items, it)
			continue
		}
		if rest != s && rest == "" {
			break
		}
		s = rest
		items, s = appendLiteral(items, s)
	}
	return items, fx
}

// appendLiteral takes a quoted text or one character.
func appendLiteral(items []dateItem, s string) ([]dateItem, string) {
	if s[0] != '"' {
		if s[0] == '\\' && len(s) > 1 && s[1] == '"' {
			s = s[1:]
		}
		r, n := utf8.DecodeRuneInString(s)
		return append(items, dateItem{literal: r}), s[n:]
	}
	s = s[1:]
	for s != "" && s[0] != '"' {
		if s[0] == '\\' && len(s) > 1 {
			s = s[1:]
		}
		r, n := utf8.DecodeRuneInString(s)
		items, s = append(items, dateItem{literal: r, written: `"`}), s[n:]
	}
	return items, strings.TrimPrefix(s, `"`)
}

// dateField finds the field that s begins with, in upper or lower case, or
// capitalised where it is a name.
func dateField(s string) (field, written string) {
	for f := range strings.SplitSeq(dateFields, " ") {
		if len(s) < len(f) {
			continue
		}
		w := s[:len(f)]
		switch {
		case w == f, w == strings.ToLower(f):
			return f, w
		case (f == "DAY" || f == "DY" || f == "MONTH" || f == "MON") && w == f[:1]+strings.ToLower(f[1:]):
			return f, w
		}
	}
	return "", ""
}

// moment is a timestamp or interval taken apart.
type moment struct {
	year, month, day, yday   int
	hour, minute, second, us int64
	days                     int64 // date number
	interval                 bool
	zone                     string
	offset                   int64 // seconds
	zoned                    bool
}

func momentOf(ts int64) *moment {
	m := &moment{days: floorDiv64(ts, microDay)}
	m.year, m.month, m.day = datum.DateOf(m.days)
	m.yday = int(m.days-datum.DaysOf(m.year, 1, 1)) + 1
	m.clock(floorMod64(ts, microDay))
	return m
}

func (m *moment) clock(us int64) {
	m.hour, m.minute = us/microHour, us/microMinute%60
	m.second, m.us = us/microSecond%60, us%microSecond
}

// dateToChar is to_char of timestamps and intervals.
func dateToChar(env *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	template := a[1].Text()
	if template == "" {
		return datum.Datum{}, nil
	}
	if err := checkTemplate(template); err != nil {
		return datum.Datum{}, err
	}
	var m *moment
	switch v := a[0]; v.Kind() {
	case datum.KindInterval:
		i := v.Interval()
		m = &moment{interval: true, year: int(i.Months / 12), month: int(i.Months % 12), day: int(i.Days)}
		m.yday = int(i.Months)*daysPerMonth + int(i.Days)
		m.clock(i.Micros)
	case datum.KindTimestampTZ:
		if infinite(v.Int()) {
			return datum.Datum{}, nil
		}
		local := toLocal(env, v.Int())
		m = momentOf(local)
		m.zoned, m.offset = true, (local-v.Int())/microSecond
		m.zone = time.UnixMicro(v.Int() + unixEpoch*microSecond).In(zone(env)).Format("MST")
	default:
		if infinite(v.Int()) {
			return datum.Datum{}, nil
		}
		m = momentOf(v.Int())
	}
	items, _ := parseDateTemplate(template)
	var b strings.Builder
	for i := range items {
		if err := m.write(&b, &items[i]); err != nil {
			return datum.Datum{}, err
		}
		if b.Len() > MaxValueBytes {
			return datum.Datum{}, tooLarge()
		}
	}
	return text(b.String())
}

var dayNames = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

var monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September",
	"October", "November", "December"}

var romanMonths = [...]string{"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}

// caseLike writes a name in the case of the field as written.
func caseLike(name, written string) string {
	switch {
	case written == strings.ToUpper(written):
		return strings.ToUpper(name)
	case written == strings.ToLower(written):
		return strings.ToLower(name)
	}
	return name
}

// shown is the year without a year 0.
func (m *moment) shown() int {
	if m.interval || m.year > 0 {
		return m.year
	}
	return -(m.year - 1)
}

func (m *moment) write(b *strings.Builder, it *dateItem) error {
	if it.field == "" {
		b.WriteRune(it.literal)
		return nil
	}
	if m.interval && strings.Contains(" DAY DY MONTH MON D ID TZ TZH TZM OF AD A.D. BC B.C. ", " "+it.field+" ") {
		return pgerror.New(pgerror.InvalidDatetimeFormat, "invalid format specification for an interval value").
			WithHint("Intervals are not tied to specific calendar dates.")
	}
	if n, width, ok := m.number(it.field); ok {
		if it.fill {
			width = 0
		}
		if n < 0 && width > 0 {
			width++
		}
		s := fmt.Sprintf("%0*d", width, n)
		b.WriteString(s + ordinal(s, it.th))
		return nil
	}
	s, width := m.name(it)
	if it.fill {
		width = 0
	}
	fmt.Fprintf(b, "%-*s", width, s)
	return nil
}

// number is the value and width of a numeric field.
func (m *moment) number(field string) (n int64, width int, ok bool) {
	switch field {
	case "HH", "HH12":
		if n = m.hour % 12; n == 0 {
			n = 12
		}
		return n, 2, true
	case "HH24":
		return m.hour, 2, true
	case "MI":
		return m.minute, 2, true
	case "SS":
		return m.second, 2, true
	case "MS", "FF3":
		return m.us / 1000, 3, true
	case "US", "FF6":
		return m.us, 6, true
	case "FF1":
		return m.us / 100000, 1, true
	case "FF2":
		return m.us / 10000, 2, true
	case "FF4":
		return m.us / 100, 4, true
	case "FF5":
		return m.us / 10, 5, true
	case "SSSS", "SSSSS":
		return m.hour*3600 + m.minute*60 + m.second, 0, true
	case "MM":
		return int64(m.month), 2, true
	case "DD":
		return int64(m.day), 2, true
	case "DDD":
		return int64(m.yday), 3, true
	case "YYYY":
		return int64(m.shown()), 4, true
	case "YYY":
		return int64(m.shown() % 1000), 3, true
	case "YY":
		return int64(m.shown() % 100), 2, true
	case "Y":
		return int64(m.shown() % 10), 1, true
	}
	return m.calendarNumber(field)
}

// calendarNumber is the value of a field that follows from the date.
func (m *moment) calendarNumber(field string) (n int64, width int, ok bool) {
	y, w := isoWeek(m.days)
	if y <= 0 {
		y = -(y - 1)
	}
	switch field {
	case "IYYY":
		return y, 4, true
	case "IYY":
		return y % 1000, 3, true
	case "IY":
		return y % 100, 2, true
	case "I":
		return y % 10, 1, true
	case "IW":
		return w, 2, true
	case "ID":
		return (weekday(m.days)+6)%7 + 1, 1, true
	case "IDDD":
		return (w-1)*7 + (weekday(m.days)+6)%7 + 1, 3, true
	case "D":
		return weekday(m.days) + 1, 1, true
	case "WW":
		return int64(m.yday-1)/7 + 1, 2, true
	case "W":
		return int64(m.day-1)/7 + 1, 1, true
	case "Q":
		return int64(m.month-1)/3 + 1, 1, true
	case "CC":
		if m.interval {
			return int64(m.year / 100), 2, true
		}
		return era(int64(m.year), 100), 2, true
	case "J":
		return m.days + julianDay2000, 0, true
	case "TZM":
		o := m.offset
		if o < 0 {
			o = -o
		}
		return o % 3600 / 60, 2, true
	}
	return 0, 0, false
}

// name is the text of all other fields, and the width that it is padded to.
func (m *moment) name(it *dateItem) (s string, width int) {
	switch it.field {
	case "AM", "PM":
		return caseLike(pick(m.hour%24 >= 12, "PM", "AM"), it.written), 0
	case "A.M.", "P.M.":
		return caseLike(pick(m.hour%24 >= 12, "P.M.", "A.M."), it.written), 0
	case "AD", "BC":
		return caseLike(pick(m.year <= 0, "BC", "AD"), it.written), 0
	case "A.D.", "B.C.":
		return caseLike(pick(m.year <= 0, "B.C.", "A.D."), it.written), 0
	case "DAY":
		return caseLike(dayNames[weekday(m.days)], it.written), 9
	case "DY":
		return caseLike(dayNames[weekday(m.days)][:3], it.written), 0
	case "MONTH":
		return caseLike(monthNames[m.month-1], it.written), 9
	case "MON":
		return caseLike(monthNames[m.month-1][:3], it.written), 0
	case "RM":
		if m.month == 0 {
			return "", 0
		}
		return caseLike(romanMonths[(m.month+11)%12], it.written), 4
	case "Y,YYY":
		y := m.shown()
		s = fmt.Sprintf("%d,%03d", y/1000, y%1000)
		return s + ordinal(s, it.th), 0
	case "TZ":
		return caseLike(m.zone, it.written), 0
	case "TZH", "OF":
		return m.offsetText(it.field == "OF"), 0
	}
	return "", 0
}

func pick(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// offsetText is the distance from UTC in hours, with minutes where there are any.
func (m *moment) offsetText(minutes bool) string {
	o, sign := m.offset, "+"
	if o < 0 {
		o, sign = -o, "-"
	}
	s := fmt.Sprintf("%s%02d", sign, o/3600)
	if minutes && o%3600 != 0 {
		s += fmt.Sprintf(":%02d", o%3600/60)
	}
	return s
}

// ordinal is the English ending of a number, in the case that th asks for.
func ordinal(s, th string) string {
	if th == "" || s == "" {
		return ""
	}
	end := "th"
	if len(s) < 2 || s[len(s)-2] != '1' {
		switch s[len(s)-1] {
		case '1':
			end = "st"
		case '2':
			end = "nd"
		case '3':
			end = "rd"
		}
	}
	if th == "TH" {
		return strings.ToUpper(end)
	}
	return end
}
