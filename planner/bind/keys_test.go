package bind_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/dialect"
	"github.com/ssmr/ssmr/planner/plan"
)

// TestKeysAgreeWithFilter binds random conditions and compares the rows that
// keys and the rest of the filter choose with those that the whole condition
// chooses.
func TestKeysAgreeWithFilter(t *testing.T) {
	const rounds = 4000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	c := newTestCatalog()
	if _, err := c.run("create table p (a smallint, b text, c bigint, x int, primary key (a, b, c))", nil); err != nil {
		t.Fatal(err)
	}
	params := []datum.Type{datum.Int8, datum.Text, datum.Numeric, datum.Int4Array, datum.Int4}
	table := c.snapshot.ByName["p"]
	rows := sampleRows(table)
	g := &conditions{rng: rng}
	keyed := 0
	for i := range rounds {
		cond := g.condition(3)
		env := &expr.Env{Params: g.params()}
		scan := scanOf(t, c, "select 1 from p where "+cond, params)
		whole := scanOf(t, c, "select ("+cond+") from p", params).Program.Project[0]
		objects, err := scan.Access.Resolve(env)
		if err != nil {
			t.Fatalf("%s: %v", cond, err)
		}
		if !scan.Access.All {
			keyed++
		}
		if scan.Access.Keys() && len(objects.Spans) > 0 {
			t.Fatalf("%s: ranges from an access by keys", cond)
		}
		checkObjects(t, cond, objects)
		for _, r := range rows {
			env.Row = r.values
			want := isTrue(t, whole, env)
			got := has(objects, r.id) && (scan.Program.Filter == nil || isTrue(t, scan.Program.Filter, env))
			if want != got {
				t.Fatalf("seed %d round %d: %s with %v\nrow %s: by the condition %v, by keys and filter %v\n%s",
					seed, i, cond, env.Params, plan.RowText(table, r.values, nil), want, got,
					strings.Join((&plan.Plan{Root: &plan.Query{Stage: scan}}).Text(nil, false), "\n"))
			}
		}
	}
	if keyed < rounds/10 {
		t.Errorf("only %d of %d conditions named keys: the test does not test much", keyed, rounds)
	}
}

type sample struct {
	id     object.ID
	values []datum.Datum
}

// sampleRows are all rows of a small domain.
func sampleRows(t *catalog.Table) []sample {
	var out []sample
	for a := int64(-1); a <= 4; a++ {
		for _, b := range []string{"", "a", "ab", "b"} {
			for cc := int64(0); cc <= 3; cc++ {
				values := []datum.Datum{datum.NewInt(a), datum.NewText(b), datum.NewInt(cc), datum.NewInt((a + cc) % 3)}
				if cc == 2 {
					values[3] = datum.Null
				}
				id, err := plan.KeyOf(t, values[:3])
				if err != nil {
					panic(err)
				}
				out = append(out, sample{id, values})
			}
		}
	}
	return out
}

func scanOf(t *testing.T, c *testCatalog, sql string, params []datum.Type) *plan.Scan {
	t.Helper()
	p, err := c.bind(sql, params)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	scan, ok := p.Root.(*plan.Query).Stage.(*plan.Scan)
	if !ok {
		t.Fatalf("%s: not a scan: %s", sql, strings.Join(p.Text(nil, false), "\n"))
	}
	return scan
}

func isTrue(t *testing.T, e expr.Expr, env *expr.Env) bool {
	t.Helper()
	ok, _, err := expr.EvalBool(e, env)
	if err != nil {
		t.Fatalf("%s: %v", expr.Format(e), err)
	}
	return ok
}

func has(o plan.Objects, id object.ID) bool {
	if _, ok := slices.BinarySearch(o.IDs, id); ok {
		return true
	}
	for _, s := range o.Spans {
		if id >= s.Start && id < s.End {
			return true
		}
	}
	return false
}

// checkObjects checks what Objects promises: order, no duplicates, no overlap.
func checkObjects(t *testing.T, cond string, o plan.Objects) {
	t.Helper()
	for i := 1; i < len(o.IDs); i++ {
		if o.IDs[i-1] >= o.IDs[i] {
			t.Fatalf("%s: ids out of order", cond)
		}
	}
	for i, s := range o.Spans {
		if s.Start >= s.End || i > 0 && o.Spans[i-1].End >= s.Start {
			t.Fatalf("%s: spans out of order: %x", cond, o.Spans)
		}
	}
	if len(o.IDs) > 0 && len(o.Spans) > 0 {
		t.Fatalf("%s: ids and spans", cond)
	}
}

