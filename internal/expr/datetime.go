package expr

import (
	"math"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Microseconds of units of time.
const (
	microSecond = 1_000_000
	microMinute = 60 * microSecond
	microHour   = 60 * microMinute
	microDay    = 24 * microHour
)

// The ranges of dates and timestamps, and the Julian day of 2000-01-01.
const (
	minDate        = -2451545
	endDate        = 2145031949 // first day that is no date
	minTimestamp   = -211813488000000000
	endTimestamp   = 9223371331200000000
	julianDay2000  = 2451545
	unixEpoch      = 946684800 // seconds from 1970 to 2000
	daysPerMonth   = 30
	monthsPerYear  = 12
	secondsPerDay  = 86400
	maxIntervalSec = math.MaxInt64 / microSecond
)

func timestampRange() error {
	return pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp out of range")
}

func dateRange() error { return pgerror.New(pgerror.DatetimeFieldOverflow, "date out of range") }

func intervalRange() error {
	return pgerror.New(pgerror.DatetimeFieldOverflow, "interval out of range")
}

// zone is the session's time zone.
func zone(env *Env) *time.Location {
	if env == nil || env.Format == nil || env.Format.Location == nil {
		return time.UTC
	}
	return env.Format.Location
}

func infiniteDate(days int64) bool {
	return days == datum.DateInfinity || days == datum.DateMinusInfinity
}

func infinite(ts int64) bool {
	return ts == datum.TimestampInfinity || ts == datum.TimestampMinusInfinity
}

// dateMicros is the timestamp of a date's beginning.
func dateMicros(days int64) (int64, error) {
	switch {
	case days == datum.DateInfinity:
		return datum.TimestampInfinity, nil
	case days == datum.DateMinusInfinity:
		return datum.TimestampMinusInfinity, nil
	case days >= endTimestamp/microDay:
		return 0, pgerror.New(pgerror.DatetimeFieldOverflow, "date out of range for timestamp")
	}
	return days * microDay, nil
}

// microsDate is the date of a timestamp.
func microsDate(ts int64) int64 {
	switch ts {
	case datum.TimestampInfinity:
		return datum.DateInfinity
	case datum.TimestampMinusInfinity:
		return datum.DateMinusInfinity
	}
	return floorDiv64(ts, microDay)
}

func floorDiv64(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floorMod64(a, b int64) int64 { return a - floorDiv64(a, b)*b }

// toUTC and toLocal leave infinity alone.
func toUTC(env *Env, local int64) (int64, error) {
	if infinite(local) {
		return local, nil
	}
	return checkTimestamp(datum.UTCMicros(local, zone(env)))
}

func toLocal(env *Env, utc int64) int64 {
	if infinite(utc) {
		return utc
	}
	return datum.LocalMicros(utc, zone(env))
}

func checkTimestamp(ts int64) (int64, error) {
	if ts < minTimestamp || ts >= endTimestamp {
		return 0, timestampRange()
	}
	return ts, nil
}

func timestampOf(ts int64, err error) (datum.Datum, error) {
	if err != nil {
		return datum.Datum{}, err
	}
	return datum.NewTimestamp(ts), nil
}

func timestampTZOf(ts int64, err error) (datum.Datum, error) {
	if err != nil {
		return datum.Datum{}, err
	}
	return datum.NewTimestampTZ(ts), nil
}

func dateOf(days int64) (datum.Datum, error) {
	if days < minDate || days >= endDate {
		return datum.Datum{}, dateRange()
	}
	return datum.NewDate(days), nil
}

// Casts.

func dateToTimestamp(_ *Env, v datum.Datum) (datum.Datum, error) {
	return timestampOf(dateMicros(v.Int()))
}

func dateToTimestampTZ(env *Env, v datum.Datum) (datum.Datum, error) {
	ts, err := dateMicros(v.Int())
	if err != nil {
		return datum.Datum{}, err
	}
	return timestampTZOf(toUTC(env, ts))
}

func timestampToDate(_ *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewDate(microsDate(v.Int())), nil
}

func timestampToTime(_ *Env, v datum.Datum) (datum.Datum, error) {
	if infinite(v.Int()) {
		return datum.Datum{}, nil
	}
	return datum.NewTime(floorMod64(v.Int(), microDay)), nil
}

func timestampToTZ(env *Env, v datum.Datum) (datum.Datum, error) {
	return timestampTZOf(toUTC(env, v.Int()))
}

func tzToDate(env *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewDate(microsDate(toLocal(env, v.Int()))), nil
}

func tzToTime(env *Env, v datum.Datum) (datum.Datum, error) {
	return timestampToTime(env, datum.NewTimestamp(toLocal(env, v.Int())))
}

func tzToTimestamp(env *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewTimestamp(toLocal(env, v.Int())), nil
}

func timeToInterval(_ *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewInterval(datum.IntervalValue{Micros: v.Int()}), nil
}

func intervalToTime(_ *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewTime(floorMod64(v.Interval().Micros, microDay)), nil
}

// castFn makes a function of a cast.
func castFn(f castFunction) fnx {
	return func(env *Env, _ *Call, a []datum.Datum) (datum.Datum, error) { return f(env, a[0]) }
}

// Comparisons between kinds.

func compareInts(op opcode, a, b int64) datum.Datum {
	return datum.NewBool(compareInt(op, a, b))
}

// dateVersus compares a date with a timestamp (swap: the other way round).
func dateVersus(op opcode, swap bool) fn2 {
	return func(a, b datum.Datum) (datum.Datum, error) {
		if swap {
			return compareInts(op, a.Int(), clampDate(b.Int())), nil
		}
		return compareInts(op, clampDate(a.Int()), b.Int()), nil
	}
}

// clampDate is the timestamp of a date, also of one beyond all timestamps.
func clampDate(days int64) int64 {
	ts, err := dateMicros(days)
	if err != nil {
		return datum.TimestampInfinity - 1
	}
	return ts
}

// zonedVersus compares a date or timestamp with a timestamptz.
func zonedVersus(op opcode) fnx {
	return func(env *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
		var v [2]int64
		for i, d := range a {
			switch d.Kind() {
			case datum.KindTimestampTZ:
				v[i] = d.Int()
				continue
			case datum.KindDate:
				v[i] = clampDate(d.Int())
			default:
				v[i] = d.Int()
			}
			if !infinite(v[i]) {
				v[i] = datum.UTCMicros(v[i], zone(env))
			}
		}
		return compareInts(op, v[0], v[1]), nil
	}
}

// Arithmetic.

func dateSub(a, b datum.Datum) (datum.Datum, error) {
	if infiniteDate(a.Int()) || infiniteDate(b.Int()) {
		return datum.Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "cannot subtract infinite dates")
	}
	return int4(a.Int() - b.Int())
}

func dateAddDays(a, n datum.Datum) (datum.Datum, error) {
	if infiniteDate(a.Int()) {
		return a, nil
	}
	return dateOf(a.Int() + n.Int())
}

func dateSubDays(a, n datum.Datum) (datum.Datum, error) {
	return dateAddDays(a, datum.NewInt(-n.Int()))
}

func dateAddInterval(a, b datum.Datum) (datum.Datum, error) {
	ts, err := dateMicros(a.Int())
	if err != nil {
		return datum.Datum{}, err
	}
	return timestampOf(addInterval(ts, b.Interval()))
}

func dateSubInterval(a, b datum.Datum) (datum.Datum, error) {
	v, err := intervalNeg(b)
	if err != nil {
		return v, err
	}
	return dateAddInterval(a, v)
}

func dateAddTime(a, b datum.Datum) (datum.Datum, error) {
	ts, err := dateMicros(a.Int())
	if err != nil || infinite(ts) {
		return timestampOf(ts, err)
	}
	return timestampOf(checkTimestamp(ts + b.Int()))
}

func timeAddInterval(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewTime(floorMod64(a.Int()+b.Interval().Micros%microDay, microDay)), nil
}

func timeSubInterval(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewTime(floorMod64(a.Int()-b.Interval().Micros%microDay, microDay)), nil
}

func timeSub(a, b datum.Datum) (datum.Datum, error) {
	return datum.NewInterval(datum.IntervalValue{Micros: a.Int() - b.Int()}), nil
}

// timestampSub is the difference in days and time.
func timestampSub(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Int(), b.Int()
	if infinite(x) || infinite(y) {
		return datum.Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "cannot subtract infinite timestamps")
	}
	if d := x - y; (d < x) == (y > 0) {
		return justifyHours(datum.NewInterval(datum.IntervalValue{Micros: d}))
	}
	return datum.Datum{}, intervalRange()
}

