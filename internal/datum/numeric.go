package datum

import "github.com/cockroachdb/apd/v3"

// setNumeric copies a decimal in the form that numerics have.
func setNumeric(dst, src *apd.Decimal) { dst.Set(src) }

// DecimalOf converts a float to the numeric of its shortest text, as a cast does
// (for a real with single set).
func DecimalOf(f float64, single bool) *apd.Decimal { return new(apd.Decimal) }

// Scale is the number of digits behind the point that a numeric is written with.
func Scale(d *apd.Decimal) int { return 0 }

func intervalModText(mod int32) string { return "" }
