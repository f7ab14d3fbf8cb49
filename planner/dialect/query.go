package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// atQuery says whether the parenthesis at token i encloses a query, rather than
// an expression or a join.
func (p *parser) atQuery(i int) bool {
	if i+1 >= len(p.toks) || !p.toks[i].symbol("(") {
		return false
	}
	next := &p.toks[i+1]
	switch {
	case next.word("select"), next.word("with"), next.word("table"):
		return true
	case next.word("values"):
		return i+2 < len(p.toks) && p.toks[i+2].symbol("(")
	case !next.symbol("("):
		return false
	}
	end := int(next.match)
	if end < 0 || end+1 >= len(p.toks) || !p.atQuery(i+1) {
		return false
	}
	after := &p.toks[end+1]
	return after.symbol(")") || isSetOp(after) || after.kind == kindKeyword && startsTail(after.text)
}

func isSetOp(t *token) bool {
	return t.word("union") || t.word("intersect") || t.word("except")
}

// startsTail says whether a keyword begins what may follow the body of a query.
func startsTail(w string) bool {
	switch w {
	case "order", "limit", "offset", "fetch", "for":
		return true
	}
	return false
}

// atSelect says whether a query comes next.
func (p *parser) atSelect() bool {
	return p.atAnyWord("select", "values", "table", "with") || p.atQuery(p.i)
}

// subquery reads a query with the parentheses around it.
func (p *parser) subquery() (*ast.Select, error) {
	if err := p.enter(1); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.expectSymbol("("); err != nil {
		return nil, err
	}
	q, err := p.selectStatement()
	if err != nil {
		return nil, err
	}
	return q, p.expectSymbol(")")
}

// selectStatement reads a query.
func (p *parser) selectStatement() (*ast.Select, error) {
	s := newSkeleton(p)
	if _, err := s.query(queryParts{}, false); err != nil {
		return nil, err
	}
	return s.liftSelect()
}

// query adds a query: WITH, body, and what follows the body. q may have the set
// operation that the query is an operand of; defaults allows DEFAULT in VALUES.
func (s *skeleton) query(q queryParts, defaults bool) (queryParts, error) {
	if err := s.enter(1); err != nil {
		return q, err
	}
	defer func() { s.depth-- }()
	if q.position == 0 {
		q.position = s.pos()
	}
	if s.atWord("with") {
		var err error
		if q.with, err = s.with(); err != nil {
			return q, err
		}
	}
	if s.setOpAhead() == "" && s.atSymbol("(") {
		return s.parenthesised(q)
	}
	if err := s.body(&q, defaults); err != nil {
		return q, err
	}
	if err := s.tail(&q); err != nil {
		return q, err
	}
	s.finish(q)
	return q, nil
}

// parenthesised adds a query that is one in parentheses with WITH or a tail
// around it; inner and outer parts become one query.
func (s *skeleton) parenthesised(q queryParts) (queryParts, error) {
	if !s.atQuery(s.i) {
		return q, s.syntaxError()
	}
	s.emit("(")
	s.i++
	inner, err := s.query(queryParts{op: q.op, all: q.all}, false)
	if err != nil {
		return q, err
	}
	if err := s.expectSymbol(")"); err != nil {
		return q, err
	}
	s.emit(")")
	if q.with != nil {
		if inner.with != nil {
			return q, s.errorf(q.with.Pos, "multiple WITH clauses not allowed")
		}
		inner.with = q.with
	}
	if err := s.tail(&inner); err != nil {
		return q, err
	}
	s.finish(inner)
	return inner, nil
}

// setOpAhead returns the next set operation of the query that begins here, "" if
// there is none.
func (s *skeleton) setOpAhead() string {
	for i := s.i; i < len(s.toks); i++ {
		t := &s.toks[i]
		switch {
		case t.symbol("(") || t.symbol("["):
			if t.match < 0 {
				return ""
			}
			i = int(t.match)
		case t.symbol(")"), t.word("returning"):
			return ""
		case t.word("on") && i+1 < len(s.toks) && s.toks[i+1].word("conflict"):
			return ""
		case isSetOp(t):
			return t.text
		}
	}
	return ""
}

