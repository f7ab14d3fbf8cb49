package datum

import "testing"

// BenchmarkRow decodes one column and all columns of a row as of a benchmark's
// table, in one run.
func BenchmarkRow(b *testing.B) {
	row := AppendRow(nil, []Datum{NewInt(12345), NewInt(-7), NewInt(100000), NewText("a text of about eighty characters, as pgbench has it in its filler column, more or less")})
	into := make([]Datum, 4)
	one := Columns(nil).With(2)
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			_ = DecodeRow(row, into, one, nil)
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			_ = DecodeRow(row, into, nil, nil)
		}
	})
	b.Run("encode", func(b *testing.B) {
		buf := make([]byte, 0, 200)
		for b.Loop() {
			buf = AppendRow(buf[:0], into)
		}
	})
}

func BenchmarkText(b *testing.B) {
	n, _ := ParseText("12345.67", Numeric, nil)
	buf := make([]byte, 0, 100)
	for name, c := range map[string]struct {
		d Datum
		t Type
	}{"int": {NewInt(123456), Int4}, "timestamptz": {NewTimestampTZ(7e14 + 123), TimestampTZ}, "numeric": {n, Numeric}, "float": {NewFloat(1.0 / 3), Float8}} {
		b.Run("write "+name, func(b *testing.B) {
			for b.Loop() {
				buf = AppendText(buf[:0], c.d, c.t, nil)
			}
		})
		text := string(AppendText(nil, c.d, c.t, nil))
		b.Run("read "+name, func(b *testing.B) {
			for b.Loop() {
				_, _ = ParseText(text, c.t, nil)
			}
		})
	}
}

func BenchmarkKey(b *testing.B) {
	buf := make([]byte, 0, 100)
	d := NewInt(123456)
	types := []Type{Int8}
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			buf, _ = AppendKey(buf[:0], d, Int8)
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			_, _ = DecodeKey(buf, types)
		}
	})
	b.Run("binary", func(b *testing.B) {
		raw := []byte{0, 0, 0, 1}
		for b.Loop() {
			_, _ = ParseBinary(raw, Int4)
		}
	})
}
