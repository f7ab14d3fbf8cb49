package datum

import (
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/pgerror"
)

func TestJSONView(t *testing.T) {
	v := ViewJSON(NewJSON(` { "a" : [ 1 , "x\n" , null , { } ] , "b\u0063": {"c": "\u00e4"} , "a2": 1, "a2": 2, "e": "\u0000" } `))
	if v.Kind() != JSONObject || v.Len() != 5 {
		t.Fatal(v.Kind(), v.Len())
	}
	a, ok := v.Field("a")
	if !ok || a.Kind() != JSONArrayKind || a.Len() != 4 || a.Raw() != `[ 1 , "x\n" , null , { } ]` {
		t.Fatal(a.Raw(), ok)
	}
	text := func(v JSONValue, ok bool) string {
		if !ok {
			return "none"
		}
		s, ok, err := v.Text()
		if err != nil {
			return pgerror.As(err).Code
		}
		if !ok {
			return "null"
		}
		return s
	}
	for i, want := range map[int]string{0: "1", 1: "x\n", 2: "null", 3: "{ }", 4: "none", -1: "{ }", -4: "1", -5: "none"} {
		if got := text(a.Element(i)); got != want {
			t.Errorf("element %d: %q", i, got)
		}
	}
	bc, _ := v.Field("bc")
	if got := text(bc.Field("c")); got != "ä" {
		t.Errorf("got %q", got)
	}
	for name, want := range map[string]string{"a2": "2", "e": "22P05", "zz": "none", `b\u0063`: "none"} {
		if got := text(v.Field(name)); got != want {
			t.Errorf("field %s: %q", name, got)
		}
	}
	var names []string
	for name := range v.Fields() {
		names = append(names, name)
	}
	if got := strings.Join(names, " "); got != "a bc a2 a2 e" {
		t.Error(got)
	}
	if _, ok := v.Element(0); ok {
		t.Error("an object has elements")
	}
	if _, ok := a.Field("a"); ok {
		t.Error("an array has fields")
	}
	if k := ViewJSON(NewInt(1)).Kind(); k != JSONNull || JSONNumber.String() != "number" {
		t.Error(k)
	}
	if allocs := testing.AllocsPerRun(10, func() { _, _ = v.Field("a2") }); allocs > 1 {
		t.Errorf("%v allocations for a field", allocs)
	}
}

func TestDeepJSON(t *testing.T) {
	deep := strings.Repeat("[", MaxJSONDepth+2) + strings.Repeat("]", MaxJSONDepth+2)
	if e := pgerror.As(CheckJSON(deep)); e == nil || e.Code != "54001" {
		t.Error(e)
	}
	if _, err := NormalizeJSON(deep); pgerror.As(err) == nil {
		t.Error(err)
	}
	if err := CheckJSON(deep[2 : len(deep)-2]); err != nil {
		t.Error(err)
	}
}

// TestTypes: names and modifiers as format_type and the grammar have them.
func TestTypes(t *testing.T) {
	for _, c := range []struct {
		name string
		mods []int32
		want string
		mod  int32
	}{
		{"int", nil, "integer", -1}, {"int8", nil, "bigint", -1}, {"double precision", nil, "double precision", -1},
		{"character varying", []int32{20}, "character varying(20)", 24}, {"varchar", nil, "character varying", -1},
		{"char", nil, "character(1)", 5}, {"character", []int32{3}, "character(3)", 7}, {"bpchar", nil, "character", -1},
		{"numeric", []int32{10, 2}, "numeric(10,2)", 655366}, {"decimal", []int32{5}, "numeric(5,0)", 327684},
		{"numeric", []int32{2, -3}, "numeric(2,-3)", 133121},
		{"timestamp", []int32{3}, "timestamp(3) without time zone", 3}, {"timestamptz", nil, "timestamp with time zone", -1},
		{"timestamp with time zone", []int32{0}, "timestamp(0) with time zone", 0}, {"time", []int32{6}, "time(6) without time zone", 6},
		{"interval", nil, "interval", -1}, {"interval", []int32{3}, "interval(3)", 2147418115},
		{"interval", []int32{IntervalYear | IntervalMonth, IntervalFullPrecision}, "interval year to month", 458751},
		{"interval", []int32{IntervalDay | IntervalHour | IntervalMinute | IntervalSecond, 2}, "interval day to second(2)", 470286338},
		{"text[]", nil, "text[]", -1}, {"_int4", nil, "integer[]", -1}, {"varchar[]", []int32{5}, "character varying(5)[]", 9},
		{"pg_catalog.int4", nil, "integer", -1}, {"int4[][]", nil, "integer[]", -1}, {"uuid", nil, "uuid", -1},
	} {
		typ, err := ByName(c.name, c.mods)
		if err != nil || typ.String() != c.want || typ.Mod != c.mod {
			t.Errorf("%s%v: %s, modifier %d, %v", c.name, c.mods, typ, typ.Mod, err)
		}
	}
	for _, c := range []struct {
		name string
		mods []int32
		code string
	}{
		{"nope", nil, "42704"}, {"void[]", nil, "42704"}, {"int4", []int32{1}, "42601"}, {"varchar", []int32{0}, "22023"},
		{"varchar", []int32{MaxCharLen + 1}, "22023"}, {"varchar", []int32{1, 2}, "22023"}, {"numeric", []int32{0}, "22023"},
		{"numeric", []int32{1001}, "22023"}, {"numeric", []int32{5, 1001}, "22023"}, {"timestamp", []int32{-1}, "22023"},
	} {
		if _, err := ByName(c.name, c.mods); pgerror.As(err) == nil || pgerror.As(err).Code != c.code {
			t.Errorf("%s%v: %v", c.name, c.mods, err)
		}
	}
	for _, info := range types {
		typ, ok := ByOID(info.oid)
		if !ok || typ.Name() != info.name || typ.Kind() != info.kind || typ.Len() != info.len {
			t.Errorf("%d: %v", info.oid, typ)
		}
		if a, ok := typ.Array(); ok {
			if e, _ := a.Elem(); e != typ || !a.IsArray() {
				t.Errorf("%s: array %s of %s", typ, a, e)
			}
		}
	}
	if _, ok := ByOID(4711); ok || (Type{4711, -1}).Kind() != KindNull || (Type{4711, -1}).Name() != "4711" {
		t.Error("unknown OID")
	}
}

