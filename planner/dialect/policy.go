package dialect

import (
	"strings"

	"github.com/ssmr/ssmr/planner/ast"
)

// isSoft says whether a token is a word of ssmr's own that is no keyword, and so may
// be a name anywhere else.
func (p *parser) isSoft(t *token, w string) bool {
	return t.kind == kindIdent && strings.EqualFold(p.src[t.start:t.end], w)
}

// softWord passes such a word if it comes next.
func (p *parser) softWord(w string) bool {
	if !p.isSoft(p.tok(), w) {
		return false
	}
	p.i++
	return true
}

// policyOf reads VERB POLICY name. Where ON follows it is PostgreSQL's row security:
// other is the statement then.
func (p *parser) policyOf(verb string) (name ast.Ident, other ast.Statement, err error) {
	start := p.i
	p.i += 2
	if verb == "DROP" {
		p.ifExists()
	}
	if name, err = p.colID(); err != nil || !p.atWord("on") {
		return name, nil, err
	}
	p.i = start
	other, err = p.otherObject(verb)
	return name, other, err
}

// createPolicy reads CREATE POLICY.
func (p *parser) createPolicy() (ast.Statement, error) {
	c := &ast.CreatePolicy{Pos: p.pos()}
	name, other, err := p.policyOf("CREATE")
	if err != nil || other != nil {
		return other, err
	}
	c.Name = name
	if err := p.expectWord("from"); err != nil {
		return nil, err
	}
	if c.Program, err = p.programName(); err != nil {
		return nil, err
	}
	if p.word("with") {
		c.Options, err = p.options()
	}
	return c, err
}

// programName reads the name of a policy's program, a string.
func (p *parser) programName() (ast.Literal, error) {
	l := ast.Literal{Pos: p.pos(), Kind: ast.String}
	var err error
	l.Text, err = p.stringLiteral()
	return l, err
}

// alterPolicy reads ALTER POLICY.
func (p *parser) alterPolicy() (ast.Statement, error) {
	a := &ast.AlterPolicy{Pos: p.pos()}
	name, other, err := p.policyOf("ALTER")
	if err != nil || other != nil {
		return other, err
	}
	a.Name = name
	if !p.word("using") {
		a.Reset, a.Options, err = p.setOrReset()
		return a, err
	}
	program, err := p.programName()
	if err != nil {
		return nil, err
	}
	a.Program = &program
	if p.word("with") {
		a.Options, err = p.options()
	}
	return a, err
}

// setOrReset reads SET (name = value, ...) or RESET (name, ...).
func (p *parser) setOrReset() (reset bool, options []ast.Option, err error) {
	if reset = p.word("reset"); !reset && !p.word("set") {
		return false, nil, p.syntaxError()
	}
	if options, err = p.options(); err != nil || !reset {
		return reset, options, err
	}
	for _, o := range options {
		if o.Value != nil {
			return reset, nil, p.errorf(o.Pos, "RESET must not include values for parameters")
		}
	}
	return reset, options, nil
}

// dropPolicy reads DROP POLICY.
func (p *parser) dropPolicy() (ast.Statement, error) {
	d := &ast.DropPolicy{Pos: p.pos(), IfExists: p.peek(2).word("if") && p.peek(3).word("exists")}
	name, other, err := p.policyOf("DROP")
	if err != nil || other != nil {
		return other, err
	}
	d.Name = name
	if p.atWord("cascade") {
		return nil, p.unsupported(p.pos(), "DROP POLICY ... CASCADE")
	}
	p.word("restrict")
	return d, nil
}

// alterPartition reads ALTER PARTITION.
func (p *parser) alterPartition() (ast.Statement, error) {
	a := &ast.AlterPartition{Pos: p.pos()}
	p.i += 2
	t := p.tok()
	if t.kind != kindInteger {
		return nil, p.syntaxError()
	}
	p.i++
	a.Partition = ast.Literal{Pos: at(t), Kind: ast.Integer, Text: t.text}
	var err error
	a.Reset, a.Options, err = p.setOrReset()
	return a, err
}

// placementHistory reads what follows SHOW PLACEMENT HISTORY.
func (p *parser) placementHistory(t *token) (ast.Statement, error) {
	if err := p.expectWord("for"); err != nil {
		return nil, err
	}
	s := &ast.ShowPlacementHistory{Pos: at(t)}
	table, err := p.modifiedTable()
	if err != nil {
		return nil, err
	}
	s.Table = *table
	if err := p.expectWord("where"); err != nil {
		return nil, err
	}
	s.Where, err = p.expr()
	return s, err
}
