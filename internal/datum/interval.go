package datum

import (
	"strconv"
)

// intervalModText is what format_type writes behind "interval".
func intervalModText(mod int32) string {
	text := intervalRange(mod >> 16 & 0x7fff).name()
	if text != "" {
		text = " " + text
	}
	if p := mod & 0xffff; p != 0xffff {
		text += "(" + strconv.Itoa(int(p)) + ")"
	}
	return text
}

// intervalRange is the fields that an interval type keeps, as PostgreSQL
// encodes them in the type modifier.
type intervalRange int32

// The bits of an intervalRange, for the modifiers of ByName.
const (
	IntervalMonth  = 1 << 1
	IntervalYear   = 1 << 2
	IntervalDay    = 1 << 3
	IntervalHour   = 1 << 10
	IntervalMinute = 1 << 11
	IntervalSecond = 1 << 12
	// IntervalFull is all fields: the first of ByName's modifiers where only a
	// precision is given, and 0xffff is the precision where only fields are.
	IntervalFull          = 0x7fff
	IntervalFullPrecision = 0xffff
)

// name is the range in SQL; empty for all fields.
func (r intervalRange) name() string {
	switch r {
	case IntervalYear:
		return "year"
	case IntervalMonth:
		return "month"
	case IntervalDay:
		return "day"
	case IntervalHour:
		return "hour"
	case IntervalMinute:
		return "minute"
	case IntervalSecond:
		return "second"
	case IntervalYear | IntervalMonth:
		return "year to month"
	case IntervalDay | IntervalHour:
		return "day to hour"
	case IntervalDay | IntervalHour | IntervalMinute:
		return "day to minute"
	case IntervalDay | IntervalHour | IntervalMinute | IntervalSecond:
		return "day to second"
	case IntervalHour | IntervalMinute:
		return "hour to minute"
	case IntervalHour | IntervalMinute | IntervalSecond:
		return "hour to second"
	case IntervalMinute | IntervalSecond:
		return "minute to second"
	}
	return ""
}

// rightmost is the unit of a number without one.
func (r intervalRange) rightmost() int {
	switch {
	case r == IntervalFull || r&IntervalSecond != 0:
		return unitSecond
	case r&IntervalMinute != 0:
		return unitMinute
	case r&IntervalHour != 0:
		return unitHour
	case r&IntervalDay != 0:
		return unitDay
	case r&IntervalMonth != 0:
		return unitMonth
	case r&IntervalYear != 0:
		return unitYear
	}
	return unitSecond
}

// fitInterval drops the fields that the type modifier does not keep.
func fitInterval(v IntervalValue, mod int32) IntervalValue {
	r := intervalRange(mod >> 16 & 0x7fff)
	switch {
	case r == IntervalFull || r&IntervalSecond != 0:
	case r&IntervalMinute != 0:
		v.Micros -= v.Micros % microsPerMinute
	case r&IntervalHour != 0:
		v.Micros -= v.Micros % microsPerHour
	case r&IntervalDay != 0:
		v.Micros = 0
	case r&IntervalMonth != 0:
		v.Micros, v.Days = 0, 0
	case r&IntervalYear != 0:
		v = IntervalValue{Months: v.Months / 12 * 12}
	}
	if p := mod & 0xffff; p <= 6 {
		v.Micros = roundMicros(v.Micros, int(p))
	}
	return v
}

// intervalParts is an interval as it is written. Each has its own sign.
type intervalParts struct {
	years, months, days int64
	hours, minutes      int64
	seconds, micros     int64
}

func partsOf(v IntervalValue) intervalParts {
	return intervalParts{
		years:   int64(v.Months / 12),
		months:  int64(v.Months % 12),
		days:    int64(v.Days),
		hours:   v.Micros / microsPerHour,
		minutes: v.Micros / microsPerMinute % 60,
		seconds: v.Micros / microsPerSecond % 60,
		micros:  v.Micros % microsPerSecond,
	}
}