// conditions makes random conditions over table p.
type conditions struct{ rng *rand.Rand }

func (g *conditions) pick(list ...string) string { return list[g.rng.IntN(len(list))] }

func (g *conditions) params() []datum.Datum {
	number := func() datum.Datum {
		if g.rng.IntN(8) == 0 {
			return datum.Null
		}
		return datum.NewInt(g.rng.Int64N(7) - 1)
	}
	text := datum.NewText(g.pick("", "a", "ab", "b", "c"))
	numeric, err := datum.ParseText(g.pick("1", "1.5", "2.0", "-3", "100000", "NaN", "99999999999999999999"), datum.Numeric, nil)
	if err != nil {
		panic(err)
	}
	array := datum.NewArray(datum.Int4, []datum.Datum{number(), number(), number()})
	if g.rng.IntN(10) == 0 {
		array = datum.Null
	}
	return []datum.Datum{number(), text, numeric, array, number()}
}

func (g *conditions) condition(depth int) string {
	if depth == 0 || g.rng.IntN(4) == 0 {
		return g.atom()
	}
	l, r := g.condition(depth-1), g.condition(depth-1)
	switch g.rng.IntN(8) {
	case 0, 1, 2, 3:
		return "(" + l + " and " + r + ")"
	case 4, 5, 6:
		return "(" + l + " or " + r + ")"
	}
	return "not (" + l + ")"
}

func (g *conditions) number() string {
	return g.pick("0", "1", "2", "3", "-1", "1.5", "2.0", "100000", "99999999999", "null", "$1", "$3", "$5", "1 + 1", "$1 + 1", "(-0.5)")
}

func (g *conditions) text() string {
	return g.pick("'a'", "'ab'", "''", "'b'", "$2", "$2 || 'b'", "null")
}

func (g *conditions) op() string { return g.pick("=", "=", "=", "<", "<=", ">", ">=", "<>") }

func (g *conditions) atom() string {
	column := g.pick("a", "a", "c", "x")
	switch g.rng.IntN(14) {
	case 0, 1:
		return fmt.Sprintf("%s %s %s", column, g.op(), g.number())
	case 2:
		return fmt.Sprintf("%s %s %s", g.number(), g.op(), column)
	case 3, 4:
		return fmt.Sprintf("b %s %s", g.op(), g.text())
	case 5:
		return fmt.Sprintf("%s in (%s, %s)", column, g.number(), g.number())
	case 6:
		return fmt.Sprintf("b in (%s, %s)", g.text(), g.text())
	case 7:
		return fmt.Sprintf("%s = any($4)", column)
	case 8:
		return fmt.Sprintf("%s between %s and %s", column, g.number(), g.number())
	case 9:
		return fmt.Sprintf("(a, b) %s (%s, %s)", g.pick("=", "<", "<=", ">", ">="), g.number(), g.text())
	case 10:
		return fmt.Sprintf("(a, b, c) %s (%s, %s, %s)", g.pick("=", "<", "<=", ">", ">="), g.number(), g.text(), g.number())
	case 11:
		return fmt.Sprintf("(a, c) in ((%s, %s), (%s, %s))", g.number(), g.number(), g.number(), g.number())
	case 12:
		return fmt.Sprintf("%s is not distinct from %s", column, g.number())
	}
	return g.pick("true", "false", "x is null", "a = c", "b is not null", "(a, x) > (1, 1)", "(a = 1) is true")
}

// BenchmarkBindPointRead is what a point read pays where its plan is not cached.
func BenchmarkBindPointRead(b *testing.B) {
	c := newTestCatalog()
	if _, err := c.run("create table t (id bigint primary key, n int, name text)", nil); err != nil {
		b.Fatal(err)
	}
	stmt, err := dialect.Parse("select n, name from t where id = $1")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bind.Statement(b.Context(), stmt, c.config(nil)); err != nil {
			b.Fatal(err)
		}
	}
}
