package datum

import (
	"bytes"
	"testing"
)

// What a decoder accepts is a value that can be used in any way, and encodes to
// something that decodes to the same.

func use(d Datum, t Type) {
	AppendText(nil, d, t, nil)
	AppendBinary(nil, d, t)
	_, _ = AppendKey(nil, d, t)
	Hash(0, d)
	Compare(d, d)
	_, _ = ApplyMod(d, t, true)
}

func FuzzDecodeDatum(f *testing.F) {
	r := newRand(f)
	for _, t := range allTypes {
		f.Add(AppendDatum(nil, randomDatum(r, t)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, rest, err := DecodeDatum(b)
		skipped, skipErr := skipDatum(b)
		if err != nil {
			return
		}
		if skipErr != nil || len(skipped) != len(rest) {
			t.Fatalf("skip and decode differ: %v", skipErr)
		}
		use(d, Text)
		again, _, err := DecodeDatum(AppendDatum(nil, d))
		if err != nil || !same(d, again) {
			t.Fatalf("%x gives %v, then %v, %v", b, d, again, err)
		}
	})
}

func FuzzDecodeRow(f *testing.F) {
	r := newRand(f)
	for range 10 {
		f.Add(AppendRow(nil, randomKey(r, allTypes[:10])), uint64(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, needed uint64) {
		all, some := make([]Datum, 20), make([]Datum, 20)
		if DecodeRow(b, all, nil, nil) != nil {
			_ = DecodeRow(b, some, Columns{needed}, nil)
			return
		}
		if err := DecodeRow(b, some, Columns{needed}, nil); err != nil {
			t.Fatal(err)
		}
		for i := range all {
			if needed>>i&1 == 1 && !same(all[i], some[i]) {
				t.Fatalf("column %d differs", i)
			}
		}
		_, _ = DecodeTuple(b, nil)
	})
}

func FuzzDecodeKey(f *testing.F) {
	r := newRand(f)
	for i, t := range keyTypes {
		b, err := AppendKey(nil, randomDatum(r, t), t)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, which uint8) {
		typ := keyTypes[int(which)%len(keyTypes)]
		d, rest, err := DecodeKeyPart(b, typ)
		if err != nil {
			return
		}
		use(d, typ)
		again, err := AppendKey(nil, d, typ)
		if err != nil {
			t.Fatal(err)
		}
		if used := b[:len(b)-len(rest)]; !bytes.Equal(again, used) {
			t.Fatalf("%s: %x decodes to %v, which encodes to %x", typ, used, d, again)
		}
	})
}

func FuzzParseBinary(f *testing.F) {
	r := newRand(f)
	for i, t := range allTypes {
		f.Add(AppendBinary(nil, randomDatum(r, t), t), uint8(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, which uint8) {
		typ := allTypes[int(which)%len(allTypes)]
		d, err := ParseBinary(b, typ)
		if err != nil {
			return
		}
		use(d, typ)
		again, err := ParseBinary(AppendBinary(nil, d, typ), typ)
		if err != nil || !same(d, again) {
			t.Fatalf("%s %x: %v, then %v, %v", typ, b, d, again, err)
		}
	})
}

func FuzzParseText(f *testing.F) {
	r := newRand(f)
	for i, t := range allTypes {
		for range 3 {
			f.Add(string(AppendText(nil, randomDatum(r, t), t, nil)), uint8(i))
		}
	}
	for _, s := range []string{"1 year -2 mons", "P1Y2M", "Jan 8 1999 04:05 PST", "J2451187", "now", "1999-01-08 040506.789-08", "[0:1]={1,2}", `"\ud83d\ude00"`} {
		for i := range allTypes {
			f.Add(s, uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, s string, which uint8) {
		typ := allTypes[int(which)%len(allTypes)]
		d, err := ParseText(s, typ, &Format{Now: 1})
		if err != nil {
			return
		}
		use(d, typ)
		text := AppendText(nil, d, typ, nil)
		again, err := ParseText(string(text), typ, nil)
		if err != nil || Compare(d, again) != 0 {
			t.Fatalf("%s %q: %q, then %q, %v", typ, s, text, AppendText(nil, again, typ, nil), err)
		}
	})
}

// FuzzJSONView walks through texts that are no JSON: a view ends, and does not
// panic.
func FuzzJSONView(f *testing.F) {
	for _, s := range []string{`{"a":[1,"x",{}]}`, `[`, `{"a`, `}]`, `[[[`, `{"a":`, `"\`, ``, `{:,}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := ViewJSON(NewJSON(s))
		for e := range v.Elements() {
			_, _, _ = e.Text()
		}
		for name, e := range v.Fields() {
			_, _ = e.Field(name)
		}
		_, _ = v.Element(-1)
		Compare(NewJSONB(s), NewJSONB(s+" "))
		Hash(0, NewJSONB(s))
		normal, err := NormalizeJSON(s)
		if err != nil {
			return
		}
		if again, err := NormalizeJSON(normal); err != nil || again != normal {
			t.Fatalf("%q: %q, then %q, %v", s, normal, again, err)
		}
	})
}
