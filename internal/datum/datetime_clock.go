package datum

import (
	"math"
	"strconv"
	"strings"
)

// fraction reads a point and digits as microseconds, rounded.
func fraction(s string) (int64, bool) {
	v, ok := fractionOf(s)
	if !ok {
		return 0, false
	}
	return int64(math.RoundToEven(v * 1e6)), true
}

// clock reads hh:mm, hh:mm:ss, hh:mm:ss.ffffff and mm:ss.ffffff.
func (d *dateDecoder) clock(text string) (int, dateError) {
	c, e := decodeClock(text)
	if e != dateOK {
		return 0, e
	}
	if c.hour > 24 {
		return 0, dateOverflow
	}
	d.hour, d.minute, d.second, d.micros = int(c.hour), c.minute, c.second, c.micros
	if !d.validClock() {
		return 0, dateOverflow
	}
	return maskTime, dateOK
}

// validClock allows 24:00:00, and a second 60.
func (d *dateDecoder) validClock() bool {
	return d.hour <= 24 && d.minute < 60 && d.second <= 60 && d.timeOfDay() <= microsPerDay
}

func (d *dateDecoder) timeOfDay() int64 {
	return int64(d.hour)*microsPerHour + int64(d.minute)*microsPerMinute + int64(d.second)*microsPerSecond + d.micros
}

// clockValue is a time of a text, or of an interval.
type clockValue struct {
	hour           int64
	minute, second int
	micros         int64
}

func decodeClock(text string) (clockValue, dateError) {
	var c clockValue
	var part [3]int64
	n := 0
	for n < 3 {
		end := span1(text, 0, isDigit)
		v, err := strconv.ParseInt(text[:end], 10, 64)
		if end == 0 {
			v = 0 // as strtol has it
		} else if err != nil || n > 0 && v > math.MaxInt32 {
			return c, dateOverflow
		}
		part[n] = v
		n++
		text = text[end:]
		if text == "" || text[0] != ':' {
			break
		}
		text = text[1:]
	}
	if n < 2 {
		return c, dateBad
	}
	if text != "" {
		if text[0] != '.' {
			return c, dateBad
		}
		var ok bool
		if c.micros, ok = fraction(text); !ok {
			return c, dateBad
		}
		if n == 2 { // minutes and seconds
			part = [3]int64{0, part[0], part[1]}
		}
	}
	if part[1] > 59 || part[2] > 60 {
		return c, dateOverflow
	}
	c.hour, c.minute, c.second = part[0], int(part[1]), int(part[2])
	return c, dateOK
}

// offsetField reads +hh, +hhmm, +hh:mm, +hh:mm:ss.
func (d *dateDecoder) offsetField(text string) (int, dateError) {
	if text[0] != '+' && text[0] != '-' {
		return 0, dateBad
	}
	h, end, ok := atoi(text[1:])
	if !ok {
		return 0, dateZoneOverflow
	}
	rest, m, s := text[1+end:], 0, 0
	switch {
	case rest == "" && len(text) > 3:
		h, m = h/100, h%100
	case strings.HasPrefix(rest, ":"):
		if m, end, ok = atoi(rest[1:]); !ok {
			return 0, dateZoneOverflow
		}
		if rest = rest[1+end:]; strings.HasPrefix(rest, ":") {
			if s, end, ok = atoi(rest[1:]); !ok {
				return 0, dateZoneOverflow
			}
			rest = rest[1+end:]
		}
	}
	if h < 0 || h > 15 || m < 0 || m > 59 || s < 0 || s > 59 {
		return 0, dateZoneOverflow
	}
	if rest != "" {
		return 0, dateBad
	}
	if d.offset = h*3600 + m*60 + s; text[0] == '-' {
		d.offset = -d.offset
	}
	return maskZone, dateOK
}