// TestModifiers: assignments refuse what casts cut.
func TestModifiers(t *testing.T) {
	for _, c := range []struct {
		typ      Type
		in, want string
	}{
		{VarcharOf(3), "abc", "abc"}, {VarcharOf(3), "abc  ", "abc"}, {VarcharOf(3), "abcd", "22001 value too long for type character varying(3)"},
		{CharOf(3), "ab", "ab "}, {CharOf(3), "äöüx", "22001 value too long for type character(3)"}, {CharOf(2), "äö   ", "äö"},
		{NumericOf(4, 2), "12.345", "12.35"}, {NumericOf(4, 2), "123", "22003 numeric field overflow"},
		{Type{VarcharArray.OID, 6}, "{ab,abc}", "22001 value too long for type character varying(2)"},
		{Timestamp.WithMod(0), "2024-01-01 00:00:00.5", "2024-01-01 00:00:01"},
		{Interval.WithMod(int32(IntervalDay)<<16 | 0xffff), "5", "5 days"},
		{Interval.WithMod(int32(IntervalYear|IntervalMonth)<<16 | 0xffff), "15", "1 year 3 mons"},
		{Interval.WithMod(int32(IntervalHour|IntervalMinute)<<16 | 0xffff), "1:02:03", "01:02:00"},
		{Interval.WithMod(int32(IntervalMinute|IntervalSecond)<<16 | 0xffff), "1:02", "00:01:02"},
		{Interval.WithMod(IntervalFull<<16 | 1), "1.25 sec", "00:00:01.3"},
	} {
		d, err := ParseText(c.in, c.typ, nil)
		got := string(AppendText(nil, d, c.typ, nil))
		if e := pgerror.As(err); e != nil {
			got = e.Code + " " + e.Message
		}
		if got != c.want {
			t.Errorf("%s %q: %q", c.typ, c.in, got)
		}
	}
	d, err := ApplyMod(NewText("äöüx"), VarcharOf(3), true)
	if err != nil || d.Text() != "äöü" {
		t.Error(d, err)
	}
}

