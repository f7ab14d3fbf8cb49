package datum

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
)

func TestSize(t *testing.T) {
	if n := unsafe.Sizeof(Datum{}); n > 48 {
		t.Fatalf("a Datum has %d bytes", n)
	}
}

// TestDatumRoundTrip: AppendDatum loses nothing, text and binary formats neither.
func TestDatumRoundTrip(t *testing.T) {
	r := newRand(t)
	for range 20000 {
		typ := allTypes[r.IntN(len(allTypes))]
		d := randomDatum(r, typ)
		b := AppendDatum([]byte("x"), d)[1:]
		back, rest, err := DecodeDatum(append(b, 7))
		if err != nil || len(rest) != 1 || !same(d, back) || !reflect.DeepEqual(normal(d), normal(back)) {
			t.Fatalf("%s %v: %x gives %v, %v", typ, d, b, back, err)
		}
		if rest, err := skipDatum(append(b, 7)); err != nil || len(rest) != 1 {
			t.Fatalf("%s %v: skip leaves %x, %v", typ, d, rest, err)
		}
		for cut := range len(b) {
			if got, _, err := DecodeDatum(b[:cut]); err == nil {
				t.Fatalf("%s %v: %d of %d bytes give %v", typ, d, cut, len(b), got)
			}
		}
		text := AppendText(nil, d, typ, nil)
		if back, err = ParseText(string(text), typ, nil); err != nil || Compare(d, back) != 0 {
			t.Fatalf("%s: text %q gives %v, %v", typ, text, back, err)
		}
		bin := AppendBinary(nil, d, typ)
		if back, err = ParseBinary(bin, typ); err != nil || !same(d, back) && !isNegativeZero(d) {
			t.Fatalf("%s %q: binary %x gives %v, %v", typ, text, bin, back, err)
		}
	}
}

// normal hides how an array without elements holds nothing.
func normal(d Datum) Datum {
	if d.kind == KindNumeric { // big.Int's hidden capacity differs
		return NewText(string(appendNumericText(nil, &d.x.dec)))
	}
	if d.kind == KindArray {
		return NewText(string(AppendText(nil, d, Text, nil)))
	}
	return d
}

func isNegativeZero(d Datum) bool { return d.kind == KindFloat && d.Float() == 0 }

func TestTupleRoundTrip(t *testing.T) {
	r := newRand(t)
	for range 2000 {
		values := make([]Datum, r.IntN(10))
		for i := range values {
			if r.IntN(4) > 0 {
				values[i] = randomDatum(r, allTypes[r.IntN(len(allTypes))])
			}
		}
		b := AppendTuple(nil, values)
		into := []Datum{NewInt(5)}
		back, err := DecodeTuple(b, into)
		if err != nil || len(back) != len(values)+1 || back[0].Int() != 5 {
			t.Fatalf("%v gives %v, %v", values, back, err)
		}
		for i := range values {
			if !same(values[i], back[i+1]) {
				t.Fatalf("%v gives %v", values, back)
			}
		}
		if _, err := DecodeTuple(append(b, 0), nil); !errors.Is(err, ErrMalformed) {
			t.Fatalf("a byte too many is %v", err)
		}
	}
}

