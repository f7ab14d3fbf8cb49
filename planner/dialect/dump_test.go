package dialect

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/ssmr/ssmr/planner/ast"
)

// dump prints a tree as an S-expression: (Type@position field=value ...), without
// the fields that are zero. Lists are in brackets; a value that is true is only
// its field's name.
func dump(n any) string {
	return strings.Join(dumpLines(reflect.ValueOf(n)), "\n")
}

// dumpLines prints a value on one line if it fits, and otherwise one line for
// each of its parts.
func dumpLines(v reflect.Value) []string {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return []string{"nil"}
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		return dumpStruct(v)
	case reflect.Slice:
		var parts [][]string
		for i := 0; i < v.Len(); i++ {
			parts = append(parts, dumpLines(v.Index(i)))
		}
		return wrap("[", parts, "]")
	case reflect.String:
		return []string{fmt.Sprintf("%q", v.String())}
	}
	if s, ok := v.Interface().(fmt.Stringer); ok {
		return []string{strings.ReplaceAll(s.String(), " ", "-")}
	}
	return []string{fmt.Sprint(v.Interface())}
}

func dumpStruct(v reflect.Value) []string {
	head := "(" + v.Type().Name()
	var parts [][]string
	for i := 0; i < v.NumField(); i++ {
		field := v.Type().Field(i)
		value := v.Field(i)
		switch {
		case field.Type == reflect.TypeFor[ast.Pos]():
			head += fmt.Sprintf("@%d", value.Int())
		case value.IsZero():
		case value.Kind() == reflect.Bool:
			parts = append(parts, []string{field.Name})
		default:
			lines := dumpLines(value)
			lines[0] = field.Name + "=" + lines[0]
			parts = append(parts, lines)
		}
	}
	if len(parts) > 0 {
		head += " "
	}
	return wrap(head, parts, ")")
}

const dumpWidth = 110

func wrap(open string, parts [][]string, end string) []string {
	length := len(open) + len(end)
	single := true
	for _, p := range parts {
		single = single && len(p) == 1
		length += len(p[0]) + 1
	}
	if single && length < dumpWidth {
		var words []string
		for _, p := range parts {
			words = append(words, p[0])
		}
		return []string{open + strings.Join(words, " ") + end}
	}
	lines := []string{strings.TrimSuffix(open, " ")}
	for _, p := range parts {
		for _, line := range p {
			lines = append(lines, "  "+line)
		}
	}
	lines[len(lines)-1] += end
	return lines
}
