package dialect

import (
	"strconv"

	"github.com/ssmr/ssmr/planner/ast"
)

// cursor reads DECLARE, FETCH and CLOSE.
func (p *parser) cursor() (ast.Statement, error) {
	switch {
	case p.atWord("declare"):
		return p.declare()
	case p.atWord("fetch"):
		return p.fetch()
	}
	c := &ast.CloseCursor{Pos: at(p.advance())}
	if p.word("all") {
		c.All = true
		return c, nil
	}
	name, err := p.colID()
	c.Name = name.Name
	return c, err
}

// declare reads DECLARE.
func (p *parser) declare() (ast.Statement, error) {
	d := &ast.DeclareCursor{Pos: at(p.advance())}
	name, err := p.colID()
	if err != nil {
		return nil, err
	}
	d.Name = name.Name
	for !p.atWord("cursor") {
		switch {
		case p.words("no", "scroll"):
			d.NoScroll = true
		case p.word("scroll"):
			d.Scroll = true
		case p.word("binary"):
			d.Binary = true
		case p.word("insensitive"):
			d.Insensitive = true
		case p.word("asensitive"):
		default:
			return nil, p.syntaxError()
		}
	}
	p.i++
	if p.words("with", "hold") {
		d.Hold = true
	} else {
		p.words("without", "hold")
	}
	if err := p.expectWord("for"); err != nil {
		return nil, err
	}
	if !p.atSelect() {
		return nil, p.syntaxError()
	}
	start := p.i
	if d.Query, err = p.selectStatement(); err != nil {
		return nil, err
	}
	d.Text, d.Offset = p.between(start), int(p.toks[start].char)-1
	return d, nil
}

// fetch reads FETCH, or MOVE of a cursor.
func (p *parser) fetch() (ast.Statement, error) {
	f := &ast.Fetch{Pos: p.pos(), Move: p.atWord("move"), Count: 1}
	p.i++
	if err := p.fetchDirection(f); err != nil {
		return nil, err
	}
	if !p.word("from") {
		p.word("in")
	}
	name, err := p.colID()
	f.Cursor = name.Name
	return f, err
}

// fetchDirection reads an optional direction and count.
func (p *parser) fetchDirection(f *ast.Fetch) error {
	// A word that ends the statement is the cursor's name, whatever it means.
	if p.peek(1).kind == kindEnd {
		return nil
	}
	switch {
	case p.word("next"):
	case p.word("prior"):
		f.Direction = ast.Backward
	case p.word("first"):
		f.Direction = ast.Absolute
	case p.word("last"):
		f.Direction, f.Count = ast.Absolute, -1
	case p.word("absolute"):
		f.Direction = ast.Absolute
		return p.fetchNumber(f)
	case p.word("relative"):
		f.Direction = ast.Relative
		return p.fetchNumber(f)
	case p.word("all"):
		f.All = true
	case p.word("forward"):
		return p.fetchForward(f)
	case p.word("backward"):
		f.Direction = ast.Backward
		return p.fetchForward(f)
	default:
		if t := p.tok(); t.kind == kindInteger || t.symbol("-") || t.symbol("+") {
			return p.fetchNumber(f)
		}
	}
	return nil
}

// fetchForward reads the optional count of FORWARD and BACKWARD.
func (p *parser) fetchForward(f *ast.Fetch) error {
	if p.word("all") {
		f.All = true
		return nil
	}
	if t := p.tok(); t.kind == kindInteger || t.symbol("-") || t.symbol("+") {
		return p.fetchNumber(f)
	}
	return nil
}

func (p *parser) fetchNumber(f *ast.Fetch) error {
	t := p.tok()
	e, err := p.signedNumber()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(e.(*ast.Literal).Text, 10, 32)
	if err != nil {
		return p.syntaxErrorAt(t)
	}
	f.Count = n
	return nil
}
