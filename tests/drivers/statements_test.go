package drivers

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var statementsFile = flag.String("statements", "../../planner/dialect/testdata/drivers.sql", "statements that clients were seen to send, one behind each line of dashes")

// TestClientStatements sends what drivers, tools and benchmarks were seen to send,
// as simple queries and to be prepared. Whatever is not supported is refused by a
// SQLSTATE of its own: no statement is an internal error, and none ends the
// connection.
func TestClientStatements(t *testing.T) {
	if *postgres {
		t.Skip("about ssmr alone")
	}
	conn := connect(t, pgx.QueryExecModeSimpleProtocol)
	must(t, conn, "CREATE TABLE author (id bigint PRIMARY KEY, name text, price numeric, u uuid, created timestamptz, doc jsonb, m text, arr int[], flag boolean, blob bytea)")
	simple, prepared := map[string]int{}, map[string]int{}
	for _, sql := range clientStatements(t, *statementsFile) {
		simple[outcome(t, conn.PgConn(), sql, false)]++
		if conn.PgConn().TxStatus() != 'I' { // the next is not about this one's transaction
			must(t, conn, "ROLLBACK")
		}
		prepared[outcome(t, conn.PgConn(), sql, true)]++
	}
	for name, counts := range map[string]map[string]int{"simple": simple, "prepared": prepared} {
		var list []string
		for _, code := range slices.Sorted(maps.Keys(counts)) {
			list = append(list, fmt.Sprintf("%s: %d", code, counts[code]))
		}
		t.Logf("%s: %s", name, strings.Join(list, ", "))
	}
	if n := prepared["00000"]; n < 100 {
		t.Errorf("only %d statements could be prepared", n)
	}
}

// outcome sends a statement and returns the SQLSTATE of its answer.
func outcome(t *testing.T, conn *pgconn.PgConn, sql string, prepare bool) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var err error
	if prepare {
		_, err = conn.Prepare(ctx, "", sql, nil)
	} else {
		_, err = conn.Exec(ctx, sql).ReadAll()
	}
	if err == nil {
		return "00000"
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || conn.IsClosed() {
		t.Fatalf("the connection is lost: %v\n%s", err, sql)
	}
	if strings.HasPrefix(pg.Code, "XX") || pg.Code == "" || pg.Message == "" {
		t.Errorf("%v\n%s", pg, sql)
	}
	if testing.Verbose() {
		t.Logf("%s %s\n\t%.200s", pg.Code, pg.Message, strings.ReplaceAll(sql, "\n", "\n\t"))
	}
	return pg.Code
}

// clientStatements reads a file whose statements are behind lines that begin with
// dashes.
func clientStatements(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		switch {
		case line == "----\n" || strings.HasPrefix(line, "-- ["):
			out = append(out, "")
		case len(out) > 0:
			out[len(out)-1] += line
		}
	}
	return out
}
