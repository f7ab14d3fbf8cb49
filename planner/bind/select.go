package bind

import (
	"strconv"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// selectStatement binds a SELECT or VALUES that is a statement of its own.
func (b *binder) selectStatement(s *ast.Select) (*plan.Plan, error) {
	q, err := b.query(s, nil)
	if err != nil {
		return nil, err
	}
	return &plan.Plan{Tag: "SELECT", Columns: q.columns, Reads: true, Cacheable: true, Root: &plan.Query{Stage: q.stage}}, nil
}

// query is a bound query.
type query struct {
	stage   plan.Stage
	columns []session.Column
	at      []ast.Node // where each column stands
}

// item is an output column of a query.
type item struct {
	x     expr.Expr
	name  string
	table uint32 // of a plain column
	attr  uint16
	at    ast.Node
}

// selection is a query while it is bound.
type selection struct {
	from       source
	items      []item
	where      expr.Expr // nil: none
	groups     []expr.Expr
	grouped    bool // GROUP BY was written, or HAVING, or there are aggregates
	having     expr.Expr
	order      []sortKey
	distinct   bool
	on         []expr.Expr // DISTINCT ON
	limit      *plan.Limit // without its input; nil: none
	lock       *plan.Lock  // FOR UPDATE; nil: none
	aggregates aggregation
}

// sortKey is a key of ORDER BY: an output column, or an expression beside them.
type sortKey struct {
	item       int // index into items; -1: x
	x          expr.Expr
	descending bool
	nullsFirst bool
	at         ast.Node
}

// query binds a SELECT or VALUES. targets are the types that its columns are
// stored as: untyped literals and parameters become them instead of text.
func (b *binder) query(s *ast.Select, targets []datum.Type) (query, error) {
	if err := refuseClauses(s); err != nil {
		return query{}, err
	}
	sel := &selection{}
	sel.aggregates.binder = b
	var err error
	if s.Values != nil {
		err = b.valuesSource(s, sel)
	} else {
		err = b.selectParts(s, sel)
	}
	if err != nil {
		return query{}, err
	}
	if err := b.orderBy(s.OrderBy, sel); err != nil {
		return query{}, err
	}
	if err := b.distinctClause(s, sel); err != nil {
		return query{}, err
	}
	if err := b.groupBy(s, sel); err != nil {
		return query{}, err
	}
	if sel.limit, err = b.limit(s); err != nil {
		return query{}, err
	}
	if err := refuseLocking(s, sel); err != nil {
		return query{}, err
	}
	if sel.lock, err = b.locking(s.Locking, &sel.from); err != nil {
		return query{}, err
	}
	if err := settleItems(sel, targets); err != nil {
		return query{}, err
	}
	stage, err := b.pipeline(sel)
	if err != nil {
		return query{}, err
	}
	q := query{stage: stage, columns: resultColumns(sel.items)}
	for i := range sel.items {
		q.at = append(q.at, sel.items[i].at)
	}
	return q, nil
}

// refuseClauses names what a query has that is not supported.
func refuseClauses(s *ast.Select) error {
	switch {
	case s.With != nil:
		return pgerror.NotSupported("WITH").At(s.With.Position())
	case s.Op == ast.Union:
		return pgerror.NotSupported("UNION").At(s.Position())
	case s.Op == ast.Intersect:
		return pgerror.NotSupported("INTERSECT").At(s.Position())
	case s.Op == ast.Except:
		return pgerror.NotSupported("EXCEPT").At(s.Position())
	case len(s.Windows) > 0:
		return pgerror.NotSupported("WINDOW").At(s.Windows[0].Position())
	case s.WithTies:
		return pgerror.NotSupported("WITH TIES").At(s.Position())
	}
	return nil
}

// selectParts binds FROM, the select list, WHERE and HAVING, in PostgreSQL's order.
func (b *binder) selectParts(s *ast.Select, sel *selection) error {
	var err error
	if sel.from, err = b.from(s.From); err != nil {
		return err
	}
	if err := b.items(s.Items, sel); err != nil {
		return err
	}
	if s.Where != nil {
		if sel.where, err = b.condition(s.Where, "WHERE", &place{clause: "WHERE", scope: sel.from.scope}); err != nil {
			return err
		}
	}
	if s.Having != nil {
		sel.grouped = true
		p := &place{clause: "HAVING", scope: sel.from.scope, aggregates: &sel.aggregates}
		sel.having, err = b.condition(s.Having, "HAVING", p)
	}
	return err
}

// items binds the select list.
func (b *binder) items(list []ast.SelectItem, sel *selection) error {
	p := &place{clause: "SELECT", scope: sel.from.scope, aggregates: &sel.aggregates}
	for _, it := range list {
		if ref, ok := it.Expr.(*ast.ColumnRef); ok && ref.Star {
			expanded, err := b.star(ref, sel.from.scope)
			if err != nil {
				return err
			}
			sel.items = append(sel.items, expanded...)
			continue
		}
		if call, ok := it.Expr.(*ast.Call); ok && setReturning(call.Name) && sel.from.nothing && !sel.from.series {
			if err := b.seriesItem(call, it.Name(), sel); err != nil {
				return err
			}
			continue
		}
		bound, err := b.item(it, p)
		if err != nil {
			return err
		}
		sel.items = append(sel.items, bound)
	}
	if len(sel.items) > maxResultColumns {
		return pgerror.New(pgerror.TooManyColumns, "target lists can have at most %d entries", maxResultColumns)
	}
	return nil
}

// maxResultColumns bounds the columns of a result, as in PostgreSQL.
const maxResultColumns = 1664

// item binds one output column.
func (b *binder) item(it ast.SelectItem, p *place) (item, error) {
	x, err := b.expr(it.Expr, p)
	if err != nil {
		return item{}, err
	}
	out := item{x: x, name: it.Name(), at: it.Expr}
	if ref, ok := it.Expr.(*ast.ColumnRef); ok && p.scope != nil {
		if c, _, err := b.column(p.scope, ref); err == nil {
			out.table, out.attr = c.table, c.attr
		}
	}
	return out, nil
}

// star expands * and t.*.
func (b *binder) star(ref *ast.ColumnRef, s *scope) ([]item, error) {
	relations := s.relations
	if len(ref.Parts) > 0 {
		r, err := b.qualifier(s, ref.Parts, ref)
		if err != nil {
			return nil, err
		}
		relations = []*relation{r}
	} else if len(relations) == 0 {
		return nil, pgerror.New(pgerror.SyntaxError, "SELECT * with no tables specified is not valid").At(ref.Position())
	}
	var out []item
	for _, r := range relations {
		for _, c := range r.columns {
			if !c.hidden {
				out = append(out, item{x: b.reference(c, ref), name: c.name, table: c.table, attr: c.attr, at: ref})
			}
		}
	}
	return out, nil
}

// settleItems decides the types of output columns that nothing has decided.
func settleItems(sel *selection, targets []datum.Type) error {
	for i := range sel.items {
		var err error
		if i < len(targets) && sel.items[i].x.Type() == datum.Unknown {
			if sel.items[i].x, err = expr.Coerce(sel.items[i].x, targets[i], expr.Assignment); err != nil {
				return at(err, sel.items[i].at)
			}
		}
		if sel.items[i].x, err = expr.Settle(sel.items[i].x); err != nil {
			return at(err, sel.items[i].at)
		}
	}
	return nil
}

func resultColumns(items []item) []session.Column {
	columns := make([]session.Column, len(items))
	for i, it := range items {
		columns[i] = session.Column{Name: it.name, Type: it.x.Type(), Table: it.table, Attribute: it.attr}
	}
	return columns
}

// limit binds LIMIT and OFFSET; nil where there are none.
func (b *binder) limit(s *ast.Select) (*plan.Limit, error) {
	if s.Limit == nil && s.Offset == nil {
		return nil, nil
	}
	l := &plan.Limit{}
	var err error
	// PostgreSQL binds OFFSET first.
	if l.Offset, err = b.rowCount(s.Offset, "OFFSET"); err != nil {
		return nil, err
	}
	if l.Count, err = b.rowCount(s.Limit, "LIMIT"); err != nil {
		return nil, err
	}
	return l, nil
}

func (b *binder) rowCount(e ast.Expr, clause string) (expr.Expr, error) {
	if e == nil {
		return nil, nil
	}
	p := &place{clause: clause, noColumns: pgerror.New(pgerror.InvalidColumnReference, "argument of %s must not contain variables", clause)}
	x, err := b.expr(e, p)
	if err != nil {
		return nil, err
	}
	if !expr.CanCoerce(x.Type(), datum.Int8, expr.Assignment) {
		return nil, pgerror.New(pgerror.DatatypeMismatch, "argument of %s must be type bigint, not type %s", clause, x.Type()).At(start(e))
	}
	x, err = expr.Coerce(x, datum.Int8, expr.Assignment)
	return x, at(err, e)
}

// valuesSource binds VALUES (..), (..) as a query.
func (b *binder) valuesSource(s *ast.Select, sel *selection) error {
	rows, types, err := b.valuesRows(s.Values)
	if err != nil {
		return err
	}
	r := &relation{name: "*VALUES*"}
	for i, t := range types {
		c := scopeColumn{name: "column" + strconv.Itoa(i+1), typ: t, index: i}
		r.columns = append(r.columns, c)
		sel.items = append(sel.items, item{x: expr.NewColumn(i, t, c.name), name: c.name, at: s})
	}
	sel.from = source{scope: &scope{relations: []*relation{r}}, stage: &plan.Values{Rows: rows, Columns: len(types)}}
	return nil
}

// valuesRows binds rows of equal length and brings each column to one type.
func (b *binder) valuesRows(list [][]ast.Expr) ([][]expr.Expr, []datum.Type, error) {
	rows := make([][]expr.Expr, len(list))
	p := &place{clause: "VALUES"}
	for i, l := range list {
		if len(l) != len(list[0]) {
			var n ast.Node
			if len(l) > 0 {
				n = l[0]
			}
			return nil, nil, at(pgerror.New(pgerror.SyntaxError, "VALUES lists must all be the same length"), n)
		}
		var err error
		if rows[i], err = b.exprs(l, p); err != nil {
			return nil, nil, err
		}
	}
	types := make([]datum.Type, len(list[0]))
	for c := range types {
		seen := make([]datum.Type, len(rows))
		for i := range rows {
			seen[i] = rows[i][c].Type()
		}
		t, err := expr.CommonType(seen, "VALUES")
		if err != nil {
			column := make([]ast.Expr, len(list))
			for i := range list {
				column[i] = list[i][c]
			}
			return nil, nil, at(unmatched(err, seen, column), list[0][c])
		}
		for i := range rows {
			if rows[i][c], err = expr.Coerce(rows[i][c], t, expr.Implicit); err != nil {
				return nil, nil, at(err, list[i][c])
			}
		}
		types[c] = t
	}
	return rows, types, nil
}
