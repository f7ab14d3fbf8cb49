package expr

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// An expression can be part of a command, which every replica executes and nobody
// can cancel: what one function may cost is bounded.

func wantState(t *testing.T, what string, err error, state string) {
	t.Helper()
	var e *pgerror.Error
	if !errors.As(err, &e) || string(e.Code) != state {
		t.Errorf("%s: %v, want SQLSTATE %s", what, err, state)
	}
}

func TestRegexBounds(t *testing.T) {
	re, err := compileRegex("(a|b|ab){1,200}$", "")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("ab", 1<<20)
	_, err = re.matches(&Env{}, long)
	wantState(t, "an expression of many states", err, "54000")
	if found, err := re.matches(&Env{}, "ab"); err != nil || !found {
		t.Errorf("a short text: %v %v", found, err)
	}
	if re, err = compileRegex("a", ""); err != nil {
		t.Fatal(err)
	}
	_, err = re.all(&Env{}, long+long)
	wantState(t, "many matches", err, "54000")
	if list, err := re.all(&Env{}, long[:2000]); err != nil || len(list) != 1000 {
		t.Errorf("%d matches, %v", len(list), err)
	}
}

func TestTemplateBounds(t *testing.T) {
	_, err := dateToChar(&Env{}, nil, []datum.Datum{datum.NewTimestamp(0), datum.NewText(strings.Repeat("Month ", maxTemplate))})
	wantState(t, "a long template", err, "54000")
}

func TestValueBounds(t *testing.T) {
	half := datum.NewText(strings.Repeat("'", MaxValueBytes/2+1))
	_, err := quoteLiteral(half)
	wantState(t, "quote_literal", err, "54000")
	_, err = overlay(half.Text(), half.Text(), MaxValueBytes/2, 0)
	wantState(t, "overlay", err, "54000")
	_, err = stringToArray(nil, nil, []datum.Datum{half, datum.NewText("'")})
	wantState(t, "string_to_array", err, "54000")
}

func TestContainmentBounds(t *testing.T) {
	up, down := make([]string, 10_000), make([]string, 10_000)
	for i := range up {
		up[i], down[len(down)-1-i] = strings.Repeat("1", i%300+1), strings.Repeat("1", i%300+1)
	}
	a := datum.NewJSONB("[" + strings.Join(up, ", ") + "]")
	b := datum.NewJSONB("[" + strings.Repeat("2, ", 1) + strings.Join(down, ", ") + "]")
	if v, err := jsonContains(a, b); err != nil || v.Bool() {
		t.Errorf("what is missing at once: %v %v", v, err)
	}
	objects := func(n int, last string) datum.Datum {
		return datum.NewJSONB("[" + strings.Repeat(`{"a": 1}, `, n) + last + "]")
	}
	_, err := jsonContains(objects(20_000, `{"b": 1}`), datum.NewJSONB("["+strings.Repeat(`{"b": 1}, `, 20_000)+"1]"))
	wantState(t, "all with all", err, "54000")
}

// TestArrayFinder: the sorted list answers as the short one does.
func TestArrayFinder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		list := make([]datum.Datum, 16+rnd.IntN(40))
		for i := range list {
			if list[i] = datum.NewInt(rnd.Int64N(60)); rnd.IntN(10) == 0 {
				list[i] = datum.Datum{}
			}
		}
		before := slices.Clone(list)
		one, many := finder(list, 1), finder(list, 1000)
		for x := range int64(60) {
			if d := datum.NewInt(x); one(d) != many(d) {
				t.Fatalf("%d in %v: %v and %v", x, list, one(d), many(d))
			}
		}
		if one(datum.Datum{}) || many(datum.Datum{}) {
			t.Fatal("NULL is found")
		}
		if !slices.EqualFunc(before, list, datum.Equal) {
			t.Fatal("the list was changed")
		}
	}
}

func TestTranslate(t *testing.T) {
	for _, c := range [][4]string{
		{"12345", "143", "ax", "a2x5"}, {"aabb", "aa", "xy", "xxbb"}, {"héé", "é", "e", "hee"}, {"abc", "", "x", "abc"}, {"abc", "abc", "", ""},
	} {
		got, err := translate(datum.NewText(c[0]), datum.NewText(c[1]), datum.NewText(c[2]))
		if err != nil || got.Text() != c[3] {
			t.Errorf("translate(%q, %q, %q) is %q %v, want %q", c[0], c[1], c[2], got.Text(), err, c[3])
		}
	}
}
