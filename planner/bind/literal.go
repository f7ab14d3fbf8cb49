package bind

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// maxListed is the most literals of an IN list that can be parameters: a list of constants
// is looked up in, one of parameters is gone through.
const maxListed = 64

// Literals calls visit for each literal of a SELECT, INSERT, UPDATE or DELETE that a
// parameter could stand for, with no other plan, result or error but for the literal's own
// value: what is compared or reckoned with a column, and what a column is set to. visit may
// put another expression into the slot. Other statements have none.
//
// Not among them are literals whose values have a meaning when a statement is bound (LIMIT,
// ORDER BY, patterns, typed literals), that PostgreSQL computes before it executes anything
// (1 / 0), and those of what is returned.
func Literals(stmt ast.Statement, visit func(slot *ast.Expr, l *ast.Literal)) {
	v := literalVisitor(visit)
	switch s := stmt.(type) {
	case *ast.Select:
		v.within(s.Where)
	case *ast.Insert:
		if s.Source != nil {
			v.source(s.Source)
		}
		if c := s.OnConflict; c != nil {
			v.assignments(c.Set)
			v.within(c.UpdateWhere)
		}
	case *ast.Update:
		v.assignments(s.Set)
		v.within(s.Where)
	case *ast.Delete:
		v.within(s.Where)
	}
}

type literalVisitor func(slot *ast.Expr, l *ast.Literal)

// one visits an expression that is a literal; strings only if they take any type.
func (v literalVisitor) one(slot *ast.Expr, strings bool) {
	l, ok := (*slot).(*ast.Literal)
	if !ok {
		return
	}
	switch l.Kind {
	case ast.Integer, ast.Numeric:
		v(slot, l)
	case ast.String:
		if strings {
			v(slot, l)
		}
	}
}

// whole visits the value that a column gets.
func (v literalVisitor) whole(slot *ast.Expr) {
	v.one(slot, true)
	v.within(*slot)
}

func (v literalVisitor) assignments(list []ast.Assignment) {
	for i := range list {
		v.whole(&list[i].Value)
	}
}

// source visits where the rows of an INSERT come from.
func (v literalVisitor) source(s *ast.Select) {
	v.within(s.Where)
	if plainValues(s) {
		for _, row := range s.Values {
			for i := range row {
				v.whole(&row[i])
			}
		}
	}
}

// within visits what stands beside columns.
func (v literalVisitor) within(e ast.Expr) {
	switch e := e.(type) {
	case *ast.And:
		for _, a := range e.Args {
			v.within(a)
		}
	case *ast.Or:
		for _, a := range e.Args {
			v.within(a)
		}
	case *ast.Not:
		v.within(e.X)
	case *ast.Binary:
		compares, known := literalOperators[e.Op.Name]
		if !known || e.Op.Schema != "" {
			return
		}
		v.within(e.L)
		v.within(e.R)
		if ofColumns(e.L) {
			v.one(&e.R, compares)
		}
		if ofColumns(e.R) {
			v.one(&e.L, compares)
		}
	case *ast.Between:
		if ofColumns(e.X) {
			v.one(&e.Lo, true)
			v.one(&e.Hi, true)
		}
	case *ast.In:
		if ofColumns(e.X) && len(e.List) <= maxListed {
			for i := range e.List {
				v.one(&e.List[i], true)
			}
		}
	}
}

// literalOperators are those beside which literals are visited; true are comparisons, which
// read a string as the type of the other side.
var literalOperators = map[string]bool{
	"=": true, "<>": true, "<": true, "<=": true, ">": true, ">=": true,
	"+": false, "-": false, "*": false, "/": false, "%": false,
}

// ofColumns reports whether an expression has columns in it: it has no value before there
// is a row.
func ofColumns(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.ColumnRef:
		return !e.Star
	case *ast.Binary:
		return ofColumns(e.L) || ofColumns(e.R)
	case *ast.Unary:
		return ofColumns(e.X)
	case *ast.Cast:
		return ofColumns(e.X)
	}
	return false
}
