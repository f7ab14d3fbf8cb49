package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// constraintName reads an optional CONSTRAINT name.
func (p *parser) constraintName() (string, error) {
	if !p.word("constraint") {
		return "", nil
	}
	name, err := p.colID()
	return name.Name, err
}

// columnConstraint reads a constraint of a column, if one comes next.
func (p *parser) columnConstraint() (c ast.Constraint, ok bool, err error) {
	c.Pos = p.pos()
	if c.Name, err = p.constraintName(); err != nil {
		return c, false, err
	}
	switch {
	case p.words("not", "null"):
		c.Kind = ast.NotNullConstraint
	case p.word("null"):
		c.Kind = ast.NullConstraint
	case p.word("default"):
		c.Kind = ast.DefaultConstraint
		start := p.i
		c.Expr, err = p.basicExpr()
		c.Text = p.between(start)
	case p.word("unique"):
		c.Kind = ast.UniqueConstraint
		err = p.indexClauses()
	case p.words("primary", "key"):
		c.Kind = ast.PrimaryKeyConstraint
		err = p.indexClauses()
	case p.word("check"):
		c.Kind = ast.CheckConstraint
		err = p.checkExpr(&c)
	case p.word("generated"):
		err = p.generated(&c)
	case p.atWord("references"):
		c.Kind = ast.ForeignKeyConstraint
		err = p.references(&c)
	default:
		if c.Name != "" {
			return c, false, p.syntaxError()
		}
		return c, false, nil
	}
	return c, true, err
}

// constraintAttributes reads DEFERRABLE and its kin behind a column's constraint.
func (p *parser) constraintAttributes(list []ast.Constraint) bool {
	deferrable := false
	switch {
	case len(list) == 0:
		return false
	case p.word("deferrable"), p.words("initially", "deferred"):
		deferrable = true
	case p.words("not", "deferrable"), p.words("initially", "immediate"):
	default:
		return false
	}
	if deferrable {
		list[len(list)-1].Deferrable = true
	}
	return true
}

// checkExpr reads (condition) [NO INHERIT].
func (p *parser) checkExpr(c *ast.Constraint) error {
	if err := p.expectSymbol("("); err != nil {
		return err
	}
	start := p.i
	var err error
	if c.Expr, err = p.expr(); err != nil {
		return err
	}
	c.Text = p.between(start)
	if err := p.expectSymbol(")"); err != nil {
		return err
	}
	c.NoInherit = p.words("no", "inherit")
	return nil
}

// generated reads what follows GENERATED.
func (p *parser) generated(c *ast.Constraint) error {
	when := p.pos()
	switch {
	case p.word("always"):
		c.Always = true
	case p.words("by", "default"):
	default:
		return p.syntaxError()
	}
	if err := p.expectWord("as"); err != nil {
		return err
	}
	if p.word("identity") {
		c.Kind = ast.IdentityConstraint
		if !p.symbol("(") {
			return nil
		}
		var err error
		if c.Sequence, err = p.sequenceOptions(); err != nil {
			return err
		}
		return p.expectSymbol(")")
	}
	if !c.Always {
		if p.atSymbol("(") {
			return p.errorf(when, "for a generated column, GENERATED ALWAYS must be specified")
		}
		return p.syntaxError()
	}
	c.Kind = ast.GeneratedConstraint
	if err := p.checkExpr(c); err != nil {
		return err
	}
	return p.expectWord("stored")
}

// sequenceOptions reads START WITH n and the like.
func (p *parser) sequenceOptions() ([]ast.Option, error) {
	var list []ast.Option
	for {
		t := p.tok()
		o := ast.Option{Pos: at(t), Name: t.text}
		number := true
		switch {
		case p.word("start"):
			p.word("with")
		case p.word("increment"):
			p.word("by")
		case p.word("restart"):
			p.word("with")
			number = p.tok().kind == kindInteger || p.atSymbol("-") || p.atSymbol("+")
		case p.word("maxvalue"), p.word("minvalue"), p.word("cache"):
		case p.word("cycle"):
			number = false
		case p.word("no"):
			if !p.atAnyWord("maxvalue", "minvalue", "cycle") {
				return nil, p.syntaxError()
			}
			o.Name = "no " + p.advance().text
			number = false
		case p.atAnyWord("as", "owned", "sequence"):
			return nil, p.unsupported(p.pos(), "%s of a column's sequence", upper(p.tok().text))
		default:
			if len(list) == 0 {
				return nil, p.syntaxError()
			}
			return list, nil
		}
		if number {
			var err error
			if o.Value, err = p.signedNumber(); err != nil {
				return nil, err
			}
		}
		list = append(list, o)
	}
}

