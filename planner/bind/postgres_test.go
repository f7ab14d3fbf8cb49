package bind_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// TestBesidePostgres prepares the statements of testdata in a PostgreSQL 15
// (SSMR_TEST_POSTGRES is its connection string, with a database app) and
// compares what it infers: types of parameters, names and types of result
// columns, and for what it refuses the SQLSTATE, the message and the position.
// Differences that are meant are in testdata/beside-postgres, one statement a
// line.
func TestBesidePostgres(t *testing.T) {
	dsn := os.Getenv("SSMR_TEST_POSTGRES")
	if dsn == "" {
		t.Skip("SSMR_TEST_POSTGRES is not set")
	}
	known := map[string]bool{}
	text, err := os.ReadFile("testdata/beside-postgres")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		known[line] = true
	}
	files, err := filepath.Glob("testdata/statements/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) { besidePostgres(t, dsn, name, known) })
	}
}

func besidePostgres(t *testing.T, dsn, file string, known map[string]bool) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "drop schema public cascade; create schema public"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := newTestCatalog()
	ddl, compared := false, 0
	for _, line := range strings.Split(string(text), "\n") {
		switch {
		case line == "ddl":
			ddl = true
			continue
		case strings.HasPrefix(line, "plan"):
			ddl = false
			continue
		case !strings.HasPrefix(line, "> "):
			continue
		}
		sql := line[2:]
		if known[sql] || ownWord(sql) {
			if ddl {
				_, refused := c.run(sql, nil)
				_, err := conn.Exec(ctx, strings.Replace(sql, "with (placement", "-- with (placement", 1))
				if refused != nil && err == nil {
					_, _ = conn.Exec(ctx, "drop table if exists x")
				}
			}
			continue
		}
		var theirs, ours string
		if ddl {
			_, err := conn.Exec(ctx, strings.Replace(sql, "with (placement", "-- with (placement", 1))
			theirs = postgresError(err)
			_, refused := c.run(sql, nil)
			ours = errorLine(refused)
			if refused != nil && err == nil {
				_, _ = conn.Exec(ctx, "drop table if exists x") // the name of all tables that are refused
			}
		} else {
			theirs = describePostgres(ctx, conn, sql)
			ours = describeOurs(c, sql)
		}
		compared++
		if strings.HasPrefix(ours, "0A000") && strings.Contains(ours, "is not supported") {
			continue // refused by name
		}
		if ours != theirs {
			t.Errorf("%s\n  ssmr     %s\n  postgres %s", sql, ours, theirs)
		}
	}
	t.Logf("%d statements compared", compared)
}

// ownWord reports whether a statement is about what only ssmr has.
func ownWord(sql string) bool {
	for _, w := range []string{"_partition", "_location_version", "_revision", "(_id", "ssmr.", "placement", "move "} {
		if strings.Contains(sql, w) {
			return true
		}
	}
	return false
}

func describePostgres(ctx context.Context, conn *pgx.Conn, sql string) string {
	d, err := conn.Prepare(ctx, "s", sql)
	if err != nil {
		return postgresError(err)
	}
	defer conn.Deallocate(ctx, "s")
	var b strings.Builder
	for _, oid := range d.ParamOIDs {
		fmt.Fprintf(&b, "$%d ", oid)
	}
	for _, f := range d.Fields {
		fmt.Fprintf(&b, "%s:%d:%d:%v ", f.Name, f.DataTypeOID, f.TypeModifier, f.TableOID != 0)
	}
	return b.String()
}

func postgresError(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	if strings.HasPrefix(e.Hint, "Perhaps you meant to reference the column") {
		e.Hint = "" // ssmr does not guess
	}
	return fmt.Sprintf("%s %s (at %d) %s|%s", e.Code, e.Message, e.Position, e.Detail, e.Hint)
}

func errorLine(err error) string {
	e := pgerror.As(err)
	if e == nil {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%s %s (at %d) %s|%s", e.Code, e.Message, e.Position, e.Detail, e.Hint)
}

func describeOurs(c *testCatalog, sql string) string {
	p, err := c.bind(sql, nil)
	if err != nil {
		return errorLine(err)
	}
	var b strings.Builder
	for _, t := range p.Params {
		fmt.Fprintf(&b, "$%d ", t.OID)
	}
	for _, col := range p.Columns {
		typ := col.Type
		if typ.OID == datum.Void.OID {
			typ.Mod = -1
		}
		fmt.Fprintf(&b, "%s:%d:%d:%v ", col.Name, typ.OID, typ.Mod, col.Table != 0)
	}
	return b.String()
}
