package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// create reads CREATE.
func (p *parser) create() (ast.Statement, error) {
	if p.peek(1).word("policy") {
		return p.createPolicy()
	}
	c := &ast.CreateTable{Pos: p.pos()}
	start := p.i
	p.i++
	switch {
	case p.word("unlogged"):
		c.Persistence = ast.Unlogged
	case p.atAnyWord("temp", "temporary", "global", "local"):
		if !p.word("global") {
			p.word("local")
		}
		if !p.word("temp") && !p.word("temporary") {
			return nil, p.syntaxError()
		}
		c.Persistence = ast.Temporary
	}
	if !p.word("table") {
		p.i = start
		return p.otherObject("CREATE")
	}
	if p.atWords("if", "not") {
		if err := p.expectWord("if", "not", "exists"); err != nil {
			return nil, err
		}
		c.IfNotExists = true
	}
	var err error
	if c.Name, err = p.qualifiedName(); err != nil {
		return nil, err
	}
	switch {
	case p.atWord("of"), p.atWord("partition"):
		return nil, p.unsupported(p.pos(), "CREATE TABLE ... %s OF",
			map[bool]string{true: "PARTITION", false: ""}[p.atWord("partition")])
	case p.tableAs():
		p.i = len(p.toks) - 1
		return &ast.Unsupported{Pos: c.Pos, What: "CREATE TABLE AS"}, nil
	}
	if err := p.tableElements(c); err != nil {
		return nil, err
	}
	return c, p.tableTail(c)
}

// tableAs says whether CREATE TABLE name is followed by AS, maybe behind names of
// columns and other clauses.
func (p *parser) tableAs() bool {
	n := 0
	if p.atSymbol("(") {
		if t := p.peek(2); !t.symbol(",") && !t.symbol(")") || p.tok().match < 0 {
			return false
		}
		n = int(p.tok().match) - p.i + 1
	}
	for ; p.peek(n).kind != kindEnd; n++ {
		if p.peek(n).word("as") {
			return true
		}
		if p.peek(n).symbol("(") && p.peek(n).match > 0 {
			if n == 0 {
				return false
			}
			n = int(p.peek(n).match) - p.i
		}
	}
	return false
}

// tableElements reads the columns and constraints of a table.
func (p *parser) tableElements(c *ast.CreateTable) error {
	if err := p.expectSymbol("("); err != nil {
		return err
	}
	if p.symbol(")") {
		return nil
	}
	for {
		switch {
		case p.atWord("like"):
			return p.unsupported(p.pos(), "LIKE in CREATE TABLE")
		case p.atTableConstraint():
			constraint, err := p.tableConstraint()
			if err != nil {
				return err
			}
			c.Constraints = append(c.Constraints, constraint)
		default:
			def, err := p.columnDef()
			if err != nil {
				return err
			}
			c.Columns = append(c.Columns, def)
		}
		if !p.symbol(",") {
			return p.expectSymbol(")")
		}
	}
}

// tableTail reads what follows the columns of a CREATE TABLE.
func (p *parser) tableTail(c *ast.CreateTable) error {
	for {
		position := p.pos()
		switch {
		case p.atWords("with", "("), p.atWord("with") && p.peek(1).symbol("("):
			p.i++
			options, err := p.options()
			if err != nil {
				return err
			}
			c.Options = append(c.Options, options...)
		case p.words("without", "oids"):
		case p.atWord("inherits"):
			return p.unsupported(position, "INHERITS")
		case p.atWord("partition"):
			return p.unsupported(position, "PARTITION BY")
		case p.atWord("using"):
			return p.unsupported(position, "an access method of a table")
		case p.words("on", "commit"):
			if c.Persistence != ast.Temporary {
				return p.unsupported(position, "ON COMMIT")
			}
			if !p.word("drop") && !p.words("preserve", "rows") && !p.words("delete", "rows") {
				return p.syntaxError()
			}
		case p.atWord("tablespace"):
			return p.unsupported(position, "TABLESPACE")
		default:
			return nil
		}
	}
}

// columnDef reads the definition of a column.
func (p *parser) columnDef() (ast.ColumnDef, error) {
	name, err := p.colID()
	def := ast.ColumnDef{Pos: name.Pos, Name: name.Name}
	if err != nil {
		return def, err
	}
	if def.Type, err = p.typeName(); err != nil {
		return def, err
	}
	for {
		switch {
		case p.word("collate"):
			collation, err := p.qualifiedName()
			if err != nil {
				return def, err
			}
			if def.Collation != nil {
				return def, p.errorf(collation.Pos, "multiple COLLATE clauses not allowed")
			}
			def.Collation = &collation
			continue
		case p.atAnyWord("compression", "storage", "options"):
			return def, p.unsupported(p.pos(), "%s of a column", upper(p.tok().text))
		}
		if p.constraintAttributes(def.Constraints) {
			continue
		}
		c, ok, err := p.columnConstraint()
		if err != nil {
			return def, err
		}
		if !ok {
			return def, nil
		}
		def.Constraints = append(def.Constraints, c)
	}
}

// options reads (name [= value], ...). A name may be a string: 'placement.columns' is
// placement.columns.
func (p *parser) options() ([]ast.Option, error) {
	if err := p.expectSymbol("("); err != nil {
		return nil, err
	}
	var list []ast.Option
	for {
		o, err := p.optionName()
		if err != nil {
			return nil, err
		}
		if p.symbol("=") {
			if o.Value, err = p.optionValue(); err != nil {
				return nil, err
			}
		}
		list = append(list, o)
		if !p.symbol(",") {
			return list, p.expectSymbol(")")
		}
	}
}

func (p *parser) optionName() (ast.Option, error) {
	if t := p.tok(); t.kind == kindString && t.text != "" {
		p.i++
		return ast.Option{Pos: at(t), Name: t.text}, nil
	}
	name, err := p.label()
	if err != nil {
		return ast.Option{}, err
	}
	o := ast.Option{Pos: name.Pos, Name: name.Name}
	if p.symbol(".") {
		second, err := p.label()
		if err != nil {
			return o, err
		}
		o.Name += "." + second.Name
	}
	return o, nil
}

// optionValue reads a number, a string or a word.
func (p *parser) optionValue() (ast.Expr, error) {
	t := p.tok()
	switch {
	case t.symbol("+"), t.symbol("-"), t.kind == kindInteger, t.kind == kindNumeric:
		return p.signedNumber()
	case t.kind == kindString, t.isLabel():
		p.i++
		return &ast.Literal{Pos: at(t), Kind: ast.String, Text: t.text}, nil
	}
	return nil, p.syntaxError()
}

// signedNumber reads a number that may have a sign.
func (p *parser) signedNumber() (ast.Expr, error) {
	first := p.tok()
	negative := p.symbol("-")
	if !negative {
		p.symbol("+")
	}
	t := p.tok()
	kind := ast.Integer
	switch t.kind {
	case kindInteger:
	case kindNumeric:
		kind = ast.Numeric
	default:
		return nil, p.syntaxError()
	}
	p.i++
	text := t.text
	if negative {
		text = "-" + text
	}
	return &ast.Literal{Pos: at(first), Kind: kind, Text: text}, nil
}