// TestRow: NULL and absent are different, and columns that are not needed are
// left alone.
func TestRow(t *testing.T) {
	row := AppendRow(nil, []Datum{NewInt(1), Null, NewText("two")})
	if n, err := RowWidth(row); n != 3 || err != nil {
		t.Fatalf("width %d, %v", n, err)
	}
	missing := []Datum{NewText("no"), NewText("no"), NewText("no"), NewText("default")}
	into := make([]Datum, 5)
	into[4] = NewInt(9)
	if err := DecodeRow(row, into, nil, missing); err != nil {
		t.Fatal(err)
	}
	want := []Datum{NewInt(1), Null, NewText("two"), NewText("default"), Null}
	if !reflect.DeepEqual(into, want) {
		t.Fatalf("got %v", into)
	}
	for column, value := range want {
		for i := range into {
			into[i] = NewInt(-1)
		}
		if err := DecodeRow(row, into, Columns(nil).With(column), missing); err != nil {
			t.Fatal(err)
		}
		for i := range into {
			if i == column && !reflect.DeepEqual(into[i], value) || i != column && into[i].Int() != -1 {
				t.Fatalf("column %d: got %v", column, into)
			}
		}
	}
	if err := DecodeRow(row, into[:2], nil, nil); err != nil || into[0].Int() != 1 {
		t.Fatalf("a row that is wider than its table: %v", err)
	}
	none := Columns{}
	if err := DecodeRow(row, into, none, nil); err != nil || none.Has(0) || none.Has(64) {
		t.Fatal("an empty set has columns")
	}
	if err := DecodeRow([]byte{2, 0}, into, nil, nil); !errors.Is(err, ErrMalformed) {
		t.Fatalf("another format is %v", err)
	}
}

// TestRowRoundTrip decodes random columns of random rows.
func TestRowRoundTrip(t *testing.T) {
	r := newRand(t)
	for range 2000 {
		values := make([]Datum, 1+r.IntN(100))
		needed := Columns{}
		for i := range values {
			values[i] = randomDatum(r, allTypes[r.IntN(len(allTypes))])
			if r.IntN(5) == 0 {
				needed = needed.With(i)
			}
		}
		into := make([]Datum, len(values))
		if err := DecodeRow(AppendRow(nil, values), into, needed, nil); err != nil {
			t.Fatal(err)
		}
		for i := range into {
			if needed.Has(i) != same(into[i], values[i]) && !values[i].IsNull() {
				t.Fatalf("column %d: %v of %v", i, into[i], values[i])
			}
		}
	}
}

// TestEncodingsStand: bytes that are on disk do not change.
func TestEncodingsStand(t *testing.T) {
	for _, c := range []struct {
		d     Datum
		datum string
		key   string
	}{
		{Null, "\x00", "\xfe"},
		{NewBool(true), "\x02", "\x02"},
		{NewInt(5), "\x85", "\x8d"},
		{NewInt(-1), "\x03\x01", "\x87\xff"},
		{NewInt(1000), "\x03\xd0\x0f", "\xf7\x03\xe8"},
		{NewInt(1 << 24), "\x11\x00\x00\x00\x01", "\xf9\x01\x00\x00\x00"},
		{NewInt(math.MinInt64), "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x80\x80\x00\x00\x00\x00\x00\x00\x00"},
		{NewFloat(1), "\x04\x00\x00\x00\x00\x00\x00\xf0\x3f", "\x01\xbf\xf0\x00\x00\x00\x00\x00\x00"},
		{NewText("ab"), "\x42ab", "\x01ab\x00\x01"},
		{NewBytes([]byte("a\x00")), "\x07\x02a\x00", "\x01a\x00\xff\x00\x01"},
		{NewNumeric(apd.New(1250, -2)), "\x05\x04\x00\x02\x04\xe2", "\x04\x8a\x0d\x33\x00"},
		{NewNumeric(apd.New(-5, 0)), "\x05\x03\x01\x00\x05", "\x02\x76\xcc\xff"},
		{NewDate(1), "\x09\x02", "\x89"},
		{NewTimestamp(-1), "\x0b\xff\xff\xff\xff\xff\xff\xff\xff", "\x87\xff"},
		{NewInterval(IntervalValue{1, 2, 3}), "\x0d\x02\x04\x06", "\xa8\x8b"},
		{NewArray(Int4, []Datum{NewInt(7), Null}), "\x10\x06\x17\x01\x02\x02\x87\x00", "\x01\x8f\x01\xfe\x00\x89\x8a\x89"},
	} {
		if got := AppendDatum(nil, c.d); string(got) != c.datum {
			t.Errorf("%v: %q", c.d, got)
		}
		if got, err := AppendKey(nil, c.d, Int8); err != nil || string(got) != c.key {
			t.Errorf("key of %v: %q, %v", c.d, got, err)
		}
	}
	if got := AppendRow(nil, []Datum{NewInt(1), Null}); string(got) != "\x01\x02\x81\x00" {
		t.Errorf("row: %q", got)
	}
}

