package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
)

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64) + " ms"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func limitText(l *Limit) string {
	var parts []string
	if l.Count != nil {
		parts = append(parts, "Limit "+show(l.Count))
	}
	if l.Offset != nil {
		parts = append(parts, "Offset "+show(l.Offset))
	}
	return strings.Join(parts, ", ")
}

// show writes an expression; a constant that stands alone is written without its
// type.
func show(x expr.Expr) string {
	c, ok := x.(*expr.Const)
	if !ok {
		return expr.Format(x)
	}
	if c.Value.IsNull() {
		return "NULL"
	}
	text := datum.TextOf(c.Value, c.Typ, nil)
	switch c.Value.Kind() {
	case datum.KindInt, datum.KindFloat, datum.KindNumeric:
		return text
	case datum.KindBool:
		return strconv.FormatBool(c.Value.Bool())
	}
	return expr.QuoteLiteral(text)
}

// maxListed bounds the expressions of a list that are shown.
const maxListed = 20

func exprList(list []expr.Expr) string {
	parts := make([]string, 0, min(len(list), maxListed+1))
	for i, x := range list {
		if i == maxListed {
			parts = append(parts, fmt.Sprintf("... (%d more)", len(list)-maxListed))
			break
		}
		if x == nil {
			parts = append(parts, "DEFAULT")
			continue
		}
		parts = append(parts, show(x))
	}
	return strings.Join(parts, ", ")
}

func aggregateList(groups []expr.Expr, count int, calls []*expr.Aggregate) string {
	var parts []string
	for _, a := range calls {
		parts = append(parts, expr.FormatAggregate(a))
	}
	s := strings.Join(parts, ", ")
	switch {
	case len(groups) > 0:
		s += " by " + exprList(groups)
	case count > 0:
		s += " by " + plural(count, "group column")
	}
	return strings.TrimSpace(s)
}

func orderList(order []command.Order, input Stage) string {
	parts := make([]string, len(order))
	for i, o := range order {
		parts[i] = label(input, o.Column)
		if o.Descending {
			parts[i] += " DESC"
		}
		if o.NullsFirst != o.Descending {
			parts[i] += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[o.NullsFirst]
		}
	}
	return strings.Join(parts, ", ")
}

// label names a column of a stage's rows.
func label(s Stage, column int) string {
	switch s := s.(type) {
	case *Scan:
		if column < len(s.Program.Project) {
			return expr.Format(s.Program.Project[column])
		}
	case *Project:
		return expr.Format(s.Exprs[column])
	case *Filter:
		return label(s.Input, column)
	case *Distinct:
		return label(s.Input, column)
	case *Sort:
		return label(s.Input, column)
	case *Limit:
		return label(s.Input, column)
	case *Cut:
		return label(s.Input, column)
	case *Virtual:
		return s.Table.Columns[column].Name
	case *Aggregate:
		if column >= s.GroupCount {
			return expr.FormatAggregate(s.Aggregates[column-s.GroupCount])
		}
		if column < len(s.Groups) {
			return expr.Format(s.Groups[column])
		}
		if scan, ok := s.Input.(*Scan); ok {
			return expr.Format(scan.Program.GroupBy[column])
		}
	}
	return "column " + strconv.Itoa(column+1)
}
