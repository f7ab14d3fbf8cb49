package datum

import (
	"sort"
	"strings"
)

// The reading of dates and times follows PostgreSQL's rules (its documentation,
// appendix B): a text is cut into fields by its characters, then the fields are
// given their meaning one after another.

// fieldKind is what a field looks like.
type fieldKind uint8

const (
	fieldNumber  fieldKind = iota
	fieldString            // a word
	fieldDate              // with - / . between its parts, or the name of a zone
	fieldTime              // with :
	fieldOffset            // a sign and digits
	fieldSpecial           // a sign and a word
)

// field is a part of a date's or time's text, in lower case.
type field struct {
	kind fieldKind
	text string
}

// maxFields and maxDateText bound what is looked at, as in PostgreSQL.
const (
	maxFields   = 25
	maxDateText = 128
)

// fieldList is filled by scan; it needs no memory of its own.
type fieldList struct {
	field [maxFields]field
	n     int
}

// scan cuts a text into fields; false where it cannot be a date or time.
func (l *fieldList) scan(s string) bool {
	if len(s) > 4*maxDateText {
		return false
	}
	s = strings.ToLower(s)
	size := 0
	for i := 0; i < len(s); {
		c := s[i]
		start, kind := i, fieldNumber
		switch {
		case isSpace(c):
			i++
			continue
		case isDigit(c):
			i, kind = scanDigits(s, i)
		case c == '.':
			i = span1(s, i+1, isDigit)
		case isAlpha(c) || c >= 0x80:
			i, kind = scanWord(s, i)
		case c == '+' || c == '-':
			i++
			rest := span1(s, i, isSpace)
			if rest >= len(s) {
				return false
			}
			if rest > i { // a sign apart from what it belongs to
				s = s[:i] + s[rest:]
			}
			switch {
			case isDigit(s[i]):
				i, kind = span1(s, i, func(c byte) bool { return isDigit(c) || c == ':' || c == '.' || c == '-' }), fieldOffset
			case isAlpha(s[i]):
				i, kind = span1(s, i, isAlpha), fieldSpecial
			default:
				return false
			}
		case c > ' ' && c < 0x7f: // other punctuation separates
			i++
			continue
		default:
			return false
		}
		size += i - start + 1
		if l.n >= maxFields || size > maxDateText+maxFields {
			return false
		}
		l.field[l.n] = field{kind, s[start:i]}
		l.n++
	}
	return true
}

// span1 returns the end of the run of characters from i on.
func span1(s string, i int, in func(byte) bool) int {
	for i < len(s) && in(s[i]) {
		i++
	}
	return i
}

func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) || c >= 0x80 }

func scanDigits(s string, i int) (int, fieldKind) {
	i = span1(s, i, isDigit)
	if i == len(s) {
		return i, fieldNumber
	}
	switch c := s[i]; c {
	case ':':
		return span1(s, i, func(c byte) bool { return isDigit(c) || c == ':' || c == '.' }), fieldTime
	case '-', '/', '.':
		i++
		if i < len(s) && isDigit(s[i]) {
			kind := fieldDate
			if c == '.' {
				kind = fieldNumber
			}
			i = span1(s, i, isDigit)
			if i < len(s) && s[i] == c {
				return span1(s, i, func(d byte) bool { return isDigit(d) || d == c }), fieldDate
			}
			return i, kind
		}
		return span1(s, i, func(d byte) bool { return isAlnum(d) || d == c }), fieldDate
	}
	return i, fieldNumber
}

func scanWord(s string, i int) (int, fieldKind) {
	start := i
	i = span1(s, i, func(c byte) bool { return isAlpha(c) || c >= 0x80 })
	if i == len(s) {
		return i, fieldString
	}
	switch c := s[i]; {
	case c == '-' || c == '/' || c == '.':
	case (c == '+' || isDigit(c)) && lookup(dateWords[:], s[start:i]) == nil:
	default:
		return i, fieldString
	}
	return span1(s, i, func(c byte) bool {
		return isAlnum(c) || c == '+' || c == '-' || c == '/' || c == '_' || c == '.' || c == ':'
	}), fieldDate
}