// TestAllocations: integers, texts and timestamps cost nothing beyond the result.
func TestAllocations(t *testing.T) {
	row := AppendRow(nil, []Datum{NewInt(1 << 40), NewTimestamp(123456789), NewBool(true), NewUUID([16]byte{1}), NewFloat(1.5),
		NewInterval(IntervalValue{1, 2, 3})})
	text := AppendRow(nil, []Datum{NewText("hello"), NewInt(1)})
	into := make([]Datum, 6)
	buf := make([]byte, 0, 256)
	long := "2024-01-15 10:20:30.123456+02"
	f := &Format{}
	for _, c := range []struct {
		name string
		most float64
		run  func()
	}{
		{"decode a row of numbers", 0, func() { _ = DecodeRow(row, into, nil, nil) }},
		{"decode a text", 1, func() { _ = DecodeRow(text, into, nil, nil) }},
		{"skip a text", 0, func() { _ = DecodeRow(text, into, Columns{2}, nil) }},
		{"encode a row", 0, func() { buf = AppendRow(buf[:0], into) }},
		{"encode a key", 0, func() { buf, _ = AppendKey(buf[:0], into[0], Int8) }},
		{"write an integer", 0, func() { buf = AppendText(buf[:0], into[0], Int8, f) }},
		{"write a timestamp", 0, func() { buf = AppendText(buf[:0], NewTimestampTZ(1e15), TimestampTZ, f) }},
		{"write binary", 0, func() { buf = AppendBinary(buf[:0], into[0], Int4) }},
		{"read an integer", 0, func() { _, _ = ParseText("12345", Int4, f) }},
		{"read a timestamp", 0, func() { _, _ = ParseText(long, TimestampTZ, f) }},
		{"read a text", 0, func() { _, _ = ParseText(long, Text, f) }},
		{"read binary", 0, func() { _, _ = ParseBinary(row[:8], Int8) }},
		{"compare", 0, func() { _ = Compare(into[0], into[1]) }},
	} {
		if got := testing.AllocsPerRun(100, c.run); got > c.most {
			t.Errorf("%s: %v allocations", c.name, got)
		}
	}
}

func TestWrongKind(t *testing.T) {
	// Accessors and encoders of another kind give something, and do not panic.
	values := []Datum{Null, NewBool(true), NewInt(1), NewFloat(1), NewNumeric(apd.New(1, 0)), NewText("x"), NewBytes(nil), NewUUID([16]byte{}),
		NewDate(1), NewTime(1), NewTimestamp(1), NewTimestampTZ(1), NewInterval(IntervalValue{}), NewJSON("1"), NewJSONB("1"), NewArray(Text, []Datum{NewInt(1)})}
	for _, d := range values {
		_, _, _, _, _ = d.Bool(), d.Int(), d.Float(), d.Numeric(), d.Text()
		_, _, _, _, _ = d.Bytes(), d.ByteString(), d.UUID(), d.Interval(), d.Array()
		_ = ViewJSON(d).Len()
		for i := range types {
			typ := Type{types[i].oid, 7}
			AppendText(nil, d, typ, nil)
			AppendBinary(nil, d, typ)
			_, _ = AppendKey(nil, d, typ)
			_, _ = ApplyMod(d, typ, true)
		}
		for _, e := range values {
			if Compare(d, e) != -Compare(e, d) || Equal(d, e) != (Compare(d, e) == 0) {
				t.Errorf("%v and %v", d, e)
			}
		}
	}
	if NewText("x").Kind().String() != "text" || Kind(99).String() != "unknown" {
		t.Error("names of kinds")
	}
	if got := NewBytes([]byte{1, 2}).Bytes(); !bytes.Equal(got, []byte{1, 2}) {
		t.Error(got)
	}
}
