package datum

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestKeyOrder: byte order is value order, equal values have equal bytes, no
// encoding is another's prefix, and decoding gives an equal value.
func TestKeyOrder(t *testing.T) {
	r := newRand(t)
	for _, typ := range keyTypes {
		values := make([]Datum, 300)
		keys := make([][]byte, len(values))
		for i := range values {
			if r.IntN(50) > 0 {
				values[i] = randomDatum(r, typ)
			}
			var err error
			if keys[i], err = AppendKey(nil, values[i], typ); err != nil {
				t.Fatal(err)
			}
			back, err := DecodeKey(keys[i], []Type{typ})
			if err != nil || Compare(back[0], values[i]) != 0 {
				t.Fatalf("%s %v: key %x gives %v, %v", typ, values[i], keys[i], back, err)
			}
		}
		for i := range values {
			for j := range values {
				c := Compare(values[i], values[j])
				if got := bytes.Compare(keys[i], keys[j]); got != c {
					t.Fatalf("%s: %s and %s compare as %d, their keys %x and %x as %d", typ,
						AppendText(nil, values[i], typ, nil), AppendText(nil, values[j], typ, nil), c, keys[i], keys[j], got)
				}
				if c != 0 && bytes.HasPrefix(keys[i], keys[j]) {
					t.Fatalf("%s: %x is a prefix of %x", typ, keys[j], keys[i])
				}
				if c == 0 && Hash(1, values[i]) != Hash(1, values[j]) {
					t.Fatalf("%s: %v and %v are equal, their hashes are not", typ, values[i], values[j])
				}
			}
		}
	}
}

func randomKey(r *rand.Rand, types []Type) []Datum {
	values := make([]Datum, len(types))
	for i := range values {
		values[i] = randomDatum(r, types[i])
	}
	return values
}

// TestCompositeKeys: keys of several columns order as their tuples do, and the
// encoding of the first columns bounds all keys that begin with them.
func TestCompositeKeys(t *testing.T) {
	r := newRand(t)
	for range 3000 {
		types := make([]Type, 1+r.IntN(4))
		for i := range types {
			types[i] = keyTypes[r.IntN(len(keyTypes))]
		}
		a, b := randomKey(r, types), randomKey(r, types)
		n := r.IntN(len(types) + 1)
		copy(b[:n], a[:n]) // often the same beginning
		want := 0
		for i := 0; i < len(types) && want == 0; i++ {
			want = Compare(a[i], b[i])
		}
		ka, kb, prefix := encodeKey(t, a, types), encodeKey(t, b, types), encodeKey(t, a[:n], types)
		if got := bytes.Compare(ka, kb); got != want {
			t.Fatalf("%v: %v and %v compare as %d, their keys as %d", types, a, b, want, got)
		}
		end := PrefixEnd(prefix)
		if !bytes.HasPrefix(kb, prefix) || end != nil && bytes.Compare(kb, end) >= 0 {
			t.Fatalf("%x is not in [%x, %x)", kb, prefix, end)
		}
		back, err := DecodeKey(ka, types)
		if err != nil {
			t.Fatal(err)
		}
		for i := range back {
			if Compare(back[i], a[i]) != 0 {
				t.Fatalf("%v: %v gives %v", types, a, back)
			}
		}
		if _, err := DecodeKey(ka[:len(ka)-1], types); err == nil {
			t.Fatalf("%x without its last byte is a key", ka)
		}
	}
}

func encodeKey(t *testing.T, values []Datum, types []Type) []byte {
	var key []byte
	var err error
	for i := range values {
		if key, err = AppendKey(key, values[i], types[i]); err != nil {
			t.Fatal(err)
		}
	}
	return key
}

// TestKeyPrefix: LIKE 'abc%' is a range of keys.
func TestKeyPrefix(t *testing.T) {
	start := AppendKeyPrefix(nil, NewText("ab"))
	end := PrefixEnd(start)
	for s, in := range map[string]bool{"ab": true, "abc": true, "ab\x01": true, "ab\U0010ffff": true, "aa": false, "ac": false, "a": false, "": false} {
		key, err := AppendKey(nil, NewText(s), Text)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Compare(start, key) <= 0 && bytes.Compare(key, end) < 0; got != in {
			t.Errorf("%q: %v", s, got)
		}
	}
	for _, c := range []struct{ prefix, end string }{{"a", "b"}, {"a\xff", "b"}, {"\xff\xff", ""}, {"", ""}, {"a\x00", "a\x01"}} {
		if got := PrefixEnd([]byte(c.prefix)); string(got) != c.end || (c.end == "") != (got == nil) {
			t.Errorf("end of %q is %q", c.prefix, got)
		}
	}
}

// TestKeyScale: a numeric gets its type's scale back.
func TestKeyScale(t *testing.T) {
	typ := NumericOf(10, 2)
	for _, s := range []string{"1.50", "-3.00", "0.00", "12.34", "NaN"} {
		d, err := ParseText(s, typ, nil)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := AppendKey(nil, d, typ)
		back, err := DecodeKey(key, []Type{typ})
		if err != nil || string(AppendText(nil, back[0], typ, nil)) != s {
			t.Errorf("%s gives %s, %v", s, AppendText(nil, back[0], typ, nil), err)
		}
	}
	if _, err := AppendKey(nil, NewJSONB("{}"), JSONB); err == nil {
		t.Error("jsonb is a key")
	}
}
