package datum

// Bounds of dates and timestamps: 4713 BC, Julian day 0, to 294276 AD for
// timestamps, to 5874897 AD for dates.
const (
	minDate = -2451545             // days since 2000-01-01: the first day
	endDate = 2147483494 - 2451545 // behind the last
	minTime = -211813488000000000  // microseconds since 2000-01-01: the first
	endTime = 9223371331200000000  // behind the last
	// unixEpoch is 1970-01-01, in days since 2000-01-01.
	unixEpoch = -10957
)

const (
	microsPerSecond = 1000000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
)

// validTimestamp reports whether a timestamp is in range or infinite.
func validTimestamp(n int64) bool {
	return n >= minTime && n < endTime || n == TimestampInfinity || n == TimestampMinusInfinity
}

// ValidTimestamp reports whether a timestamp or timestamptz is within
// PostgreSQL's range, or infinite.
func ValidTimestamp(micros int64) bool { return validTimestamp(micros) }

// ValidDate reports whether a date is within PostgreSQL's range, or infinite.
func ValidDate(days int64) bool {
	return days >= minDate && days < endDate || days == DateInfinity || days == DateMinusInfinity
}

// daysBefore is the number of days in 400 years, whose calendar repeats.
const daysPer400Years = 146097

// DateOf converts the days of a date to its calendar fields; years before 1 AD
// are 0 (1 BC), -1 (2 BC) and so on.
func DateOf(days int64) (year, month, day int) {
	// Years begin in March here, so that the leap day is the last.
	days += 730425 // since 0000-03-01
	era := days / daysPer400Years
	if days < 0 {
		era = (days - daysPer400Years + 1) / daysPer400Years
	}
	d := days - era*daysPer400Years
	y := (d - d/1460 + d/36524 - d/146096) / 365
	yday := d - (365*y + y/4 - y/100)
	m := (5*yday + 2) / 153
	day = int(yday - (153*m+2)/5 + 1)
	year = int(y + era*400)
	if m < 10 {
		return year, int(m + 3), day
	}
	return year + 1, int(m - 9), day
}

// DaysOf is the inverse of DateOf. Days beyond the end of a month count on.
func DaysOf(year, month, day int) int64 {
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	yday := (153*(m-3)+2)/5 + int64(day) - 1
	return era*daysPer400Years + yoe*365 + yoe/4 - yoe/100 + yday - 730425
}

// IsLeap reports whether a year has a 29th of February.
func IsLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// DaysIn is the number of days of a month.
func DaysIn(year, month int) int {
	switch month {
	case 2:
		if IsLeap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// splitMicros splits a timestamp into days and microseconds of the day.
func splitMicros(n int64) (days, micros int64) {
	days, micros = n/microsPerDay, n%microsPerDay
	if micros < 0 {
		days, micros = days-1, micros+microsPerDay
	}
	return days, micros
}

// joinMicros is the inverse of splitMicros; what is far out of range becomes
// infinite.
func joinMicros(days, micros int64) int64 {
	switch {
	case days < minDate-2:
		return TimestampMinusInfinity
	case days > endTime/microsPerDay+2:
		return TimestampInfinity
	}
	return days*microsPerDay + micros
}

// MakeTimestamp makes a timestamp of calendar fields and the microseconds of the
// day; false where it is out of range.
func MakeTimestamp(year, month, day int, micros int64) (int64, bool) {
	n := joinMicros(DaysOf(year, month, day), micros)
	return n, n >= minTime && n < endTime
}
