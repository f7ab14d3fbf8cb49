package drivers

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// program runs a program that is a client of the server and returns what it
// prints. Without the program the test is skipped.
func program(t *testing.T, input, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.CommandContext(limited(t), path, args...)
	cmd.Env = environment(t)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// place is what psql puts before an error in a file.
var place = regexp.MustCompile(`psql:<stdin>:\d+: `)

// TestPsql holds what psql's own commands make of the server's answers.
func TestPsql(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"variables", `\set id 7
			\set name 'it''s'
			CREATE TABLE psql_t (id bigint PRIMARY KEY, name varchar(10));
			INSERT INTO psql_t VALUES (:id, :'name');
			SELECT * FROM psql_t WHERE id = :id;
			SELECT :"id" FROM (VALUES (1)) v("7");
			\echo :ROW_COUNT`,
			"CREATE TABLE\nINSERT 0 1\n7|it's\n1\n1\n"},
		{"gx", `SELECT 1 AS a, NULL AS b \gx`, "a|1\nb|\n"},
		{"gset", "SELECT 1 AS a, 'x' AS b \\gset got_\n\\echo :got_a :got_b", "1 x\n"},
		{"gexec", `SELECT 'SELECT 1', 'SELECT 2' \gexec`, "1\n2\n"},
		{"gdesc", `SELECT id, name, 1.5::numeric(5,2) AS n, ARRAY[1] AS a, now() AS t FROM psql_t \gdesc`,
			"id|bigint\nname|character varying(10)\nn|numeric(5,2)\na|integer[]\nt|timestamp with time zone\n"},
		{"crosstabview", `SELECT * FROM (VALUES ('a', 'x', 1), ('b', 'y', 2)) v(r, c, n) \crosstabview`, "a|1|\nb||2\n"},
		{"several statements", "SELECT 1 \\; SELECT 2;\nSELECT 3; SELECT 4", "1\n2\n3\n4\n"},
		{"errors", "SELECT 1/0;\n\\echo :LAST_ERROR_SQLSTATE :SQLSTATE :ERROR\n\\echo :LAST_ERROR_MESSAGE\nSELECT 1;",
			"ERROR:  division by zero\n22012 22012 true\ndivision by zero\n1\n"},
		{"place of an error", "SELECT 'ü', nothing\n  FROM psql_t;",
			"ERROR:  column \"nothing\" does not exist\nLINE 1: SELECT 'ü', nothing\n                    ^\n"},
		{"conditions", "\\if true\n\\echo yes\n\\else\n\\echo no\n\\endif", "yes\n"},
		{"encoding", "\\encoding\nSELECT 'ü', length('ü')", "UTF8\nü|1\n"},
		{"names", "SELECT current_user = session_user, current_database() = current_user", "t|t\n"},
		{"null and booleans", "SELECT NULL, true, ''", "|t|\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := program(t, c.input, "psql", "-XqAt", "--set=QUIET=off", "-f", "-")
			got = place.ReplaceAllString(got, "")
			if err != nil || got != c.want {
				t.Errorf("%v\ngot:\n%s\nwant:\n%s", err, got, c.want)
			}
		})
	}
}

// TestEncodings holds the names of encodings that clients connect with: psql in a
// terminal without a locale asks for SQL_ASCII, asyncpg has quotes around its name.
func TestEncodings(t *testing.T) {
	for asked, want := range map[string]string{"SQL_ASCII": "SQL_ASCII", "'utf-8'": "UTF8", "Unicode": "UTF8"} {
		cfg, err := pgx.ParseConfig(dsn(t))
		if err != nil {
			t.Fatal(err)
		}
		cfg.RuntimeParams["client_encoding"] = asked
		conn, err := pgx.ConnectConfig(limited(t), cfg)
		if err != nil {
			t.Errorf("%s: %v", asked, err)
			continue
		}
		if got := conn.PgConn().ParameterStatus("client_encoding"); got != want {
			t.Errorf("%s: the server reports %s", asked, got)
		}
		_ = conn.Close(limited(t))
	}
}

// TestPsqlRefusals holds that what is not there is refused in words that say so,
// and that psql goes on.
func TestPsqlRefusals(t *testing.T) {
	if *postgres {
		t.Skip("about ssmr alone")
	}
	for input, want := range map[string]string{
		`\d`:                "is not supported",
		`\dt`:               "is not supported",
		`\l`:                "is not supported",
		`\copy x to stdout`: "COPY is not supported",
		"LISTEN x;":         "LISTEN is not supported",
	} {
		got, err := program(t, input+"\nSELECT 'goes', 'on';", "psql", "-XqAt", "-v", "VERBOSITY=verbose")
		if err != nil || !strings.Contains(got, "0A000: ") || !strings.Contains(got, want) || !strings.HasSuffix(got, "goes|on\n") {
			t.Errorf("%s: %v\n%s", input, err, got)
		}
	}
}

// TestPgbench runs pgbench's own read-only script, and scripts without
// transactions, in all its modes.
func TestPgbench(t *testing.T) {
	dir := t.TempDir()
	out, err := program(t, `CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
		CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
		INSERT INTO pgbench_branches VALUES (1, 0);
		INSERT INTO pgbench_accounts SELECT i, 1, 0, '' FROM generate_series(1, 1000) i;`, "psql", "-Xq", "-v", "ON_ERROR_STOP=1")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	script := dir + "/update.sql"
	write(t, script, `\set aid random(1, 1000)
\set delta random(-5000, 5000)
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid \gset
SELECT :abalance::int + :delta AS sum;
`)
	for _, mode := range []string{"simple", "extended", "prepared"} {
		for _, args := range [][]string{{"-S", "-s", "1"}, {"-f", script}} {
			out, err := program(t, "", "pgbench", append(args, "-n", "-M", mode, "-c", "4", "-t", "20")...)
			if err != nil || !strings.Contains(out, "processed: 80/80") {
				t.Errorf("%s %v: %v\n%s", mode, args, err, out)
			}
		}
	}
}

// TestPgbenchRefusals holds that what is not there fails with words that say so.
func TestPgbenchRefusals(t *testing.T) {
	if *postgres {
		t.Skip("about ssmr alone")
	}
	if out, err := program(t, "", "pgbench", "-i"); err == nil || !strings.Contains(out, "cannot run inside a transaction block") {
		t.Errorf("pgbench -i: %v\n%s", err, out)
	}
}
