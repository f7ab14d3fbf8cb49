package datum

import (
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// ParseTimeZone finds a time zone by what SET TIME ZONE accepts: a name
// ("Europe/Berlin", in any case), hours east of UTC ("2", "-3.5"), a POSIX zone
// ("<+02>-02", where west is positive). It fails with 22023. The location's
// name is what SHOW TimeZone says.
func ParseTimeZone(name string) (*time.Location, error) {
	if hours, err := strconv.ParseFloat(name, 64); err == nil && math.Abs(hours) < 168 && !strings.ContainsAny(name, "xX_") {
		return hoursZone(int(math.Round(hours * 3600))), nil
	}
	if loc := zoneByName(name); loc != nil {
		return loc, nil
	}
	return nil, pgerror.New(pgerror.InvalidParameterValue, "invalid value for parameter \"TimeZone\": \"%s\"", name)
}

// AtTimeZone finds a time zone by what AT TIME ZONE accepts: an abbreviation
// ("CET", which is an offset) or what SET TIME ZONE accepts but for hours. It
// fails with 22023.
func AtTimeZone(name string) (*time.Location, error) {
	if a := findAbbreviation(strings.ToLower(name)); a != nil {
		if a.zone == "" {
			return time.FixedZone(strings.ToUpper(a.name), int(a.offset)), nil
		}
		name = a.zone
	}
	if loc := zoneByName(name); loc != nil {
		return loc, nil
	}
	return nil, badZone(name)
}

func badZone(name string) error {
	return pgerror.New(pgerror.InvalidParameterValue, "time zone \"%s\" not recognized", name)
}

// hoursZone is the zone that SET TIME ZONE makes of a number.
func hoursZone(offset int) *time.Location {
	if offset == 0 {
		return time.FixedZone("<+00>-00", 0)
	}
	name := "<" + offsetText(offset) + ">" + offsetText(-offset)
	return time.FixedZone(name, offset)
}

func offsetText(offset int) string { return string(appendOffset(nil, offset)) }

// zoneByName finds a zone of the database in any case, or a POSIX zone without
// daylight saving; nil if there is none.
func zoneByName(name string) *time.Location {
	if name == "" || len(name) > 64 {
		return nil
	}
	if loc := databaseZone(name); loc != nil {
		return loc
	}
	return posixZone(name)
}

// posixZone reads ABC[+-]hh[:mm[:ss]], where ABC may be missing or stand in <>,
// and west is positive.
func posixZone(name string) *time.Location {
	rest := name
	if strings.HasPrefix(rest, "<") {
		i := strings.IndexByte(rest, '>')
		if i < 0 {
			return nil
		}
		rest = rest[i+1:]
	} else {
		for rest != "" && isAlpha(rest[0]) {
			rest = rest[1:]
		}
	}
	if rest == "" {
		return nil
	}
	sign := -1
	if rest[0] == '-' || rest[0] == '+' {
		if rest[0] == '-' {
			sign = 1
		}
		rest = rest[1:]
	}
	total, unit := 0, 3600
	for i, part := range strings.Split(rest, ":") {
		n, err := strconv.Atoi(part)
		if err != nil || i > 2 || part == "" || !isDigit(part[0]) || i == 0 && n > 167 || i > 0 && n > 59 {
			return nil
		}
		total += n * unit
		unit /= 60
	}
	return time.FixedZone(name, sign*total)
}

// findAbbreviation looks an abbreviation up by its lower-case name.
func findAbbreviation(name string) *zoneAbbreviation {
	i := sort.Search(len(zoneAbbreviations), func(i int) bool { return zoneAbbreviations[i].name >= name })
	if i < len(zoneAbbreviations) && zoneAbbreviations[i].name == name {
		return &zoneAbbreviations[i]
	}
	return nil
}

// unix2000 is 2000-01-01 00:00 UTC in seconds since 1970.
const unix2000 = 946684800

// offsetAt is a zone's offset, in seconds east of UTC, at a timestamptz.
func offsetAt(utc int64, loc *time.Location) int64 {
	if loc == time.UTC {
		return 0
	}
	seconds := utc / microsPerSecond
	if utc%microsPerSecond < 0 {
		seconds--
	}
	_, offset := time.Unix(seconds+unix2000, 0).In(loc).Zone()
	return int64(offset)
}

// OffsetAt is a zone's offset from UTC at a timestamptz, in seconds, east
// positive; loc may be nil for UTC.
func OffsetAt(utc int64, loc *time.Location) int64 {
	if loc == nil {
		return 0
	}
	return offsetAt(utc, loc)
}

// ZoneNameAt is a zone's abbreviation at a timestamptz.
func ZoneNameAt(utc int64, loc *time.Location) string {
	if loc == nil {
		return "UTC"
	}
	name, _ := time.Unix(utc/microsPerSecond+unix2000, 0).In(loc).Zone()
	return name
}

// LocalMicros converts a timestamptz to the timestamp in a time zone (nil is
// UTC). Infinite ones stay what they are.
func LocalMicros(utc int64, loc *time.Location) int64 {
	if loc == nil || utc == TimestampInfinity || utc == TimestampMinusInfinity {
		return utc
	}
	return utc + offsetAt(utc, loc)*microsPerSecond
}

// UTCMicros converts a timestamp in a time zone to a timestamptz: the reverse of
// LocalMicros, with PostgreSQL's choice for times that a clock change skips
// (the offset before it) or repeats (the offset after it). The result may be
// out of range, see ValidTimestamp.
func UTCMicros(local int64, loc *time.Location) int64 {
	if loc == nil || loc == time.UTC || local == TimestampInfinity || local == TimestampMinusInfinity {
		return local
	}
	before := offsetAt(local-microsPerDay, loc)
	after := offsetAt(local+microsPerDay, loc)
	first, second := local-before*microsPerSecond, local-after*microsPerSecond
	if before == after {
		// Nothing changes within a day, or it changes twice: see what holds then.
		return local - offsetAt(first, loc)*microsPerSecond
	}
	if offsetAt(second, loc) == after {
		return second
	}
	return first
}

// isFixed reports whether a zone has had the same offset at all times.
func isFixed(loc *time.Location) bool {
	const halfYear = 182 * microsPerDay
	first := offsetAt(-100*2*halfYear, loc)
	for utc := int64(-100 * 2 * halfYear); utc < 30*2*halfYear; utc += halfYear {
		if offsetAt(utc, loc) != first {
			return false
		}
	}
	return true
}
