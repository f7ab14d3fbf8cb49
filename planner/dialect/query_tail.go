package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// tail reads what follows the body of a query: ORDER BY, and then LIMIT, OFFSET,
// FETCH and FOR UPDATE in any order. ORDER BY goes to the text, the rest into q.
func (s *skeleton) tail(q *queryParts) error {
	if s.atWords("order", "by") {
		if q.ordered {
			return s.errorf(at(s.peek(2)), "multiple ORDER BY clauses not allowed")
		}
		q.ordered = true
		s.emit(" order by ")
		items, err := s.orderBy()
		if err != nil {
			return err
		}
		for n, item := range items {
			if n > 0 {
				s.emit(",")
			}
			s.placeholder('s', len(s.sorts))
			s.sorts = append(s.sorts, item)
		}
	}
	// The clauses of one tail: each may stand once, and locking may be last or
	// before the limits.
	var limit, offset bool
	for {
		var err error
		switch {
		case s.atWord("limit"), s.atWord("fetch"):
			if limit {
				return s.syntaxError()
			}
			if q.limited {
				return s.errorf(at(s.peek(1)), "multiple LIMIT clauses not allowed")
			}
			limit = true
			err = s.limit(q)
		case s.atWord("offset"):
			if offset {
				return s.syntaxError()
			}
			if q.offset != nil {
				return s.errorf(at(s.peek(1)), "multiple OFFSET clauses not allowed")
			}
			offset = true
			err = s.offset(q)
		case s.atWord("for"):
			err = s.locking(q)
		default:
			q.limited = q.limited || limit
			return s.checkTies(q)
		}
		if err != nil {
			return err
		}
	}
}

// limit reads LIMIT or FETCH FIRST.
func (s *skeleton) limit(q *queryParts) (err error) {
	position := s.pos()
	if s.word("limit") {
		if s.word("all") {
			return nil
		}
		q.limit, err = s.expr()
		if l, ok := q.limit.(*ast.Literal); ok && l.Kind == ast.Null {
			q.limit = nil // LIMIT NULL is LIMIT ALL
		}
		if err == nil && s.atSymbol(",") {
			return s.errorf(position, "LIMIT #,# syntax is not supported")
		}
		return err
	}
	fetch := s.advance()
	if !s.word("first") && !s.word("next") {
		return s.syntaxError()
	}
	if s.atAnyWord("row", "rows") {
		q.limit = &ast.Literal{Pos: at(fetch), Kind: ast.Integer, Text: "1"}
	} else if q.limit, err = s.fetchCount(); err != nil {
		return err
	}
	if !s.word("row") && !s.word("rows") {
		return s.syntaxError()
	}
	if s.words("with", "ties") {
		q.withTies = true
		return nil
	}
	return s.expectWord("only")
}

// fetchCount reads the count of FETCH FIRST: a number with a sign, or an operand.
func (s *skeleton) fetchCount() (ast.Expr, error) {
	if t := s.tok(); t.symbol("+") || t.symbol("-") {
		s.i++
		if k := s.tok().kind; k != kindInteger && k != kindNumeric {
			return nil, s.syntaxError()
		}
		x, err := s.primary()
		if err != nil {
			return nil, err
		}
		return sign(t, x), nil
	}
	return s.primary()
}

// offset reads OFFSET n [ROW | ROWS].
func (s *skeleton) offset(q *queryParts) (err error) {
	s.i++
	if q.offset, err = s.expr(); err != nil {
		return err
	}
	if !s.word("row") {
		s.word("rows")
	}
	return nil
}

// locking reads FOR UPDATE and its kin.
func (s *skeleton) locking(q *queryParts) error {
	l := ast.Locking{Pos: s.pos()}
	s.i++
	switch {
	case s.word("update"):
		l.Strength = ast.ForUpdate
	case s.words("no", "key", "update"):
		l.Strength = ast.ForNoKeyUpdate
	case s.word("share"):
		l.Strength = ast.ForShare
	case s.words("key", "share"):
		l.Strength = ast.ForKeyShare
	case s.words("read", "only"):
		return nil
	default:
		return s.syntaxError()
	}
	if s.word("of") {
		var err error
		if l.Of, err = s.qualifiedNames(); err != nil {
			return err
		}
	}
	switch {
	case s.word("nowait"):
		l.Wait = ast.LockNoWait
	case s.words("skip", "locked"):
		l.Wait = ast.LockSkip
	}
	q.locking = append(q.locking, l)
	return nil
}

// checkTies is PostgreSQL's check of WITH TIES.
func (s *skeleton) checkTies(q *queryParts) error {
	if !q.withTies {
		return nil
	}
	if !q.ordered {
		return s.errorf(0, "WITH TIES cannot be specified without ORDER BY clause")
	}
	for _, l := range q.locking {
		if l.Wait == ast.LockSkip {
			return s.errorf(l.Pos, "SKIP LOCKED and WITH TIES options cannot be used together")
		}
	}
	return nil
}

// with reads a WITH clause. The queries in it are statements of their own.
func (p *parser) with() (*ast.With, error) {
	w := &ast.With{Pos: at(p.advance())}
	w.Recursive = p.word("recursive")
	for {
		c, err := p.cte()
		if err != nil {
			return nil, err
		}
		w.Tables = append(w.Tables, c)
		if !p.symbol(",") {
			return w, nil
		}
	}
}

// cte reads one query of a WITH clause.
func (p *parser) cte() (ast.CTE, error) {
	name, err := p.colID()
	c := ast.CTE{Pos: name.Pos, Name: name.Name}
	if err != nil {
		return c, err
	}
	if p.atSymbol("(") {
		if c.Columns, err = p.colIDs(); err != nil {
			return c, err
		}
	}
	if err := p.expectWord("as"); err != nil {
		return c, err
	}
	switch {
	case p.words("not", "materialized"):
		c.Materialized = ast.MaterializedNever
	case p.word("materialized"):
		c.Materialized = ast.MaterializedAlways
	}
	if err := p.expectSymbol("("); err != nil {
		return c, err
	}
	if c.Query, err = p.queryStatement(); err != nil {
		return c, err
	}
	if err := p.expectSymbol(")"); err != nil {
		return c, err
	}
	if p.atAnyWord("search", "cycle") {
		return c, p.unsupported(p.pos(), "SEARCH and CYCLE of a recursive query")
	}
	return c, nil
}

// queryStatement reads a SELECT, INSERT, UPDATE or DELETE, with its WITH.
func (p *parser) queryStatement() (ast.Statement, error) {
	if err := p.enter(1); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	start := p.i
	var with *ast.With
	if p.atWord("with") {
		var err error
		if with, err = p.with(); err != nil {
			return nil, err
		}
	}
	switch t := p.tok(); {
	case t.word("insert"):
		return p.insertStatement(with)
	case t.word("update"):
		return p.updateStatement(with)
	case t.word("delete"):
		return p.deleteStatement(with)
	case t.word("merge"):
		return nil, p.unsupported(at(t), "MERGE")
	}
	if with == nil {
		p.i = start
	}
	s := newSkeleton(p)
	if _, err := s.query(queryParts{with: with, position: ast.Pos(p.toks[start].char)}, false); err != nil {
		return nil, err
	}
	return s.liftSelect()
}