// body adds what stands before ORDER BY: one primary, or several with UNION,
// INTERSECT and EXCEPT between them.
func (s *skeleton) body(q *queryParts, defaults bool) error {
	if s.setOpAhead() == "" {
		return s.primaryQuery(q, defaults)
	}
	if err := s.term(queryParts{}); err != nil {
		return err
	}
	for n := 0; s.atAnyWord("union", "except"); n++ {
		if err := s.enter(1); err != nil {
			return err
		}
		defer func() { s.depth-- }()
		op := ast.Union
		if s.atWord("except") {
			op = ast.Except
		}
		if err := s.term(s.setOp(op)); err != nil {
			return err
		}
	}
	return nil
}

// setOp adds a set operation, for Vitess always a UNION ALL.
func (s *skeleton) setOp(op ast.SetOp) queryParts {
	s.i++
	q := queryParts{op: op, all: s.word("all")}
	if !q.all {
		s.word("distinct")
	}
	s.emit(" union all ")
	return q
}

// term adds an operand of UNION or EXCEPT: INTERSECT binds tighter.
func (s *skeleton) term(q queryParts) error {
	if s.setOpAhead() != "intersect" {
		return s.operand(q)
	}
	s.emit("(")
	q.position = s.pos()
	if err := s.operand(queryParts{}); err != nil {
		return err
	}
	for s.atWord("intersect") {
		if err := s.enter(1); err != nil {
			return err
		}
		defer func() { s.depth-- }()
		if err := s.operand(s.setOp(ast.Intersect)); err != nil {
			return err
		}
	}
	s.finish(q)
	s.emit(")")
	return nil
}

// operand adds one operand of a set operation.
func (s *skeleton) operand(q queryParts) error {
	s.emit("(")
	if s.atSymbol("(") {
		if !s.atQuery(s.i) {
			return s.syntaxError()
		}
		s.i++
		if _, err := s.query(q, false); err != nil {
			return err
		}
		if err := s.expectSymbol(")"); err != nil {
			return err
		}
	} else {
		q.position = s.pos()
		if err := s.primaryQuery(&q, false); err != nil {
			return err
		}
		s.finish(q)
	}
	s.emit(")")
	return nil
}

// primaryQuery adds a SELECT, VALUES or TABLE.
func (s *skeleton) primaryQuery(q *queryParts, defaults bool) error {
	switch {
	case s.atWord("select"):
		return s.selectQuery(q)
	case s.atWord("values"):
		return s.valuesQuery(defaults)
	case s.atWord("table"):
		return s.tableQuery()
	}
	return s.syntaxError()
}

// tableQuery adds TABLE name, which is SELECT * FROM name.
func (s *skeleton) tableQuery() error {
	position := at(s.advance())
	s.emit("select ")
	s.item(ast.SelectItem{Pos: position, Expr: &ast.ColumnRef{Pos: position, Star: true}})
	t := &ast.Table{Pos: s.pos()}
	t.Only = s.word("only")
	var err error
	if t.Name, err = s.qualifiedName(); err != nil {
		return err
	}
	s.symbol("*")
	s.emit(" from ")
	s.table(t)
	return nil
}

// valuesQuery adds VALUES.
func (s *skeleton) valuesQuery(defaults bool) error {
	s.emit("values ")
	s.i++
	width := 0
	for row := 0; ; row++ {
		if err := s.expectSymbol("("); err != nil {
			return err
		}
		s.emit("row(")
		n := 0
		for {
			var e ast.Expr
			var err error
			if defaults {
				e, err = s.exprOrDefault()
			} else {
				e, err = s.expr()
			}
			if err != nil {
				return err
			}
			s.expression(e)
			n++
			if !s.symbol(",") {
				break
			}
			s.emit(",")
		}
		if row == 0 {
			width = n
		}
		if n != width {
			first := s.exprs[len(s.exprs)-n]
			return s.errorf(ast.Pos(first.Position()), "VALUES lists must all be the same length")
		}
		if err := s.expectSymbol(")"); err != nil {
			return err
		}
		s.emit(")")
		if !s.symbol(",") {
			return nil
		}
		s.emit(",")
	}
}

