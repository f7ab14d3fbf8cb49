package expr

import (
	"math"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

func intervalOf(months, days, micros int64, overflow bool) (datum.Datum, error) {
	if overflow || months != int64(int32(months)) || days != int64(int32(days)) {
		return datum.Datum{}, intervalRange()
	}
	return datum.NewInterval(datum.IntervalValue{Months: int32(months), Days: int32(days), Micros: micros}), nil
}

func intervalAdd(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Interval(), b.Interval()
	sum := x.Micros + y.Micros
	return intervalOf(int64(x.Months)+int64(y.Months), int64(x.Days)+int64(y.Days), sum, (sum > x.Micros) != (y.Micros > 0))
}

func intervalSub(a, b datum.Datum) (datum.Datum, error) {
	x, y := a.Interval(), b.Interval()
	d := x.Micros - y.Micros
	return intervalOf(int64(x.Months)-int64(y.Months), int64(x.Days)-int64(y.Days), d, (d < x.Micros) != (y.Micros > 0))
}

func intervalNeg(a datum.Datum) (datum.Datum, error) {
	x := a.Interval()
	return intervalOf(-int64(x.Months), -int64(x.Days), -x.Micros, x.Micros == math.MinInt64)
}

// roundMicros rounds seconds to what an interval can hold.
func roundMicros(x float64) float64 { return math.RoundToEven(x*microSecond) / microSecond }

// scaleInterval multiplies by by (each part is scaled by it), and hands the
// fractions of months and days down to the next smaller part.
func scaleInterval(x datum.IntervalValue, by func(float64) float64) (datum.Datum, error) {
	months, days := by(float64(x.Months)), by(float64(x.Days))
	bad := func(f float64) bool { return math.IsNaN(f) || f > math.MaxInt32 || f < math.MinInt32 }
	if bad(months) || bad(days) {
		return datum.Datum{}, intervalRange()
	}
	m, d := math.Trunc(months), math.Trunc(days)
	restDays := roundMicros((months - m) * daysPerMonth)
	restSeconds := roundMicros((days - d + restDays - math.Trunc(restDays)) * secondsPerDay)
	if math.Abs(restSeconds) >= secondsPerDay {
		whole := math.Trunc(restSeconds / secondsPerDay)
		d += whole
		restSeconds -= whole * secondsPerDay
	}
	d += math.Trunc(restDays)
	micros := math.RoundToEven(by(float64(x.Micros)) + restSeconds*microSecond)
	if bad(d) || math.IsNaN(micros) || micros >= math.MaxInt64 || micros <= math.MinInt64 {
		return datum.Datum{}, intervalRange()
	}
	return intervalOf(int64(m), int64(d), int64(micros), false)
}

func intervalMul(a, b datum.Datum) (datum.Datum, error) {
	f := b.Float()
	return scaleInterval(a.Interval(), func(x float64) float64 { return x * f })
}

func intervalDiv(a, b datum.Datum) (datum.Datum, error) {
	f := b.Float()
	if f == 0 {
		return datum.Datum{}, divisionByZero()
	}
	return scaleInterval(a.Interval(), func(x float64) float64 { return x / f })
}

func justifyHours(a datum.Datum) (datum.Datum, error) {
	x := a.Interval()
	days, micros := int64(x.Days)+x.Micros/microDay, x.Micros%microDay
	switch {
	case days > 0 && micros < 0:
		days, micros = days-1, micros+microDay
	case days < 0 && micros > 0:
		days, micros = days+1, micros-microDay
	}
	return intervalOf(int64(x.Months), days, micros, false)
}

func justifyDays(a datum.Datum) (datum.Datum, error) {
	x := a.Interval()
	months, days := int64(x.Months)+int64(x.Days)/daysPerMonth, int64(x.Days)%daysPerMonth
	switch {
	case months > 0 && days < 0:
		months, days = months-1, days+daysPerMonth
	case months < 0 && days > 0:
		months, days = months+1, days-daysPerMonth
	}
	return intervalOf(months, days, x.Micros, false)
}

func justifyInterval(a datum.Datum) (datum.Datum, error) {
	x := a.Interval()
	days, micros := int64(x.Days)+x.Micros/microDay, x.Micros%microDay
	months, days := int64(x.Months)+days/daysPerMonth, days%daysPerMonth
	switch {
	case months > 0 && (days < 0 || days == 0 && micros < 0):
		months, days = months-1, days+daysPerMonth
	case months < 0 && (days > 0 || days == 0 && micros > 0):
		months, days = months+1, days-daysPerMonth
	}
	switch {
	case days > 0 && micros < 0:
		days, micros = days-1, micros+microDay
	case days < 0 && micros > 0:
		days, micros = days+1, micros-microDay
	}
	return intervalOf(months, days, micros, false)
}

// age is the difference of two timestamps in years, months, days and time.
func age(a, b datum.Datum) (datum.Datum, error) { return ageOf(a.Int(), b.Int()) }

func ageTZ(env *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	return ageOf(toLocal(env, a[0].Int()), toLocal(env, a[1].Int()))
}

func ageOf(x, y int64) (datum.Datum, error) {
	if infinite(x) || infinite(y) {
		return datum.Datum{}, timestampRange()
	}
	negative := x < y
	if negative {
		x, y = y, x
	}
	y1, m1, d1 := datum.DateOf(floorDiv64(x, microDay))
	y2, m2, d2 := datum.DateOf(floorDiv64(y, microDay))
	micros := floorMod64(x, microDay) - floorMod64(y, microDay)
	days := int64(d1 - d2)
	months := int64(y1-y2)*12 + int64(m1-m2)
	if micros < 0 {
		micros += microDay
		days--
	}
	for days < 0 {
		days += int64(monthDays(y2, m2))
		months--
	}
	if negative {
		months, days, micros = -months, -days, -micros
	}
	return intervalOf(months, days, micros, false)
}

// makeInterval is make_interval(years, months, weeks, days, hours, mins, secs).
func makeInterval(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	var n [6]int64
	secs := 0.0
	for i, d := range a {
		if i < len(n) {
			n[i] = d.Int()
		} else {
			secs = d.Float()
		}
	}
	if math.IsNaN(secs) || math.IsInf(secs, 0) || math.Abs(secs) > maxIntervalSec {
		return datum.Datum{}, intervalRange()
	}
	micros := n[4]*microHour + n[5]*microMinute + int64(math.RoundToEven(secs*microSecond))
	return intervalOf(n[0]*12+n[1], n[2]*7+n[3], micros, false)
}

func badField(what string) error {
	return pgerror.New(pgerror.DatetimeFieldOverflow, "%s", what)
}

func makeDate(a, b, c datum.Datum) (datum.Datum, error) {
	days, err := calendar(a.Int(), b.Int(), c.Int())
	if err != nil {
		return datum.Datum{}, err
	}
	return dateOf(days)
}

// calendar is the date of year (negative: BC), month and day.
func calendar(y, m, d int64) (int64, error) {
	bad := pgerror.New(pgerror.DatetimeFieldOverflow, "date field value out of range: %d-%02d-%02d", y, m, d)
	if y == 0 || m < 1 || m > 12 || d < 1 || y > 5874897 || y < -4714 {
		return 0, bad
	}
	if y < 0 {
		y++
	}
	if d > int64(monthDays(int(y), int(m))) {
		return 0, bad
	}
	return datum.DaysOf(int(y), int(m), int(d)), nil
}

func makeTime(a, b, c datum.Datum) (datum.Datum, error) {
	micros, err := clock(a.Int(), b.Int(), c.Float())
	if err != nil {
		return datum.Datum{}, err
	}
	return datum.NewTime(micros), nil
}

func clock(h, m int64, s float64) (int64, error) {
	if h < 0 || m < 0 || m > 59 || h > 24 || math.IsNaN(s) || s < 0 || s > 60 || h == 24 && (m > 0 || s > 0) {
		return 0, badField("time field value out of range: " + clockText(h, m, s))
	}
	return h*microHour + m*microMinute + int64(math.RoundToEven(s*microSecond)), nil
}

func makeTimestamp(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	return timestampOf(localOf(a))
}

func localOf(a []datum.Datum) (int64, error) {
	days, err := calendar(a[0].Int(), a[1].Int(), a[2].Int())
	if err != nil {
		return 0, err
	}
	micros, err := clock(a[3].Int(), a[4].Int(), a[5].Float())
	if err != nil {
		return 0, err
	}
	if days >= endTimestamp/microDay {
		return 0, timestampRange()
	}
	return checkTimestamp(days*microDay + micros)
}

func makeTimestampTZ(env *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	local, err := localOf(a)
	if err != nil {
		return datum.Datum{}, err
	}
	loc := zone(env)
	if len(a) > 6 {
		if loc, err = namedZone(a[6].Text()); err != nil {
			return datum.Datum{}, err
		}
	}
	return timestampTZOf(checkTimestamp(datum.UTCMicros(local, loc)))
}

// overlaps is (s1, e1) OVERLAPS (s2, e2), three-valued.
func overlaps(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	s1, e1, s2, e2 := a[0], a[1], a[2], a[3]
	order := func(s, e datum.Datum) (datum.Datum, datum.Datum, bool) {
		switch {
		case s.IsNull():
			return e, s, !e.IsNull()
		case !e.IsNull() && s.Int() > e.Int():
			return e, s, true
		}
		return s, e, true
	}
	s1, e1, ok1 := order(s1, e1)
	s2, e2, ok2 := order(s2, e2)
	if !ok1 || !ok2 {
		return datum.Datum{}, nil
	}
	switch {
	case s1.Int() == s2.Int():
		if e1.IsNull() || e2.IsNull() {
			return datum.Datum{}, nil
		}
		return datum.NewBool(true), nil
	case s1.Int() > s2.Int():
		s1, e1, s2, e2 = s2, e2, s1, e1
	}
	if e1.IsNull() {
		return datum.Datum{}, nil
	}
	if s2.Int() < e1.Int() {
		return datum.NewBool(true), nil
	}
	if e2.IsNull() {
		return datum.Datum{}, nil
	}
	return datum.NewBool(false), nil
}

// overlapsInterval is OVERLAPS where an end may be given as a length.
func overlapsInterval(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	b := [4]datum.Datum{a[0], a[1], a[2], a[3]}
	for i := 1; i < 4; i += 2 {
		if b[i].Kind() != datum.KindInterval {
			continue
		}
		start, length := b[i-1], b[i]
		b[i] = datum.Datum{}
		if start.IsNull() {
			continue
		}
		var err error
		switch start.Kind() {
		case datum.KindTime:
			b[i], err = timeAddInterval(start, length)
		case datum.KindTimestampTZ:
			b[i], err = timestampTZAdd(env, c, []datum.Datum{start, length})
		default:
			b[i], err = timestampAdd(start, length)
		}
		if err != nil {
			return datum.Datum{}, err
		}
	}
	return overlaps(env, c, b[:])
}

// dateBin is date_bin(stride, source, origin).
func dateBin(stride, source, origin datum.Datum) (datum.Datum, error) {
	v, ts, from := stride.Interval(), source.Int(), origin.Int()
	switch {
	case infinite(ts):
		return source, nil
	case infinite(from):
		return datum.Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "origin out of range")
	case v.Months != 0:
		return datum.Datum{}, pgerror.New(pgerror.FeatureNotSupported,
			"timestamps cannot be binned into intervals containing months or years")
	}
	step := int64(v.Days)*microDay + v.Micros
	if step <= 0 {
		return datum.Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "stride must be greater than zero")
	}
	ts, err := checkTimestamp(from + floorDiv64(ts-from, step)*step)
	if source.Kind() == datum.KindTimestampTZ {
		return timestampTZOf(ts, err)
	}
	return timestampOf(ts, err)
}
