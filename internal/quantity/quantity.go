// Package quantity reads numbers with PostgreSQL's units: "10GB", "1.5 min".
package quantity

import (
	"strconv"
	"strings"
)

// Units are units of one dimension.
type Units struct {
	factors map[string]float64 // of each unit, in terms of the smallest
	hint    string
}

// Bytes are the units of memory, Time those of time.
var (
	Bytes = Units{
		factors: map[string]float64{"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40},
		hint:    `Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".`,
	}
	Time = Units{
		factors: map[string]float64{"us": 1, "ms": 1e3, "s": 1e6, "min": 60e6, "h": 3600e6, "d": 86400e6},
		hint:    `Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`,
	}
)

// Factor is how much of base one unit is; false where one of them does not exist.
func (u Units) Factor(unit, base string) (float64, bool) {
	f, ok := u.factors[unit]
	b := u.factors[base]
	return f / b, ok && b > 0
}

// Parse reads a decimal number that may be followed by a unit, and returns it in
// terms of base, which is also the unit where none was written. ok is false for
// anything else; hint then says which units there are, where that is the reason.
func (u Units) Parse(value, base string) (n float64, hint string, ok bool) {
	v := strings.TrimSpace(value)
	end := len(v)
	for end > 0 && (v[end-1] >= 'a' && v[end-1] <= 'z' || v[end-1] >= 'A' && v[end-1] <= 'Z') {
		end--
	}
	number, unit := strings.TrimSpace(v[:end]), v[end:]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.ContainsAny(number, "xXpP_") {
		return 0, "", false
	}
	if unit == "" {
		return n, "", true
	}
	factor, ok := u.Factor(unit, base)
	if !ok {
		return 0, u.hint, false
	}
	return n * factor, "", true
}
