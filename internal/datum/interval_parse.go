package datum

import (
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// intervalDecoder adds the parts of an interval up.
type intervalDecoder struct {
	years, months, days int64 // each within 32 bits
	micros              int64
	overflow            bool
	mask                int // units seen, as bits; the upper ones say milliseconds etc.
	negative            bool
}

// add32 adds to a part that must stay within 32 bits.
func (d *intervalDecoder) add32(part *int64, n, scale int64) {
	n = d.mul(n, scale)
	if n > math.MaxInt32 || n < math.MinInt32 {
		d.overflow = true
		return
	}
	*part += n
	if *part > math.MaxInt32 || *part < math.MinInt32 {
		d.overflow = true
	}
}

func (d *intervalDecoder) mul(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(abs(a)), uint64(b))
	if hi != 0 || lo > math.MaxInt64 {
		d.overflow = true
		return 0
	}
	if a < 0 {
		return -int64(lo)
	}
	return int64(lo)
}

func (d *intervalDecoder) addMicros(n int64) {
	sum := d.micros + n
	if n > 0 && sum < d.micros || n < 0 && sum > d.micros {
		d.overflow = true
		return
	}
	d.micros = sum
}

// fractMicros adds a fraction of a unit of scale microseconds.
func (d *intervalDecoder) fractMicros(f float64, scale int64) {
	f *= float64(scale)
	n := int64(f)
	if f -= float64(n); f > 0.5 {
		n++
	} else if f < -0.5 {
		n--
	}
	d.addMicros(n)
}

// fractDays adds a fraction of a unit of scale days.
func (d *intervalDecoder) fractDays(f float64, scale int64) {
	f *= float64(scale)
	n := int64(f)
	d.add32(&d.days, n, 1)
	d.fractMicros(f-float64(n), microsPerDay)
}

func (d *intervalDecoder) fractYears(f float64, scale int64) {
	d.add32(&d.months, int64(math.RoundToEven(f*float64(scale)*12)), 1)
}

// add adds val and a fraction of a unit; false if there is no such unit.
func (d *intervalDecoder) add(unit int, val int64, f float64) bool {
	switch unit {
	case unitMicrosecond:
		d.addMicros(d.mul(val, 1))
		d.fractMicros(f, 1)
	case unitMillisecond:
		d.addMicros(d.mul(val, 1000))
		d.fractMicros(f, 1000)
	case unitSecond:
		d.addMicros(d.mul(val, microsPerSecond))
		d.fractMicros(f, microsPerSecond)
	case unitMinute:
		d.addMicros(d.mul(val, microsPerMinute))
		d.fractMicros(f, microsPerMinute)
	case unitHour:
		d.addMicros(d.mul(val, microsPerHour))
		d.fractMicros(f, microsPerHour)
	case unitDay:
		d.add32(&d.days, val, 1)
		d.fractMicros(f, microsPerDay)
	case unitWeek:
		d.add32(&d.days, val, 7)
		d.fractDays(f, 7)
	case unitMonth:
		d.add32(&d.months, val, 1)
		d.fractDays(f, 30)
	case unitYear, unitDecade, unitCentury, unitMillennium:
		scale := [...]int64{1, 10, 100, 1000}[unit-unitYear]
		d.add32(&d.years, val, scale)
		d.fractYears(f, scale)
	default:
		return false
	}
	return true
}

func (d *intervalDecoder) negate() {
	if d.micros == math.MinInt64 || d.days == math.MinInt32 || d.months == math.MinInt32 || d.years == math.MinInt32 {
		d.overflow = true
		return
	}
	d.years, d.months, d.days, d.micros = -d.years, -d.months, -d.days, -d.micros
}

// parseInterval reads an interval; mod tells the unit of a number without one.
func parseInterval(s string, mod int32, f *Format) (Datum, error) {
	if err := CheckText(s); err != nil {
		return Datum{}, err
	}
	r := intervalRange(IntervalFull)
	if mod >= 0 {
		r = intervalRange(mod >> 16 & 0x7fff)
	}
	var d intervalDecoder
	var l fieldList
	e := dateBad
	if l.scan(s) {
		e = d.decode(&l, r, f != nil && f.IntervalStyle == IntervalSQLStandard)
	}
	if e == dateBad {
		d = intervalDecoder{}
		e = d.decodeISO(s)
	}
	if e == dateOverflow || e == dateOK && d.overflow {
		e = dateIntervalOverflow
	}
	if e != dateOK {
		return Datum{}, e.error(s, "interval", "")
	}
	months := d.years*12 + d.months
	if months > math.MaxInt32 || months < math.MinInt32 {
		return Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "interval out of range")
	}
	return NewInterval(IntervalValue{int32(months), int32(d.days), d.micros}), nil
}

