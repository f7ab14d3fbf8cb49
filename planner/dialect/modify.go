package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// insertStatement reads INSERT.
func (p *parser) insertStatement(with *ast.With) (ast.Statement, error) {
	in := &ast.Insert{Pos: at(p.advance()), With: with}
	s := newSkeleton(p)
	s.emit("insert into `t0` ")
	if err := p.expectWord("into"); err != nil {
		return nil, err
	}
	in.Table.Pos = p.pos()
	var err error
	if in.Table.Name, err = p.qualifiedName(); err != nil {
		return nil, err
	}
	if p.word("as") {
		alias, err := p.colID()
		if err != nil {
			return nil, err
		}
		in.Table.Alias = alias.Name
	}
	if err := s.insertSource(in); err != nil {
		return nil, err
	}
	if p.atWord("on") {
		if in.OnConflict, err = p.onConflict(); err != nil {
			return nil, err
		}
	}
	if in.Returning, err = p.returning(); err != nil {
		return nil, err
	}
	return in, s.liftInsert(in)
}

// insertSource adds the columns of an INSERT and what it inserts.
func (s *skeleton) insertSource(in *ast.Insert) error {
	if s.atWords("default", "values") {
		s.emit("values ()")
		s.i += 2
		return nil
	}
	if s.atSymbol("(") && !s.atQuery(s.i) {
		if err := s.insertColumns(); err != nil {
			return err
		}
	}
	if s.word("overriding") {
		switch {
		case s.word("system"):
			in.Overriding = ast.OverridingSystem
		case s.word("user"):
			in.Overriding = ast.OverridingUser
		default:
			return s.syntaxError()
		}
		if err := s.expectWord("value"); err != nil {
			return err
		}
	}
	if !s.atSelect() {
		return s.syntaxError()
	}
	_, err := s.query(queryParts{}, true)
	return err
}

// insertColumns adds the list of columns of an INSERT.
func (s *skeleton) insertColumns() error {
	s.i++
	s.emit("(")
	for {
		name, err := s.targetColumn()
		if err != nil {
			return err
		}
		s.nameholder('c', len(s.columns))
		s.columns = append(s.columns, name)
		if !s.symbol(",") {
			break
		}
		s.emit(",")
	}
	s.emit(") ")
	return s.expectSymbol(")")
}

// targetColumn reads the name of a column that gets a value.
func (p *parser) targetColumn() (ast.Ident, error) {
	name, err := p.colID()
	if err == nil && (p.atSymbol(".") || p.atSymbol("[")) {
		return name, p.unsupported(p.pos(), "assignment to a part of a column")
	}
	return name, err
}

// onConflict reads ON CONFLICT.
func (p *parser) onConflict() (*ast.OnConflict, error) {
	c := &ast.OnConflict{Pos: p.pos()}
	if err := p.expectWord("on", "conflict"); err != nil {
		return nil, err
	}
	switch {
	case p.words("on", "constraint"):
		name, err := p.colID()
		if err != nil {
			return nil, err
		}
		c.Constraint = name.Name
	case p.atSymbol("("):
		if err := p.conflictTarget(c); err != nil {
			return nil, err
		}
	}
	if err := p.expectWord("do"); err != nil {
		return nil, err
	}
	if p.word("nothing") {
		return c, nil
	}
	if err := p.expectWord("update", "set"); err != nil {
		return nil, err
	}
	if c.Target == nil && c.Constraint == "" {
		return nil, p.errorf(c.Pos, "ON CONFLICT DO UPDATE requires inference specification or constraint name")
	}
	c.Update = true
	var err error
	if c.Set, err = p.assignments(); err != nil {
		return nil, err
	}
	if p.word("where") {
		c.UpdateWhere, err = p.expr()
	}
	return c, err
}

// conflictTarget reads (column, ...) [WHERE ...].
func (p *parser) conflictTarget(c *ast.OnConflict) error {
	p.i++
	for {
		t, err := p.conflictElement()
		if err != nil {
			return err
		}
		if p.tok().isColID() || p.atAnyWord("asc", "desc") {
			return p.unsupported(p.pos(), "an operator class or an order in ON CONFLICT")
		}
		c.Target = append(c.Target, t)
		if !p.symbol(",") {
			break
		}
	}
	if err := p.expectSymbol(")"); err != nil {
		return err
	}
	if p.word("where") {
		var err error
		c.Where, err = p.expr()
		return err
	}
	return nil
}

// conflictElement reads a column, a call, or an expression in parentheses.
func (p *parser) conflictElement() (ast.ConflictTarget, error) {
	t := ast.ConflictTarget{Pos: p.pos()}
	paren := p.atSymbol("(")
	e, err := p.primary()
	if err != nil {
		return t, err
	}
	ref, isRef := e.(*ast.ColumnRef)
	_, isCall := e.(*ast.Call)
	switch {
	case isRef && !paren && len(ref.Parts) == 1 && !ref.Star:
		t.Column = ref.Parts[0]
	case isCall || paren:
	default:
		return t, p.syntaxError()
	}
	if c := p.tok(); p.word("collate") {
		name, err := p.qualifiedName()
		if err != nil {
			return t, err
		}
		e = &ast.Collate{Pos: at(c), X: e, Name: name}
		t.Column = ""
	}
	if t.Column == "" {
		t.Expr = e
	}
	return t, nil
}

