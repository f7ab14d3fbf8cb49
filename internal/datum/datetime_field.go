package datum

import (
	"strings"
	"time"
)

// numberField reads a number that stands alone.
func (d *dateDecoder) numberField(l *fieldList, i int) (int, dateError) {
	text := l.field[i].text
	if d.label != unitNone {
		return d.labelled(text)
	}
	if d.timeLabel {
		d.timeLabel = false
		return d.runTogether(text, d.mask|maskDate)
	}
	dot := strings.IndexByte(text, '.')
	if d.timeOnly {
		switch {
		case dot >= 0 && i == 0 && l.n >= 2 && l.field[l.n-1].kind == fieldDate:
			return d.date(text)
		case dot > 2, dot < 0 && len(text) > 4:
			return d.runTogether(text, d.mask|maskDate)
		case dot >= 0:
			return 0, dateBad
		}
		return d.number(text, d.mask|maskDate)
	}
	switch {
	case dot >= 0 && d.mask&maskDate == 0:
		return d.date(text)
	case dot > 2:
		return d.runTogether(text, d.mask)
	case len(text) >= 6 && (d.mask&maskDate == 0 || d.mask&maskTime == 0):
		return d.runTogether(text, d.mask)
	}
	return d.number(text, d.mask)
}

// labelled reads a number whose unit a word told before it.
func (d *dateDecoder) labelled(text string) (int, dateError) {
	unit := d.label
	d.label = unitNone
	n, end, ok := atoi(text)
	if !ok {
		return 0, dateOverflow
	}
	rest := text[end:]
	switch unit {
	case unitJulian:
		return d.julianDay(n, rest)
	case unitYear:
		d.year = n
		return noRest(maskYear, rest)
	case unitMonth:
		if d.mask&maskMonth != 0 && d.mask&maskHour != 0 { // minutes of ISO's PnMTnM
			d.minute = n
			return noRest(maskMinute, rest)
		}
		d.month = n
		return noRest(maskMonth, rest)
	case unitDay:
		d.day = n
		return noRest(maskDay, rest)
	case unitHour:
		d.hour = n
		return noRest(maskHour, rest)
	case unitMinute:
		d.minute = n
		return noRest(maskMinute, rest)
	case unitSecond:
		d.second = n
		if strings.HasPrefix(rest, ".") {
			var ok bool
			if d.micros, ok = fraction(rest); ok {
				rest = ""
			}
		}
		return noRest(maskSecond, rest)
	}
	return 0, dateBad
}

func noRest(mask int, rest string) (int, dateError) {
	if rest != "" {
		return 0, dateBad
	}
	return mask, dateOK
}

// julianDay reads a day number, a fraction of the day or a zone behind it.
func (d *dateDecoder) julianDay(n int, rest string) (int, dateError) {
	if n < 0 {
		return 0, dateOverflow
	}
	d.year, d.month, d.day = DateOf(int64(n) + minDate)
	d.julian = true
	switch {
	case rest == "":
		return maskDate, dateOK
	case rest[0] == '.':
		v, ok := fractionOf(rest)
		if !ok {
			return 0, dateBad
		}
		micros := int64(v * microsPerDay)
		d.hour, d.minute = int(micros/microsPerHour), int(micros/microsPerMinute%60)
		d.second, d.micros = int(micros/microsPerSecond%60), micros%microsPerSecond
		return maskDate | maskTime, dateOK
	}
	mask, e := d.offsetField(rest)
	return mask | maskDate, e
}