// indexClauses reads what may follow UNIQUE and PRIMARY KEY.
func (p *parser) indexClauses() error {
	switch {
	case p.words("nulls", "distinct"):
	case p.atWord("nulls"):
		return p.unsupported(p.pos(), "NULLS NOT DISTINCT")
	}
	switch {
	case p.atWord("include"):
		return p.unsupported(p.pos(), "INCLUDE")
	case p.atWord("with") && p.peek(1).symbol("("):
		p.i++
		_, err := p.options() // storage parameters of an index, of which there are none
		return err
	case p.atWords("using", "index"):
		return p.unsupported(p.pos(), "USING INDEX")
	}
	return nil
}

// references reads REFERENCES table [(columns)] and its actions.
func (p *parser) references(c *ast.Constraint) error {
	p.i++
	name, err := p.qualifiedName()
	if err != nil {
		return err
	}
	c.References = &name
	if p.atSymbol("(") {
		if c.RefColumns, err = p.colIDs(); err != nil {
			return err
		}
	}
	if p.word("match") {
		if !p.word("full") && !p.word("simple") && !p.word("partial") {
			return p.syntaxError()
		}
	}
	for p.word("on") {
		into := &c.OnDelete
		switch {
		case p.word("delete"):
		case p.word("update"):
			into = &c.OnUpdate
		default:
			return p.syntaxError()
		}
		if *into, err = p.referentialAction(); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) referentialAction() (string, error) {
	switch {
	case p.word("cascade"):
		return "cascade", nil
	case p.word("restrict"):
		return "restrict", nil
	case p.words("no", "action"):
		return "no action", nil
	case p.words("set", "null"):
		return "set null", p.skipColumns()
	case p.words("set", "default"):
		return "set default", p.skipColumns()
	}
	return "", p.syntaxError()
}

func (p *parser) skipColumns() error {
	if !p.atSymbol("(") {
		return nil
	}
	_, err := p.colIDs()
	return err
}

// atTableConstraint says whether a constraint of a table comes next.
func (p *parser) atTableConstraint() bool {
	return p.atAnyWord("constraint", "check", "unique", "primary", "foreign") ||
		p.atWord("exclude") && (p.peek(1).word("using") || p.peek(1).symbol("("))
}

// tableConstraint reads a constraint of a table.
func (p *parser) tableConstraint() (c ast.Constraint, err error) {
	c.Pos = p.pos()
	if c.Name, err = p.constraintName(); err != nil {
		return c, err
	}
	switch {
	case p.word("check"):
		c.Kind = ast.CheckConstraint
		err = p.checkExpr(&c)
	case p.word("unique"):
		c.Kind = ast.UniqueConstraint
		err = p.keyColumns(&c)
	case p.words("primary", "key"):
		c.Kind = ast.PrimaryKeyConstraint
		err = p.keyColumns(&c)
	case p.words("foreign", "key"):
		c.Kind = ast.ForeignKeyConstraint
		if c.Columns, err = p.colIDs(); err == nil {
			if !p.atWord("references") {
				return c, p.syntaxError()
			}
			err = p.references(&c)
		}
	case p.atWord("exclude"):
		return c, p.unsupported(p.pos(), "EXCLUDE")
	default:
		return c, p.syntaxError()
	}
	if err != nil {
		return c, err
	}
	for {
		switch {
		case p.words("not", "valid"):
			c.NotValid = true
		case p.words("no", "inherit"):
			c.NoInherit = true
		case p.word("deferrable"), p.words("initially", "deferred"):
			c.Deferrable = true
		case p.words("not", "deferrable"), p.words("initially", "immediate"):
		default:
			return c, nil
		}
	}
}

// keyColumns reads the columns of UNIQUE and PRIMARY KEY.
func (p *parser) keyColumns(c *ast.Constraint) error {
	if p.atWords("using", "index") {
		return p.unsupported(p.pos(), "USING INDEX")
	}
	if p.atWord("nulls") {
		if err := p.indexClauses(); err != nil {
			return err
		}
	}
	var err error
	if c.Columns, err = p.colIDs(); err != nil {
		return err
	}
	return p.indexClauses()
}
