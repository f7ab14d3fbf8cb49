package planner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/dialect"
	"github.com/ssmr/ssmr/planner/execute/memory"
)

// TestSharedPlansMeanTheSame runs random statements, right and wrong ones, in simple queries
// and as unnamed prepared statements, where those of a shape share a plan and where each has
// its own, and compares all that the clients are told.
func TestSharedPlansMeanTheSame(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			worlds := []*memory.World{memory.New(4), memory.New(4)}
			shared := newBackend(t, worlds[0], Config{})
			alone := newBackend(t, worlds[1], Config{PlanBytes: 64}) // no text is that short
			one, other := connect(t, shared, nil), connect(t, alone, nil)
			g := &queries{rand: rand.New(rand.NewPCG(seed, 1))}
			texts := append(strings.Split(mixedTable, ";"), "SELECT 1")
			failed, lagging := 0, false
			for range 1500 {
				text := g.next()
				texts = append(texts, text, g.another(text), g.another(text), g.another(text))
			}
			for i, text := range texts {
				if g.rand.IntN(20) == 0 { // a plan may turn out to be old when it is executed
					lagging = !lagging
					for _, w := range worlds {
						w.Lag(lagging)
					}
				}
				if one.s.Status() == 'E' && g.rand.IntN(3) == 0 {
					text = "ROLLBACK"
				}
				run := (*client).query
				if g.rand.IntN(3) == 0 {
					run = (*client).unnamed
				}
				for _, c := range []*client{one, other} {
					c.r.sorted = true
					if err := run(c, context.Background(), text); err != nil && c == one {
						failed++
					}
				}
				if got, want := one.take(), other.take(); got != want {
					t.Fatalf("query %d: %s\nwith a shared plan:\n%s\nwith its own:\n%s", i, text, got, want)
				}
			}
			if n := plansOfShapes(shared.plans); n < 100 {
				t.Errorf("%d plans are shared", n)
			}
			if n := plansOfShapes(alone.plans); n > 0 {
				t.Errorf("%d plans are shared where each statement was to have its own", n)
			}
			if failed < len(texts)/10 || failed > len(texts)*2/3 {
				t.Errorf("%d of %d queries failed", failed, len(texts))
			}
		})
	}
}

// unnamed runs a statement as drivers do that prepare each.
func (c *client) unnamed(ctx context.Context, text string) error {
	err := c.s.Parse(ctx, "", text, nil)
	if err == nil {
		err = c.describe("statement", "")
	}
	if err == nil {
		err = c.s.Bind(ctx, "", "", nil, nil)
	}
	if err == nil {
		var done session.Completion
		if done, err = c.s.Execute(ctx, "", 0, true, c.r); err == nil {
			c.r.completed(done)
		}
	}
	return c.end(ctx, err)
}

// mixedColumns are of most types that a literal can be read as.
var mixedColumns = []string{"id", "s", "b", "n", "n2", "f", "x", "v", "c", "l", "d", "ts", "tz", "iv", "j", "by", "u", "a"}

const mixedTable = `CREATE TABLE m (id integer PRIMARY KEY, s smallint, b bigint, n numeric, n2 numeric(6, 2), f double precision,
	x text, v varchar(3), c char(3), l boolean, d date, ts timestamp, tz timestamptz, iv interval, j jsonb, by bytea, u uuid, a integer[]);
	CREATE TABLE k (x text, d date, b bigint, z integer DEFAULT 7, PRIMARY KEY (x, d, b));
	INSERT INTO m SELECT g, g, g, g, g, g, g::text, 'v', 'c', true, '2026-01-01', '2026-01-01', '2026-01-01', '1 day', '1', 'x', NULL, NULL
	FROM generate_series(1, 20) AS t(g);
	INSERT INTO k VALUES ('a', '2026-01-01', 1), ('b', '2026-01-02', -1)`

// queries makes random ones.
type queries struct {
	rand  *rand.Rand
	added int // columns of m
}

func (g *queries) one(of ...string) string { return of[g.rand.IntN(len(of))] }

// another is a query of the same shape with other literals.
func (g *queries) another(text string) string {
	shape, ok := dialect.TakeShape(text, 100)
	if !ok {
		return text
	}
	parts := strings.Split(shape.Text, "\x00")
	out := parts[0]
	for _, part := range parts[1:] {
		switch part[0] {
		case 'i':
			out += fmt.Sprint(g.rand.IntN(25))
		case 'b':
			out += g.one("2147483648", "9223372036854775807", "99999999999")
		case 'n':
			out += g.one("1.5", "0.0", "12345.678", "1e3", ".5")
		default:
			out += g.text()
		}
		out += part[1:]
	}
	return out
}

