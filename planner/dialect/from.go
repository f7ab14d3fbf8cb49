package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// tableList adds the items of a FROM list.
func (s *skeleton) tableList() error {
	for {
		if _, err := s.tableRef(); err != nil {
			return err
		}
		if !s.symbol(",") {
			return nil
		}
		s.emit(",")
	}
}

func (s *skeleton) table(t ast.TableExpr) {
	s.nameholder('t', len(s.tables))
	s.tables = append(s.tables, t)
}

// tableRef adds a table, or tables with joins between them. Every join is sent
// as LEFT JOIN .. ON :jN, and the grammar says which of them belong together:
// one without a condition gets its ON behind its right side at once, one with a
// condition where that stands. It says whether it was a join.
func (s *skeleton) tableRef() (joined bool, err error) {
	if err := s.enter(1); err != nil {
		return false, err
	}
	outer := s.depth
	defer func() { s.depth = outer - 1 }()
	if joined, err = s.tableFactor(); err != nil {
		return false, err
	}
	var open []ast.Join // joins whose condition is still to come
	for {
		if s.atAnyWord("on", "using") && len(open) > 0 {
			j := open[len(open)-1]
			open = open[:len(open)-1]
			if err := s.joinCondition(&j); err != nil {
				return false, err
			}
			continue
		}
		j, ok, err := s.joinOperator()
		if err != nil {
			return false, err
		}
		if !ok {
			break
		}
		if err := s.enter(1); err != nil {
			return false, err
		}
		joined = true
		s.emit(" left join ")
		if _, err := s.tableFactor(); err != nil {
			return false, err
		}
		if j.Kind == ast.CrossJoin || j.Natural {
			s.join(j)
		} else {
			open = append(open, j)
		}
	}
	if len(open) > 0 {
		return false, s.syntaxError()
	}
	return joined, nil
}

func (s *skeleton) join(j ast.Join) {
	s.emit(" on ")
	s.placeholder('j', len(s.joins))
	s.joins = append(s.joins, j)
}

// joinCondition reads ON or USING.
func (s *skeleton) joinCondition(j *ast.Join) (err error) {
	if s.word("on") {
		if j.On, err = s.expr(); err != nil {
			return err
		}
		s.join(*j)
		return nil
	}
	s.i++
	if j.Using, err = s.colIDs(); err != nil {
		return err
	}
	if s.word("as") {
		alias, err := s.colID()
		if err != nil {
			return err
		}
		j.UsingAlias = alias.Name
	}
	s.join(*j)
	return nil
}

// joinOperator reads the words between two joined tables, if they come next.
func (s *skeleton) joinOperator() (j ast.Join, ok bool, err error) {
	j.Pos = s.pos()
	if !s.atAnyWord("natural", "cross", "join", "inner", "left", "right", "full") {
		return j, false, nil
	}
	j.Natural = s.word("natural")
	switch {
	case !j.Natural && s.word("cross"):
		j.Kind = ast.CrossJoin
	case s.word("inner"):
	case s.word("left"):
		j.Kind = ast.LeftJoin
		s.word("outer")
	case s.word("right"):
		j.Kind = ast.RightJoin
		s.word("outer")
	case s.word("full"):
		j.Kind = ast.FullJoin
		s.word("outer")
	}
	return j, true, s.expectWord("join")
}

// tableFactor adds one item of a FROM list without its joins, and says whether
// it was a join in parentheses without a name of its own.
func (s *skeleton) tableFactor() (joined bool, err error) {
	position := s.pos()
	lateral := s.word("lateral")
	switch {
	case s.atQuery(s.i):
		return false, s.derivedTable(position, lateral)
	case s.atSymbol("(") && !lateral:
		named, err := s.joinInParentheses()
		return !named, err
	case s.atWord("rows") && s.peek(1).word("from") && s.peek(2).symbol("("):
		return false, s.unsupported(position, "ROWS FROM")
	case s.atWord("xmltable"):
		return false, s.unsupported(position, "XMLTABLE")
	case s.atFunction(), s.atValueWord():
		return false, s.tableFunction(position, lateral)
	case lateral:
		return false, s.syntaxError()
	}
	t, err := s.relation()
	if err != nil {
		return false, err
	}
	if t.Alias, t.Columns, err = s.alias(); err != nil {
		return false, err
	}
	if s.atWord("tablesample") {
		return false, s.unsupported(s.pos(), "TABLESAMPLE")
	}
	s.table(t)
	return false, nil
}

