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
		case p.words("isolation", "level"):
			switch {
			case p.word("serializable"):
				m.Isolation = ast.Serializable
			case p.words("repeatable", "read"):
				m.Isolation = ast.RepeatableRead
			case p.words("read", "committed"):
				m.Isolation = ast.ReadCommitted
			case p.words("read", "uncommitted"):
				m.Isolation = ast.ReadUncommitted
			default:
				return m, p.syntaxError()
			}
		case p.words("read", "only"):
			m.ReadOnly = &yes
		case p.words("read", "write"):
			m.ReadOnly = &no
		case p.word("deferrable"):
			m.Deferrable = &yes
		case p.words("not", "deferrable"):
			m.Deferrable = &no
		default:
			if comma || required && n == 0 {
				return m, p.syntaxError()
			}
			return m, nil
		}
	}
}