// fitting are literals that columns take.
var fitting = map[string][]string{
	"x": {"'1'", "'15'", "'x''y'", "'é'"}, "v": {"'v'", "'abc'", "'ab '"}, "c": {"'c'", "'abc'", "'ab '"}, "l": {"'t'", "true", "'no'"},
	"d": {"'2026-01-01'", "'now'", "'infinity'"}, "ts": {"'2026-01-01'", "'2026-01-01 12:00:00+02'"}, "tz": {"'2026-01-01'", "'now'", "'2026-01-01 12:00:00+02'"},
	"iv": {"'1 day'", "'3'"}, "j": {"'1'", "'[1]'"}, "by": {"'x'", "'\\x01'"}, "u": {"'12345678-1234-1234-1234-123456789012'"}, "a": {"'{1,2}'", "'{}'"},
}

// of is a literal, mostly one that the column takes.
func (g *queries) of(column string) string {
	if g.rand.IntN(6) == 0 {
		return g.literal()
	}
	if list := fitting[column]; list != nil {
		return g.one(list...)
	}
	if g.rand.IntN(6) == 0 {
		return g.one("'1'", "'15'", "1.5", "-1", "-0.5", "2147483648")
	}
	return fmt.Sprint(g.rand.IntN(25))
}

// literal is one of any kind.
func (g *queries) literal() string {
	switch g.rand.IntN(12) {
	case 0, 1, 2, 3, 4, 5:
		return fmt.Sprint(g.rand.IntN(25))
	case 6:
		return g.one("-1", "- 1", "- -1", "-(1)", "+1", "2147483647", "2147483648", "-2147483647", "-2147483648", "- 2147483648", "32768",
			"9223372036854775807", "9223372036854775808", "-9223372036854775808", "007")
	case 7:
		return g.one("1.5", "-0.5", "1e3", "1e-3", ".5", "5.", "-12345.678", "1e400")
	case 8:
		return g.one("NULL", "NULL", "true", "DEFAULT", "now()", "U&'\\0031'", "B'1'", "1 + 1", "1 + 1", "'1'::text", "date '2026-01-01'", "1 / 0")
	}
	return g.text()
}

func (g *queries) text() string {
	return g.one("'1'", "'15'", "'abc'", "'abcd'", "'ab '", "''", "'t'", "'2026-01-01'", "'2026-01-01 12:00:00+02'", "'now'", "'infinity'",
		"'1 day'", "'{1,2}'", "'{1,x}'", "'[1]'", "'x''y'", "E'a\\n'", "$$1$$", "$q$it's$q$", "'1'\n'2'", "'é'", "'-3'", "' 4 '",
		"'12345678-1234-1234-1234-123456789012'", "'99999999999'", "'1e5'")
}

// column is mostly one that numbers can be compared with.
func (g *queries) column() string {
	if g.rand.IntN(3) > 0 {
		return g.one("id", "s", "b", "n", "n2", "f")
	}
	return g.one(mixedColumns...)
}

func (g *queries) condition(depth int) string {
	c := g.column()
	switch n := g.rand.IntN(14); {
	case n < 5 || depth > 2:
		return c + g.one(" = ", "=", " <> ", " < ", " >= ", " != ") + g.of(c)
	case n == 5:
		return g.of(c) + g.one(" = ", " > ") + c
	case n == 6:
		return c + g.one(" IN (", " NOT IN (") + g.of(c) + ", " + g.of(c) + ", " + g.of(c) + ")"
	case n == 7:
		return c + g.one(" BETWEEN ", " NOT BETWEEN ", " BETWEEN SYMMETRIC ") + g.of(c) + " AND " + g.of(c)
	case n == 8:
		return c + g.one(" + ", " - ", " * ", " / ", " % ", " || ") + g.of(c) + " > " + g.of(c)
	case n == 9:
		return "x LIKE " + g.one("'1%'", "'%'", "'a_'")
	case n == 10:
		return "NOT (" + g.condition(depth+1) + ")"
	case n == 11:
		return "id = " + g.of("id")
	}
	return "(" + g.condition(depth+1) + g.one(" AND ", " OR ") + g.condition(depth+1) + ")"
}

func (g *queries) value(column string) string {
	if g.rand.IntN(4) == 0 {
		return column + g.one(" + ", " - ", " * ", " / ", " || ") + g.of(column)
	}
	return g.of(column)
}

