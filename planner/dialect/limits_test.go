package dialect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// TestDepth: whatever nests is bounded; what is only long is not.
func TestDepth(t *testing.T) {
	const deep = 20_000
	for name, sql := range map[string]string{
		"parentheses":  "select " + strings.Repeat("(", deep) + "1" + strings.Repeat(")", deep),
		"open":         "select " + strings.Repeat("(", deep),
		"sums":         "select 1" + strings.Repeat(" + 1", deep),
		"signs":        "select " + strings.Repeat("- ", deep) + "a",
		"not":          "select " + strings.Repeat("not ", deep) + "a",
		"casts":        "select 1" + strings.Repeat("::int", deep),
		"is null":      "select a" + strings.Repeat(" is null", deep),
		"subscripts":   "select a" + strings.Repeat("[1]", deep),
		"fields":       "select (a)" + strings.Repeat(".b", deep),
		"arrays":       "select array" + strings.Repeat("[", deep) + strings.Repeat("]", deep),
		"calls":        "select " + strings.Repeat("f(", deep) + strings.Repeat(")", deep),
		"cases":        "select " + strings.Repeat("case when ", deep) + "1" + strings.Repeat(" then 1 end", deep),
		"subqueries":   "select " + strings.Repeat("(select ", 1400) + "1" + strings.Repeat(")", 1400),
		"derived":      "select 1 from " + strings.Repeat("(select 1 from ", 1400) + "t" + strings.Repeat(") x", 1400),
		"unions":       "select 1" + strings.Repeat(" union select 1", deep),
		"intersects":   "select 1" + strings.Repeat(" intersect select 1", deep),
		"joins":        "select 1 from t" + strings.Repeat(" join t on a", deep),
		"nested joins": "select 1 from t" + strings.Repeat(" join t", deep) + strings.Repeat(" on a", deep),
		"checks":       "create table t (a int check (" + strings.Repeat("(", deep) + "a" + strings.Repeat(")", deep) + "))",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(sql)
			if e := pgerror.As(err); e == nil || e.Code != statementTooComplex && e.Code != pgerror.SyntaxError {
				t.Errorf("%.200v", err)
			}
			if e := pgerror.As(err); e != nil && e.Code == pgerror.SyntaxError {
				t.Logf("%v", err)
			}
		})
	}
	for name, sql := range map[string]string{
		"and":       "select a" + strings.Repeat(" and a", deep),
		"or":        "select a" + strings.Repeat(" or a", deep),
		"list":      "select a in (1" + strings.Repeat(", 1", deep) + ")",
		"rows":      "insert into t values (1)" + strings.Repeat(", (1)", deep),
		"items":     "select 1" + strings.Repeat(", 1", deep),
		"tables":    "select 1 from t" + strings.Repeat(", t", deep),
		"functions": "select " + strings.Repeat("substring(", 800) + "a" + strings.Repeat(", 1)", 800),
		"with":      strings.Repeat("with a as (", 1400) + "select 1" + strings.Repeat(") select 1", 1400),
		"nested":    "select " + strings.Repeat("(1 + ", 300) + "1" + strings.Repeat(")", 300),
	} {
		if _, err := Parse(sql); err != nil {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

// TestParams: the protocol can carry 65535 parameters.
func TestParams(t *testing.T) {
	for number, ok := range map[string]bool{"1": true, "65535": true, "0": false, "65536": false,
		"99999999999999999999": false} {
		stmt, err := Parse("select $" + number)
		if !ok {
			if e := pgerror.As(err); e == nil || e.Code != pgerror.UndefinedParameter ||
				e.Message != "there is no parameter $"+number {
				t.Errorf("$%s: %v", number, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("$%s: %v", number, err)
			continue
		}
		param, isParam := stmt.(*ast.Select).Items[0].Expr.(*ast.Param)
		if !isParam || fmt.Sprint(param.Number) != number {
			t.Errorf("$%s: %#v", number, param)
		}
	}
}

// TestTooLong: the bounds are checked before memory is taken for what is beyond.
func TestTooLong(t *testing.T) {
	if testing.Short() {
		t.Skip("takes memory")
	}
	for name, sql := range map[string]string{
		"bytes": "select '" + strings.Repeat("a", MaxText) + "'",
		"words": "select 1" + strings.Repeat(",1", MaxTokens/2),
	} {
		_, err := Parse(sql)
		if e := pgerror.As(err); e == nil || e.Code != pgerror.ProgramLimitExceeded {
			t.Errorf("%s: %v", name, err)
		}
	}
}
