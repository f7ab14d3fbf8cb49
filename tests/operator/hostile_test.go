package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ssmr/ssmr/tests/harness"
)

// attack is a statement that a server could choke on.
type attack struct {
	name   string
	sql    string
	states []string // SQLSTATEs that are right; "" is success
	cancel bool     // after its first rows have come
	soon   bool     // with a short statement_timeout
}

func statements() []attack {
	nested := func(open, inner, close string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(close, n)
	}
	list := func(n int, f func(i int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = f(i)
		}
		return strings.Join(parts, ", ")
	}
	number := func(i int) string { return fmt.Sprint(i) }
	return []attack{
		{name: "parentheses", sql: "SELECT " + nested("(", "1", ")", 100_000), states: []string{"54001"}},
		{name: "brackets", sql: "SELECT " + nested("ARRAY[", "1", "]", 50_000), states: []string{"54001", "0A000", "42601"}},
		{name: "cases", sql: "SELECT " + nested("CASE WHEN true THEN ", "1", " END", 20_000), states: []string{"54001"}},
		{name: "calls", sql: "SELECT " + nested("abs(", "1", ")", 50_000), states: []string{"54001"}},
		{name: "minus signs", sql: "SELECT " + strings.Repeat("- ", 100_000) + "1", states: []string{"54001"}},
		{name: "nots", sql: "SELECT " + strings.Repeat("NOT ", 100_000) + "true", states: []string{"54001"}},
		{name: "sum", sql: "SELECT 1" + strings.Repeat("+1", 100_000), states: []string{"", "54001"}},
		{name: "casts", sql: "SELECT 1" + strings.Repeat("::int", 50_000), states: []string{"", "54001"}},
		{name: "ands", sql: "SELECT 1 WHERE true" + strings.Repeat(" AND true", 100_000), states: []string{"", "54001"}},
		{name: "subqueries", sql: "SELECT * FROM " + nested("(SELECT * FROM ", "(SELECT 1) x", ") x", 10_000), states: []string{"54001", "0A000"}},
		{name: "comments", sql: nested("/*", " ", "*/", 100_000) + "SELECT 1", states: []string{""}},
		{name: "open comment", sql: strings.Repeat("/*", 100_000), states: []string{"42601"}},
		{name: "semicolons", sql: strings.Repeat(";", 1_000_000), states: []string{"", "54000"}},
		{name: "statements", sql: strings.Repeat("SELECT 1;", 20_000), states: []string{"", "54000", "57014"}},
		{name: "columns", sql: "SELECT " + list(2000, number), states: []string{"", "54011"}},
		{name: "too many columns", sql: "SELECT " + list(70_000, number), states: []string{"54011", "54000", "54001"}},
		{name: "wide table", sql: "CREATE TABLE wide (" + list(5000, func(i int) string { return fmt.Sprintf("c%d int", i) }) + ")", states: []string{"54011"}},
		{name: "in list", sql: "SELECT 1 WHERE 1 IN (" + list(100_000, number) + ")", states: []string{"", "54001", "54000", "54023"}},
		{name: "parameter number", sql: "SELECT $2147483647", states: []string{"42P02", "54000", "54023", "42601"}},
		{name: "long identifier", sql: `SELECT 1 AS "` + strings.Repeat("x", 1_000_000) + `"`, states: []string{"", "42622"}},
		{name: "nul", sql: "SELECT 'a\x00b'", states: []string{"22021", "08P01", "42601"}},
		{name: "not utf-8", sql: "SELECT '\xff\xfe\xc0\x80'", states: []string{"22021"}},
		{name: "escape of nul", sql: `SELECT E'\x00'`, states: []string{"22021"}},
		{name: "surrogate", sql: `SELECT E'\ud800'`, states: []string{"22021", "42601", "22025"}},
		{name: "long literal", sql: "SELECT length('" + strings.Repeat("x", 30<<20) + "')", states: []string{"", "54000"}},
		{name: "repeat", sql: "SELECT repeat('x', 2000000000)", states: []string{"54000", "53200"}},
		{name: "nested repeat", sql: "SELECT length(repeat(repeat('x', 1000000), 1000000))", states: []string{"54000", "53200"}},
		{name: "lpad", sql: "SELECT lpad('x', 2000000000)", states: []string{"54000", "53200"}},
		{name: "doubled", sql: "SELECT length(replace(replace(replace(repeat('a',10000),'a',repeat('a',10000)),'a',repeat('a',10000)),'a','aaaa'))", states: []string{"54000", "53200", "57014"}},
		{name: "format width", sql: "SELECT format('%2000000000s', 'x')", states: []string{"54000", "53200", "22003", "22023"}},
		{name: "aggregate text", sql: "SELECT length(string_agg(repeat('x', 1000000), ',')) FROM generate_series(1, 100000)", states: []string{"54000", "53200", "57014"}},
		{name: "aggregate array", sql: "SELECT array_length(array_agg(repeat('x', 1000000)), 1) FROM generate_series(1, 100000)", states: []string{"54000", "53200", "57014"}},
		{name: "digits", sql: "SELECT " + strings.Repeat("9", 100_000), states: []string{"", "22003"}},
		{name: "too many digits", sql: "SELECT " + strings.Repeat("9", 5_000_000), states: []string{"22003"}},
		{name: "exponent", sql: "SELECT 1e1000000000::numeric", states: []string{"22003", "22P02"}},
		{name: "power", sql: "SELECT power(9.9::numeric, 1000000000)", states: []string{"22003", "57014"}},
		{name: "factors", sql: "SELECT (10::numeric ^ 100000) * (10::numeric ^ 100000)", states: []string{"", "22003"}},
		{name: "exp", sql: "SELECT exp(100000::numeric)", states: []string{"22003", ""}},
		{name: "factorial", sql: "SELECT factorial(100000)", states: []string{"22003", "42883", "57014", "0A000"}},
		{name: "integers", sql: "SELECT -9223372036854775808 / -1", states: []string{"22003"}},
		{name: "json", sql: "SELECT '" + nested("[", "", "]", 10_000) + "'::jsonb", states: []string{"54001", ""}},
		{name: "json objects", sql: "SELECT '" + nested(`{"a":`, "1", "}", 1_000_000) + "'::json", states: []string{"54001"}},
		{name: "json number", sql: "SELECT '1e1000000000'::jsonb", states: []string{"22003", "22P02"}},
		{name: "array text", sql: "SELECT '" + nested("{", "", "}", 100_000) + "'::int[]", states: []string{"22P02", "54000"}},
		{name: "array size", sql: "SELECT array_fill(1, ARRAY[2000000000])", states: []string{"54000", "42883", "0A000", "53200"}},
		{name: "timestamp", sql: "SELECT '294277-01-01'::timestamp", states: []string{"22008"}},
		{name: "old timestamp", sql: "SELECT '4714-01-01 BC'::timestamp", states: []string{"22008"}},
		{name: "date sum", sql: "SELECT '5874897-12-31'::date + 2147483647", states: []string{"22008", "22003"}},
		{name: "interval", sql: "SELECT interval '2147483647 years' * 1000", states: []string{"22008", "22015"}},
		{name: "date format", sql: "SELECT length(to_char(now(), '" + strings.Repeat("Month ", 500_000) + "'))", states: []string{"", "54000", "57014"}},
		{name: "regex backtracking", sql: `SELECT repeat('a', 50000) ~ '^(a+)+$'`, states: []string{"", "2201B", "57014"}},
		{name: "regex counts", sql: `SELECT 'a' ~ '((a{1,255}){1,255}){1,255}'`, states: []string{"2201B", ""}},
		{name: "regex nesting", sql: "SELECT 'a' ~ '" + nested("(", "a", ")", 100_000) + "'", states: []string{"0A000"}},
		{name: "regex states", sql: "SELECT repeat('ab', 20000000) ~ '(a|b|ab){1,200}$'", states: []string{"54000"}},
		{name: "regex matches", sql: "SELECT regexp_count(repeat('a', 20000000), 'a')", states: []string{"54000"}},
		{name: "translate", sql: "SELECT length(translate(repeat('z', 20000000), repeat('abcdefghij', 100000), 'x'))", states: []string{""}},
		{name: "split", sql: "SELECT array_length(string_to_array(repeat('a,', 20000000), ','), 1)", states: []string{"", "54000"}},
		{name: "array containment", sql: "SELECT array_agg(g) @> array_agg(-g) FROM generate_series(1, 200000) g", states: []string{"", "54000", "57014"}},
		{name: "array overlap", sql: "SELECT array_agg(g) && array_agg(-g) FROM generate_series(1, 200000) g", states: []string{"", "54000", "57014"}},
		{name: "array remove", sql: "SELECT array_length(array_remove(array_agg(g), 1), 1) FROM generate_series(1, 1000000) g", states: []string{""}},
		{name: "jsonb keys", sql: `SELECT length(('{' || string_agg('"' || g || '":1', ',') || '}')::jsonb::text) FROM generate_series(1, 300000) g`, states: []string{""}},
		{name: "jsonb containment", sql: "SELECT ('[' || string_agg(g::text, ',') || ']')::jsonb @> ('[' || string_agg((-g)::text, ',') || ']')::jsonb FROM generate_series(1, 100000) g", states: []string{"", "54000", "57014"}},
		{name: "overlay", sql: "SELECT length(overlay(repeat('x', 60000000) placing repeat('y', 60000000) from 60000000))", states: []string{"54000", "53200"}},
		{name: "quote", sql: "SELECT length(quote_literal(quote_literal(repeat('''', 20000000))))", states: []string{"54000", ""}},
		{name: "hex", sql: "SELECT length(encode(convert_to(repeat('x', 60000000), 'utf8'), 'hex'))", states: []string{"54000", "", "42883"}},
		{name: "upper", sql: "SELECT length(upper(repeat('ß', 5000000)))", states: []string{"", "54000"}},
		{name: "numeric scale", sql: "SELECT round(1::numeric, 2000000000), trunc(1.5::numeric, -2000000000)", states: []string{"", "22003"}},
		{name: "numeric division", sql: "SELECT 1::numeric / (10::numeric ^ 16000) / 3", states: []string{"", "22003"}},
		{name: "square root", sql: "SELECT sqrt(('1' || repeat('0', 100000))::numeric)", states: []string{"", "22003"}},
		{name: "logarithm", sql: "SELECT ln(('1' || repeat('0', 130000))::numeric), log(2.0, ('1' || repeat('0', 130000))::numeric)", states: []string{"", "22003"}},
		{name: "small power", sql: "SELECT 1.0000000000000001 ^ 1000000000000000", states: []string{"", "22003"}},
		{name: "remainder", sql: "SELECT (('1' || repeat('0', 130000))::numeric) % 7", states: []string{"", "22003"}},
		{name: "gcd", sql: "SELECT gcd(('1' || repeat('7', 130000))::numeric, ('3' || repeat('1', 130000))::numeric)", states: []string{"", "22003", "42883"}},
		{name: "number in jsonb", sql: "SELECT ('1' || repeat('0', 130000))::numeric::text::jsonb", states: []string{"", "22003"}},
		{name: "series", sql: "SELECT count(*) FROM generate_series('2000-01-01'::timestamp, '2001-01-01', '0 days')", states: []string{"22023"}},
		{name: "sleep", sql: "SELECT pg_sleep(1e300)", states: []string{"57014"}, soon: true},
		{name: "many calls", sql: "SELECT max(length(repeat(g::text, 100000))) FROM generate_series(1, 1000000) g", states: []string{"57014"}, soon: true},
		{name: "filter", sql: "SELECT count(*) FROM generate_series(1, 9223372036854775807) g WHERE g < 0", states: []string{"57014"}, soon: true},
		{name: "unknown zone", sql: "SELECT now() AT TIME ZONE '" + strings.Repeat("../", 1000) + "etc/passwd'", states: []string{"22023"}},
		{name: "like", sql: "SELECT repeat('a', 100000) LIKE '" + strings.Repeat("%a", 5000) + "b'", states: []string{"", "57014"}},
		{name: "regexp_replace", sql: "SELECT length(regexp_replace(repeat('a', 10000000), 'a', repeat('b', 1000), 'g'))", states: []string{"54000", "53200", "57014"}},
		{name: "sort", sql: "SELECT * FROM generate_series(1, 1000000) g ORDER BY g DESC LIMIT 1", states: []string{"", "53200"}},
		{name: "large sort", sql: "SELECT * FROM generate_series(1, 100000000) g ORDER BY -g", states: []string{"53200", "53400", "57014"}},
		{name: "large distinct", sql: "SELECT count(DISTINCT g) FROM generate_series(1, 100000000) g", states: []string{"53200", "53400", "57014"}, soon: true},
		{name: "large group", sql: "SELECT g, count(*) FROM generate_series(1, 100000000) g GROUP BY g", states: []string{"53200", "53400", "57014"}},
		{name: "endless count", sql: "SELECT count(*) FROM generate_series(1, 9223372036854775807)", states: []string{"57014"}, soon: true},
		{name: "endless rows", sql: "SELECT * FROM generate_series(1, 9223372036854775807)", states: []string{"57014"}, cancel: true},
		{name: "endless insert", sql: "INSERT INTO victim SELECT g, 'x' FROM generate_series(1, 9223372036854775807) g", states: []string{"57014", "53200", "54000"}, soon: true},
		{name: "offset", sql: "SELECT * FROM generate_series(1, 10) OFFSET 9223372036854775807", states: []string{""}},
		{name: "rows", sql: "INSERT INTO victim VALUES " + list(100_000, func(i int) string { return fmt.Sprintf("(%d, 'x')", i) }), states: []string{"", "54000", "53200"}},
		{name: "large row", sql: "INSERT INTO victim VALUES (-1, repeat('x', 40000000))", states: []string{"", "54000"}},
		{name: "large key", sql: "INSERT INTO keyed VALUES (repeat('x', 1000000))", states: []string{"", "54000"}},
		{name: "execute in a circle", sql: "PREPARE p AS SELECT 1; EXECUTE p; EXECUTE p; DEALLOCATE p", states: []string{"", "0A000"}},
		{name: "setting", sql: "SET application_name = '" + strings.Repeat("x", 1_000_000) + "'", states: []string{"", "22023"}},
		{name: "work_mem", sql: "SET work_mem = '2000GB'", states: []string{"22023", ""}},
	}
}