func appendInterval(dst []byte, v IntervalValue, f *Format) []byte {
	style := IntervalPostgres
	if f != nil {
		style = f.IntervalStyle
	}
	switch p := partsOf(v); style {
	case IntervalPostgresVerbose:
		return p.appendVerbose(dst)
	case IntervalSQLStandard:
		return p.appendStandard(dst)
	case IntervalISO8601:
		return p.appendISO(dst)
	default:
		return p.appendPostgres(dst)
	}
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// appendHours writes hours with at least the given number of digits.
func appendHours(dst []byte, n int64, width int) []byte {
	if n = abs(n); n < 10 && width == 2 {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, uint64(n), 10)
}

func (p *intervalParts) timeNegative() bool {
	return p.hours < 0 || p.minutes < 0 || p.seconds < 0 || p.micros < 0
}

func (p *intervalParts) hasTime() bool {
	return p.hours != 0 || p.minutes != 0 || p.seconds != 0 || p.micros != 0
}

// appendPostgres: 1 year 2 mons -3 days +04:05:06.7
func (p *intervalParts) appendPostgres(dst []byte) []byte {
	first, before := true, false
	unit := func(n int64, name string) {
		if n == 0 {
			return
		}
		if !first {
			dst = append(dst, ' ')
		}
		if before && n > 0 {
			dst = append(dst, '+')
		}
		dst = strconv.AppendInt(dst, n, 10)
		dst = append(append(dst, ' '), name...)
		if n != 1 {
			dst = append(dst, 's')
		}
		first, before = false, n < 0
	}
	unit(p.years, "year")
	unit(p.months, "mon")
	unit(p.days, "day")
	if !first && !p.hasTime() {
		return dst
	}
	if !first {
		dst = append(dst, ' ')
	}
	if p.timeNegative() {
		dst = append(dst, '-')
	} else if before {
		dst = append(dst, '+')
	}
	return p.appendClock(dst, 2)
}

// appendClock writes hours, minutes and seconds without a sign.
func (p *intervalParts) appendClock(dst []byte, width int) []byte {
	dst = appendHours(dst, p.hours, width)
	dst = appendTwo(append(dst, ':'), abs(p.minutes))
	dst = appendTwo(append(dst, ':'), abs(p.seconds))
	return appendFraction(dst, abs(p.micros))
}

// appendVerbose: @ 1 year 2 mons -3 days 4 hours 5 mins 6.7 secs ago
func (p *intervalParts) appendVerbose(dst []byte) []byte {
	dst = append(dst, '@')
	first, before := true, false
	unit := func(n int64, name string) {
		if n == 0 {
			return
		}
		if first {
			before, n, first = n < 0, abs(n), false
		} else if before {
			n = -n
		}
		dst = strconv.AppendInt(append(dst, ' '), n, 10)
		dst = append(append(dst, ' '), name...)
		if n != 1 {
			dst = append(dst, 's')
		}
	}
	unit(p.years, "year")
	unit(p.months, "mon")
	unit(p.days, "day")
	unit(p.hours, "hour")
	unit(p.minutes, "min")
	if p.seconds != 0 || p.micros != 0 {
		dst = append(dst, ' ')
		negative := p.seconds < 0 || p.micros < 0
		switch {
		case first:
			before = negative
		case negative != before:
			dst = append(dst, '-')
		}
		dst = strconv.AppendInt(dst, abs(p.seconds), 10)
		dst = append(appendFraction(dst, abs(p.micros)), " sec"...)
		if abs(p.seconds) != 1 || p.micros != 0 {
			dst = append(dst, 's')
		}
		first = false
	}
	if first {
		dst = append(dst, " 0"...)
	}
	if before {
		dst = append(dst, " ago"...)
	}
	return dst
}

// appendStandard: 1-2, 3 4:05:06, or +1-2 -3 +4:05:06 where signs differ.
func (p *intervalParts) appendStandard(dst []byte) []byte {
	yearMonth, day, clock := p.years != 0 || p.months != 0, p.days != 0, p.hasTime()
	negative := p.years < 0 || p.months < 0 || p.days < 0 || p.timeNegative()
	positive := p.years > 0 || p.months > 0 || p.days > 0 ||
		p.hours > 0 || p.minutes > 0 || p.seconds > 0 || p.micros > 0
	if !negative && !positive {
		return append(dst, '0')
	}
	yearMonthText := func() {
		dst = strconv.AppendInt(dst, abs(p.years), 10)
		dst = strconv.AppendInt(append(dst, '-'), abs(p.months), 10)
	}
	if negative && positive || yearMonth && (day || clock) {
		sign := func(negative bool) byte {
			if negative {
				return '-'
			}
			return '+'
		}
		dst = append(dst, sign(p.years < 0 || p.months < 0))
		yearMonthText()
		dst = append(dst, ' ', sign(p.days < 0))
		dst = strconv.AppendInt(dst, abs(p.days), 10)
		dst = append(dst, ' ', sign(p.timeNegative()))
		return p.appendClock(dst, 1)
	}
	if negative {
		dst = append(dst, '-')
	}
	switch {
	case yearMonth:
		yearMonthText()
		return dst
	case day:
		dst = append(strconv.AppendInt(dst, abs(p.days), 10), ' ')
	}
	return p.appendClock(dst, 1)
}

// appendISO: P1Y2M-3DT4H5M6.7S
func (p *intervalParts) appendISO(dst []byte) []byte {
	if p.years == 0 && p.months == 0 && p.days == 0 && !p.hasTime() {
		return append(dst, "PT0S"...)
	}
	unit := func(n int64, name byte) {
		if n != 0 {
			dst = append(strconv.AppendInt(dst, n, 10), name)
		}
	}
	dst = append(dst, 'P')
	unit(p.years, 'Y')
	unit(p.months, 'M')
	unit(p.days, 'D')
	if !p.hasTime() {
		return dst
	}
	dst = append(dst, 'T')
	unit(p.hours, 'H')
	unit(p.minutes, 'M')
	if p.seconds != 0 || p.micros != 0 {
		if p.seconds < 0 || p.micros < 0 {
			dst = append(dst, '-')
		}
		dst = strconv.AppendInt(dst, abs(p.seconds), 10)
		dst = append(appendFraction(dst, abs(p.micros)), 'S')
	}
	return dst
}
