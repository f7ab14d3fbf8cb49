package quantity

import "testing"

// TestParse follows PostgreSQL 15's parse_real and convert_to_base_unit: units are
// case sensitive, and may stand behind a space.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		value string
		units Units
		base  string
		want  float64
		hint  bool
		ok    bool
	}{
		{"10GB", Bytes, "B", 10 << 30, false, true},
		{" 1.5 MB ", Bytes, "kB", 1536, false, true},
		{"512B", Bytes, "kB", 0.5, false, true},
		{"7", Bytes, "kB", 7, false, true},
		{"-1kB", Bytes, "B", -1024, false, true},
		{"1e3", Bytes, "B", 1000, false, true},
		{"2min", Time, "ms", 120_000, false, true},
		{"1d", Time, "s", 86400, false, true},
		{"10gb", Bytes, "B", 0, true, false},
		{"1s", Bytes, "B", 0, true, false},
		{"5s", Units{}, "", 0, false, false},
		{"5", Units{}, "", 5, false, true},
		{"GB", Bytes, "B", 0, false, false},
		{"", Bytes, "B", 0, false, false},
		{"0x10", Bytes, "B", 0, false, false},
		{"1_000", Bytes, "B", 0, false, false},
		{"1 2kB", Bytes, "B", 0, false, false},
	} {
		n, hint, ok := c.units.Parse(c.value, c.base)
		if n != c.want || (hint != "") != c.hint || ok != c.ok {
			t.Errorf("%q in %s: %v, %q, %v", c.value, c.base, n, hint, ok)
		}
	}
}