func timestampAdd(a, b datum.Datum) (datum.Datum, error) {
	return timestampOf(addInterval(a.Int(), b.Interval()))
}

func timestampSubInterval(a, b datum.Datum) (datum.Datum, error) {
	v, err := intervalNeg(b)
	if err != nil {
		return v, err
	}
	return timestampAdd(a, v)
}

// addInterval adds months, then days, then time.
func addInterval(ts int64, v datum.IntervalValue) (int64, error) {
	if infinite(ts) {
		return ts, nil
	}
	ts, err := addDays(ts, v)
	if err != nil {
		return 0, err
	}
	if sum := ts + v.Micros; (sum > ts) == (v.Micros > 0) {
		return checkTimestamp(sum)
	}
	return 0, timestampRange()
}

// addDays adds an interval's months and days.
func addDays(ts int64, v datum.IntervalValue) (int64, error) {
	days, clock := floorDiv64(ts, microDay), floorMod64(ts, microDay)
	if v.Months != 0 {
		y, m, d := datum.DateOf(days)
		n := int64(y)*12 + int64(m-1) + int64(v.Months)
		y, m = int(floorDiv64(n, 12)), int(floorMod64(n, 12))+1
		days = datum.DaysOf(y, m, min(d, monthDays(y, m)))
	}
	days += int64(v.Days)
	if days < minDate || days >= endTimestamp/microDay {
		return 0, timestampRange()
	}
	return days*microDay + clock, nil
}

