package dialect

import (
	"strconv"

	"github.com/ssmr/ssmr/planner/ast"
	"vitess.io/vitess/go/vt/sqlparser"
)

// lifter turns Vitess's tree into ours: its shape is kept, its placeholders are
// replaced by what they stand for. The first thing that does not fit is kept as
// an error; it would be a mistake of this package.
type lifter struct {
	s   *skeleton
	err error
}

func (l *lifter) fail(format string, args ...any) {
	if l.err == nil {
		l.err = l.s.internal(format, args...)
	}
}

// number resolves a placeholder's name, "e12", to 12.
func (l *lifter) number(name string, kind byte, length int) int {
	if len(name) > 1 && name[0] == kind {
		if n, err := strconv.Atoi(name[1:]); err == nil && n >= 0 && n < length {
			return n
		}
	}
	l.fail("placeholder %q in place of %q", name, kind)
	return -1
}

// placeholder resolves an expression that is a placeholder.
func (l *lifter) placeholder(e sqlparser.Expr, kind byte, length int) int {
	arg, ok := e.(*sqlparser.Argument)
	if !ok {
		l.fail("%T in place of a placeholder", e)
		return -1
	}
	return l.number(arg.Name, kind, length)
}

func (l *lifter) expr(e sqlparser.Expr) ast.Expr {
	if n := l.placeholder(e, 'e', len(l.s.exprs)); n >= 0 {
		return l.s.exprs[n]
	}
	return nil
}

func (l *lifter) where(w *sqlparser.Where) ast.Expr {
	if w == nil {
		return nil
	}
	return l.expr(w.Expr)
}

// liftSelect parses the text as a query.
func (s *skeleton) liftSelect() (*ast.Select, error) {
	stmt, err := s.parse()
	if err != nil {
		return nil, err
	}
	l := lifter{s: s}
	q, ok := stmt.(sqlparser.TableStatement)
	if !ok {
		return nil, s.internal("%T in place of a query", stmt)
	}
	out := l.query(q)
	return out, l.err
}

// query lifts a query and what its LIMIT stands for.
func (l *lifter) query(stmt sqlparser.TableStatement) *ast.Select {
	out := &ast.Select{}
	var limit *sqlparser.Limit
	var order sqlparser.OrderBy
	switch stmt := stmt.(type) {
	case *sqlparser.Select:
		limit, order = stmt.Limit, stmt.OrderBy
		l.selectBody(out, stmt)
	case *sqlparser.ValuesStatement:
		limit, order = stmt.Limit, stmt.Order
		for _, row := range stmt.Rows {
			out.Values = append(out.Values, l.row(row))
		}
	case *sqlparser.Union:
		limit, order = stmt.Limit, stmt.OrderBy
		l.union(out, stmt)
	default:
		l.fail("%T in place of a query", stmt)
	}
	for _, o := range order {
		if n := l.placeholder(o.Expr, 's', len(l.s.sorts)); n >= 0 {
			out.OrderBy = append(out.OrderBy, l.s.sorts[n])
		}
	}
	if limit != nil {
		l.parts(out, limit)
	} else if out.Op == ast.NoSetOp {
		l.fail("a query without its parts")
	}
	return out
}

// parts adds to a query what travelled beside the text.
func (l *lifter) parts(out *ast.Select, limit *sqlparser.Limit) {
	n := l.placeholder(limit.Rowcount, 'q', len(l.s.queries))
	if n < 0 {
		return
	}
	q := &l.s.queries[n]
	out.Pos = q.position
	out.With = q.with
	out.Limit, out.Offset = q.limit, q.offset
	out.WithTies = q.withTies
	out.Locking = q.locking
	if out.Op != ast.NoSetOp {
		return
	}
	out.DistinctOn = q.distinctOn
	out.GroupDistinct = q.groupDistinct
	out.Windows = q.windows
	if q.noItems {
		out.Items = nil
	}
}

