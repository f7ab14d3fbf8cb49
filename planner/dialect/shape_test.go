package dialect

import (
	"fmt"
	"strings"
	"testing"
)

func TestTakeShape(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"SELECT 1", "SELECT ?i 8:integer:1"},
		{"select a-1, - 2.5e3 from t -- 7", "select a-?i, - ?n from t -- 7 10-9:integer:1 15-13:numeric:2.5e3"},
		{"WHERE é = 'a''b' AND x = E'\\n' /* 'c' */", "WHERE é = ?s AND x = ?s /* 'c' */ 11:string:a'b 26:string:\n"},
		{"VALUES ('a'\n'b', $$c$$, $q$d$q$, U&'\\0065')", "VALUES (?s, ?s, ?s, ?s) 9:string:ab 18:string:c 25:string:d 34:string:e"},
		{"SELECT 2147483647, 2147483648, 9223372036854775808, B'1', \"1\", a1, 007",
			"SELECT ?i, ?b, 9223372036854775808, B'1', \"1\", a1, ?i 8:integer:2147483647 20:integer:2147483648 68:integer:007"},
		{"SELECT 1 WHERE a = $1", "none"}, {"SELECT a", "none"}, {"SELECT 'a", "none"}, {"SELECT 1\x00", "none"}, {"SELECT 1a", "none"}, {"", "none"},
		{"VALUES (1, 2, 3, 4, 5, 6, 7, 8)", "none"},
	} {
		got := "none"
		if s, ok := TakeShape(c.text, 7); ok {
			got = strings.ReplaceAll(s.Text, "\x00", "?")
			for _, l := range s.Literals {
				got += fmt.Sprintf(" %d", l.Position)
				if l.Minus > 0 {
					got += fmt.Sprintf("-%d", l.Minus)
				}
				got += fmt.Sprintf(":%v:%s", l.Kind, l.Text)
			}
		}
		if got != c.want {
			t.Errorf("%q: %s, not %s", c.text, got, c.want)
		}
	}
}

// FuzzTakeShape: with all its literals a shape is its text, without some of them it is a text
// that has these fewer, and nothing panics.
func FuzzTakeShape(f *testing.F) {
	for _, text := range []string{"SELECT 1", "UPDATE t SET a = -1.5, b = 'x''y' WHERE c IN (1, 2147483648)", "VALUES (E'a\\'b', $x$1$x$, U&'d!0061' UESCAPE '!')", "'a'\n'b'1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := TakeShape(text, 100)
		if !ok {
			return
		}
		if whole := s.With(func(int) bool { return true }); whole != text {
			t.Fatalf("%q became %q", text, whole)
		}
		if n := strings.Count(s.Text, "\x00"); n != len(s.Literals) {
			t.Fatalf("%q: %d marks, %d literals", text, n, len(s.Literals))
		}
		if odd := s.With(func(i int) bool { return i%2 == 1 }); strings.Count(odd, "\x00") != (len(s.Literals)+1)/2 {
			t.Fatalf("%q: every second is %q", text, odd)
		}
		last := 0
		for _, l := range s.Literals {
			if l.Position <= last || l.Minus >= l.Position || l.Minus != 0 && l.Minus <= last {
				t.Fatalf("%q: %+v", text, s.Literals)
			}
			last = l.Position
		}
	})
}
