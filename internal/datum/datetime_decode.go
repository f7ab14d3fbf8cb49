package datum

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// dateError says why a text is no date or time.
type dateError uint8

const (
	dateOK               dateError = iota
	dateBad                        // 22007
	dateOverflow                   // 22008
	dateOrderOverflow              // 22008, with a hint at DateStyle
	dateZoneOverflow               // 22009
	dateIntervalOverflow           // 22015
	dateZoneUnknown                // 22023
	dateNoNow                      // 0A000
)

func (e dateError) error(s, typ, zone string) error {
	switch e {
	case dateOK:
		return nil
	case dateOverflow, dateOrderOverflow:
		err := pgerror.New(pgerror.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", s)
		if e == dateOrderOverflow {
			return err.WithHint("Perhaps you need a different \"datestyle\" setting.")
		}
		return err
	case dateZoneOverflow:
		return pgerror.New("22009", "time zone displacement out of range: \"%s\"", s)
	case dateIntervalOverflow:
		return pgerror.New(pgerror.IntervalFieldOverflow, "interval field value out of range: \"%s\"", s)
	case dateZoneUnknown:
		return badZone(zone)
	case dateNoNow:
		return pgerror.NotSupported("the value \"%s\" of type %s here", s, typ)
	}
	return pgerror.New(pgerror.InvalidDatetimeFormat, "invalid input syntax for type %s: \"%s\"", typ, s)
}

// Fields that have been seen, as bits.
const (
	maskYear = 1 << iota
	maskMonth
	maskDay
	maskDayOfYear
	maskHour
	maskMinute
	maskSecond
	maskZone
	maskWeekday
	maskEra
	maskMeridian
	maskSummer
	maskReserved

	maskDate = maskYear | maskMonth | maskDay
	maskTime = maskHour | maskMinute | maskSecond
)

// dateDecoder gives fields their meaning.
type dateDecoder struct {
	order    DateOrder
	timeOnly bool

	year, month, day, dayOfYear int
	hour, minute, second        int
	micros                      int64

	special   int // a reserved word that stands for the whole value, or -1
	mask      int
	label     int // the unit that a word gave the next number, or unitNone
	timeLabel bool
	bc        bool
	julian    bool
	textMonth bool
	twoDigits bool
	meridian  int // -1 none, 0 AM, 1 PM

	offset   int // seconds east of UTC, if maskZone is seen and zone is nil
	zone     *time.Location
	zoneName string // for messages
}

func newDateDecoder(f *Format) dateDecoder {
	d := dateDecoder{special: -1, label: unitNone, meridian: -1}
	if f != nil {
		d.order = f.DateOrder
	}
	return d
}

// atoi reads digits, perhaps behind a sign; it tells where they end.
func atoi(s string) (n, end int, ok bool) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	i = span1(s, i, isDigit)
	if i == 0 || !isDigit(s[i-1]) {
		return 0, 0, true // as strtol has it
	}
	n, err := strconv.Atoi(s[:i])
	return n, i, err == nil && n <= math.MaxInt32 && n >= math.MinInt32
}

// decode reads all fields of a date, timestamp or time.
func (d *dateDecoder) decode(l *fieldList, now func() (int64, bool), loc *time.Location) dateError {
	for i := range l.n {
		mask, e := d.field(l, i, now, loc)
		if e != dateOK {
			return e
		}
		if mask&d.mask != 0 {
			return dateBad
		}
		d.mask |= mask
	}
	if e := d.validate(); e != dateOK {
		return e
	}
	return d.applyMeridian()
}

func (d *dateDecoder) applyMeridian() dateError {
	if d.meridian < 0 {
		return dateOK
	}
	switch {
	case d.hour > 12:
		return dateOverflow
	case d.meridian == 0 && d.hour == 12:
		d.hour = 0
	case d.meridian == 1 && d.hour != 12:
		d.hour += 12
	}
	return dateOK
}

func (d *dateDecoder) field(l *fieldList, i int, now func() (int64, bool), loc *time.Location) (int, dateError) {
	f := l.field[i]
	switch f.kind {
	case fieldDate:
		return d.dateField(l, i)
	case fieldTime:
		if d.label != unitNone {
			return 0, dateBad
		}
		d.timeLabel = false
		return d.clock(f.text)
	case fieldOffset:
		return d.offsetField(f.text)
	case fieldNumber:
		return d.numberField(l, i)
	}
	return d.wordField(l, i, now, loc)
}

// dateField reads 2001-02-03, 8-Jan-1999 and their like; where there is a date
// already, the name of a zone, or hhmmss-zz.
func (d *dateDecoder) dateField(l *fieldList, i int) (int, dateError) {
	text := l.field[i].text
	if d.label == unitJulian { // Julian day with a zone
		return d.labelled(text)
	}
	if d.label != unitNone {
		return 0, dateBad
	}
	if d.timeOnly && d.mask == 0 && i == 0 && l.n >= 2 && (l.field[l.n-1].kind == fieldDate || l.field[1].kind == fieldTime) {
		return d.date(text)
	}
	if !d.timeOnly && !d.timeLabel && d.mask&(maskMonth|maskDay) != maskMonth|maskDay {
		return d.date(text)
	}
	if isDigit(text[0]) || d.timeLabel {
		d.timeLabel = false
		dash := strings.IndexByte(text, '-')
		if d.mask&maskTime == maskTime || dash < 0 {
			return 0, dateBad
		}
		if _, e := d.offsetField(text[dash:]); e != dateOK {
			return 0, e
		}
		mask, e := d.runTogether(text[:dash], d.known())
		return mask | maskZone, e
	}
	return d.namedZone(text)
}

