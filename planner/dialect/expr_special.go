package dialect

import (
	"strconv"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

func parseInt32(s string) (int32, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	return int32(n), err
}

func windowingError(position ast.Pos, message string) error {
	return pgerror.New(pgerror.WindowingError, "%s", message).At(position.Position())
}

// specialCall reads a call whose syntax is its own, if the keyword t with the
// parenthesis behind it begins one.
func (p *parser) specialCall(t *token) (e ast.Expr, ok bool, err error) {
	read := p.specialSyntax(t.text)
	if read == nil {
		switch t.text {
		case "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlparse", "xmlpi", "xmlroot", "xmlserialize":
			return nil, true, p.unsupported(at(t), "XML")
		case "treat":
			return nil, true, p.unsupported(at(t), "TREAT")
		case "normalize":
			return nil, true, p.unsupported(at(t), "NORMALIZE")
		}
		return nil, false, nil
	}
	p.i += 2
	if e, err = read(t); err != nil {
		return nil, true, err
	}
	if err = p.expectSymbol(")"); err != nil {
		return nil, true, err
	}
	if c, ok := e.(*ast.Call); ok {
		c.Special = true // and neither FILTER nor OVER may follow
	}
	return e, true, nil
}

// specialSyntax returns what reads the arguments of a call with a syntax of its
// own, or nil.
func (p *parser) specialSyntax(name string) func(*token) (ast.Expr, error) {
	switch name {
	case "cast":
		return p.castCall
	case "coalesce", "greatest", "least", "grouping":
		return p.listCall
	case "nullif":
		return p.nullIf
	case "extract":
		return p.extract
	case "position":
		return p.position
	case "substring":
		return p.substring
	case "overlay":
		return p.overlay
	case "trim":
		return p.trim
	}
	return nil
}

// castCall reads CAST(x AS type).
func (p *parser) castCall(t *token) (ast.Expr, error) {
	x, err := p.expr()
	if err != nil {
		return nil, err
	}
	if err := p.expectWord("as"); err != nil {
		return nil, err
	}
	typ, err := p.typeName()
	return &ast.Cast{Pos: at(t), X: x, Type: typ}, err
}

// listCall reads COALESCE, GREATEST, LEAST and GROUPING.
func (p *parser) listCall(t *token) (ast.Expr, error) {
	args, err := p.exprList()
	switch t.text {
	case "coalesce":
		return &ast.Coalesce{Pos: at(t), Args: args}, err
	case "grouping":
		return &ast.Grouping{Pos: at(t), Args: args}, err
	}
	return &ast.MinMax{Pos: at(t), Least: t.text == "least", Args: args}, err
}

// nullIf reads NULLIF(l, r).
func (p *parser) nullIf(t *token) (ast.Expr, error) {
	l, err := p.expr()
	if err != nil {
		return nil, err
	}
	if err := p.expectSymbol(","); err != nil {
		return nil, err
	}
	r, err := p.expr()
	return &ast.NullIf{Pos: at(t), L: l, R: r}, err
}

// extract reads EXTRACT(field FROM x).
func (p *parser) extract(t *token) (ast.Expr, error) {
	field := p.tok()
	switch {
	case field.kind == kindIdent, field.kind == kindString,
		p.atAnyWord("year", "month", "day", "hour", "minute", "second"):
		p.i++
	default:
		return nil, p.syntaxError()
	}
	if err := p.expectWord("from"); err != nil {
		return nil, err
	}
	x, err := p.expr()
	name := &ast.Literal{Pos: at(field), Kind: ast.String, Text: field.text}
	return &ast.Call{Pos: at(t), Name: "extract", Args: []ast.Expr{name, x}}, err
}

// position reads POSITION(a IN b), which is position(b, a).
func (p *parser) position(t *token) (ast.Expr, error) {
	a, err := p.basicExpr()
	if err != nil {
		return nil, err
	}
	if err := p.expectWord("in"); err != nil {
		return nil, err
	}
	b, err := p.basicExpr()
	return &ast.Call{Pos: at(t), Name: "position", Args: []ast.Expr{b, a}}, err
}

// substring reads SUBSTRING(x FROM a FOR b), its variants, and substring(x, a, b).
func (p *parser) substring(t *token) (ast.Expr, error) {
	c := &ast.Call{Pos: at(t), Name: "substring"}
	x, err := p.plainOrNamed(c)
	if err != nil || x == nil {
		return c, err
	}
	var from, length ast.Expr
	switch {
	case p.word("similar"):
		if from, err = p.expr(); err != nil {
			return nil, err
		}
		if err = p.expectWord("escape"); err != nil {
			return nil, err
		}
		if length, err = p.expr(); err != nil {
			return nil, err
		}
	case p.atAnyWord("from", "for"):
		for p.atAnyWord("from", "for") {
			word := p.tok()
			target := &from
			if p.advance().text == "for" {
				target = &length
			}
			if *target != nil {
				return nil, p.syntaxErrorAt(word)
			}
			if *target, err = p.expr(); err != nil {
				return nil, err
			}
		}
		if from == nil { // substring(x for n) begins at 1, and n is an integer
			from = &ast.Literal{Pos: at(t), Kind: ast.Integer, Text: "1"}
			length = &ast.Cast{Pos: ast.Pos(length.Position()), X: length,
				Type: ast.TypeName{Pos: ast.Pos(length.Position()), Name: "int4"}}
		}
	}
	c.Args = append(c.Args, x)
	for _, e := range []ast.Expr{from, length} {
		if e != nil {
			c.Args = append(c.Args, e)
		}
	}
	return c, nil
}

// plainOrNamed reads the first argument of a function that has a syntax of its
// own beside the usual one. If the call is in the usual one, it reads all
// arguments into c and returns nil.
func (p *parser) plainOrNamed(c *ast.Call) (ast.Expr, error) {
	if p.atSymbol(")") {
		return nil, nil
	}
	// No way back once an argument was read: it would double with each level.
	next := p.peek(1)
	if !p.tok().isFunctionName() || !next.symbol("=>") && !next.symbol(":=") {
		x, err := p.expr()
		if err != nil {
			return nil, err
		}
		if !p.atSymbol(",") && !p.atSymbol(")") {
			return x, nil
		}
		c.Args = []ast.Expr{x}
		if !p.symbol(",") {
			return nil, nil
		}
	}
	for {
		if err := p.argument(c); err != nil {
			return nil, err
		}
		if !p.symbol(",") {
			return nil, nil
		}
	}
}

// overlay reads OVERLAY(x PLACING y FROM a FOR b).
func (p *parser) overlay(t *token) (ast.Expr, error) {
	c := &ast.Call{Pos: at(t), Name: "overlay"}
	x, err := p.plainOrNamed(c)
	if err != nil || x == nil {
		return c, err
	}
	c.Args = append(c.Args, x)
	for _, w := range []string{"placing", "from", "for"} {
		if w == "for" && !p.atWord("for") {
			break
		}
		if err := p.expectWord(w); err != nil {
			return nil, err
		}
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		c.Args = append(c.Args, e)
	}
	return c, nil
}

// trim reads TRIM([BOTH|LEADING|TRAILING] [chars] FROM x) and its variants.
func (p *parser) trim(t *token) (ast.Expr, error) {
	c := &ast.Call{Pos: at(t), Name: "btrim"}
	switch {
	case p.word("both"):
	case p.word("leading"):
		c.Name = "ltrim"
	case p.word("trailing"):
		c.Name = "rtrim"
	}
	var err error
	if p.word("from") {
		c.Args, err = p.exprList()
		return c, err
	}
	first, err := p.expr()
	if err != nil {
		return nil, err
	}
	if p.word("from") {
		if c.Args, err = p.exprList(); err != nil {
			return nil, err
		}
		c.Args = append(c.Args, first)
		return c, nil
	}
	c.Args = []ast.Expr{first}
	for p.symbol(",") {
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		c.Args = append(c.Args, e)
	}
	return c, nil
}