// wordKind is what a word means.
type wordKind uint8

const (
	wordIgnored  wordKind = iota
	wordReserved          // now, today, ...
	wordMonth
	wordDay // of the week
	wordMeridian
	wordEra
	wordSummer // DST behind a zone
	wordUnit   // says what the next number is
	wordTime   // t: a time follows
	wordAgo
)

// Values of reserved words.
const (
	reservedNow = iota
	reservedYesterday
	reservedToday
	reservedTomorrow
	reservedMidnight // allballs: 00:00 UTC
	reservedEpoch
	reservedLate
	reservedEarly
)

// Units of intervals, and of labelled numbers.
const (
	unitMicrosecond = iota
	unitMillisecond
	unitSecond
	unitMinute
	unitHour
	unitDay
	unitWeek
	unitMonth
	unitYear
	unitDecade
	unitCentury
	unitMillennium
	unitJulian
	unitOther // known, and of no use here
	unitNone
)

type word struct {
	name  string
	kind  wordKind
	value int
}

// dateWords are the words of dates and times, in order.
var dateWords = [...]word{
	{"-infinity", wordReserved, reservedEarly},
	{"ad", wordEra, 0},
	{"allballs", wordReserved, reservedMidnight},
	{"am", wordMeridian, 0},
	{"apr", wordMonth, 4},
	{"april", wordMonth, 4},
	{"at", wordIgnored, 0},
	{"aug", wordMonth, 8},
	{"august", wordMonth, 8},
	{"bc", wordEra, 1},
	{"d", wordUnit, unitDay},
	{"dec", wordMonth, 12},
	{"december", wordMonth, 12},
	{"dow", wordUnit, unitOther},
	{"doy", wordUnit, unitOther},
	{"dst", wordSummer, 0},
	{"epoch", wordReserved, reservedEpoch},
	{"feb", wordMonth, 2},
	{"february", wordMonth, 2},
	{"fri", wordDay, 5},
	{"friday", wordDay, 5},
	{"h", wordUnit, unitHour},
	{"infinity", wordReserved, reservedLate},
	{"isodow", wordUnit, unitOther},
	{"isoyear", wordUnit, unitOther},
	{"j", wordUnit, unitJulian},
	{"jan", wordMonth, 1},
	{"january", wordMonth, 1},
	{"jd", wordUnit, unitJulian},
	{"jul", wordMonth, 7},
	{"julian", wordUnit, unitJulian},
	{"july", wordMonth, 7},
	{"jun", wordMonth, 6},
	{"june", wordMonth, 6},
	{"m", wordUnit, unitMonth},
	{"mar", wordMonth, 3},
	{"march", wordMonth, 3},
	{"may", wordMonth, 5},
	{"mm", wordUnit, unitMinute},
	{"mon", wordDay, 1},
	{"monday", wordDay, 1},
	{"nov", wordMonth, 11},
	{"november", wordMonth, 11},
	{"now", wordReserved, reservedNow},
	{"oct", wordMonth, 10},
	{"october", wordMonth, 10},
	{"on", wordIgnored, 0},
	{"pm", wordMeridian, 1},
	{"s", wordUnit, unitSecond},
	{"sat", wordDay, 6},
	{"saturday", wordDay, 6},
	{"sep", wordMonth, 9},
	{"sept", wordMonth, 9},
	{"september", wordMonth, 9},
	{"sun", wordDay, 0},
	{"sunday", wordDay, 0},
	{"t", wordTime, 0},
	{"thu", wordDay, 4},
	{"thur", wordDay, 4},
	{"thurs", wordDay, 4},
	{"thursday", wordDay, 4},
	{"today", wordReserved, reservedToday},
	{"tomorrow", wordReserved, reservedTomorrow},
	{"tue", wordDay, 2},
	{"tues", wordDay, 2},
	{"tuesday", wordDay, 2},
	{"wed", wordDay, 3},
	{"wednesday", wordDay, 3},
	{"weds", wordDay, 3},
	{"y", wordUnit, unitYear},
	{"yesterday", wordReserved, reservedYesterday},
}