func monthDays(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// addZoned adds an interval to a timestamptz: months and days by the calendar of
// the time zone.
func addZoned(ts int64, v datum.IntervalValue, loc *time.Location) (int64, error) {
	if infinite(ts) {
		return ts, nil
	}
	if v.Months != 0 || v.Days != 0 {
		local, err := addDays(datum.LocalMicros(ts, loc), v)
		if err != nil {
			return 0, err
		}
		ts = datum.UTCMicros(local, loc)
	}
	return addInterval(ts, datum.IntervalValue{Micros: v.Micros})
}

func timestampTZAdd(env *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].Kind() == datum.KindInterval {
		return timestampTZOf(addZoned(a[1].Int(), a[0].Interval(), zone(env)))
	}
	return timestampTZOf(addZoned(a[0].Int(), a[1].Interval(), zone(env)))
}

func timestampTZSub(env *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	v, err := intervalNeg(a[1])
	if err != nil {
		return v, err
	}
	return timestampTZOf(addZoned(a[0].Int(), v.Interval(), zone(env)))
}

// swap calls a binary function with its arguments exchanged.
func swap(f fn2) fn2 { return func(a, b datum.Datum) (datum.Datum, error) { return f(b, a) } }

func finiteDate(a datum.Datum) (datum.Datum, error) {
	return datum.NewBool(!infiniteDate(a.Int())), nil
}

func finiteTimestamp(a datum.Datum) (datum.Datum, error) {
	return datum.NewBool(!infinite(a.Int())), nil
}

func finiteInterval(datum.Datum) (datum.Datum, error) { return datum.NewBool(true), nil }

// AT TIME ZONE.

func atZoneTZ(a, b datum.Datum) (datum.Datum, error) {
	loc, err := zoneArg(a)
	if err != nil || infinite(b.Int()) {
		return datum.NewTimestamp(b.Int()), err
	}
	return timestampOf(checkTimestamp(datum.LocalMicros(b.Int(), loc)))
}

func atZone(a, b datum.Datum) (datum.Datum, error) {
	loc, err := zoneArg(a)
	if err != nil || infinite(b.Int()) {
		return datum.NewTimestampTZ(b.Int()), err
	}
	return timestampTZOf(checkTimestamp(datum.UTCMicros(b.Int(), loc)))
}

// zoneArg is a time zone given by its name or by its distance from UTC.
func zoneArg(a datum.Datum) (*time.Location, error) {
	if a.Kind() != datum.KindInterval {
		return namedZone(a.Text())
	}
	v := a.Interval()
	if v.Months != 0 || v.Days != 0 {
		return nil, pgerror.New(pgerror.InvalidParameterValue, "interval time zone \"%s\" must not include months or days",
			textOf(nil, a, datum.Interval))
	}
	return time.FixedZone("", int(v.Micros/microSecond)), nil
}

func namedZone(name string) (*time.Location, error) {
	loc, err := datum.ParseTimeZone(name)
	if err != nil {
		return nil, pgerror.New(pgerror.InvalidParameterValue, "time zone \"%s\" not recognized", name)
	}
	return loc, nil
}

// timestampOfEpoch is to_timestamp(double precision).
func timestampOfEpoch(a datum.Datum) (datum.Datum, error) {
	f := a.Float()
	switch {
	case math.IsNaN(f):
		return datum.Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp cannot be NaN")
	case math.IsInf(f, 1):
		return datum.NewTimestampTZ(datum.TimestampInfinity), nil
	case math.IsInf(f, -1):
		return datum.NewTimestampTZ(datum.TimestampMinusInfinity), nil
	case f < -210866803200 || f > 9224318016000:
		return datum.Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp out of range: \"%s\"", formatG(f, 6, 64))
	}
	return timestampTZOf(checkTimestamp(int64(math.RoundToEven((f - unixEpoch) * microSecond))))
}
