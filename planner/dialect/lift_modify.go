package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
	"vitess.io/vitess/go/vt/sqlparser"
)

// liftInsert parses the text as an INSERT and fills in columns and source.
func (s *skeleton) liftInsert(in *ast.Insert) error {
	stmt, err := s.parse()
	if err != nil {
		return err
	}
	l := lifter{s: s}
	insert, ok := stmt.(*sqlparser.Insert)
	if !ok {
		return s.internal("%T in place of an INSERT", stmt)
	}
	for _, c := range insert.Columns {
		if n := l.number(c.String(), 'c', len(s.columns)); n >= 0 {
			in.Columns = append(in.Columns, s.columns[n])
		}
	}
	switch rows := insert.Rows.(type) {
	case sqlparser.Values: // DEFAULT VALUES: everything else travels as a query
		if len(rows) != 1 || len(rows[0]) != 0 {
			l.fail("rows in place of DEFAULT VALUES")
		}
	case sqlparser.TableStatement:
		in.Source = l.query(rows)
	default:
		l.fail("%T in place of rows", rows)
	}
	return l.err
}

// liftUpdate parses the text as an UPDATE and fills in FROM, SET and WHERE.
func (s *skeleton) liftUpdate(up *ast.Update) error {
	stmt, err := s.parse()
	if err != nil {
		return err
	}
	l := lifter{s: s}
	update, ok := stmt.(*sqlparser.Update)
	if !ok || len(update.TableExprs) == 0 {
		return s.internal("%T in place of an UPDATE", stmt)
	}
	if len(update.TableExprs) > 1 {
		up.From = l.tables(update.TableExprs[1:])
	}
	for _, e := range update.Exprs {
		if n := l.placeholder(e.Expr, 'a', len(s.assignments)); n >= 0 {
			up.Set = append(up.Set, s.assignments[n])
		}
	}
	up.Where = l.where(update.Where)
	return l.err
}

// liftDelete parses the text as a DELETE and fills in USING and WHERE.
func (s *skeleton) liftDelete(del *ast.Delete) error {
	stmt, err := s.parse()
	if err != nil {
		return err
	}
	l := lifter{s: s}
	d, ok := stmt.(*sqlparser.Delete)
	if !ok || len(d.TableExprs) == 0 {
		return s.internal("%T in place of a DELETE", stmt)
	}
	if len(d.TableExprs) > 1 {
		del.Using = l.tables(d.TableExprs[1:])
	}
	del.Where = l.where(d.Where)
	return l.err
}
