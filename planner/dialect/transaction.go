package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// transaction reads BEGIN, COMMIT, SAVEPOINT and their kin.
func (p *parser) transaction() (ast.Statement, error) {
	t := p.advance()
	switch t.text {
	case "start":
		if err := p.expectWord("transaction"); err != nil {
			return nil, err
		}
		modes, err := p.transactionModes(false)
		return &ast.Begin{Pos: at(t), Start: true, Modes: modes}, err
	case "begin":
		p.workOrTransaction()
		modes, err := p.transactionModes(false)
		return &ast.Begin{Pos: at(t), Modes: modes}, err
	case "savepoint":
		name, err := p.colID()
		return &ast.Savepoint{Pos: at(t), Name: name}, err
	case "release":
		p.optionalSavepoint()
		name, err := p.colID()
		return &ast.Release{Pos: at(t), Name: name}, err
	}
	if p.atWord("prepared") && (t.text == "commit" || t.text == "rollback") {
		p.i = len(p.toks) - 1
		return &ast.Unsupported{Pos: at(t), What: upper(t.text) + " PREPARED"}, nil
	}
	p.workOrTransaction()
	if t.text == "rollback" && p.word("to") {
		p.optionalSavepoint()
		name, err := p.colID()
		return &ast.RollbackTo{Pos: at(t), Name: name}, err
	}
	chain := false
	if p.word("and") {
		chain = !p.word("no")
		if err := p.expectWord("chain"); err != nil {
			return nil, err
		}
	}
	if t.text == "commit" || t.text == "end" {
		return &ast.Commit{Pos: at(t), Chain: chain}, nil
	}
	return &ast.Rollback{Pos: at(t), Chain: chain}, nil
}

func (p *parser) workOrTransaction() {
	if !p.word("work") {
		p.word("transaction")
	}
}

// optionalSavepoint passes the word SAVEPOINT where it is not a name itself.
func (p *parser) optionalSavepoint() {
	if p.atWord("savepoint") && p.peek(1).isColID() {
		p.i++
	}
}

// transactionModes reads the modes of a transaction, with commas between them or
// without.
func (p *parser) transactionModes(required bool) (ast.TransactionModes, error) {
	var m ast.TransactionModes
	yes, no := true, false
	for n := 0; ; n++ {
		comma := n > 0 && p.symbol(",")
		switch {
		case p.word("isolation"):
			level, err := p.isolation()
			if err != nil {
				return m, err
			}
			m.Isolation = level
		case p.word("read"):
			switch {
			case p.word("only"):
				m.ReadOnly = &yes
			case p.word("write"):
				m.ReadOnly = &no
			default:
				return m, p.syntaxError()
			}
		case p.word("deferrable"):
			m.Deferrable = &yes
		case p.word("not"):
			if err := p.expectWord("deferrable"); err != nil {
				return m, err
			}
			m.Deferrable = &no
		default:
			if comma || required && n == 0 {
				return m, p.syntaxError()
			}
			return m, nil
		}
	}
}

// isolation reads the level behind ISOLATION.
func (p *parser) isolation() (ast.Isolation, error) {
	if err := p.expectWord("level"); err != nil {
		return 0, err
	}
	switch {
	case p.word("serializable"):
		return ast.Serializable, nil
	case p.word("repeatable"):
		return ast.RepeatableRead, p.expectWord("read")
	case p.word("read"):
		if p.word("uncommitted") {
			return ast.ReadUncommitted, nil
		}
		return ast.ReadCommitted, p.expectWord("committed")
	}
	return 0, p.syntaxError()
}
