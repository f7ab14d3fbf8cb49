package dialect

import (
	"github.com/ssmr/ssmr/planner/ast"
)

// discard reads DISCARD.
func (p *parser) discard() (ast.Statement, error) {
	d := &ast.Discard{Pos: at(p.advance())}
	switch {
	case p.word("all"):
	case p.word("temp"), p.word("temporary"):
		d.What = ast.DiscardTemp
	case p.word("plans"):
		d.What = ast.DiscardPlans
	case p.word("sequences"):
		d.What = ast.DiscardSequences
	default:
		return nil, p.syntaxError()
	}
	return d, nil
}

// vacuum reads VACUUM and ANALYZE; their options are about what ssmr does not
// have.
func (p *parser) vacuum() (ast.Statement, error) {
	t := p.advance()
	v := &ast.Vacuum{Pos: at(t), Analyze: t.text != "vacuum"}
	if p.atSymbol("(") {
		var ignored ast.Explain
		if err := p.explainOptions(&ignored); err != nil {
			return nil, err
		}
	} else if v.Analyze {
		p.word("verbose")
	} else {
		p.word("full")
		p.word("freeze")
		p.word("verbose")
		if !p.word("analyze") {
			p.word("analyse")
		}
	}
	if p.tok().kind == kindEnd {
		return v, nil
	}
	for {
		name, err := p.qualifiedName()
		if err != nil {
			return nil, err
		}
		v.Tables = append(v.Tables, name)
		if p.atSymbol("(") {
			if _, err := p.colIDs(); err != nil {
				return nil, err
			}
		}
		if !p.symbol(",") {
			return v, nil
		}
	}
}

// unlisten reads UNLISTEN, of a channel or of all.
func (p *parser) unlisten() (ast.Statement, error) {
	u := &ast.Unlisten{Pos: at(p.advance())}
	if p.symbol("*") {
		return u, nil
	}
	_, err := p.colID()
	return u, err
}

// statementsWithout are the statements of PostgreSQL that ssmr does not have, by
// their first words.
var statementsWithout = map[string]string{
	"call": "CALL", "checkpoint": "CHECKPOINT", "cluster": "CLUSTER", "comment": "COMMENT", "copy": "COPY",
	"do": "DO", "grant": "GRANT", "import": "IMPORT FOREIGN SCHEMA", "listen": "LISTEN", "load": "LOAD",
	"lock": "LOCK TABLE", "merge": "MERGE", "notify": "NOTIFY", "reassign": "REASSIGN OWNED",
	"refresh": "REFRESH MATERIALIZED VIEW", "reindex": "REINDEX", "revoke": "REVOKE",
	"security": "SECURITY LABEL",
}

// other passes a statement that ssmr does not have.
func (p *parser) other() (ast.Statement, error) {
	t := p.tok()
	what, ok := statementsWithout[t.text]
	if !ok {
		return nil, p.syntaxError()
	}
	p.i = len(p.toks) - 1
	return &ast.Unsupported{Pos: at(t), What: what}, nil
}

// objectsWithout are the kinds of things that CREATE, ALTER and DROP know in
// PostgreSQL and that ssmr does not have. PARTITION is ssmr's own.
var objectsWithout = [][]string{
	{"access", "method"}, {"aggregate"}, {"cast"}, {"collation"}, {"conversion"}, {"database"},
	{"default", "privileges"}, {"domain"}, {"event", "trigger"}, {"extension"}, {"foreign", "data", "wrapper"},
	{"foreign", "table"}, {"function"}, {"group"}, {"index"}, {"language"}, {"large", "object"},
	{"materialized", "view"}, {"operator", "class"}, {"operator", "family"}, {"operator"}, {"owned"},
	{"partition"}, {"policy"}, {"procedure"}, {"publication"}, {"role"}, {"routine"}, {"rule"}, {"schema"},
	{"sequence"}, {"server"}, {"statistics"}, {"subscription"}, {"system"}, {"tablespace"},
	{"text", "search"}, {"transform"}, {"trigger"}, {"type"}, {"user", "mapping"}, {"user"}, {"view"},
}

// otherObject passes a CREATE, ALTER or DROP of something that ssmr does not have.
func (p *parser) otherObject(verb string) (ast.Statement, error) {
	u := &ast.Unsupported{Pos: p.pos()}
	p.i++
	p.words("or", "replace")
	for p.atAnyWord("global", "local", "temp", "temporary", "unlogged", "recursive", "unique", "trusted", "procedural", "constraint") {
		p.i++
	}
	for _, words := range objectsWithout {
		if p.atWords(words...) {
			u.What = verb
			for _, w := range words {
				u.What += " " + upper(w)
			}
			p.i = len(p.toks) - 1
			return u, nil
		}
	}
	return nil, p.syntaxError()
}
