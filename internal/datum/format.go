package datum

import "time"

// DateOrder says how a date of three numbers like 01/02/2003 is read.
type DateOrder uint8

// The orders of DateStyle's second word.
const (
	MDY DateOrder = iota
	DMY
	YMD
)

// IntervalStyle is how intervals are written.
type IntervalStyle uint8

// The values of the setting IntervalStyle.
const (
	IntervalPostgres IntervalStyle = iota
	IntervalPostgresVerbose
	IntervalSQLStandard
	IntervalISO8601
)

// Format holds the settings that texts of values depend on. A nil *Format and
// the zero value mean PostgreSQL's defaults, in UTC. Dates are written in ISO style.
type Format struct {
	// Location is the session's time zone; nil means UTC.
	Location      *time.Location
	DateOrder     DateOrder
	IntervalStyle IntervalStyle
	// ByteaEscape writes bytea in the escape format instead of hex.
	ByteaEscape bool
	// RoundFloats writes floats with ExtraFloatDigits more digits than are always
	// exact (6 and 15): the setting extra_float_digits where it is 0 or below.
	// Otherwise they are written with the fewest digits that give the same value.
	RoundFloats      bool
	ExtraFloatDigits int
	// Now is what 'now' and 'today' mean, in microseconds since 2000-01-01 UTC. 0
	// refuses them with 0A000, as a partition has to.
	Now int64
}

// location is the time zone of a format that may be nil.
func (f *Format) location() *time.Location {
	if f == nil || f.Location == nil {
		return time.UTC
	}
	return f.Location
}
