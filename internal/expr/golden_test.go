package expr_test

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	. "github.com/ssmr/ssmr/internal/expr"
)

// goldenEnv has the session that the tables were taken in.
func goldenEnv() *Env {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).UnixMicro() - 946684800*1e6
	return &Env{
		Format:  &datum.Format{Now: now},
		Session: &Session{TransactionTime: now, StatementTime: now, User: "postgres", Database: "postgres"},
	}
}

// golden reads testdata/*.golden: an expression, and indented below it the type
// and value, or the error, that a PostgreSQL 15 with collation C and time zone
// UTC gave. testdata/take.sh takes them anew.
func golden(t *testing.T, each func(sql, want string)) {
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
		for i := 0; i+1 < len(lines); i += 2 {
			each(lines[i], strings.TrimSpace(lines[i+1]))
		}
	}
}

// lastDigit lets floats differ in the last digit: mathematical libraries do.
func lastDigit(got, want string) bool {
	const prefix = "double precision \""
	if !strings.HasPrefix(got, prefix) || !strings.HasPrefix(want, prefix) {
		return false
	}
	a, err1 := strconv.ParseFloat(strings.Trim(got[len(prefix):], "\""), 64)
	b, err2 := strconv.ParseFloat(strings.Trim(want[len(prefix):], "\""), 64)
	return err1 == nil && err2 == nil && math.Abs(a-b) <= 4e-16*math.Abs(b)
}

func TestAsPostgreSQL(t *testing.T) {
	bad, n := 0, 0
	golden(t, func(sql, want string) {
		n++
		if got := runWith(sql, nil, goldenEnv()); got != want && !lastDigit(got, want) {
			bad++
			t.Errorf("%s\n    is   %s\n    want %s", sql, got, want)
		}
	})
	t.Logf("%d of %d expressions agree", n-bad, n)
}