// maxPeak bounds the memory of a server under attack. Its defaults allow 64 MiB for
// a message and as much for a sort, and some times that while they are copied.
const maxPeak = 2 << 30

// TestHostileStatements: no statement ends the server, is answered by nothing but
// an internal error, takes its memory or goes on for ever.
func TestHostileStatements(t *testing.T) {
	t.Parallel()
	node := harness.Start(t, 1).Nodes[0]
	conn := harness.Connect(t, node)
	harness.MustExec(t, conn, "CREATE TABLE victim (id int PRIMARY KEY, v text)")
	harness.MustExec(t, conn, "CREATE TABLE keyed (k text PRIMARY KEY)")
	for _, a := range statements() {
		pg := harness.Connect(t, node).PgConn()
		limit := "20s"
		if a.soon {
			limit = "300ms"
		}
		if _, err := pg.Exec(harness.Bounded(t), "SET statement_timeout = '"+limit+"'").ReadAll(); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		before := node.PeakMemory()
		err := launch(harness.Bounded(t), pg, a)
		state := harness.SQLState(err)
		if !slices.Contains(a.states, state) || err != nil && state == "" {
			t.Errorf("%s: %v, want one of %q", a.name, err, a.states)
		}
		if pg.IsClosed() {
			t.Errorf("%s: the connection was ended", a.name)
		}
		t.Logf("%-20s %q %s +%d MiB", a.name, state, time.Since(started).Round(time.Millisecond), (node.PeakMemory()-before)>>20)
		_ = pg.Close(context.Background())
	}
	checkHealth(t, node)
}

