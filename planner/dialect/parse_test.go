package dialect

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// TestMeaning reads statements and compares their trees with those on file. The
// expected trees were compared with what PostgreSQL 15 makes of the statements:
// which are syntax errors and where, and how operators bind.
//
// Rewrite the files with -rewrite and review the difference.
func TestMeaning(t *testing.T) {
	statements := 0
	datadriven.Walk(t, "testdata/trees", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			statements++
			if d.Cmd != "parse" {
				t.Fatalf("unknown command %q", d.Cmd)
			}
			stmt, err := Parse(d.Input)
			if err != nil {
				return describeError(t, err) + "\n"
			}
			if stmt == nil {
				return "nothing\n"
			}
			checkPositions(t, d.Input, stmt)
			return dump(stmt) + "\n"
		})
	})
	if statements < 800 {
		t.Errorf("only %d statements", statements)
	}
}

func describeError(t *testing.T, err error) string {
	t.Helper()
	var e *pgerror.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an error for clients: %v", err)
	}
	s := fmt.Sprintf("%s at %d: %s", e.Code, e.Position, e.Message)
	if e.Detail != "" {
		s += "\n  detail: " + e.Detail
	}
	if e.Hint != "" {
		s += "\n  hint: " + e.Hint
	}
	return s
}

const spacing = "/* ü -- /* */ ' */ "

// TestSpacing: comments and white space between words change nothing.
func TestSpacing(t *testing.T) {
	for _, sql := range corpus(t) {
		stmt, err := Parse(sql)
		if err != nil || stmt == nil {
			continue
		}
		toks, err := scanAll(sql)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, tok := range toks {
			b.WriteString(spacing)
			if i > 0 && tok.kind == kindString && toks[i-1].word("nchar") {
				b.Reset() // N'..' is one word for a reader, two for the lexer
				b.WriteString(sql[:tok.start])
			}
			b.WriteString(sql[tok.start:tok.end])
		}
		spaced, err := Parse(b.String())
		if err != nil {
			t.Errorf("%s: with comments: %v", sql, err)
			continue
		}
		if got, want := dumpWithoutPositions(spaced), dumpWithoutPositions(stmt); got != want {
			t.Errorf("%s: with comments:\n%s\nwithout:\n%s", sql, got, want)
		}
	}
}

// TestParseNothing: a text without words is no statement.
func TestParseNothing(t *testing.T) {
	for _, text := range []string{"", " ", ";", " ; ;; ", "-- ping", "/* a /* b */ */", "\t\n\r\f"} {
		if stmt, err := Parse(text); stmt != nil || err != nil {
			t.Errorf("%q: %v, %v", text, stmt, err)
		}
	}
}

// TestUnsupported: what ssmr does not have is refused by name, not as rubbish.
func TestUnsupported(t *testing.T) {
	for text, want := range map[string]string{
		"create unique index concurrently i on t (a)":        "CREATE INDEX",
		"create or replace view v as select 1":               "CREATE VIEW",
		"create policy p on t using (true)":                  "CREATE POLICY",
		"alter policy p on t to public":                      "ALTER POLICY",
		"drop policy if exists p on t":                       "DROP POLICY",
		"create partition 3":                                 "CREATE PARTITION",
		"drop materialized view v":                           "DROP MATERIALIZED VIEW",
		"copy t (a, b) from stdin with (format csv)":         "COPY",
		"comment on column t.a is 'x'":                       "COMMENT",
		"grant select on t to joe":                           "GRANT",
		"create table t as select 1":                         "CREATE TABLE AS",
		"prepare transaction 'x'":                            "PREPARE TRANSACTION",
		"listen c":                                           "LISTEN",
		"merge into t using u on a when matched then delete": "MERGE",
	} {
		stmt, err := Parse(text)
		if err != nil {
			if e := pgerror.As(err); e.Code != pgerror.FeatureNotSupported || !strings.HasPrefix(e.Message, want+" ") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if u, ok := stmt.(*ast.Unsupported); !ok || u.What != want {
			t.Errorf("%s: %#v", text, stmt)
		}
	}
}
