package dialect

import (
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// move reads MOVE: of objects, which is ssmr's, or of a cursor, which is
// PostgreSQL's. One that has WHERE or TO outside of parentheses moves objects.
func (p *parser) move() (ast.Statement, error) {
	if !p.movesObjects() {
		return p.fetch()
	}
	m := &ast.Move{Pos: at(p.advance())}
	table, err := p.modifiedTable()
	if err != nil {
		return nil, err
	}
	m.Table = *table
	if p.word("where") {
		if m.Where, err = p.expr(); err != nil {
			return nil, err
		}
	}
	to := p.tok()
	if err := p.expectWord("to"); err != nil {
		return nil, err
	}
	if p.word("policy") {
		if p.softWord("unpin") {
			m.Pin = ast.WithoutPin
		}
		return m, nil
	}
	if err := p.expectWord("partition"); err != nil {
		return nil, err
	}
	if m.Where == nil {
		// That a word was forgotten must not move a whole table.
		return nil, pgerror.As(p.syntaxErrorAt(to)).WithHint("MOVE of a whole table needs WHERE true.")
	}
	if m.Partition, err = p.expr(); err != nil {
		return nil, err
	}
	no := p.word("no")
	switch pin := p.softWord("pin"); {
	case pin && no:
		m.Pin = ast.WithoutPin
	case pin:
		m.Pin = ast.WithPin
	case no:
		return nil, p.syntaxError()
	}
	return m, nil
}

func (p *parser) movesObjects() bool {
	for i := p.i; i < len(p.toks); i++ {
		t := &p.toks[i]
		if t.word("where") || t.word("to") {
			return true
		}
		if t.symbol("(") && t.match > 0 {
			i = int(t.match)
		}
	}
	return false
}