// union lifts a set operation. Which one it is, is said by its right operand.
func (l *lifter) union(out *ast.Select, stmt *sqlparser.Union) {
	out.Left = l.query(stmt.Left)
	out.Right = l.query(stmt.Right)
	out.Op = ast.Union
	out.Pos = out.Left.Pos
	limit := stmt.Right.GetLimit()
	if limit == nil {
		l.fail("an operand without its parts")
		return
	}
	if n := l.placeholder(limit.Rowcount, 'q', len(l.s.queries)); n >= 0 {
		q := &l.s.queries[n]
		if q.op == ast.NoSetOp {
			l.fail("an operand without its set operation")
		}
		out.Op, out.All = q.op, q.all
	}
}

func (l *lifter) row(row sqlparser.ValTuple) []ast.Expr {
	out := make([]ast.Expr, len(row))
	for n, e := range row {
		out[n] = l.expr(e)
	}
	return out
}

// selectBody lifts a plain SELECT.
func (l *lifter) selectBody(out *ast.Select, stmt *sqlparser.Select) {
	if stmt.SelectExprs == nil {
		l.fail("a SELECT without items")
		return
	}
	out.Items = make([]ast.SelectItem, 0, len(stmt.SelectExprs.Exprs))
	for _, e := range stmt.SelectExprs.Exprs {
		item, ok := e.(*sqlparser.AliasedExpr)
		if !ok {
			l.fail("%T in a select list", e)
			return
		}
		if _, null := item.Expr.(*sqlparser.NullVal); null {
			continue // stands for an empty list
		}
		if n := l.placeholder(item.Expr, 'i', len(l.s.items)); n >= 0 {
			out.Items = append(out.Items, l.s.items[n])
		}
	}
	out.From = l.tables(stmt.From)
	out.Where = l.where(stmt.Where)
	if stmt.GroupBy != nil {
		for _, e := range stmt.GroupBy.Exprs {
			out.GroupBy = append(out.GroupBy, l.expr(e))
		}
	}
	out.Having = l.where(stmt.Having)
	out.Distinct = stmt.Distinct
}

// tables lifts a FROM list.
func (l *lifter) tables(list []sqlparser.TableExpr) []ast.TableExpr {
	if len(list) == 1 {
		if a, ok := list[0].(*sqlparser.AliasedTableExpr); ok {
			if name, ok := a.Expr.(sqlparser.TableName); ok && name.Name.String() == "dual" {
				return nil // Vitess's way to say that there is no FROM
			}
		}
	}
	out := make([]ast.TableExpr, 0, len(list))
	for _, t := range list {
		out = append(out, l.table(t))
	}
	return out
}

// table lifts one item of a FROM list.
func (l *lifter) table(t sqlparser.TableExpr) ast.TableExpr {
	switch t := t.(type) {
	case *sqlparser.AliasedTableExpr:
		return l.namedTable(t)
	case *sqlparser.ParenTableExpr:
		if len(t.Exprs) == 1 {
			return l.table(t.Exprs[0])
		}
		l.fail("%d tables in parentheses", len(t.Exprs))
	case *sqlparser.JoinTableExpr:
		return l.join(t)
	default:
		l.fail("%T in place of a table", t)
	}
	return nil
}

// join lifts a join.
func (l *lifter) join(t *sqlparser.JoinTableExpr) ast.TableExpr {
	if t.Condition == nil || t.Condition.On == nil {
		l.fail("a join without its parts")
		return nil
	}
	n := l.placeholder(t.Condition.On, 'j', len(l.s.joins))
	if n < 0 {
		return nil
	}
	j := l.s.joins[n]
	j.Left = l.table(t.LeftExpr)
	j.Right = l.table(t.RightExpr)
	return &j
}

// namedTable lifts a table, a function or a query in FROM.
func (l *lifter) namedTable(t *sqlparser.AliasedTableExpr) ast.TableExpr {
	switch e := t.Expr.(type) {
	case sqlparser.TableName:
		if n := l.number(e.Name.String(), 't', len(l.s.tables)); n >= 0 {
			return l.s.tables[n]
		}
	case *sqlparser.DerivedTable:
		n := l.number(t.As.String(), 't', len(l.s.tables))
		if n < 0 {
			return nil
		}
		d, ok := l.s.tables[n].(*ast.DerivedTable)
		if !ok {
			l.fail("%T in place of a derived table", l.s.tables[n])
			return nil
		}
		d.Query = l.query(e.Select)
		return d
	default:
		l.fail("%T in FROM", e)
	}
	return nil
}