// selectQuery adds a plain SELECT.
func (s *skeleton) selectQuery(q *queryParts) error {
	s.emit("select ")
	s.i++
	if s.word("distinct") {
		s.emit("distinct ")
		q.distinct = true
		if s.word("on") {
			if err := s.expectSymbol("("); err != nil {
				return err
			}
			var err error
			if q.distinctOn, err = s.exprList(); err != nil {
				return err
			}
			if err := s.expectSymbol(")"); err != nil {
				return err
			}
		}
	} else {
		s.word("all")
	}
	if err := s.selectList(q); err != nil {
		return err
	}
	if s.atWord("into") {
		return s.unsupported(s.pos(), "SELECT INTO")
	}
	if s.word("from") {
		s.emit(" from ")
		if err := s.tableList(); err != nil {
			return err
		}
	}
	if s.word("where") {
		if err := s.condition(" where "); err != nil {
			return err
		}
	}
	if s.atWords("group", "by") {
		if err := s.groupBy(q); err != nil {
			return err
		}
	}
	if s.word("having") {
		if err := s.condition(" having "); err != nil {
			return err
		}
	}
	return s.windowClause(q)
}

// selectList adds the items of a select list. There may be none.
func (s *skeleton) selectList(q *queryParts) error {
	if t := s.tok(); t.kind == kindEnd || t.symbol(")") || isSetOp(t) || t.kind == kindKeyword &&
		(startsTail(t.text) || s.atAnyWord("from", "where", "group", "having", "window", "into")) {
		if q.distinct {
			return s.syntaxError()
		}
		q.noItems = true
		s.emit("null")
		return nil
	}
	items, err := s.selectItems()
	if err != nil {
		return err
	}
	for n, item := range items {
		if n > 0 {
			s.emit(",")
		}
		s.item(item)
	}
	return nil
}

func (s *skeleton) item(item ast.SelectItem) {
	s.placeholder('i', len(s.items))
	s.items = append(s.items, item)
}

// selectItems reads a list of values with names, of SELECT or of RETURNING.
func (p *parser) selectItems() ([]ast.SelectItem, error) {
	var items []ast.SelectItem
	for {
		item := ast.SelectItem{Pos: p.pos()}
		if p.symbol("*") {
			item.Expr = &ast.ColumnRef{Pos: item.Pos, Star: true}
		} else {
			var err error
			if item.Expr, err = p.expr(); err != nil {
				return nil, err
			}
			if p.word("as") {
				label, err := p.label()
				if err != nil {
					return nil, err
				}
				item.Alias = label.Name
			} else if t := p.tok(); t.isBareLabel() {
				item.Alias = t.text
				p.i++
			}
		}
		items = append(items, item)
		if !p.symbol(",") {
			return items, nil
		}
	}
}

// groupBy adds GROUP BY.
func (s *skeleton) groupBy(q *queryParts) error {
	s.emit(" group by ")
	s.i += 2
	if s.word("distinct") {
		q.groupDistinct = true
	} else {
		s.word("all")
	}
	for {
		e, err := s.groupingElement()
		if err != nil {
			return err
		}
		s.expression(e)
		if !s.symbol(",") {
			return nil
		}
		s.emit(",")
	}
}

// groupingElement reads an element of GROUP BY.
func (p *parser) groupingElement() (ast.Expr, error) {
	if err := p.enter(1); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	g := &ast.GroupingSet{Pos: p.pos()}
	var err error
	switch {
	case p.atSymbol("(") && p.peek(1).symbol(")"):
		p.i += 2
		return g, nil
	case p.atAnyWord("rollup", "cube") && p.peek(1).symbol("("):
		g.Kind = ast.Cube
		if p.advance().text == "rollup" {
			g.Kind = ast.Rollup
		}
		p.i++
		if g.Args, err = p.exprList(); err != nil {
			return nil, err
		}
		return g, p.expectSymbol(")")
	case p.atWords("grouping", "sets"):
		p.i += 2
		g.Kind = ast.Sets
		if err := p.expectSymbol("("); err != nil {
			return nil, err
		}
		for {
			e, err := p.groupingElement()
			if err != nil {
				return nil, err
			}
			g.Args = append(g.Args, e)
			if !p.symbol(",") {
				return g, p.expectSymbol(")")
			}
		}
	}
	return p.expr()
}

// windowClause reads WINDOW.
func (s *skeleton) windowClause(q *queryParts) error {
	if !s.word("window") {
		return nil
	}
	for {
		name, err := s.colID()
		if err != nil {
			return err
		}
		if err := s.expectWord("as"); err != nil {
			return err
		}
		w, err := s.window()
		if err != nil {
			return err
		}
		w.Pos, w.Name = name.Pos, name.Name
		q.windows = append(q.windows, w)
		if !s.symbol(",") {
			return nil
		}
	}
}