// wordField reads a word: a month, a zone, a reserved word and so on.
func (d *dateDecoder) wordField(l *fieldList, i int, now func() (int64, bool), loc *time.Location) (int, dateError) {
	text := l.field[i].text
	if a := findAbbreviation(text); a != nil && len(text) <= 10 {
		if a.zone == "" {
			d.offset = int(a.offset)
			return maskZone, dateOK
		}
		return d.namedZone(a.zone)
	}
	w := lookup(dateWords[:], text)
	if w == nil {
		if d.zone = zoneByName(text); d.zone == nil {
			return 0, dateBad
		}
		return maskZone, dateOK
	}
	if d.timeOnly && (w.kind == wordMonth || w.kind == wordDay) {
		return 0, dateBad
	}
	switch w.kind {
	case wordIgnored:
		return 0, dateOK
	case wordReserved:
		return d.reserved(w.value, now, loc)
	case wordMonth:
		mask := maskMonth
		if d.mask&maskMonth != 0 && !d.textMonth && d.mask&maskDay == 0 && d.month >= 1 && d.month <= 31 {
			d.day, mask = d.month, maskDay // the number was the day
		}
		d.textMonth, d.month = true, w.value
		return mask, dateOK
	case wordDay:
		return maskWeekday, dateOK
	case wordMeridian:
		d.meridian = w.value
		return maskMeridian, dateOK
	case wordEra:
		d.bc = w.value == 1
		return maskEra, dateOK
	case wordSummer:
		if d.zone == nil && d.mask&maskZone != 0 {
			d.offset += 3600
		}
		return maskSummer, dateOK
	case wordUnit:
		if w.value == unitOther {
			return 0, dateBad
		}
		d.label = w.value
		return 0, dateOK
	case wordTime:
		if !d.timeOnly && d.mask&maskDate != maskDate || i+1 >= l.n {
			return 0, dateBad
		}
		if k := l.field[i+1].kind; k != fieldNumber && k != fieldTime && k != fieldDate {
			return 0, dateBad
		}
		d.timeLabel = true
		return 0, dateOK
	}
	return 0, dateBad
}

// reserved reads now, today, epoch and their like.
func (d *dateDecoder) reserved(value int, now func() (int64, bool), loc *time.Location) (int, dateError) {
	switch value {
	case reservedMidnight:
		d.hour, d.minute, d.second, d.micros = 0, 0, 0, 0
		d.offset = 0
		return maskTime | maskZone, dateOK
	case reservedEpoch, reservedLate, reservedEarly:
		if d.timeOnly {
			return 0, dateBad
		}
		d.special = value
		return maskReserved, dateOK
	}
	if d.timeOnly && value != reservedNow {
		return 0, dateBad
	}
	utc, ok := now()
	if !ok {
		return 0, dateNoNow
	}
	offset := offsetAt(utc, loc)
	days, micros := splitMicros(utc + offset*microsPerSecond)
	days += int64(value - reservedToday)
	mask := maskDate
	if value == reservedNow {
		days -= int64(value - reservedToday)
		d.hour, d.minute = int(micros/microsPerHour), int(micros/microsPerMinute%60)
		d.second, d.micros = int(micros/microsPerSecond%60), micros%microsPerSecond
		d.offset = int(offset)
		mask |= maskTime | maskZone
	}
	d.year, d.month, d.day = DateOf(days)
	d.julian = true // the year is what it is
	if d.timeOnly {
		mask &^= maskDate
	}
	return mask, dateOK
}

// validate checks the date's fields against each other.
func (d *dateDecoder) validate() dateError {
	if d.mask&maskSummer != 0 && d.mask&maskZone == 0 {
		return dateBad
	}
	if d.mask&maskYear != 0 && !d.julian {
		switch {
		case d.bc:
			if d.year <= 0 {
				return dateOverflow
			}
			d.year = 1 - d.year
		case d.twoDigits:
			if d.year < 0 {
				return dateOverflow
			}
			if d.year < 70 {
				d.year += 2000
			} else if d.year < 100 {
				d.year += 1900
			}
		case d.year <= 0:
			return dateOverflow
		}
	}
	if d.mask&maskDayOfYear != 0 {
		d.year, d.month, d.day = DateOf(DaysOf(d.year, 1, 1) + int64(d.dayOfYear-1))
	}
	if d.mask&maskMonth != 0 && (d.month < 1 || d.month > 12) {
		return dateOrderOverflow
	}
	if d.mask&maskDay != 0 && (d.day < 1 || d.day > 31) {
		return dateOrderOverflow
	}
	if d.mask&maskDate == maskDate && d.day > DaysIn(d.year, d.month) {
		return dateOverflow
	}
	return dateOK
}
