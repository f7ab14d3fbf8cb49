package dialect

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// corpus returns the statements of all golden files.
func corpus(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/trees/*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no statements: %v", err)
	}
	var list []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "parse\n")[1:] {
			sql, _, _ := strings.Cut(part, "\n----\n")
			list = append(list, sql)
		}
	}
	return list
}

// dumpWithoutPositions is dump without positions, white space, and what
// TestSpacing has put between the words of sources that are kept.
func dumpWithoutPositions(stmt ast.Statement) string {
	s := strings.ReplaceAll(dump(stmt), spacing, "")
	return regexp.MustCompile(`@\d+|Offset=\d+|\s`).ReplaceAllString(s, "")
}

// checkPositions fails unless every node of a tree has a position inside of the
// text.
func checkPositions(t testing.TB, text string, n any) {
	t.Helper()
	most := utf8.RuneCountInString(text)
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Slice:
			for i := 0; i < v.Len(); i++ {
				walk(v.Index(i))
			}
		case reflect.Struct:
			if v.IsZero() {
				return // an optional part that is not there
			}
			for i := 0; i < v.NumField(); i++ {
				if p, ok := v.Field(i).Interface().(ast.Pos); ok {
					if p < 1 || int(p) > most {
						t.Errorf("%q: position %d of %s, the text has %d characters", text, p, v.Type(), most)
					}
					continue
				}
				walk(v.Field(i))
			}
		}
	}
	walk(reflect.ValueOf(n))
}

// checkError fails unless an error is one that a client may see, about a place
// in the text.
func checkError(t testing.TB, text string, err error) {
	t.Helper()
	e := pgerror.As(err)
	if e == nil {
		t.Fatalf("%q: not an error for clients: %v", text, err)
	}
	if e.Code == pgerror.InternalError {
		t.Errorf("%q: %v: %s", text, err, e.Detail)
	}
	if e.Position < 0 || e.Position > utf8.RuneCountInString(text)+1 {
		t.Errorf("%q: position %d: %v", text, e.Position, err)
	}
}
