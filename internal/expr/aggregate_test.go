package expr_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/datum"
	. "github.com/ssmr/ssmr/internal/expr"
)

// parseAggregate reads name([distinct] args [order by x [desc] [nulls last]]) [filter (where cond)].
func parseAggregate(sql string, x Expr) (a *Aggregate, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(parseError).err
		}
	}()
	p := &parser{toks: lex(sql), columns: map[string]Expr{"x": x}, params: NewParamTypes(nil)}
	name := p.next()
	p.want("(")
	star, distinct := p.is("*"), p.is("distinct")
	var args []Expr
	var order []AggregateOrder
	for !p.is(")") {
		if p.is("order", "by") {
			o := AggregateOrder{Expr: p.expr(0)}
			o.Descending = p.is("desc")
			o.NullsFirst = o.Descending
			if p.is("nulls", "last") {
				o.NullsFirst = false
			}
			order = append(order, o)
			continue
		}
		args = append(args, p.expr(0))
		p.is(",")
	}
	var filter Expr
	if p.is("filter", "(", "where") {
		filter = p.expr(0)
		p.want(")")
	}
	return NewAggregate(name, star, args, filter, distinct, order)
}

func aggregateCases(t *testing.T, each func(call string, elem datum.Type, values []datum.Datum, want string)) {
	b, err := os.ReadFile("testdata/aggregates.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		f := strings.Split(lines[i], " | ")
		elem, err := datum.ByName(f[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := elem.Array()
		v, err := datum.ParseText(f[2], at, nil)
		if err != nil {
			t.Fatal(lines[i], err)
		}
		each(f[0], elem, v.Array().Elems, strings.TrimSpace(lines[i+1]))
	}
}

func finalText(acc Accumulator, typ datum.Type) string {
	v, err := acc.Final()
	switch {
	case err != nil:
		return errorText(err)
	case v.IsNull():
		return typeText(typ) + " NULL"
	}
	return typeText(typ) + " " + strconv.Quote(string(datum.AppendText(nil, v, typ, nil)))
}

func TestAggregatesAsPostgreSQL(t *testing.T) {
	aggregateCases(t, func(call string, elem datum.Type, values []datum.Datum, want string) {
		a, err := parseAggregate(call, NewColumn(0, elem, "x"))
		got := ""
		if err != nil {
			got = errorText(err)
		} else if b, rest, derr := DecodeAggregate(AppendAggregate(nil, a)); derr != nil || len(rest) > 0 {
			t.Errorf("%s: decoding: %v", call, derr)
		} else {
			got = aggregateAll(b, values)
		}
		if got != want && !lastDigit(got, want) {
			t.Errorf("%s of %s %v\n    is   %s\n    want %s", call, elem, len(values), got, want)
		}
	})
}

func aggregateAll(a *Aggregate, values []datum.Datum) string {
	acc := a.New()
	var buf []datum.Datum
	for _, v := range values {
		var err error
		if buf, err = a.Step(acc, &Env{Row: []datum.Datum{v}}, buf); err != nil {
			return errorText(err)
		}
	}
	return finalText(acc, a.Type())
}

// TestPartialStatesMerge: rows may be split among partitions in any way, and the
// states may travel, without a difference.
func TestPartialStatesMerge(t *testing.T) {
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, seed))
	aggregateCases(t, func(call string, elem datum.Type, values []datum.Datum, want string) {
		a, err := parseAggregate(call, NewColumn(0, elem, "x"))
		if err != nil || a.PartialWidth() == 0 {
			return
		}
		for range 5 {
			parts := make([]Accumulator, 1+rnd.IntN(4))
			for i := range parts {
				parts[i] = a.New()
			}
			for _, v := range values {
				if _, err := a.Step(parts[rnd.IntN(len(parts))], &Env{Row: []datum.Datum{v}}, nil); err != nil {
					return
				}
			}
			total := a.New()
			for _, p := range parts {
				state := p.AppendPartial(nil)
				checkPartial(t, call, a, state)
				wire, err := datum.DecodeTuple(datum.AppendTuple(nil, state), nil)
				if err == nil {
					err = total.Merge(wire)
				}
				if err != nil {
					if got := errorText(err); got != want {
						t.Errorf("%s: merge: %v", call, err)
					}
					return
				}
			}
			if got := finalText(total, a.Type()); got != want && !closeTo(got, want) {
				t.Errorf("seed %d: %s of %s in %d parts\n    is   %s\n    want %s", seed, call, elem, len(parts), got, want)
			}
		}
	})
}

func checkPartial(t *testing.T, call string, a *Aggregate, state []datum.Datum) {
	types := a.PartialTypes()
	if len(state) != len(types) {
		t.Fatalf("%s: %d values of state, want %d", call, len(state), len(types))
	}
	for i, v := range state {
		if !v.IsNull() && v.Kind() != types[i].Kind() {
			t.Errorf("%s: state %d is %v, want %v", call, i, v.Kind(), types[i])
		}
	}
}

// closeTo lets floats differ by the order of their addition.
func closeTo(got, want string) bool {
	cut := func(s string) (string, float64, bool) {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return s, 0, false
		}
		f, err := strconv.ParseFloat(strings.Trim(s[i:], `"`), 64)
		return s[:i], f, err == nil
	}
	a, x, ok1 := cut(got)
	b, y, ok2 := cut(want)
	return a == b && (strings.HasPrefix(a, "double") || strings.HasPrefix(a, "real")) && ok1 && ok2 && (x-y) <= 1e-6*y && (y-x) <= 1e-6*y
}

func TestAggregateFormat(t *testing.T) {
	for _, c := range []string{
		"count(*)", "sum(x)", "string_agg(DISTINCT x, ','::text)", "array_agg(x ORDER BY x DESC)",
		"count(x) FILTER (WHERE (x IS NULL))", "array_agg(x ORDER BY x DESC NULLS LAST)",
	} {
		elem := datum.Int4
		if strings.HasPrefix(c, "string") {
			elem = datum.Text
		}
		a, err := parseAggregate(strings.ToLower(c), NewColumn(0, elem, "x"))
		if err != nil {
			t.Fatal(c, err)
		}
		if got := FormatAggregate(a); got != c {
			t.Errorf("%s, want %s", got, c)
		}
	}
}