// unitWords are the words of intervals, in order.
var unitWords = [...]word{
	{"@", wordIgnored, 0},
	{"ago", wordAgo, 0},
	{"c", wordUnit, unitCentury},
	{"cent", wordUnit, unitCentury},
	{"centuries", wordUnit, unitCentury},
	{"century", wordUnit, unitCentury},
	{"d", wordUnit, unitDay},
	{"day", wordUnit, unitDay},
	{"days", wordUnit, unitDay},
	{"dec", wordUnit, unitDecade},
	{"decade", wordUnit, unitDecade},
	{"decades", wordUnit, unitDecade},
	{"decs", wordUnit, unitDecade},
	{"h", wordUnit, unitHour},
	{"hour", wordUnit, unitHour},
	{"hours", wordUnit, unitHour},
	{"hr", wordUnit, unitHour},
	{"hrs", wordUnit, unitHour},
	{"m", wordUnit, unitMinute},
	{"microsecon", wordUnit, unitMicrosecond},
	{"mil", wordUnit, unitMillennium},
	{"millennia", wordUnit, unitMillennium},
	{"millennium", wordUnit, unitMillennium},
	{"millisecon", wordUnit, unitMillisecond},
	{"mils", wordUnit, unitMillennium},
	{"min", wordUnit, unitMinute},
	{"mins", wordUnit, unitMinute},
	{"minute", wordUnit, unitMinute},
	{"minutes", wordUnit, unitMinute},
	{"mon", wordUnit, unitMonth},
	{"mons", wordUnit, unitMonth},
	{"month", wordUnit, unitMonth},
	{"months", wordUnit, unitMonth},
	{"ms", wordUnit, unitMillisecond},
	{"msec", wordUnit, unitMillisecond},
	{"msecond", wordUnit, unitMillisecond},
	{"mseconds", wordUnit, unitMillisecond},
	{"msecs", wordUnit, unitMillisecond},
	{"qtr", wordUnit, unitOther},
	{"quarter", wordUnit, unitOther},
	{"s", wordUnit, unitSecond},
	{"sec", wordUnit, unitSecond},
	{"second", wordUnit, unitSecond},
	{"seconds", wordUnit, unitSecond},
	{"secs", wordUnit, unitSecond},
	{"timezone", wordUnit, unitOther},
	{"timezone_h", wordUnit, unitOther},
	{"timezone_m", wordUnit, unitOther},
	{"us", wordUnit, unitMicrosecond},
	{"usec", wordUnit, unitMicrosecond},
	{"usecond", wordUnit, unitMicrosecond},
	{"useconds", wordUnit, unitMicrosecond},
	{"usecs", wordUnit, unitMicrosecond},
	{"w", wordUnit, unitWeek},
	{"week", wordUnit, unitWeek},
	{"weeks", wordUnit, unitWeek},
	{"y", wordUnit, unitYear},
	{"year", wordUnit, unitYear},
	{"years", wordUnit, unitYear},
	{"yr", wordUnit, unitYear},
	{"yrs", wordUnit, unitYear},
}

// lookup finds a word by its first ten characters, as PostgreSQL does; nil if
// there is none.
func lookup(words []word, name string) *word {
	if len(name) > 10 {
		name = name[:10]
	}
	i := sort.Search(len(words), func(i int) bool { return words[i].name >= name })
	if i < len(words) && words[i].name == name {
		return &words[i]
	}
	return nil
}