// relation reads [ONLY] name [*].
func (p *parser) relation() (*ast.Table, error) {
	t := &ast.Table{Pos: p.pos()}
	var err error
	if p.word("only") {
		t.Only = true
		paren := p.symbol("(")
		if t.Name, err = p.qualifiedName(); err != nil {
			return nil, err
		}
		if paren {
			return t, p.expectSymbol(")")
		}
		return t, nil
	}
	t.Name, err = p.qualifiedName()
	p.symbol("*")
	return t, err
}

// alias reads an optional [AS] name [(columns)].
func (p *parser) alias() (string, []ast.Ident, error) {
	as := p.word("as")
	if t := p.tok(); !t.isColID() {
		if as {
			return "", nil, p.syntaxError()
		}
		return "", nil, nil
	}
	name := p.advance().text
	if !p.atSymbol("(") {
		return name, nil, nil
	}
	columns, err := p.colIDs()
	return name, columns, err
}

// derivedTable adds (query) AS name.
func (s *skeleton) derivedTable(position ast.Pos, lateral bool) error {
	d := &ast.DerivedTable{Pos: position, Lateral: lateral}
	open := s.pos()
	s.emit("(")
	s.i++
	values := s.atWord("values")
	if _, err := s.query(queryParts{}, false); err != nil {
		return err
	}
	if err := s.expectSymbol(")"); err != nil {
		return err
	}
	s.emit(") as ")
	var err error
	if d.Alias, d.Columns, err = s.alias(); err != nil {
		return err
	}
	if d.Alias == "" {
		if values {
			return s.errorf(open, "VALUES in FROM must have an alias")
		}
		return s.errorf(open, "subquery in FROM must have an alias")
	}
	s.table(d)
	return nil
}

// joinInParentheses adds (a JOIN b ...) [AS name], and says whether it has a name.
func (s *skeleton) joinInParentheses() (named bool, err error) {
	s.emit("(")
	s.i++
	joined, err := s.tableRef()
	if err != nil {
		return false, err
	}
	if !joined { // (a) is no table
		return false, s.syntaxError()
	}
	last := len(s.joins) - 1 // the outermost join is complete last
	if err := s.expectSymbol(")"); err != nil {
		return false, err
	}
	s.emit(")")
	alias, columns, err := s.alias()
	if alias != "" {
		s.joins[last].Alias, s.joins[last].Columns = alias, columns
	}
	return alias != "", err
}

// atFunction says whether a call comes next.
func (p *parser) atFunction() bool {
	if !p.tok().isFunctionName() && !p.tok().isColID() {
		return false
	}
	n := 1
	for p.peek(n).symbol(".") && p.peek(n+1).isLabel() {
		n += 2
	}
	return p.peek(n).symbol("(")
}

// atValueWord says whether a function comes next that is written without
// parentheses.
func (p *parser) atValueWord() bool {
	return p.atAnyWord("current_date", "current_role", "current_user", "session_user", "user", "current_catalog",
		"current_schema", "current_time", "current_timestamp", "localtime", "localtimestamp")
}

// tableFunction adds a function in FROM.
func (s *skeleton) tableFunction(position ast.Pos, lateral bool) error {
	call, err := s.primary()
	if err != nil {
		return err
	}
	if c, ok := call.(*ast.Call); ok && c.Over != nil {
		return s.errorf(c.Pos, "window functions are not allowed in functions in FROM")
	}
	f := &ast.TableFunc{Pos: position, Lateral: lateral, Call: call}
	if s.atWord("with") && s.peek(1).word("ordinality") {
		s.i += 2
		f.Ordinality = true
	}
	as := s.word("as")
	if as && s.atSymbol("(") {
		f.ColumnDefs, err = s.columnDefList()
		if err != nil {
			return err
		}
		s.table(f)
		return nil
	}
	if t := s.tok(); t.isColID() {
		f.Alias = t.text
		s.i++
		switch {
		case !s.atSymbol("("):
		case s.peek(2).symbol(",") || s.peek(2).symbol(")"):
			f.Columns, err = s.colIDs()
		default:
			f.ColumnDefs, err = s.columnDefList()
		}
		if err != nil {
			return err
		}
	} else if as {
		return s.syntaxError()
	}
	s.table(f)
	return nil
}

// columnDefList reads (name type, ...).
func (p *parser) columnDefList() ([]ast.ColumnDef, error) {
	p.i++
	var defs []ast.ColumnDef
	for {
		name, err := p.colID()
		if err != nil {
			return nil, err
		}
		def := ast.ColumnDef{Pos: name.Pos, Name: name.Name}
		if def.Type, err = p.typeName(); err != nil {
			return nil, err
		}
		if p.word("collate") {
			collation, err := p.qualifiedName()
			if err != nil {
				return nil, err
			}
			def.Collation = &collation
		}
		defs = append(defs, def)
		if !p.symbol(",") {
			return defs, p.expectSymbol(")")
		}
	}
}
