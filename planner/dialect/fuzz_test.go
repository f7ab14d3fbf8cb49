package dialect

import (
	"strings"
	"testing"

	"github.com/ssmr/ssmr/planner/ast"
)

// FuzzParse: any text gives a tree or an error for clients, with positions
// inside of the text, and never a panic or an internal error.
func FuzzParse(f *testing.F) {
	for _, sql := range corpus(f) {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stmt, err := Parse(text)
		switch {
		case err != nil:
			checkError(t, text, err)
		case stmt != nil:
			checkPositions(t, text, stmt)
			for _, item := range items(stmt) {
				_ = item.Name()
			}
		}
	})
}

func items(stmt ast.Statement) []ast.SelectItem {
	switch s := stmt.(type) {
	case *ast.Select:
		return s.Items
	case *ast.Insert:
		return s.Returning
	}
	return nil
}

// FuzzSplit: statements come back as they stand in the query, in their order,
// and a query of one statement stays one.
func FuzzSplit(f *testing.F) {
	for _, sql := range corpus(f) {
		f.Add(sql + "; " + sql)
	}
	f.Fuzz(func(t *testing.T, query string) {
		texts, err := Split(query)
		if err != nil {
			checkError(t, query, err)
			return
		}
		runes := []rune(query)
		end := 0
		for _, text := range texts {
			if text.Offset < end || text.Offset > len(runes) {
				t.Fatalf("%q: %q at %d", query, text.SQL, text.Offset)
			}
			if !strings.HasPrefix(string(runes[text.Offset:]), text.SQL) {
				t.Fatalf("%q: %q is not at %d", query, text.SQL, text.Offset)
			}
			end = text.Offset + len([]rune(text.SQL))
			if again, err := Split(text.SQL); err != nil || len(again) != 1 {
				t.Fatalf("%q: %q is %d statements, %v", query, text.SQL, len(again), err)
			}
		}
	})
}