func TestNumericHelpers(t *testing.T) {
	show := func(d *apd.Decimal) string { return string(appendNumericText(nil, d)) }
	for _, c := range []struct{ got, want string }{
		{show(DecimalOf(0.1, false)), "0.1"}, {show(DecimalOf(1e20, false)), "100000000000000000000"},
		{show(DecimalOf(123456.789, true)), "123457"}, {show(DecimalOf(1.0/3, false)), "0.333333333333333"},
		{show(RoundNumeric(apd.New(12345, -2), 1)), "123.5"}, {show(RoundNumeric(apd.New(12355, -2), -1)), "120"},
		{show(RoundNumeric(apd.New(15, 0), -1)), "20"}, {show(RoundNumeric(apd.New(-25, -1), 0)), "-3"},
		{show(RoundNumeric(apd.New(1, 0), 3)), "1.000"}, {show(RoundNumeric(apd.New(1, 0), -500000)), "0"},
		{show(NewNumeric(apd.New(15, 2)).Numeric()), "1500"}, {show(NewNumeric(apd.New(1, -20000)).Numeric())[:4], "0.00"},
		{show(NewNumeric(apd.New(1, 1<<30)).Numeric()), "Infinity"}, {show(NewNumeric(apd.New(0, 1<<30)).Numeric()), "0"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	if CheckNumeric(apd.New(1, MaxNumericDigits)) == nil || CheckNumeric(apd.New(1, MaxNumericDigits-1)) != nil {
		t.Error("the bound of digits")
	}
}

func TestNow(t *testing.T) {
	berlin, err := ParseTimeZone("europe/berlin")
	if err != nil || berlin.String() != "Europe/Berlin" {
		t.Fatal(berlin, err)
	}
	utc, _ := MakeTimestamp(2024, 7, 1, 22*microsPerHour+1)
	f := &Format{Location: berlin, Now: utc}
	for _, c := range []struct {
		typ      Type
		in, want string
	}{
		{TimestampTZ, "now", "2024-07-02 00:00:00.000001+02"}, {Timestamp, "now", "2024-07-02 00:00:00.000001"},
		{Date, "today", "2024-07-02"}, {Date, "yesterday", "2024-07-01"}, {Timestamp, "tomorrow 10:00", "2024-07-03 10:00:00"},
		{TimestampTZ, "today", "2024-07-02 00:00:00+02"}, {Time, "now", "00:00:00.000001"}, {Date, "today now", "22007"},
	} {
		d, err := ParseText(c.in, c.typ, f)
		got := string(AppendText(nil, d, c.typ, f))
		if e := pgerror.As(err); e != nil {
			got = e.Code
		}
		if got != c.want {
			t.Errorf("%s %q: %q", c.typ, c.in, got)
		}
	}
	if _, err := ParseText("now", TimestampTZ, nil); pgerror.As(err) == nil || pgerror.As(err).Code != "0A000" {
		t.Error(err)
	}
}

// TestZones: as SET TIME ZONE and AT TIME ZONE of PostgreSQL 15 take them.
func TestZones(t *testing.T) {
	utc, _ := MakeTimestamp(2024, 7, 1, 12*microsPerHour)
	hours := func(loc *time.Location, err error) float64 {
		if err != nil {
			return 99
		}
		return float64(OffsetAt(utc, loc)) / 3600
	}
	for _, c := range []struct {
		name    string
		set, at float64
	}{
		{"+02:00", -2, -2}, {"+2", 2, -2}, {"-3.5", -3.5, 99}, {"UTC+3", -3, -3}, {"<+02>-02", 2, 2}, {"europe/berlin", 2, 2},
		{"EST5EDT", -4, -4}, {"Foo", 99, 99}, {"", 99, 99}, {"msk", 99, 3}, {"GMT+5", -5, -5}, {"UTC", 0, 0}, {"../etc", 99, 99},
		{"america/port-au-prince", -4, -4}, {"AMERICA/ARGENTINA/BUENOS_AIRES", -3, -3}, {"us/pacific", -7, -7}, {"etc/gmt+3", -3, -3},
	} {
		if got := hours(ParseTimeZone(c.name)); got != c.set {
			t.Errorf("SET TIME ZONE %q: %v", c.name, got)
		}
		if got := hours(AtTimeZone(c.name)); got != c.at {
			t.Errorf("AT TIME ZONE %q: %v", c.name, got)
		}
	}
	if LocalMicros(TimestampInfinity, time.Local) != TimestampInfinity || UTCMicros(5, nil) != 5 || ZoneNameAt(0, nil) != "UTC" {
		t.Error("edges")
	}
	if z, _ := ParseTimeZone("2"); z.String() != "<+02>-02" {
		t.Error(z)
	}
}

// TestCalendar: every day of eight thousand years, and the ends.
func TestCalendar(t *testing.T) {
	for days := int64(minDate); days < 3000000; days++ {
		y, m, d := DateOf(days)
		if DaysOf(y, m, d) != days || m < 1 || m > 12 || d < 1 || d > DaysIn(y, m) {
			t.Fatalf("day %d is %d-%d-%d, and back %d", days, y, m, d, DaysOf(y, m, d))
		}
	}
	if y, m, d := DateOf(0); y != 2000 || m != 1 || d != 1 {
		t.Error(y, m, d)
	}
	if !ValidDate(DateInfinity) || ValidDate(endDate) || !ValidTimestamp(minTime) || ValidTimestamp(endTime) {
		t.Error("bounds")
	}
}