// returning reads an optional RETURNING.
func (p *parser) returning() ([]ast.SelectItem, error) {
	if !p.word("returning") {
		return nil, nil
	}
	return p.selectItems()
}

// assignments reads what follows SET in UPDATE.
func (p *parser) assignments() ([]ast.Assignment, error) {
	var list []ast.Assignment
	for {
		a, err := p.assignment()
		if err != nil {
			return nil, err
		}
		list = append(list, a)
		if !p.symbol(",") {
			return list, nil
		}
	}
}

func (p *parser) assignment() (a ast.Assignment, err error) {
	a.Pos = p.pos()
	if p.symbol("(") {
		a.Multi = true
		for {
			name, err := p.targetColumn()
			if err != nil {
				return a, err
			}
			a.Columns = append(a.Columns, name)
			if !p.symbol(",") {
				break
			}
		}
		if err := p.expectSymbol(")"); err != nil {
			return a, err
		}
		if err := p.expectSymbol("="); err != nil {
			return a, err
		}
		a.Value, err = p.multiValue()
		return a, err
	}
	name, err := p.targetColumn()
	if err != nil {
		return a, err
	}
	a.Columns = []ast.Ident{name}
	if err := p.expectSymbol("="); err != nil {
		return a, err
	}
	a.Value, err = p.exprOrDefault()
	return a, err
}

// multiValue reads the value of (a, b) = ...: a row, in which DEFAULT may stand,
// or a query.
func (p *parser) multiValue() (ast.Expr, error) {
	start := p.tok()
	if p.atQuery(p.i) {
		query, err := p.subquery()
		return &ast.Subquery{Pos: at(start), Query: query}, err
	}
	r := &ast.Row{Pos: at(start), Explicit: p.word("row")}
	if !p.symbol("(") {
		if !r.Explicit {
			if _, err := p.expr(); err != nil {
				return nil, err
			}
			return nil, p.multiValueError(start)
		}
		return nil, p.syntaxError()
	}
	for !p.atSymbol(")") {
		e, err := p.exprOrDefault()
		if err != nil {
			return nil, err
		}
		r.Args = append(r.Args, e)
		if !p.symbol(",") {
			break
		}
		if p.atSymbol(")") {
			return nil, p.syntaxError()
		}
	}
	if err := p.expectSymbol(")"); err != nil {
		return nil, err
	}
	if len(r.Args) < 2 && !r.Explicit {
		return nil, p.multiValueError(start)
	}
	return r, nil
}

func (p *parser) multiValueError(t *token) error {
	return p.unsupported(at(t), "a multiple-column UPDATE item whose source is neither a sub-SELECT nor a ROW() expression")
}

// updateStatement reads UPDATE.
func (p *parser) updateStatement(with *ast.With) (ast.Statement, error) {
	up := &ast.Update{Pos: at(p.advance()), With: with}
	s := newSkeleton(p)
	s.emit("update `t0`")
	if err := s.target(&up.Table); err != nil {
		return nil, err
	}
	if err := p.expectWord("set"); err != nil {
		return nil, err
	}
	var err error
	if s.assignments, err = p.assignments(); err != nil {
		return nil, err
	}
	if p.word("from") {
		s.emit(",")
		if err := s.tableList(); err != nil {
			return nil, err
		}
	}
	s.emit(" set ")
	for n := range s.assignments {
		if n > 0 {
			s.emit(",")
		}
		s.nameholder('a', n)
		s.emit("=")
		s.placeholder('a', n)
	}
	if err := s.where(); err != nil {
		return nil, err
	}
	if up.Returning, err = p.returning(); err != nil {
		return nil, err
	}
	return up, s.liftUpdate(up)
}

// target reads the table of an UPDATE, DELETE or MOVE, as table 0.
func (s *skeleton) target(into *ast.Table) error {
	t, err := s.modifiedTable()
	if err != nil {
		return err
	}
	*into = *t
	s.tables = append(s.tables, t)
	return nil
}

// modifiedTable reads [ONLY] name [*] [[AS] alias]; SET is no alias.
func (p *parser) modifiedTable() (*ast.Table, error) {
	t, err := p.relation()
	if err != nil {
		return nil, err
	}
	as := p.word("as")
	if as || p.tok().isColID() && !p.atWord("set") {
		alias, err := p.colID()
		if err != nil {
			return nil, err
		}
		t.Alias = alias.Name
	}
	return t, nil
}

// where adds an optional WHERE of UPDATE and DELETE.
func (s *skeleton) where() error {
	if !s.word("where") {
		return nil
	}
	if s.atWords("current", "of") {
		return s.unsupported(s.pos(), "WHERE CURRENT OF")
	}
	return s.condition(" where ")
}

// deleteStatement reads DELETE.
func (p *parser) deleteStatement(with *ast.With) (ast.Statement, error) {
	del := &ast.Delete{Pos: at(p.advance()), With: with}
	s := newSkeleton(p)
	s.emit("delete from `t0`")
	if err := p.expectWord("from"); err != nil {
		return nil, err
	}
	if err := s.target(&del.Table); err != nil {
		return nil, err
	}
	if p.word("using") {
		s.emit(" using `t0`,")
		if err := s.tableList(); err != nil {
			return nil, err
		}
	}
	if err := s.where(); err != nil {
		return nil, err
	}
	var err error
	if del.Returning, err = p.returning(); err != nil {
		return nil, err
	}
	return del, s.liftDelete(del)
}
