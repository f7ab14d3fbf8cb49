package expr_test

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/datum"
	. "github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// TestParameterTypes: a parameter's type follows from where it stands first.
func TestParameterTypes(t *testing.T) {
	cols := map[string]Expr{
		"id": NewColumn(0, datum.Int8, "id"), "v": NewColumn(1, datum.VarcharOf(10), "v"),
		"d": NewColumn(2, datum.Date, "d"), "tags": NewColumn(3, datum.TextArray, "tags"),
	}
	for _, c := range []struct{ sql, want string }{
		{"id = $1", "bigint"},
		{"id + $1", "bigint"},
		{"$1 > id", "bigint"},
		{"v = $1", "text"},
		{"v like $1", "text"},
		{"id = any($1)", "bigint[]"},
		{"id in ($1, $2)", "bigint bigint"},
		{"id between $1 and $2", "bigint bigint"},
		{"d + $1", "ERROR 42725 operator is not unique: date + unknown"},
		{"d > $1", "date"},
		{"coalesce(v, $1)", "character varying"},
		{"case when $1 then $2 else id end", "boolean bigint"},
		{"$1::int + 1", "integer"},
		{"$1 || 'x'", "text"},
		{"upper($1)", "text"},
		{"$1 = 5 and $1 = 7", "integer"},
		{"$1 = 5 and $1 = 'x'", "ERROR 22P02 invalid input syntax for type integer: \"x\""},
		{"$1::text = 'x' and $1 = 5", "ERROR 42883 operator does not exist: text = integer"},
		{"$1 = $2", "text text"},
		{"abs($1)", "double precision"},
		{"$1 is null", "ERROR 42P18 could not determine data type of parameter $1"},
		{"not $1", "boolean"},
		{"nullif($1, 5)", "integer"},
		{"tags @> $1", "text[]"},
		{"$1 = any(tags)", "text"},
		{"date_trunc('day', $1)", "ERROR 42725 function date_trunc(unknown, unknown) is not unique"},
	} {
		types := NewParamTypes(nil)
		_, err := parse(c.sql, cols, types)
		if err == nil {
			err = types.Finish()
		}
		got := ""
		if err != nil {
			got = errorText(err)
		} else {
			var names []string
			for _, p := range types.Types() {
				names = append(names, p.String())
			}
			got = strings.Join(names, " ")
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.sql, got, c.want)
		}
	}
}

func TestDeclaredParameterTypes(t *testing.T) {
	types := NewParamTypes([]datum.Type{datum.Int2, {}})
	e, err := parse("$1 = 5 and $2", nil, types)
	if err != nil {
		t.Fatal(err)
	}
	if got := types.Types(); got[0] != datum.Int2 || got[1] != datum.Bool {
		t.Error(got)
	}
	env := &Env{Params: []datum.Datum{datum.NewInt(5), datum.NewBool(true)}}
	if v, err := e.Eval(env); err != nil || !v.Bool() {
		t.Error(v, err)
	}
	env.Params = []datum.Datum{datum.NewText("5"), datum.NewBool(true)}
	if _, err := e.Eval(env); pgerror.As(err) == nil || pgerror.As(err).Code != pgerror.DataCorrupted {
		t.Error("a value of another kind:", err)
	}
	env.Params = nil
	if _, err := e.Eval(env); pgerror.As(err) == nil || pgerror.As(err).Code != pgerror.UndefinedParameter {
		t.Error("no value:", err)
	}
}