// decode reads fields from the last to the first: a unit stands behind its
// number. standard has a sign in front mean all fields, as SQL's standard has it.
func (d *intervalDecoder) decode(l *fieldList, r intervalRange, standard bool) dateError {
	if standard && l.n > 0 && l.field[0].text[0] == '-' {
		d.negative = true
		for _, f := range l.field[1:l.n] {
			if f.text[0] == '-' || f.text[0] == '+' {
				d.negative = false
			}
		}
	}
	unit, ago := unitNone, false
	for i := l.n - 1; i >= 0; i-- {
		f := l.field[i]
		mask := 0
		e := dateOK
		switch f.kind {
		case fieldTime:
			unit = unitDay
			mask, e = d.clock(f.text, r, false)
		case fieldString, fieldSpecial:
			w := lookup(unitWords[:], f.text)
			switch {
			case w == nil:
				return dateBad
			case w.kind == wordAgo:
				ago, unit = true, unitOther
			case w.kind == wordUnit:
				unit = w.value
			}
			continue
		default:
			if f.kind == fieldOffset && strings.IndexByte(f.text, ':') > 0 {
				if mask, e = d.clock(f.text[1:], r, f.text[0] == '-'); e == dateOK {
					unit = unitDay
					break
				}
			}
			if unit == unitNone {
				unit = r.rightmost()
			}
			mask, unit, e = d.number(f.text, unit)
		}
		if e != dateOK {
			return e
		}
		if mask&d.mask != 0 {
			return dateBad
		}
		d.mask |= mask
	}
	if d.mask == 0 {
		return dateBad
	}
	if ago {
		d.negate()
	}
	return dateOK
}

// The clock takes the bits of hours, minutes and all below; a fraction of a
// second those of milli- and microseconds too.
const (
	maskSubseconds = 1<<unitMicrosecond | 1<<unitMillisecond
	maskClock      = 1<<unitHour | 1<<unitMinute | 1<<unitSecond | maskSubseconds
)

func (d *intervalDecoder) clock(text string, r intervalRange, negative bool) (int, dateError) {
	c, e := decodeClock(text)
	if e != dateOK {
		return 0, e
	}
	if r == IntervalMinute|IntervalSecond && strings.Count(text, ":") == 1 && strings.IndexByte(text, '.') < 0 {
		c = clockValue{minute: int(c.hour), second: c.minute}
	}
	d.micros = 0 // what a fraction of a day has put there is lost, as in PostgreSQL
	d.addMicros(d.mul(c.hour, microsPerHour))
	d.addMicros(int64(c.minute)*microsPerMinute + int64(c.second)*microsPerSecond + c.micros)
	if negative || d.negative {
		d.micros = -d.micros
	}
	return maskClock, dateOK
}

// number reads a number of a unit, or years-months.
func (d *intervalDecoder) number(text string, unit int) (mask, newUnit int, _ dateError) {
	end := 0
	if text[0] == '-' || text[0] == '+' {
		end = 1
	}
	end = span1(text, end, isDigit)
	digits := text[:end]
	val := int64(0)
	if digits != "" && digits != "-" && digits != "+" {
		var err error
		if val, err = strconv.ParseInt(digits, 10, 64); err != nil {
			return 0, unit, dateOverflow
		}
	}
	negative := text[0] == '-'
	rest, f := text[end:], 0.0
	switch {
	case rest == "":
	case rest[0] == '-':
		months, n, ok := atoi(rest[1:])
		if !ok || months < 0 || months >= 12 {
			return 0, unit, dateOverflow
		}
		if rest[1+n:] != "" {
			return 0, unit, dateBad
		}
		if negative {
			months = -months
		}
		unit, val = unitMonth, d.mul(val, 12)+int64(months)
	case rest[0] == '.':
		var ok bool
		if f, ok = fractionOf(rest); !ok {
			return 0, unit, dateBad
		}
		if negative {
			f = -f
		}
	default:
		return 0, unit, dateBad
	}
	if d.negative {
		val, f = -abs(val), -math.Abs(f)
	}
	if !d.add(unit, val, f) {
		return 0, unit, dateBad
	}
	mask = 1 << unit
	if unit == unitSecond && f != 0 {
		mask |= maskSubseconds
	}
	if unit == unitHour {
		unit = unitDay // of a number before it
	}
	return mask, unit, dateOK
}
