package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// Parse reads one statement. It returns nil and no error if there is none in the
// text (only white space, comments and semicolons). Errors are *pgerror.Error
// with the position in text: 42601 for what PostgreSQL's grammar refuses, 0A000
// for what PostgreSQL has and ssmr does not, and the codes of the lexer.
func Parse(text string) (ast.Statement, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	if len(p.toks) == 1 {
		return nil, nil
	}
	stmt, err := p.statement()
	if err != nil {
		return nil, err
	}
	if err := p.expectEnd(); err != nil {
		return nil, err
	}
	return stmt, nil
}

// atQueryStatement says whether a SELECT, INSERT, UPDATE or DELETE comes next.
func (p *parser) atQueryStatement() bool {
	return p.atSelect() || p.atAnyWord("insert", "update", "delete", "merge")
}

// statement reads any statement.
func (p *parser) statement() (ast.Statement, error) {
	if p.atQueryStatement() {
		return p.queryStatement()
	}
	t := p.tok()
	if t.kind != kindKeyword {
		return nil, p.syntaxError()
	}
	switch t.text {
	case "create":
		return p.create()
	case "drop":
		return p.drop()
	case "alter":
		return p.alter()
	case "truncate":
		return p.truncate()
	case "move":
		return p.move()
	case "explain":
		return p.explain()
	case "set", "show", "reset":
		return p.setting()
	case "begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release":
		return p.transaction()
	case "prepare", "execute", "deallocate":
		return p.prepared()
	case "declare", "fetch", "close":
		return p.cursor()
	case "discard":
		return p.discard()
	case "vacuum", "analyze", "analyse":
		return p.vacuum()
	case "unlisten":
		return p.unlisten()
	}
	return p.other()
}
