package datum

import (
	"strconv"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// decodeText reads a text as a date, time or timestamp.
func decodeText(s, typ string, timeOnly bool, f *Format) (dateDecoder, error) {
	d := newDateDecoder(f)
	d.timeOnly = timeOnly
	if err := CheckText(s); err != nil {
		return d, err
	}
	var l fieldList
	if !l.scan(s) {
		return d, dateBad.error(s, typ, "")
	}
	now := func() (int64, bool) {
		if f == nil || f.Now == 0 {
			return 0, false
		}
		return f.Now, true
	}
	e := d.decode(&l, now, f.location())
	if e == dateOK && d.special < 0 {
		switch {
		case timeOnly && d.mask&maskTime != maskTime, !timeOnly && d.mask&maskDate != maskDate:
			e = dateBad
		case timeOnly && d.mask&maskDate != maskDate && d.zone != nil && !isFixed(d.zone):
			e = dateBad // the offset depends on the date
		case !d.validClock():
			e = dateOverflow
		}
	}
	return d, e.error(s, typ, d.zoneName)
}

func parseDate(s string, f *Format) (Datum, error) {
	if year, month, day, rest, ok := isoDate(s); ok && rest == "" {
		return NewDate(DaysOf(year, month, day)), nil
	}
	d, err := decodeText(s, "date", false, f)
	if err != nil {
		return Datum{}, err
	}
	switch d.special {
	case reservedEpoch:
		return NewDate(unixEpoch), nil
	case reservedLate:
		return NewDate(DateInfinity), nil
	case reservedEarly:
		return NewDate(DateMinusInfinity), nil
	}
	days := DaysOf(d.year, d.month, d.day)
	if days < minDate || days >= endDate {
		return Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "date out of range: \"%s\"", s)
	}
	return NewDate(days), nil
}

func parseTime(s string, f *Format) (Datum, error) {
	d, err := decodeText(s, "time", true, f)
	if err != nil {
		return Datum{}, err
	}
	return NewTime(d.timeOfDay()), nil
}

func parseTimestamp(s string, f *Format) (Datum, error) {
	if n, rest, ok := isoTimestamp(s); ok && rest == "" {
		return NewTimestamp(n), nil
	}
	d, err := decodeText(s, "timestamp", false, f)
	if err != nil {
		return Datum{}, err
	}
	n := d.timestamp()
	if d.special < 0 && (n < minTime || n >= endTime) {
		return Datum{}, timestampRange(s)
	}
	return NewTimestamp(n), nil
}

func timestampRange(s string) error {
	return pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp out of range: \"%s\"", s)
}

// timestamp is the value without its zone; it may be out of range.
func (d *dateDecoder) timestamp() int64 {
	switch d.special {
	case reservedEpoch:
		return unixEpoch * microsPerDay
	case reservedLate:
		return TimestampInfinity
	case reservedEarly:
		return TimestampMinusInfinity
	}
	return joinMicros(DaysOf(d.year, d.month, d.day), d.timeOfDay())
}

func parseTimestampTZ(s string, f *Format) (Datum, error) {
	loc := f.location()
	if n, rest, ok := isoTimestamp(s); ok {
		if rest == "" {
			return inZone(UTCMicros(n, loc), s)
		}
		if offset, ok := isoOffset(rest); ok {
			return inZone(n-offset*microsPerSecond, s)
		}
	}
	d, err := decodeText(s, "timestamp with time zone", false, f)
	if err != nil {
		return Datum{}, err
	}
	n := d.timestamp()
	if d.special >= 0 {
		return NewTimestampTZ(n), nil
	}
	switch {
	case d.mask&maskZone == 0:
		n = UTCMicros(n, loc)
	case d.zone != nil:
		n = UTCMicros(n, d.zone)
	default:
		n -= int64(d.offset) * microsPerSecond
	}
	return inZone(n, s)
}

func inZone(n int64, s string) (Datum, error) {
	if n < minTime || n >= endTime {
		return Datum{}, timestampRange(s)
	}
	return NewTimestampTZ(n), nil
}

// isoDate reads a valid YYYY-MM-DD without taking memory; all else is left to
// the long way.
func isoDate(s string) (year, month, day int, rest string, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' || len(s) > 10 && isDigit(s[10]) {
		return 0, 0, 0, "", false
	}
	for i := range 10 {
		if i != 4 && i != 7 && !isDigit(s[i]) {
			return 0, 0, 0, "", false
		}
	}
	year = twoDigits(s)*100 + twoDigits(s[2:])
	month, day = twoDigits(s[5:]), twoDigits(s[8:])
	ok = year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= DaysIn(year, month)
	return year, month, day, s[10:], ok
}

func twoDigits(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }

// isoTimestamp reads YYYY-MM-DD and, if it is there, HH:MM:SS[.ffffff] behind a
// space or T.
func isoTimestamp(s string) (micros int64, rest string, ok bool) {
	year, month, day, rest, ok := isoDate(s)
	if !ok {
		return 0, "", false
	}
	micros = DaysOf(year, month, day) * microsPerDay
	if rest == "" {
		return micros, "", true
	}
	if len(rest) < 9 || rest[0] != ' ' && rest[0] != 'T' || rest[3] != ':' || rest[6] != ':' {
		return 0, "", false
	}
	for _, i := range [...]int{1, 2, 4, 5, 7, 8} {
		if !isDigit(rest[i]) {
			return 0, "", false
		}
	}
	h, m, sec := twoDigits(rest[1:]), twoDigits(rest[4:]), twoDigits(rest[7:])
	if h > 23 || m > 59 || sec > 59 {
		return 0, "", false
	}
	micros += int64(h)*microsPerHour + int64(m)*microsPerMinute + int64(sec)*microsPerSecond
	rest = rest[9:]
	if rest == "" || rest[0] != '.' {
		return micros, rest, true
	}
	unit, i := int64(microsPerSecond/10), 1
	for ; i < len(rest) && isDigit(rest[i]); i++ {
		if i > 6 {
			return 0, "", false
		}
		micros += int64(rest[i]-'0') * unit
		unit /= 10
	}
	return micros, rest[i:], true
}

// isoOffset reads Z, +hh and +hh:mm.
func isoOffset(s string) (seconds int64, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != 3 && len(s) != 6 || s[0] != '+' && s[0] != '-' || !isDigit(s[1]) || !isDigit(s[2]) {
		return 0, false
	}
	h, m := twoDigits(s[1:]), 0
	if len(s) == 6 {
		if s[3] != ':' || !isDigit(s[4]) || !isDigit(s[5]) {
			return 0, false
		}
		m = twoDigits(s[4:])
	}
	if h > 15 || m > 59 {
		return 0, false
	}
	seconds = int64(h)*3600 + int64(m)*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// fractionOf reads a point and digits as a part of 1.
func fractionOf(s string) (float64, bool) {
	if s == "." || s == "" {
		return 0, true
	}
	for i := range len(s) {
		if i == 0 && s[i] != '.' || i > 0 && !isDigit(s[i]) {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}