func (g *queries) next() string {
	switch g.rand.IntN(20) {
	case 0, 1, 2:
		c := g.column()
		return fmt.Sprintf("UPDATE m SET %s = %s WHERE %s", c, g.value(c), g.condition(0))
	case 3:
		c, d := g.column(), g.column()
		return fmt.Sprintf("UPDATE m SET %s = %s, %s = %s WHERE id = %s RETURNING id, %s, id + 1", c, g.of(c), d, g.value(d), g.of("id"), c)
	case 4, 5:
		c := g.column()
		return fmt.Sprintf("INSERT INTO m (id, %s) VALUES (%s, %s), (%d, %s)%s", c, g.of("id"), g.of(c), 100+g.rand.IntN(50), g.of(c),
			g.one("", " ON CONFLICT DO NOTHING", " ON CONFLICT (id) DO UPDATE SET b = m.b + 1 WHERE m.id > 3", " RETURNING *"))
	case 6:
		return fmt.Sprintf("DELETE FROM m WHERE id = %d", g.rand.IntN(150))
	case 7:
		return fmt.Sprintf("SELECT * FROM k WHERE x = %s AND d = %s AND b = %s", g.of("x"), g.of("d"), g.of("b"))
	case 8:
		return fmt.Sprintf("INSERT INTO k VALUES (%s, %s, %s)", g.of("x"), g.of("d"), g.of("b"))
	case 9:
		return fmt.Sprintf("SELECT count(*), sum(b) FROM m WHERE %s", g.condition(0))
	case 10:
		return fmt.Sprintf("SELECT id FROM m WHERE id > %s ORDER BY %d LIMIT %s OFFSET 1", g.of("id"), 1+g.rand.IntN(2), g.of("id"))
	case 11:
		return fmt.Sprintf("SELECT id FROM m WHERE id = %s; UPDATE m SET b = %s WHERE id = %s", g.of("id"), g.of("b"), g.of("id"))
	case 12:
		return g.one("BEGIN", "COMMIT", "ROLLBACK", "COMMIT", "SET timezone = 'Asia/Tokyo'", "RESET timezone", "SET datestyle = 'ISO, DMY'", "SELECT 'now'::text",
			"SELECT id FROM m WHERE b = $1", "SELECT id FROM m WHERE b = $1 AND id = 5", "SELECT id FROM m WHERE b = $1 AND id = 5", "SELECT id FROM m WHERE id = 1 AND", "EXPLAIN SELECT id FROM m WHERE id = 1")
	case 13:
		return fmt.Sprintf("UPDATE m SET tz = now(), b = %s WHERE id = %s", g.of("b"), g.of("id"))
	case 14:
		if g.rand.IntN(8) == 0 {
			g.added++
			return fmt.Sprintf("ALTER TABLE m ADD COLUMN more%d integer DEFAULT %d", g.added, g.rand.IntN(9))
		}
	}
	return fmt.Sprintf("SELECT id, %s, %s FROM m WHERE %s", g.column(), g.one("1", "'a'", "b + 1", "'2026-01-01'::date"), g.condition(0))
}

// TestSharedPlanThatIsOld sees to it that a statement whose shared plan turns out to be old,
// when it is executed, is executed with a plan of its own: there its literals are no
// parameters, and now() is the first.
func TestSharedPlanThatIsOld(t *testing.T) {
	w := memory.New(4)
	b := newBackend(t, w, Config{})
	c := connect(t, b, nil)
	run := func(text string) string {
		if err := c.query(context.Background(), text); err != nil {
			t.Fatalf("%s: %s", text, c.take())
		}
		return c.take()
	}
	run("CREATE TABLE o (id integer PRIMARY KEY, at timestamptz, n integer); INSERT INTO o VALUES (1), (2), (3), (4)")
	for i := 1; i <= 3; i++ {
		run(fmt.Sprintf("UPDATE o SET at = now(), n = %d WHERE id = %d", i, i))
	}
	if n := plansOfShapes(b.plans); n != 1 {
		t.Fatalf("%d plans are shared", n)
	}
	w.Lag(true)
	run("ALTER TABLE o ADD COLUMN more integer DEFAULT 7")
	run("UPDATE o SET at = now(), n = 40 WHERE id = 4")
	if out := run("SELECT * FROM o WHERE id = 4"); !strings.Contains(out, "\n4 | 2026-11-24 12:00:00+00 | 40 | 7\n") {
		t.Errorf("there is %s", out)
	}
}
