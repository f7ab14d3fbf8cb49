package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// call reads a call from its opening parenthesis on.
func (p *parser) call(first *token, parts []string) (ast.Expr, error) {
	c := &ast.Call{Pos: at(first), Name: parts[len(parts)-1]}
	switch len(parts) {
	case 1:
	case 2:
		c.Schema = parts[0]
	default:
		return nil, p.unsupported(at(first), "a function's name of more than two parts")
	}
	p.i++
	if err := p.arguments(c); err != nil {
		return nil, err
	}
	if t := p.tok(); t.kind == kindString && t.start > 0 {
		return p.modifiedConstant(c, t)
	}
	return c, p.afterCall(c)
}

// modifiedConstant is type(n) 'string' of a type that the grammar does not know.
func (p *parser) modifiedConstant(c *ast.Call, text *token) (ast.Expr, error) {
	typ := ast.TypeName{Pos: c.Pos, Schema: c.Schema, Name: c.Name}
	for _, arg := range c.Args {
		l, ok := arg.(*ast.Literal)
		if !ok || l.Kind != ast.Integer || c.Distinct || c.OrderBy != nil || c.ArgNames != nil || c.Variadic {
			return nil, p.syntaxErrorAt(text)
		}
		n, err := parseInt32(l.Text)
		if err != nil {
			return nil, p.syntaxErrorAt(text)
		}
		typ.Mods = append(typ.Mods, n)
	}
	if typ.Mods == nil {
		return nil, p.syntaxErrorAt(text)
	}
	p.i++
	return typedLiteral(typ, text), nil
}

// arguments reads a call's arguments and the closing parenthesis.
func (p *parser) arguments(c *ast.Call) error {
	switch {
	case p.symbol(")"):
		return nil
	case p.atSymbol("*") && p.peek(1).symbol(")"):
		p.i += 2
		c.Star = true
		return nil
	case p.word("distinct"):
		c.Distinct = true
	default:
		p.word("all")
	}
	for {
		if c.Variadic {
			return p.syntaxError() // only the last one can be
		}
		c.Variadic = p.word("variadic")
		if err := p.argument(c); err != nil {
			return err
		}
		if !p.symbol(",") {
			break
		}
	}
	if p.atWords("order", "by") {
		var err error
		if c.OrderBy, err = p.orderBy(); err != nil {
			return err
		}
	}
	return p.expectSymbol(")")
}

// argument reads one argument, which may have a name.
func (p *parser) argument(c *ast.Call) error {
	name := ""
	if next := p.peek(1); p.tok().isFunctionName() && (next.symbol("=>") || next.symbol(":=")) {
		name = p.tok().text
		p.i += 2
	}
	e, err := p.expr()
	if err != nil {
		return err
	}
	if name != "" && c.ArgNames == nil {
		c.ArgNames = make([]string, len(c.Args), len(c.Args)+1)
	}
	if c.ArgNames != nil {
		c.ArgNames = append(c.ArgNames, name)
	}
	c.Args = append(c.Args, e)
	return nil
}

// afterCall reads WITHIN GROUP, FILTER and OVER.
func (p *parser) afterCall(c *ast.Call) error {
	if p.atWords("within", "group") {
		p.i += 2
		if c.OrderBy != nil {
			return p.errorf(c.Pos, "cannot use multiple ORDER BY clauses with WITHIN GROUP")
		}
		if c.Distinct {
			return p.errorf(c.Pos, "cannot use DISTINCT with WITHIN GROUP")
		}
		if c.Variadic {
			return p.errorf(c.Pos, "cannot use VARIADIC with WITHIN GROUP")
		}
		if err := p.expectSymbol("("); err != nil {
			return err
		}
		if !p.atWords("order", "by") {
			return p.syntaxError()
		}
		var err error
		if c.OrderBy, err = p.orderBy(); err != nil {
			return err
		}
		c.WithinGroup = true
		if err := p.expectSymbol(")"); err != nil {
			return err
		}
	}
	if p.atWord("filter") && p.peek(1).symbol("(") {
		p.i += 2
		if err := p.expectWord("where"); err != nil {
			return err
		}
		var err error
		if c.Filter, err = p.expr(); err != nil {
			return err
		}
		if err := p.expectSymbol(")"); err != nil {
			return err
		}
	}
	if !p.word("over") {
		return nil
	}
	if p.atSymbol("(") {
		w, err := p.window()
		c.Over = &w
		return err
	}
	name, err := p.colID()
	c.Over = &ast.Window{Pos: name.Pos, Name: name.Name}
	return err
}

