// Package beside runs the same statements against ssmr and a real PostgreSQL and
// compares what a client sees.
package beside

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ssmr/ssmr/tests/harness"
)

var verbose = flag.Bool("messages", false, "also list errors whose SQLSTATEs agree and whose messages differ")

func TestMain(m *testing.M) {
	code := m.Run()
	harness.Cleanup()
	os.Exit(code)
}

// outcome is all that a client sees of one statement.
type outcome struct {
	Columns []string // name:type OID
	Rows    []string
	Tag     string
	Code    string // SQLSTATE of the error
	message string
}

func (o outcome) String() string {
	if o.Code != "" {
		return fmt.Sprintf("ERROR %s %s", o.Code, o.message)
	}
	return fmt.Sprintf("%s %v\n      %s", o.Tag, o.Columns, strings.Join(o.Rows, "\n      "))
}

// statements splits a file: a statement ends with a semicolon at the end of a line.
func statements(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var current strings.Builder
	for line := range strings.Lines(string(text)) {
		if trimmed := strings.TrimSpace(line); current.Len() == 0 && (trimmed == "" || strings.HasPrefix(trimmed, "--")) {
			continue
		}
		current.WriteString(line)
		if strings.HasSuffix(strings.TrimSpace(line), ";") {
			out = append(out, strings.TrimSpace(current.String()))
			current.Reset()
		}
	}
	return out
}

func run(conn *pgconn.PgConn, sql string) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var o outcome
	reader := conn.Exec(ctx, sql)
	for reader.NextResult() {
		r := reader.ResultReader()
		for _, f := range r.FieldDescriptions() {
			o.Columns = append(o.Columns, fmt.Sprintf("%s:%d", f.Name, f.DataTypeOID))
		}
		for r.NextRow() {
			var row []string
			for _, v := range r.Values() {
				if v == nil {
					row = append(row, "NULL")
				} else {
					row = append(row, fmt.Sprintf("%q", v))
				}
			}
			o.Rows = append(o.Rows, strings.Join(row, " "))
		}
		tag, _ := r.Close()
		o.Tag = tag.String()
	}
	err := reader.Close()
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return outcome{Code: pg.Code, message: pg.Message}, nil
	}
	return o, err
}

// TestSameAsPostgres holds that statements mean what PostgreSQL means by them:
// equal rows, types, tags and SQLSTATEs. Rows are compared in their order, so the
// files order them where it matters.
func TestSameAsPostgres(t *testing.T) {
	if !harness.HavePostgres() {
		t.Skip("no PostgreSQL server is installed to compare with (Debian: postgresql)")
	}
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no statements: %v", err)
	}
	cluster := harness.Start(t, 1)
	pg := harness.StartPostgres(t, 1)
	total := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ours := dial(t, cluster.Nodes[0].DSN())
			theirs := dial(t, fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", pg))
			for _, sql := range statements(t, file) {
				total++
				for range executions(sql) {
					same(t, ours, theirs, sql)
				}
			}
		})
	}
	t.Logf("%d statements", total)
}

// executions is how often a statement is executed: a query as often as it takes until it has
// a plan that it shares with others of its shape.
func executions(sql string) int {
	if strings.HasPrefix(strings.ToLower(sql), "select") {
		return 3
	}
	return 1
}

func same(t *testing.T, ours, theirs *pgconn.PgConn, sql string) {
	t.Helper()
	got, err := run(ours, sql)
	if err != nil {
		t.Fatalf("ssmr: %s\n%v", sql, err)
	}
	want, err := run(theirs, sql)
	if err != nil {
		t.Fatalf("PostgreSQL: %s\n%v", sql, err)
	}
	if fmt.Sprint(got.Columns, got.Rows, got.Tag, got.Code) != fmt.Sprint(want.Columns, want.Rows, want.Tag, want.Code) {
		t.Errorf("%s\n  ssmr:       %v\n  PostgreSQL: %v", sql, got, want)
	} else if *verbose && got.message != want.message {
		t.Logf("%s\n  ssmr:       %v\n  PostgreSQL: %v", sql, got, want)
	}
}

func dial(t *testing.T, dsn string) *pgconn.PgConn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgconn.ConnectConfig(ctx, &cfg.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// TestPsqlPrintsTheSame runs the files through psql against both.
func TestPsqlPrintsTheSame(t *testing.T) {
	if _, err := exec.LookPath("psql"); err != nil || !harness.HavePostgres() {
		t.Skip("psql or a PostgreSQL server is not installed (Debian: postgresql)")
	}
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	cluster := harness.Start(t, 1)
	pg := harness.StartPostgres(t, 1)
	for _, file := range files {
		got := strings.Split(psql(t, cluster.Nodes[0].DSN(), file), "\n")
		want := strings.Split(psql(t, fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", pg), file), "\n")
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s, line %d of the output differs:\n  ssmr:       %s\n  PostgreSQL: %s", file, i+1,
					strings.Join(got[max(0, i-4):min(i+3, len(got))], "\n              "), strings.Join(want[max(0, i-4):min(i+3, len(want))], "\n              "))
				break
			}
		}
	}
}

func psql(t *testing.T, dsn, file string) string {
	t.Helper()
	cmd := exec.Command("psql", "-X", "-a", "-v", "VERBOSITY=sqlstate", "-f", file, dsn)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return string(out)
}
