package datum

import "strconv"

// intervalModText is what format_type writes behind "interval".
func intervalModText(mod int32) string {
	fields := intervalFields(mod >> 16 & 0x7fff)
	text := ""
	if fields != "" {
		text = " " + fields
	}
	if p := mod & 0xffff; p != 0xffff {
		text += "(" + strconv.Itoa(int(p)) + ")"
	}
	return text
}

// intervalFields names a range of fields as PostgreSQL encodes it; empty for all.
func intervalFields(mask int32) string {
	switch mask {
	case 1 << 2:
		return "year"
	case 1 << 1:
		return "month"
	case 1 << 3:
		return "day"
	case 1 << 10:
		return "hour"
	case 1 << 11:
		return "minute"
	case 1 << 12:
		return "second"
	case 1<<2 | 1<<1:
		return "year to month"
	case 1<<3 | 1<<10:
		return "day to hour"
	case 1<<3 | 1<<10 | 1<<11:
		return "day to minute"
	case 1<<3 | 1<<10 | 1<<11 | 1<<12:
		return "day to second"
	case 1<<10 | 1<<11:
		return "hour to minute"
	case 1<<10 | 1<<11 | 1<<12:
		return "hour to second"
	case 1<<11 | 1<<12:
		return "minute to second"
	}
	return ""
}
