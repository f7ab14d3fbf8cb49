package dialect

import (
	"strconv"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// primary reads an operand without operators (gram.y: c_expr).
func (p *parser) primary() (ast.Expr, error) {
	t := p.tok()
	switch t.kind {
	case kindInteger:
		p.i++
		return &ast.Literal{Pos: at(t), Kind: ast.Integer, Text: t.text}, nil
	case kindNumeric:
		p.i++
		return &ast.Literal{Pos: at(t), Kind: ast.Numeric, Text: t.text}, nil
	case kindString:
		p.i++
		return &ast.Literal{Pos: at(t), Kind: ast.String, Text: t.text}, nil
	case kindBits:
		p.i++
		return &ast.Literal{Pos: at(t), Kind: ast.Bits, Text: t.text}, nil
	case kindHex:
		p.i++
		return &ast.Literal{Pos: at(t), Kind: ast.HexBits, Text: t.text}, nil
	case kindParam:
		return p.param()
	case kindIdent:
		return p.name()
	case kindKeyword:
		return p.keywordPrimary(t)
	case kindSymbol:
		if t.text == "(" {
			return p.parenthesis()
		}
	}
	return nil, p.syntaxError()
}

// param reads $n.
func (p *parser) param() (ast.Expr, error) {
	t := p.advance()
	n, err := strconv.Atoi(t.text)
	if err != nil || n < 1 || n > MaxParams {
		return nil, pgerror.New(pgerror.UndefinedParameter, "there is no parameter $%s", t.text).At(int(t.char))
	}
	return p.indirection(&ast.Param{Pos: at(t), Number: n})
}

// parenthesis reads a query, an expression or a row in parentheses.
func (p *parser) parenthesis() (ast.Expr, error) {
	t := p.tok()
	if p.atQuery(p.i) {
		query, err := p.subquery()
		if err != nil {
			return nil, err
		}
		return p.indirection(&ast.Subquery{Pos: at(t), Query: query})
	}
	p.i++
	e, err := p.expr()
	if err != nil {
		return nil, err
	}
	if p.symbol(")") {
		return p.indirection(e)
	}
	args := []ast.Expr{e}
	for p.symbol(",") {
		if e, err = p.expr(); err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	if len(args) == 1 {
		return nil, p.syntaxError()
	}
	return &ast.Row{Pos: at(t), Args: args}, p.expectSymbol(")")
}

// indirection reads subscripts and fields behind x.
func (p *parser) indirection(x ast.Expr) (ast.Expr, error) {
	for n := 0; ; n++ {
		t := p.tok()
		if n > MaxDepth {
			return nil, errTooDeep(int(t.char))
		}
		switch {
		case p.symbol("."):
			if p.symbol("*") {
				x = &ast.Field{Pos: at(t), X: x}
				continue
			}
			name, err := p.label()
			if err != nil {
				return nil, err
			}
			x = &ast.Field{Pos: at(t), X: x, Name: name.Name}
		case p.symbol("["):
			var err error
			if x, err = p.subscript(t, x); err != nil {
				return nil, err
			}
		default:
			return x, nil
		}
	}
}

// subscript reads what is behind the bracket t.
func (p *parser) subscript(t *token, x ast.Expr) (ast.Expr, error) {
	s := &ast.Subscript{Pos: at(t), X: x}
	var err error
	if !p.atSymbol(":") {
		if s.Index, err = p.expr(); err != nil {
			return nil, err
		}
	}
	if p.symbol(":") {
		s.Slice = true
		s.Lower, s.Index = s.Index, nil
		if !p.atSymbol("]") {
			if s.Upper, err = p.expr(); err != nil {
				return nil, err
			}
		}
	}
	return s, p.expectSymbol("]")
}

// name reads what begins with a name that is no special word: a column, a call,
// or a type with a string behind it.
func (p *parser) name() (ast.Expr, error) {
	first := p.tok()
	p.i++
	var buf [4]string
	parts := append(buf[:0], first.text)
	for p.atSymbol(".") && p.peek(1).isLabel() && len(parts) < 4 {
		parts = append(parts, p.peek(1).text)
		p.i += 2
	}
	switch next := p.tok(); {
	case next.symbol("("):
		if len(parts) == 1 && !first.isFunctionName() || len(parts) > 1 && !first.isColID() {
			return nil, p.syntaxErrorAt(next)
		}
		return p.call(first, parts)
	case next.kind == kindString && len(parts) <= 2 && (len(parts) == 2 && first.isColID() || len(parts) == 1 && first.isFunctionName()):
		p.i++
		typ := ast.TypeName{Pos: at(first), Name: parts[len(parts)-1]}
		if len(parts) == 2 {
			typ.Schema = parts[0]
		}
		return typedLiteral(typ, next), nil
	}
	if !first.isColID() {
		return nil, p.syntaxError()
	}
	ref := &ast.ColumnRef{Pos: at(first), Parts: append([]string(nil), parts...)}
	if p.atSymbol(".") && p.peek(1).symbol("*") {
		p.i += 2
		ref.Star = true
		if p.atSymbol(".") || p.atSymbol("[") {
			return nil, p.errorf(ref.Pos, "improper use of \"*\"")
		}
		return ref, nil
	}
	return p.indirection(ref)
}

// typedLiteral is type 'text'.
func typedLiteral(typ ast.TypeName, text *token) ast.Expr {
	return &ast.Cast{Pos: typ.Pos, X: &ast.Literal{Pos: at(text), Kind: ast.String, Text: text.text}, Type: typ}
}

// typeConstant reads type 'string' where a type's keyword comes next, and says
// whether it was one.
func (p *parser) typeConstant() (ast.Expr, bool, error) {
	start := p.i
	typ, err := p.simpleType(true)
	if e := pgerror.As(err); e != nil && e.Code != pgerror.SyntaxError {
		return nil, true, err
	}
	if err != nil || p.tok().kind != kindString {
		p.i = start
		return nil, false, nil
	}
	text := p.advance()
	if typ.Name == "interval" && typ.Mods == nil {
		if err := p.intervalFields(&typ); err != nil {
			return nil, true, err
		}
	}
	return typedLiteral(typ, text), true, nil
}

// keywordPrimary reads what begins with a keyword.
func (p *parser) keywordPrimary(t *token) (ast.Expr, error) {
	if isTypeWord(t.text) {
		if e, ok, err := p.typeConstant(); ok {
			return e, err
		}
	}
	paren := p.peek(1).symbol("(")
	switch t.text {
	case "null":
		p.i++
		return &ast.Literal{Pos: at(t), Kind: ast.Null}, nil
	case "true", "false":
		p.i++
		return &ast.Literal{Pos: at(t), Kind: ast.Bool, Text: t.text}, nil
	case "case":
		return p.caseExpr()
	case "array":
		return p.arrayExpr()
	case "row":
		if paren {
			return p.rowExpr()
		}
	case "exists":
		if paren && p.atQuery(p.i+1) {
			p.i++
			query, err := p.subquery()
			return &ast.Exists{Pos: at(t), Query: query}, err
		}
	case "collation":
		if p.peek(1).word("for") {
			return nil, p.unsupported(at(t), "COLLATION FOR")
		}
	case "unique":
		return nil, p.unsupported(at(t), "UNIQUE (query)")
	case "current_date", "current_role", "current_user", "session_user", "user", "current_catalog":
		p.i++
		return &ast.Value{Pos: at(t), Name: t.text, Precision: -1}, nil
	case "current_schema":
		if !paren {
			p.i++
			return &ast.Value{Pos: at(t), Name: t.text, Precision: -1}, nil
		}
	case "current_time", "current_timestamp", "localtime", "localtimestamp":
		return p.timeValue()
	}
	if paren {
		if e, ok, err := p.specialCall(t); ok {
			return e, err
		}
	}
	if t.class&classMask == reserved {
		return nil, p.syntaxError()
	}
	return p.name()
}

// timeValue reads current_timestamp and its kin.
func (p *parser) timeValue() (ast.Expr, error) {
	t := p.advance()
	v := &ast.Value{Pos: at(t), Name: t.text, Precision: -1}
	if !p.symbol("(") {
		return v, nil
	}
	n, err := p.integer()
	if err != nil {
		return nil, err
	}
	v.Precision = int(n)
	return v, p.expectSymbol(")")
}

// caseExpr reads CASE.
func (p *parser) caseExpr() (ast.Expr, error) {
	e := &ast.Case{Pos: at(p.advance())}
	var err error
	if !p.atWord("when") {
		if e.Operand, err = p.expr(); err != nil {
			return nil, err
		}
	}
	for p.atWord("when") {
		w := ast.When{Pos: at(p.advance())}
		if w.Cond, err = p.expr(); err != nil {
			return nil, err
		}
		if err = p.expectWord("then"); err != nil {
			return nil, err
		}
		if w.Result, err = p.expr(); err != nil {
			return nil, err
		}
		e.Whens = append(e.Whens, w)
	}
	if e.Whens == nil {
		return nil, p.syntaxError()
	}
	if p.word("else") {
		if e.Else, err = p.expr(); err != nil {
			return nil, err
		}
	}
	return e, p.expectWord("end")
}

// arrayExpr reads ARRAY[...] or ARRAY(query).
func (p *parser) arrayExpr() (ast.Expr, error) {
	t := p.advance()
	if p.atSymbol("(") && p.atQuery(p.i) {
		query, err := p.subquery()
		return &ast.ArraySubquery{Pos: at(t), Query: query}, err
	}
	if !p.atSymbol("[") {
		return nil, p.syntaxError()
	}
	return p.arrayElements(t)
}

// arrayElements reads [...] of an ARRAY; inner brackets are arrays, too, if the
// first element is one.
func (p *parser) arrayElements(t *token) (ast.Expr, error) {
	if err := p.enter(1); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	a := &ast.Array{Pos: at(t)}
	if err := p.expectSymbol("["); err != nil {
		return nil, err
	}
	if p.symbol("]") {
		return a, nil
	}
	nested := p.atSymbol("[")
	for {
		var e ast.Expr
		var err error
		if nested {
			e, err = p.arrayElements(p.tok())
		} else {
			e, err = p.expr()
		}
		if err != nil {
			return nil, err
		}
		a.Elems = append(a.Elems, e)
		if !p.symbol(",") {
			return a, p.expectSymbol("]")
		}
	}
}

// rowExpr reads ROW(...).
func (p *parser) rowExpr() (ast.Expr, error) {
	r := &ast.Row{Pos: at(p.advance()), Explicit: true}
	p.i++
	if p.symbol(")") {
		return r, nil
	}
	var err error
	if r.Args, err = p.exprList(); err != nil {
		return nil, err
	}
	if err = p.expectSymbol(")"); err != nil {
		return nil, err
	}
	return r, nil
}