// launch runs an attack and reads what comes, without keeping it.
func launch(ctx context.Context, pg *pgconn.PgConn, a attack) error {
	results := pg.Exec(ctx, a.sql)
	var errs []error
	for results.NextResult() {
		rows := results.ResultReader()
		for n := 0; rows.NextRow(); n++ {
			if a.cancel && n == 1000 {
				errs = append(errs, pg.CancelRequest(ctx))
			}
		}
		_, err := rows.Close()
		errs = append(errs, err)
	}
	return errors.Join(append(errs, results.Close())...)
}

func checkHealth(t *testing.T, node *harness.Node) {
	t.Helper()
	harness.MustExec(t, harness.Connect(t, node), "SELECT 1")
	if peak := node.PeakMemory(); peak > maxPeak {
		t.Errorf("the server took %d MiB", peak>>20)
	}
	if log := node.Log(1000); strings.Contains(log, "panic") {
		t.Errorf("the server has panicked:\n%s", node.Log(60))
	}
}

// TestHostileCommands: what is logged is executed by every replica, and nobody can
// cancel it; a command that computes for minutes is refused, and the partition
// serves on.
func TestHostileCommands(t *testing.T) {
	t.Parallel()
	node := harness.Start(t, 1, "--partitions", "1").Nodes[0]
	conn := harness.Connect(t, node)
	harness.MustExec(t, conn, "CREATE TABLE victim (id int PRIMARY KEY, v text)")
	harness.MustExec(t, conn, "INSERT INTO victim SELECT g, 'x' FROM generate_series(1, 5000) g")
	for _, value := range []string{
		"length(repeat(id::text, 10000000))::text",
		"(repeat('ab', 1000000 + id) ~ '(a|b)+c')::text",
	} {
		if _, err := conn.Exec(harness.Bounded(t), "UPDATE victim SET v = "+value); harness.SQLState(err) != "54000" {
			t.Errorf("%s: %v, want SQLSTATE 54000", value, err)
		}
	}
	harness.MustExec(t, conn, "UPDATE victim SET v = upper(v) || length(v)")
	checkHealth(t, node)
}
