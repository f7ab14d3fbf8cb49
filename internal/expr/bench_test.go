package expr_test

import (
	"testing"

	"github.com/ssmr/ssmr/internal/datum"
	. "github.com/ssmr/ssmr/internal/expr"
)

// benchEnv has a row (bigint, integer, text, numeric) and parameters of the same.
func benchEnv() (*Env, map[string]Expr) {
	n, _ := datum.ParseText("12.50", datum.Numeric, nil)
	row := []datum.Datum{datum.NewInt(42), datum.NewInt(7), datum.NewText("hello world"), n}
	cols := map[string]Expr{
		"id": NewColumn(0, datum.Int8, "id"), "n": NewColumn(1, datum.Int4, "n"),
		"t": NewColumn(2, datum.Text, "t"), "d": NewColumn(3, datum.Numeric, "d"),
	}
	return &Env{Row: row, Params: row}, cols
}

var hotExpressions = []struct {
	name, sql string
	types     []datum.Type
	allocs    float64
}{
	{"equal", "id = $1", nil, 0},
	{"increment", "n + 1", nil, 0},
	{"range", "id >= 10 and id < $1", nil, 0},
	{"text", "t = 'hello world'", nil, 0},
	{"like", "t like 'hello%'", nil, 0},
	{"in", "id in (1,2,3,4,5,6,7,42)", nil, 0},
	{"case", "case when n > 5 then n else 0 end", nil, 0},
	{"isnull", "t is not null", nil, 0},
	{"coalesce", "coalesce(n, 0)", nil, 0},
}

// TestHotPathsTakeNoMemory guards the expressions of filters and assignments.
func TestHotPathsTakeNoMemory(t *testing.T) {
	env, cols := benchEnv()
	for _, h := range hotExpressions {
		e, err := parse(h.sql, cols, NewParamTypes(h.types))
		if err != nil {
			t.Fatal(h.sql, err)
		}
		e.Eval(env)
		if n := testing.AllocsPerRun(100, func() { e.Eval(env) }); n > h.allocs {
			t.Errorf("%s: %v allocations", h.sql, n)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	env, cols := benchEnv()
	for _, h := range append(hotExpressions, struct {
		name, sql string
		types     []datum.Type
		allocs    float64
	}{"numeric", "d + 1.5", nil, 9}) {
		e, err := parse(h.sql, cols, NewParamTypes(h.types))
		if err != nil {
			b.Fatal(h.sql, err)
		}
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Eval(env)
			}
		})
	}
}
