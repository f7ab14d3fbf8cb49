package expr

import (
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// unit is a field of EXTRACT and date_trunc, by its first name.
func unit(name string) string {
	name = strings.ToLower(name)
	for _, u := range [...][]string{
		{"century", "c", "cent", "centuries"}, {"day", "d", "days"}, {"decade", "dec", "decades"},
		{"hour", "h", "hours", "hr", "hrs"}, {"julian", "j", "jd"},
		{"microseconds", "microsecond", "us", "usec", "usecs", "usecond", "useconds"},
		{"millennium", "mil", "mils", "millennia"},
		{"milliseconds", "millisecond", "ms", "msec", "msecs", "msecond", "mseconds"},
		{"minute", "m", "min", "mins", "minutes"}, {"month", "mon", "mons", "months"}, {"quarter", "qtr"},
		{"second", "s", "sec", "secs", "seconds"}, {"timezone"}, {"timezone_hour", "timezone_h"},
		{"timezone_minute", "timezone_m"}, {"week", "w", "weeks"}, {"year", "y", "years", "yr", "yrs"},
		{"dow"}, {"doy"}, {"epoch"}, {"isodow"}, {"isoyear"},
	} {
		for _, s := range u {
			if s == name {
				return u[0]
			}
		}
	}
	return ""
}

func badUnit(name string, t datum.Type) error {
	if unit(name) == "" {
		return pgerror.New(pgerror.InvalidParameterValue, "unit \"%s\" not recognized for type %s", strings.ToLower(name), t)
	}
	return pgerror.New(pgerror.FeatureNotSupported, "unit \"%s\" not supported for type %s", strings.ToLower(name), t)
}

// part is a field's value: an integer with so many digits behind the point.
type part struct {
	n     int64
	scale int
	value datum.Datum // instead of n, if not NULL
	null  bool
}

func whole(n int64) part { return part{n: n} }

// numeric is what EXTRACT returns.
func (p part) numeric() (datum.Datum, error) {
	switch {
	case p.null:
		return datum.Datum{}, nil
	case !p.value.IsNull():
		return p.value, nil
	}
	return datum.NewNumeric(apd.New(p.n, int32(-p.scale))), nil
}

// float is what date_part returns.
func (p part) float() (datum.Datum, error) {
	switch {
	case p.null:
		return datum.Datum{}, nil
	case !p.value.IsNull():
		return datum.NewFloat(numericFloat(p.value.Numeric())), nil
	}
	return datum.NewFloat(float64(p.n) / math.Pow10(p.scale)), nil
}

// extract is EXTRACT and date_part, over all types of dates and times.
func extract(asFloat bool) fnx {
	return func(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
		p, err := partOf(env, a[0].Text(), a[1])
		switch {
		case err != nil:
			return datum.Datum{}, err
		case asFloat:
			return p.float()
		}
		return p.numeric()
	}
}

func partOf(env *Env, name string, v datum.Datum) (part, error) {
	u := unit(name)
	switch v.Kind() {
	case datum.KindDate:
		if strings.Contains(" hour minute second milliseconds microseconds timezone timezone_hour timezone_minute ", " "+u+" ") {
			return part{}, badUnit(name, datum.Date)
		}
		ts := clampDate(v.Int())
		if p, ok := infinitePart(u, ts); ok {
			return p, nil
		}
		if u == "epoch" {
			return whole(v.Int()*secondsPerDay + unixEpoch), nil
		}
		if u == "julian" {
			return whole(v.Int() + julianDay2000), nil
		}
		return localPart(name, u, ts, datum.Date)
	case datum.KindTime:
		return timePart(name, u, v.Int())
	case datum.KindInterval:
		return intervalPart(name, u, v.Interval())
	case datum.KindTimestampTZ:
		return zonedPart(env, name, u, v.Int())
	}
	if p, ok := infinitePart(u, v.Int()); ok {
		return p, nil
	}
	return localPart(name, u, v.Int(), datum.Timestamp)
}

// infinitePart is the field of an infinite timestamp: infinite where it grows
// with time, else NULL.
func infinitePart(u string, ts int64) (part, bool) {
	if !infinite(ts) || u == "" {
		return part{}, false
	}
	switch u {
	case "year", "decade", "century", "millennium", "julian", "isoyear", "epoch":
		return part{value: numericInf(ts < 0)}, true
	}
	return part{null: true}, true
}

func zonedPart(env *Env, name, u string, utc int64) (part, error) {
	if p, ok := infinitePart(u, utc); ok {
		return p, nil
	}
	local := toLocal(env, utc)
	offset := (local - utc) / microSecond
	switch u {
	case "timezone":
		return whole(offset), nil
	case "timezone_hour":
		return whole(offset / 3600), nil
	case "timezone_minute":
		return whole(offset % 3600 / 60), nil
	case "epoch":
		return epochPart(utc), nil
	}
	return localPart(name, u, local, datum.TimestampTZ)
}

func epochPart(ts int64) part {
	n := new(big.Int).Add(big.NewInt(ts), big.NewInt(unixEpoch*microSecond))
	if n.IsInt64() {
		return part{n: n.Int64(), scale: 6}
	}
	v, _ := num{n, 6}.datum()
	return part{value: v}
}

func localPart(name, u string, ts int64, t datum.Type) (part, error) {
	days, micros := floorDiv64(ts, microDay), floorMod64(ts, microDay)
	year, month, day := datum.DateOf(days)
	switch u {
	case "hour", "minute", "second", "milliseconds", "microseconds":
		return clockPart(u, micros), nil
	case "day":
		return whole(int64(day)), nil
	case "month":
		return whole(int64(month)), nil
	case "quarter":
		return whole(int64(month-1)/3 + 1), nil
	case "year":
		return whole(shownYear(int64(year))), nil
	case "decade":
		if year >= 0 {
			return whole(int64(year / 10)), nil
		}
		return whole(-int64((8 - (year - 1)) / 10)), nil
	case "century":
		return whole(era(int64(year), 100)), nil
	case "millennium":
		return whole(era(int64(year), 1000)), nil
	case "dow":
		return whole(weekday(days)), nil
	case "isodow":
		return whole((weekday(days)+6)%7 + 1), nil
	case "doy":
		return whole(days - datum.DaysOf(year, 1, 1) + 1), nil
	case "week", "isoyear":
		y, w := isoWeek(days)
		if u == "week" {
			return whole(w), nil
		}
		return whole(shownYear(y)), nil
	case "epoch":
		return epochPart(ts), nil
	case "julian":
		return julianPart(days, micros)
	}
	return part{}, badUnit(name, t)
}

// shownYear leaves year 0 out: 1 BC is -1.
func shownYear(y int64) int64 {
	if y > 0 {
		return y
	}
	return y - 1
}

// era counts centuries or millennia, of which the first begins with year 1.
func era(y, span int64) int64 {
	if y > 0 {
		return (y + span - 1) / span
	}
	return -((span - 1 - (y - 1)) / span)
}

// weekday is 0 for Sunday.
func weekday(days int64) int64 { return floorMod64(days+6, 7) }

// isoWeek is the ISO 8601 year and week of a date.
func isoWeek(days int64) (year, week int64) {
	thursday := days - (weekday(days)+6)%7 + 3
	y, _, _ := datum.DateOf(thursday)
	return int64(y), (thursday-datum.DaysOf(y, 1, 1))/7 + 1
}

func julianPart(days, micros int64) (part, error) {
	d, err := numericDiv(datum.NewNumeric(apd.New(micros, 0)), datum.NewNumeric(apd.New(microDay, 0)))
	if err != nil {
		return part{}, err
	}
	v, err := numericAdd(datum.NewNumeric(apd.New(days+julianDay2000, 0)), d)
	return part{value: v}, err
}

func clockPart(u string, micros int64) part {
	switch u {
	case "hour":
		return whole(micros / microHour)
	case "minute":
		return whole(micros / microMinute % 60)
	case "second":
		return part{n: micros % microMinute, scale: 6}
	case "milliseconds":
		return part{n: micros % microMinute, scale: 3}
	}
	return whole(micros % microMinute)
}

func timePart(name, u string, micros int64) (part, error) {
	switch u {
	case "hour", "minute", "second", "milliseconds", "microseconds":
		return clockPart(u, micros), nil
	case "epoch":
		return part{n: micros, scale: 6}, nil
	}
	return part{}, badUnit(name, datum.Time)
}

func intervalPart(name, u string, v datum.IntervalValue) (part, error) {
	years, months := int64(v.Months/12), int64(v.Months%12)
	switch u {
	case "hour", "minute", "second", "milliseconds", "microseconds":
		return clockPart(u, v.Micros), nil
	case "day":
		return whole(int64(v.Days)), nil
	case "month":
		return whole(months), nil
	case "quarter":
		return whole(months/3 + 1), nil
	case "year":
		return whole(years), nil
	case "decade":
		return whole(years / 10), nil
	case "century":
		return whole(years / 100), nil
	case "millennium":
		return whole(years / 1000), nil
	case "epoch":
		secs := (1461*years + 120*months + 4*int64(v.Days)) * (secondsPerDay / 4)
		n := new(big.Int).Mul(big.NewInt(secs), big.NewInt(microSecond))
		d, err := num{n.Add(n, big.NewInt(v.Micros)), 6}.datum()
		return part{value: d}, err
	}
	return part{}, badUnit(name, datum.Interval)
}

// truncTimestamp is date_trunc(field, timestamp).
func truncTimestamp(a, b datum.Datum) (datum.Datum, error) {
	ts, err := truncLocal(a.Text(), b.Int(), datum.Timestamp)
	return timestampOf(ts, err)
}

func truncTimestampTZ(env *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	loc := zone(env)
	if len(a) == 3 {
		var err error
		if loc, err = namedZone(a[2].Text()); err != nil {
			return datum.Datum{}, err
		}
	}
	return timestampTZOf(truncZoned(a[0].Text(), a[1].Int(), loc))
}

func truncZoned(field string, utc int64, loc *time.Location) (int64, error) {
	if infinite(utc) {
		return truncLocal(field, utc, datum.TimestampTZ)
	}
	local := datum.LocalMicros(utc, loc)
	t, err := truncLocal(field, local, datum.TimestampTZ)
	if err != nil {
		return 0, err
	}
	switch unit(field) {
	case "hour", "minute", "second", "milliseconds", "microseconds":
		return t - (local - utc), nil // the offset stays
	}
	return checkTimestamp(datum.UTCMicros(t, loc))
}

func truncLocal(field string, ts int64, t datum.Type) (int64, error) {
	u := unit(field)
	step := int64(0)
	switch u {
	case "microseconds":
		step = 1
	case "milliseconds":
		step = 1000
	case "second":
		step = microSecond
	case "minute":
		step = microMinute
	case "hour":
		step = microHour
	case "day":
		step = microDay
	case "week", "month", "quarter", "year", "decade", "century", "millennium":
	default:
		return 0, badUnit(field, t)
	}
	if infinite(ts) {
		return ts, nil
	}
	if step > 0 {
		return ts - floorMod64(ts, step), nil
	}
	days := floorDiv64(ts, microDay)
	if u == "week" {
		return checkTimestamp((days - (weekday(days)+6)%7) * microDay)
	}
	y, m, _ := datum.DateOf(days)
	y, m = truncCalendar(u, y, m)
	return checkTimestamp(datum.DaysOf(y, m, 1) * microDay)
}

func truncCalendar(u string, y, m int) (int, int) {
	switch u {
	case "month":
		return y, m
	case "quarter":
		return y, (m-1)/3*3 + 1
	case "decade":
		if y > 0 {
			return y / 10 * 10, 1
		}
		return -((8 - (y - 1)) / 10) * 10, 1
	case "century":
		return eraStart(y, 100), 1
	case "millennium":
		return eraStart(y, 1000), 1
	}
	return y, 1
}

func eraStart(y, span int) int {
	if y > 0 {
		return (y+span-1)/span*span - (span - 1)
	}
	return -((span-1-(y-1))/span)*span + 1
}

func truncInterval(a, b datum.Datum) (datum.Datum, error) {
	v := b.Interval()
	u := unit(a.Text())
	switch u {
	case "microseconds":
	case "milliseconds":
		v.Micros -= v.Micros % 1000
	case "second":
		v.Micros -= v.Micros % microSecond
	case "minute":
		v.Micros -= v.Micros % microMinute
	case "hour":
		v.Micros -= v.Micros % microHour
	case "day":
		v.Micros = 0
	case "month", "quarter", "year", "decade", "century", "millennium":
		step := map[string]int32{"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200, "millennium": 12000}[u]
		v = datum.IntervalValue{Months: v.Months - v.Months%step}
	case "week":
		return datum.Datum{}, pgerror.New(pgerror.FeatureNotSupported, "unit \"%s\" not supported for type %s", u, datum.Interval).
			WithDetail("Months usually have fractional weeks.")
	default:
		return datum.Datum{}, badUnit(a.Text(), datum.Interval)
	}
	return datum.NewInterval(v), nil
}