func TestHints(t *testing.T) {
	for sql, want := range map[string]string{
		"1 + 'a'::text": "No operator matches the given name and argument types. You might need to add explicit type casts.",
		"- true":        "No operator matches the given name and argument type. You might need to add an explicit type cast.",
		"nofn(1)":       "No function matches the given name and argument types. You might need to add explicit type casts.",
		"'1' + '2'":     "Could not choose a best candidate operator. You might need to add explicit type casts.",
	} {
		_, err := parse(sql, nil, NewParamTypes(nil))
		if e := pgerror.As(err); e == nil || e.Hint != want {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// TestDepthIsBounded: nesting ends in 54001, long lists do not.
func TestDepthIsBounded(t *testing.T) {
	var e Expr = NewConst(datum.NewInt(1), datum.Int4)
	var err error
	n := 0
	for ; err == nil && n < 2*MaxDepth; n++ {
		var next Expr
		if next, err = NewOperator("+", e, NewConst(datum.NewInt(0), datum.Int4)); err == nil {
			e = next
		}
	}
	if pe := pgerror.As(err); pe == nil || pe.Code != "54001" || n != MaxDepth {
		t.Fatalf("after %d: %v", n, err)
	}
	if v, err := e.Eval(&Env{}); err != nil || v.Int() != 1 {
		t.Error(v, err)
	}
	if d, err := Decode(Append(nil, e)); err != nil || !Equal(d, e) {
		t.Error(err)
	}
	var or Expr = NewBool(false)
	for range 10000 {
		if or, err = NewOr(or, NewBool(false)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHideSession(t *testing.T) {
	cols := map[string]Expr{"ts": NewColumn(0, datum.TimestampTZ, "ts"), "n": NewColumn(1, datum.Int4, "n")}
	for _, c := range []struct{ sql, want, parts string }{
		{"n + 1 > 2", "((n + 1) > 2)", ""},
		{"ts > now()", "(ts > $1)", "now()"},
		{"ts > now() - interval '1 day'", "(ts > $1)", "(now() - '1 day'::interval)"},
		{"ts > '2020-01-01'", "(ts > $1)", "('2020-01-01'::text)::timestamp with time zone"},
		{"date_trunc('day', ts) = ts", "(date_trunc('day'::text, ts) = ts)", ""},
		{"current_user = 'x' and n = 1", "($1 AND (n = 1))", "(CURRENT_USER = 'x'::name)"},
		{"random() < 0.5", "(random() < '0.5'::double precision)", ""},
		{"clock_timestamp() > ts", "($1 > ts)", "clock_timestamp()"},
		{"age(ts)", "age($1, ts)", "(CURRENT_DATE)::timestamp with time zone"},
		{"nextval('s') = n", "ERROR 0A000 function nextval(text) in a place where it is evaluated for each row is not supported", ""},
	} {
		e, err := parse(c.sql, cols, NewParamTypes(nil))
		if err != nil {
			t.Fatal(c.sql, err)
		}
		var parts []string
		hidden, err := HideSession(e, func(part Expr) (Expr, error) {
			parts = append(parts, Format(part))
			return NewParam(len(parts)-1, part.Type()), nil
		})
		got := ""
		if err != nil {
			got = errorText(err)
		} else {
			got = Format(hidden)
		}
		if got != c.want || strings.Join(parts, "; ") != c.parts {
			t.Errorf("%s: %s with %q, want %s with %q", c.sql, got, parts, c.want, c.parts)
		}
	}
}

func TestRewriteAndColumns(t *testing.T) {
	cols := map[string]Expr{"a": NewColumn(0, datum.Int4, "a"), "b": NewColumn(5, datum.Text, "b")}
	e, err := parse("case a when 1 then b else coalesce(b, 'x') end like '%' and a in (1, 2) and (a, b) < (1, 'x')", cols, NewParamTypes(nil))
	if err != nil {
		t.Fatal(err)
	}
	set := map[int]bool{}
	Columns(e, set)
	if len(set) != 2 || !set[0] || !set[5] {
		t.Error(set)
	}
	m, err := MapColumns(e, func(i int) int { return i + 1 })
	if err != nil {
		t.Fatal(err)
	}
	set = map[int]bool{}
	Columns(m, set)
	if len(set) != 2 || !set[1] || !set[6] || Equal(e, m) {
		t.Error(set)
	}
	back, err := MapColumns(m, func(i int) int { return i - 1 })
	if err != nil || !Equal(e, back) {
		t.Error(err)
	}
}

// TestSameSeedSameValues: replicas draw the same numbers.
func TestSameSeedSameValues(t *testing.T) {
	e := mustParse(t, "concat(random(), gen_random_uuid())")
	draw := func(seed uint64) string {
		v, err := e.Eval(&Env{Rand: NewRand(seed)})
		if err != nil {
			t.Fatal(err)
		}
		return v.Text()
	}
	if first, again := draw(1), draw(1); first != again || first == draw(2) {
		t.Error("the seed does not decide")
	}
	u := mustParse(t, "gen_random_uuid()::text")
	v, _ := u.Eval(&Env{Rand: NewRand(3)})
	if s := v.Text(); s[14] != '4' || !strings.ContainsRune("89ab", rune(s[19])) {
		t.Error("no version 4:", s)
	}
}

// TestIntegerArithmetic compares with exact arithmetic over random numbers near
// the limits of the types.
func TestIntegerArithmetic(t *testing.T) {
	const seed = 42
	rnd := rand.New(rand.NewPCG(seed, seed))
	widths := []struct {
		t    datum.Type
		bits uint
		name string
	}{{datum.Int2, 15, "smallint"}, {datum.Int4, 31, "integer"}, {datum.Int8, 63, "bigint"}}
	for range 20000 {
		w := widths[rnd.IntN(3)]
		draw := func() int64 {
			n := int64(rnd.Uint64()) >> (63 - w.bits)
			if rnd.IntN(3) == 0 {
				n >>= rnd.Uint64N(uint64(w.bits))
			}
			return n
		}
		a, b := draw(), draw()
		op := []string{"+", "-", "*", "/", "%"}[rnd.IntN(5)]
		x, y, z := big.NewInt(a), big.NewInt(b), new(big.Int)
		want := ""
		switch op {
		case "+":
			z.Add(x, y)
		case "-":
			z.Sub(x, y)
		case "*":
			z.Mul(x, y)
		case "/", "%":
			if b == 0 {
				want = "ERROR 22012 division by zero"
			} else if op == "/" {
				z.Quo(x, y)
			} else {
				z.Rem(x, y)
			}
		}
		limit := new(big.Int).Lsh(big.NewInt(1), w.bits)
		if want == "" {
			want = w.t.String() + ` "` + z.String() + `"`
			if z.Cmp(limit) >= 0 || z.Cmp(limit.Neg(limit)) < 0 {
				want = "ERROR 22003 " + w.name + " out of range"
			}
		}
		e, err := NewOperator(op, NewConst(datum.NewInt(a), w.t), NewConst(datum.NewInt(b), w.t))
		if err != nil {
			t.Fatal(err)
		}
		if got := runExpr(e, &Env{Format: &datum.Format{}}); got != want {
			t.Fatalf("seed %d: %d %s %d (%s): %s, want %s", seed, a, op, b, w.name, got, want)
		}
	}
}

// TestThreeValuedLogic goes through all operands of AND, OR and NOT.
func TestThreeValuedLogic(t *testing.T) {
	values := []string{"true", "false", "null::bool"}
	for _, a := range values {
		for _, b := range values {
			and, or := "null", "null"
			if a == "false" || b == "false" {
				and = "false"
			} else if a == "true" && b == "true" {
				and = "true"
			}
			if a == "true" || b == "true" {
				or = "true"
			} else if a == "false" && b == "false" {
				or = "false"
			}
			for sql, want := range map[string]string{
				"(" + a + " and " + b + ") is not distinct from " + and + "::bool": `boolean "t"`,
				"(" + a + " or " + b + ") is not distinct from " + or + "::bool":   `boolean "t"`,
				// De Morgan
				"not (" + a + " and " + b + ") is not distinct from (not " + a + " or not " + b + ")": `boolean "t"`,
			} {
				if strings.HasPrefix(sql, "not") {
					sql = "(not (" + a + " and " + b + ")) is not distinct from (not " + a + " or not " + b + ")"
				}
				if got := run(sql); got != want {
					t.Errorf("%s: %s", sql, got)
				}
			}
		}
	}
}

func TestPatternsAreKeptByTheCall(t *testing.T) {
	e, err := parse("t ~ p", map[string]Expr{"t": NewColumn(0, datum.Text, "t"), "p": NewColumn(1, datum.Text, "p")}, NewParamTypes(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		s, p string
		want bool
	}{{"abc", "b", true}, {"abc", "^b", false}, {"abc", "b", true}} {
		v, err := e.Eval(&Env{Row: []datum.Datum{datum.NewText(c.s), datum.NewText(c.p)}})
		if err != nil || v.Bool() != c.want {
			t.Error(c, v.Bool(), err)
		}
	}
}
