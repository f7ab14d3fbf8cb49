package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// prepared reads PREPARE, EXECUTE and DEALLOCATE.
func (p *parser) prepared() (ast.Statement, error) {
	t := p.advance()
	switch t.text {
	case "prepare":
		return p.prepare(t)
	case "execute":
		name, err := p.colID()
		if err != nil {
			return nil, err
		}
		e := &ast.Execute{Pos: at(t), Name: name.Name}
		if p.symbol("(") {
			if e.Args, err = p.exprList(); err != nil {
				return nil, err
			}
			err = p.expectSymbol(")")
		}
		return e, err
	}
	if p.atWord("prepare") && p.peek(1).kind != kindEnd {
		p.i++
	}
	if p.word("all") {
		return &ast.Deallocate{Pos: at(t), All: true}, nil
	}
	name, err := p.colID()
	return &ast.Deallocate{Pos: at(t), Name: name.Name}, err
}

// prepare reads what follows PREPARE.
func (p *parser) prepare(t *token) (ast.Statement, error) {
	if p.atWord("transaction") && p.peek(1).kind == kindString {
		p.i = len(p.toks) - 1
		return &ast.Unsupported{Pos: at(t), What: "PREPARE TRANSACTION"}, nil
	}
	name, err := p.colID()
	if err != nil {
		return nil, err
	}
	s := &ast.Prepare{Pos: at(t), Name: name.Name}
	if p.symbol("(") {
		for {
			typ, err := p.typeName()
			if err != nil {
				return nil, err
			}
			s.Types = append(s.Types, typ)
			if !p.symbol(",") {
				break
			}
		}
		if err := p.expectSymbol(")"); err != nil {
			return nil, err
		}
	}
	if err := p.expectWord("as"); err != nil {
		return nil, err
	}
	start := p.i
	switch {
	case p.atQueryStatement():
		s.Statement, err = p.queryStatement()
	case p.atWord("move") && p.movesObjects():
		s.Statement, err = p.move()
	default:
		return nil, p.syntaxError()
	}
	s.Text, s.Offset = p.between(start), int(p.toks[start].char)-1
	return s, err
}
