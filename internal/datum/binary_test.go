package datum

import (
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// TestBinaryErrors: what PostgreSQL 15 answers to binary values that are wrong.
func TestBinaryErrors(t *testing.T) {
	array := func(tail string) string { return "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x17" + tail }
	for _, c := range []struct {
		typ      Type
		in, want string
	}{
		{Int4, "\x00\x00", "08P01 insufficient data left in message"},
		{Int4, "\x00\x00\x00\x00\x00", "22P03 incorrect binary data format"},
		{Bool, "", "08P01 insufficient data left in message"},
		{UUID, "abc", "08P01 insufficient data left in message"},
		{Interval, "12345678", "08P01 insufficient data left in message"},
		{Text, "a\x00b", `22021 invalid byte sequence for encoding "UTF8": 0x00`},
		{Text, "a\xffb", `22021 invalid byte sequence for encoding "UTF8": 0xff`},
		{Text, "a\xc3(", `22021 invalid byte sequence for encoding "UTF8": 0xc3 0x28`},
		{Text, "\xe2\x82", `22021 invalid byte sequence for encoding "UTF8": 0xe2 0x82`},
		{JSON, "{", "22P02 invalid input syntax for type json"},
		{JSONB, "", "08P01 insufficient data left in message"},
		{JSONB, "\x02{}", "XX000 unsupported jsonb version number 2"},
		{Date, "\x7f\xff\xff\xfe", "22008 date out of range"},
		{Time, "\x7f\xff\xff\xff\xff\xff\xff\xff", "22008 time out of range"},
		{Timestamp, "\x80\x00\x00\x00\x00\x00\x00\x01", "22008 timestamp out of range"},
		{Numeric, "\x00\x01", "08P01 insufficient data left in message"},
		{Numeric, "\x00\x01\x00\x00\x00\x00\x00\x00\x27\x10", `22P03 invalid digit in external "numeric" value`},
		{Numeric, "\x00\x00\x00\x00\x12\x34\x00\x00", `22P03 invalid sign in external "numeric" value`},
		{Numeric, "\x00\x00\x00\x00\x00\x00\x40\x00", `22P03 invalid scale in external "numeric" value`},
		{VarcharOf(2), "abc", "22001 value too long for type character varying(2)"},
		{NumericOf(3, 1), "\x00\x01\x00\x00\x00\x00\x00\x00\x03\xe8", "22003 numeric field overflow"},
		{Int4Array, "\x00", "08P01 insufficient data left in message"},
		{Int4Array, "\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x17", "54000 number of array dimensions (7) exceeds the maximum allowed (6)"},
		{TextArray, array(""), "42804 binary data has array element type 23 (integer) instead of expected 25 (text)"},
		{Int4Array, array("\x7f\xff\xff\xff\x00\x00\x00\x01"), "2202E array lower bound is too large: 1"},
		{Int4Array, array("\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00"), "22P03 improper binary format in array element 1"},
		{Int4Array, array("\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x00"), "08P01 insufficient data left in message"},
	} {
		_, err := ParseBinary([]byte(c.in), c.typ)
		got := "no error"
		if e := pgerror.As(err); e != nil {
			got = e.Code + " " + e.Message
		}
		if got != c.want {
			t.Errorf("%s %q:\n got %s\nwant %s", c.typ, c.in, got, c.want)
		}
	}
	if d, err := ParseBinary([]byte("ab  "), Char); err != nil || d.Text() != "ab" {
		t.Error(d, err)
	}
}

// TestTextErrors: what the golden files cannot hold.
func TestTextErrors(t *testing.T) {
	for _, c := range []struct {
		typ      Type
		in, want string
	}{
		{Text, "a\x00", `22021 invalid byte sequence for encoding "UTF8": 0x00`},
		{JSONB, "\"\xff\"", `22021 invalid byte sequence for encoding "UTF8": 0xff`},
		{TextArray, "{\xff}", `22021 invalid byte sequence for encoding "UTF8": 0xff`},
		{Int4, "\xff", `22021 invalid byte sequence for encoding "UTF8": 0xff`},
		{Bytea, "\xff", `22021 invalid byte sequence for encoding "UTF8": 0xff`},
		{Date, "\xff", `22021 invalid byte sequence for encoding "UTF8": 0xff`},
		{Type{4711, -1}, "x", "0A000 input of type oid 4711 is not supported"},
		{Numeric, "1e131072", "22003 value overflows numeric format"},
		{Numeric, "1e-16384", "22003 value overflows numeric format"},
	} {
		_, err := ParseText(c.in, c.typ, nil)
		got := "no error"
		if e := pgerror.As(err); e != nil {
			got = e.Code + " " + e.Message
		}
		if got != c.want {
			t.Errorf("%s %q:\n got %s\nwant %s", c.typ, c.in, got, c.want)
		}
	}
	d, err := ParseText("1e131071", Numeric, nil)
	if err != nil || len(AppendText(nil, d, Numeric, nil)) != 131072 {
		t.Error("the greatest numeric", err)
	}
	back, _, err := DecodeDatum(AppendDatum(nil, d))
	if err != nil || Compare(back, d) != 0 {
		t.Error("the greatest numeric, stored", err)
	}
}

// TestGrowth: a short input cannot take much memory.
func TestGrowth(t *testing.T) {
	text := strings.Repeat("1e131071,", 2000) + "1"
	for _, c := range []struct {
		typ Type
		in  string
	}{{NumericArray, "{" + text + "}"}, {JSONB, "[" + text + "]"}} {
		if _, err := ParseText(c.in, c.typ, nil); pgerror.As(err) == nil || pgerror.As(err).Code != "54000" {
			t.Errorf("%s: %v", c.typ, err)
		}
	}
}