// known is the mask of the fields that are seen or not looked for.
func (d *dateDecoder) known() int {
	if d.timeOnly {
		return d.mask | maskDate
	}
	return d.mask
}

func (d *dateDecoder) namedZone(name string) (int, dateError) {
	if d.zone = zoneByName(name); d.zone == nil {
		d.zoneName = name
		return 0, dateZoneUnknown
	}
	return maskZone, dateOK
}

// date reads the parts of one date field.
func (d *dateDecoder) date(text string) (int, dateError) {
	var part [4]string
	n := 0
	for i := 0; i < len(text); {
		if !isAlnum(text[i]) {
			i++
			if i == len(text) && n == 0 {
				return 0, dateBad
			}
			continue
		}
		in := isDigit
		if !isDigit(text[i]) {
			in = func(c byte) bool { return isAlpha(c) || c >= 0x80 }
		}
		end := span1(text, i, in)
		if n == len(part) {
			return 0, dateBad
		}
		part[n] = text[i:end]
		n++
		i = end
	}
	mask := 0
	for i := range n { // a name can only be a month
		if isDigit(part[i][0]) {
			continue
		}
		w := lookup(dateWords[:], part[i])
		switch {
		case w == nil:
			return 0, dateBad
		case w.kind == wordIgnored:
		case w.kind != wordMonth || (d.mask|mask)&maskMonth != 0:
			return 0, dateBad
		default:
			d.month, d.textMonth = w.value, true
			mask |= maskMonth
		}
		part[i] = ""
	}
	for _, p := range part[:n] {
		if p == "" {
			continue
		}
		m, e := d.number(p, d.mask|mask)
		if e != dateOK {
			return 0, e
		}
		if (d.mask|mask)&m != 0 {
			return 0, dateBad
		}
		mask |= m
	}
	if (d.mask|mask)&^(maskDayOfYear|maskZone) != maskDate {
		return 0, dateBad
	}
	return mask, dateOK
}

// number decides by what is known what a number is.
func (d *dateDecoder) number(text string, known int) (int, dateError) {
	n, end, ok := atoi(text)
	if !ok {
		return 0, dateOverflow
	}
	if end == 0 {
		return 0, dateBad
	}
	if end < len(text) {
		if text[end] != '.' {
			return 0, dateBad
		}
		if end > 2 {
			return d.runTogether(text, known|maskDate)
		}
		var fine bool
		if d.micros, fine = fraction(text[end:]); !fine {
			return 0, dateBad
		}
	}
	if len(text) == 3 && known&maskDate == maskYear && n >= 1 && n <= 366 {
		d.dayOfYear = n
		return maskDayOfYear | maskMonth | maskDay, dateOK
	}
	mask := 0
	long := len(text) >= 3
	switch known & maskDate {
	case 0:
		mask = maskMonth
		if long || d.order == YMD {
			mask = maskYear
		} else if d.order == DMY {
			mask = maskDay
		}
	case maskYear, maskDay:
		mask = maskMonth
	case maskMonth:
		mask = maskDay
		if d.textMonth && (long || d.order == YMD) {
			mask = maskYear
		}
	case maskYear | maskMonth:
		mask = maskDay
		if d.textMonth && long && d.twoDigits { // the first number was the day
			d.day, d.year, d.twoDigits = d.year, n, false
			return maskDay, dateOK
		}
	case maskMonth | maskDay:
		mask = maskYear
	case maskDate:
		return d.runTogether(text, known)
	default:
		return 0, dateBad
	}
	switch mask {
	case maskYear:
		d.year, d.twoDigits = n, len(text) <= 2
	case maskMonth:
		d.month = n
	case maskDay:
		d.day = n
	}
	return mask, dateOK
}

// runTogether reads yyyymmdd, yymmdd, hhmmss and hhmm, with a fraction perhaps.
func (d *dateDecoder) runTogether(text string, known int) (int, dateError) {
	if dot := strings.IndexByte(text, '.'); dot >= 0 {
		var ok bool
		if d.micros, ok = fraction(text[dot:]); !ok {
			return 0, dateBad
		}
		text = text[:dot]
	} else if known&maskDate != maskDate && len(text) >= 6 {
		n := len(text)
		year, _, ok1 := atoi(text[:n-4])
		month, _, ok2 := atoi(text[n-4 : n-2])
		day, _, ok3 := atoi(text[n-2:])
		if !ok1 || !ok2 || !ok3 {
			return 0, dateOverflow
		}
		d.year, d.month, d.day, d.twoDigits = year, month, day, n == 6
		return maskDate, dateOK
	}
	if known&maskTime == maskTime || len(text) != 6 && len(text) != 4 {
		return 0, dateBad
	}
	for i, p := range []*int{&d.hour, &d.minute, &d.second} {
		*p = 0
		if 2*i < len(text) {
			n, end, ok := atoi(text[2*i : 2*i+2])
			if !ok || end != 2 {
				return 0, dateBad
			}
			*p = n
		}
	}
	if !d.validClock() {
		return 0, dateOverflow
	}
	return maskTime, dateOK
}
