package planner

import (
	"strconv"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// checkEncoding accepts the one encoding that there is, and SQL_ASCII, with which
// PostgreSQL converts nothing either: psql asks for it where no locale is set.
// Like PostgreSQL it looks at letters and digits alone; asyncpg sends 'utf-8' with
// the quotes.
func checkEncoding(s *setting, value string) (string, error) {
	switch strings.Map(encodingLetter, value) {
	case "utf8", "unicode":
		return "UTF8", nil
	case "sqlascii":
		return "SQL_ASCII", nil
	case "latin1", "iso88591", "latin2", "latin9", "win1250", "win1251", "win1252", "koi8r", "eucjp", "sjis", "gbk", "gb18030", "big5", "euckr":
		return "", pgerror.NotSupported("client_encoding %s", value).WithHint("Use UTF8.")
	}
	return "", s.invalid(value)
}

// encodingLetter is what counts of a letter in the name of an encoding; -1: nothing.
func encodingLetter(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		return r
	}
	return -1
}

// checkDateStyle reads "ISO, DMY" and the like. Dates are written in ISO style
// only.
func checkDateStyle(s *setting, value string) (string, error) {
	order := ""
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch strings.ToLower(word) {
		case "iso":
		case "sql", "postgres", "german":
			return "", pgerror.NotSupported("date style %s", word).WithHint("Use ISO.")
		case "mdy", "us", "noneuropean", "noneuro":
			order = "MDY"
		case "dmy", "euro", "european":
			order = "DMY"
		case "ymd":
			order = "YMD"
		case "default":
			order = "MDY"
		default:
			return "", s.invalid(value).WithDetail("Unrecognized key word: \"%s\".", word)
		}
	}
	if order == "" {
		return "ISO", nil // the session keeps the order that it has
	}
	return "ISO, " + order, nil
}

// checkTimeZone reads the name of a time zone, or a number of hours east of UTC.
func checkTimeZone(s *setting, value string) (string, error) {
	name := value
	if hours, err := strconv.ParseFloat(value, 64); err == nil {
		name = zoneOfOffset(time.Duration(hours * float64(time.Hour)))
	}
	loc, err := datum.ParseTimeZone(name)
	if err != nil {
		return "", s.invalid(value)
	}
	if name == value && loc.String() != "" && strings.EqualFold(loc.String(), name) {
		return loc.String(), nil
	}
	return name, nil
}

// zoneOfOffset names the zone at an offset east of UTC as PostgreSQL does:
// "<+02>-02".
func zoneOfOffset(d time.Duration) string {
	sign, reverse := "+", "-"
	if d < 0 {
		sign, reverse, d = "-", "+", -d
	}
	text := func() string {
		h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
		out := pad2(h)
		if m != 0 || s != 0 {
			out += ":" + pad2(m)
		}
		if s != 0 {
			out += ":" + pad2(s)
		}
		return out
	}()
	return "<" + sign + text + ">" + reverse + text
}

func pad2(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

// dateOrder is the order of a DateStyle.
func dateOrder(style string) datum.DateOrder {
	switch {
	case strings.HasSuffix(style, "DMY"):
		return datum.DMY
	case strings.HasSuffix(style, "YMD"):
		return datum.YMD
	}
	return datum.MDY
}

func intervalStyle(style string) datum.IntervalStyle {
	switch style {
	case "postgres_verbose":
		return datum.IntervalPostgresVerbose
	case "sql_standard":
		return datum.IntervalSQLStandard
	case "iso_8601":
		return datum.IntervalISO8601
	}
	return datum.IntervalPostgres
}
