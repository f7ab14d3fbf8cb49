package datum

import (
	"strconv"
	"time"
)

func appendTwo(dst []byte, n int64) []byte { return append(dst, byte('0'+n/10%10), byte('0'+n%10)) }

// appendDate writes YYYY-MM-DD, with BC behind for years before 1.
func appendDate(dst []byte, days int64) []byte {
	switch days {
	case DateInfinity:
		return append(dst, "infinity"...)
	case DateMinusInfinity:
		return append(dst, "-infinity"...)
	}
	dst, bc := appendYMD(dst, days)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendYMD(dst []byte, days int64) (_ []byte, bc bool) {
	year, month, day := DateOf(days)
	if year <= 0 {
		year, bc = 1-year, true
	}
	if year < 10000 {
		dst = appendTwo(appendTwo(dst, int64(year/100)), int64(year%100))
	} else {
		dst = strconv.AppendInt(dst, int64(year), 10)
	}
	dst = appendTwo(append(dst, '-'), int64(month))
	return appendTwo(append(dst, '-'), int64(day)), bc
}

// appendTime writes HH:MM:SS and the fraction without zeros at its end.
func appendTime(dst []byte, micros int64) []byte {
	seconds := micros / microsPerSecond
	dst = appendTwo(dst, seconds/3600)
	dst = appendTwo(append(dst, ':'), seconds/60%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	return appendFraction(dst, micros%microsPerSecond)
}

// appendFraction writes a point and up to six digits; nothing for 0.
func appendFraction(dst []byte, micros int64) []byte {
	if micros == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int64(100000); micros > 0; unit /= 10 {
		dst = append(dst, byte('0'+micros/unit%10))
		micros %= unit
	}
	return dst
}

func appendInfinite(dst []byte, micros int64) ([]byte, bool) {
	switch micros {
	case TimestampInfinity:
		return append(dst, "infinity"...), true
	case TimestampMinusInfinity:
		return append(dst, "-infinity"...), true
	}
	return dst, false
}

func appendTimestamp(dst []byte, micros int64) []byte {
	dst, done := appendInfinite(dst, micros)
	if done {
		return dst
	}
	days, rest := splitMicros(micros)
	dst, bc := appendYMD(dst, days)
	dst = appendTime(append(dst, ' '), rest)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendTimestampTZ(dst []byte, micros int64, loc *time.Location) []byte {
	dst, done := appendInfinite(dst, micros)
	if done {
		return dst
	}
	offset := offsetAt(micros, loc)
	days, rest := splitMicros(micros)
	rest += offset * microsPerSecond
	for ; rest < 0; days-- {
		rest += microsPerDay
	}
	for ; rest >= microsPerDay; days++ {
		rest -= microsPerDay
	}
	dst, bc := appendYMD(dst, days)
	dst = appendTime(append(dst, ' '), rest)
	dst = appendOffset(dst, int(offset))
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendOffset writes an offset east of UTC: +02, -03:30, +00:19:32.
func appendOffset(dst []byte, offset int) []byte {
	if offset < 0 {
		dst, offset = append(dst, '-'), -offset
	} else {
		dst = append(dst, '+')
	}
	h, m, s := offset/3600, offset/60%60, offset%60
	if h >= 100 {
		dst = strconv.AppendInt(dst, int64(h), 10)
	} else {
		dst = appendTwo(dst, int64(h))
	}
	if m != 0 || s != 0 {
		dst = appendTwo(append(dst, ':'), int64(m))
	}
	if s != 0 {
		dst = appendTwo(append(dst, ':'), int64(s))
	}
	return dst
}