// window reads a window's definition in parentheses.
func (p *parser) window() (ast.Window, error) {
	w := ast.Window{Pos: p.pos()}
	if err := p.expectSymbol("("); err != nil {
		return w, err
	}
	if t := p.tok(); t.isColID() && !p.atAnyWord("partition", "range", "rows", "groups") {
		w.Base = t.text
		p.i++
	}
	var err error
	if p.words("partition", "by") {
		if w.PartitionBy, err = p.exprList(); err != nil {
			return w, err
		}
	}
	if p.atWords("order", "by") {
		if w.OrderBy, err = p.orderBy(); err != nil {
			return w, err
		}
	}
	if err := p.frame(&w); err != nil {
		return w, err
	}
	return w, p.expectSymbol(")")
}

// frame reads an optional frame of a window.
func (p *parser) frame(w *ast.Window) error {
	switch {
	case p.word("range"):
		w.Frame = ast.RangeFrame
	case p.word("rows"):
		w.Frame = ast.RowsFrame
	case p.word("groups"):
		w.Frame = ast.GroupsFrame
	default:
		return nil
	}
	between := p.word("between")
	start := p.pos()
	var err error
	if w.Start, err = p.bound(); err != nil {
		return err
	}
	w.End = ast.Bound{Kind: ast.CurrentRow}
	if between {
		if err := p.expectWord("and"); err != nil {
			return err
		}
		if w.End, err = p.bound(); err != nil {
			return err
		}
	}
	if err := p.checkFrame(w, start); err != nil {
		return err
	}
	if !p.word("exclude") {
		return nil
	}
	switch {
	case p.words("current", "row"):
		w.Exclude = ast.ExcludeCurrentRow
	case p.word("group"):
		w.Exclude = ast.ExcludeGroup
	case p.word("ties"):
		w.Exclude = ast.ExcludeTies
	case p.words("no", "others"):
	default:
		return p.syntaxError()
	}
	return nil
}

// checkFrame refuses ends that gram.y refuses.
func (p *parser) checkFrame(w *ast.Window, start ast.Pos) error {
	code := func(message string) error {
		return windowingError(start, message)
	}
	switch {
	case w.Start.Kind == ast.UnboundedFollowing:
		return code("frame start cannot be UNBOUNDED FOLLOWING")
	case w.End.Kind == ast.UnboundedPreceding:
		return code("frame end cannot be UNBOUNDED PRECEDING")
	case w.Start.Kind == ast.CurrentRow && w.End.Kind == ast.Preceding:
		return code("frame starting from current row cannot have preceding rows")
	case w.Start.Kind == ast.Following && w.End.Kind == ast.Preceding:
		return code("frame starting from following row cannot have preceding rows")
	case w.Start.Kind == ast.Following && w.End.Kind == ast.CurrentRow:
		return code("frame starting from following row cannot end with current row")
	}
	return nil
}

// bound reads one end of a frame.
func (p *parser) bound() (ast.Bound, error) {
	switch {
	case p.words("unbounded", "preceding"):
		return ast.Bound{Kind: ast.UnboundedPreceding}, nil
	case p.words("unbounded", "following"):
		return ast.Bound{Kind: ast.UnboundedFollowing}, nil
	case p.words("current", "row"):
		return ast.Bound{Kind: ast.CurrentRow}, nil
	}
	e, err := p.expr()
	if err != nil {
		return ast.Bound{}, err
	}
	switch {
	case p.word("preceding"):
		return ast.Bound{Kind: ast.Preceding, Offset: e}, nil
	case p.word("following"):
		return ast.Bound{Kind: ast.Following, Offset: e}, nil
	}
	return ast.Bound{}, p.syntaxError()
}

// orderBy reads ORDER BY.
func (p *parser) orderBy() ([]ast.SortItem, error) {
	p.i += 2
	var items []ast.SortItem
	for {
		item := ast.SortItem{Pos: p.pos()}
		var err error
		if item.Expr, err = p.expr(); err != nil {
			return nil, err
		}
		switch {
		case p.word("asc"):
		case p.word("desc"):
			item.Desc = true
		case p.word("using"):
			if t := p.tok(); t.kind != kindOp && t.kind != kindSymbol && !t.word("operator") ||
				t.kind == kindSymbol && !isOp(t.text[0]) {
				return nil, p.syntaxError()
			}
			if item.Using, err = p.operatorName(); err != nil {
				return nil, err
			}
		}
		if p.word("nulls") {
			switch {
			case p.word("first"):
				item.Nulls = ast.NullsFirst
			case p.word("last"):
				item.Nulls = ast.NullsLast
			default:
				return nil, p.syntaxError()
			}
		}
		items = append(items, item)
		if !p.symbol(",") {
			return items, nil
		}
	}
}
