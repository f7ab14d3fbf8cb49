package datum

import (
	"strconv"
	"strings"
)

// decodeISO reads ISO 8601's P1Y2M3DT4H5M6S, P0001-02-03T04:05:06 and P00010203T040506.
func (d *intervalDecoder) decodeISO(s string) dateError {
	if len(s) < 2 || s[0] != 'P' {
		return dateBad
	}
	s = s[1:]
	date, have := true, false
	for s != "" {
		if s[0] == 'T' {
			date, have, s = false, false, s[1:]
			continue
		}
		start := s
		val, f, rest, e := isoNumber(s)
		if e != dateOK {
			return e
		}
		unit := byte(0)
		if s = rest; s != "" {
			unit, s = s[0], s[1:]
		}
		width := span1(strings.TrimPrefix(start, "-"), 0, isDigit)
		switch {
		case d.isoUnit(date, unit, val, f):
		case date && (unit == 'T' || unit == 0) && width == 8 && !have:
			d.add32(&d.years, val/10000, 1)
			d.add32(&d.months, val/100%100, 1)
			d.add32(&d.days, val%100, 1)
			d.fractMicros(f, microsPerDay)
			date, have = false, false
			continue
		case date && (unit == 'T' || unit == 0 || unit == '-') && !have:
			d.add(unitYear, val, f)
			if unit == '-' {
				if s, e = d.isoRest(s, '-', unitMonth, unitDay); e != dateOK {
					return e
				}
			}
			date, have = false, false
			continue
		case !date && unit == 0 && width == 6 && !have:
			d.add(unitHour, val/10000, 0)
			d.add(unitMinute, val/100%100, 0)
			d.add(unitSecond, val%100, f)
			return dateOK
		case !date && (unit == 0 || unit == ':') && !have:
			d.add(unitHour, val, f)
			if unit == 0 {
				return dateOK
			}
			if s, e = d.isoRest(s, ':', unitMinute, unitSecond); e == dateOK && s != "" {
				e = dateBad
			}
			return e
		default:
			return dateBad
		}
		have = true
	}
	return dateOK
}

// isoUnit adds a number that a letter follows; false if it is none of ISO's.
func (d *intervalDecoder) isoUnit(date bool, letter byte, val int64, f float64) bool {
	unit := unitNone
	switch {
	case letter == 'Y' && date:
		unit = unitYear
	case letter == 'M' && date:
		unit = unitMonth
	case letter == 'W' && date:
		unit = unitWeek
	case letter == 'D' && date:
		unit = unitDay
	case letter == 'H' && !date:
		unit = unitHour
	case letter == 'M' && !date:
		unit = unitMinute
	case letter == 'S' && !date:
		unit = unitSecond
	}
	return d.add(unit, val, f)
}

// isoRest reads the second and perhaps third part of the extended format.
func (d *intervalDecoder) isoRest(s string, separator byte, units ...int) (string, dateError) {
	for i, unit := range units {
		val, f, rest, e := isoNumber(s)
		if e != dateOK {
			return "", e
		}
		d.add(unit, val, f)
		switch {
		case rest == "":
			return "", dateOK
		case rest[0] == 'T' && separator == '-':
			return rest[1:], dateOK
		case rest[0] != separator || i == len(units)-1:
			return "", dateBad
		}
		s = rest[1:]
	}
	return s, dateOK
}

// isoNumber reads a number with a fraction perhaps.
func isoNumber(s string) (val int64, f float64, rest string, _ dateError) {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	i = span1(s, i, isDigit)
	digits := s[:i]
	if i < len(s) && s[i] == '.' {
		j := span1(s, i+1, isDigit)
		v, ok := fractionOf(s[i:j])
		if !ok {
			return 0, 0, "", dateBad
		}
		f, i = v, j
	}
	if i == 0 || s[:i] == "-" {
		return 0, 0, "", dateBad
	}
	if digits != "" && digits != "-" {
		var err error
		if val, err = strconv.ParseInt(digits, 10, 64); err != nil {
			return 0, 0, "", dateOverflow
		}
	}
	if s[0] == '-' {
		f = -f
	}
	return val, f, s[i:], dateOK
}
