package dialect

import (
	"strings"

	"github.com/ssmr/ssmr/planner/ast"
)

// explain reads EXPLAIN.
func (p *parser) explain() (ast.Statement, error) {
	e := &ast.Explain{Pos: at(p.advance())}
	if p.atSymbol("(") && !p.atQuery(p.i) {
		if err := p.explainOptions(e); err != nil {
			return nil, err
		}
	} else {
		e.Analyze = p.word("analyze") || p.word("analyse")
		e.Verbose = p.word("verbose")
	}
	var err error
	switch {
	case p.atQueryStatement():
		e.Statement, err = p.queryStatement()
	case p.atWord("move") && p.movesObjects():
		e.Statement, err = p.move()
	case p.atWord("execute"):
		e.Statement, err = p.prepared()
	case p.atWord("declare"):
		e.Statement, err = p.cursor()
	case p.atWord("create"):
		e.Statement, err = p.create()
		if _, ok := e.Statement.(*ast.Unsupported); err == nil && !ok {
			return nil, p.syntaxError()
		}
	default:
		return nil, p.syntaxError()
	}
	return e, err
}

// explainOptions reads EXPLAIN (name [value], ...).
func (p *parser) explainOptions(e *ast.Explain) error {
	p.i++
	for {
		name, err := p.label()
		if err != nil {
			return err
		}
		o := ast.Option{Pos: name.Pos, Name: name.Name}
		if !p.atSymbol(",") && !p.atSymbol(")") {
			if o.Value, err = p.settingValue(); err != nil {
				return err
			}
		}
		switch o.Name {
		case "analyze", "analyse", "verbose":
			on, ok := booleanOption(o.Value)
			if !ok {
				return p.errorf(o.Pos, "%s requires a Boolean value", o.Name)
			}
			if o.Name == "verbose" {
				e.Verbose = on
			} else {
				e.Analyze = on
			}
		default:
			e.Options = append(e.Options, o)
		}
		if !p.symbol(",") {
			return p.expectSymbol(")")
		}
	}
}

// booleanOption is PostgreSQL's defGetBoolean.
func booleanOption(e ast.Expr) (on, ok bool) {
	if e == nil {
		return true, true
	}
	l, isLiteral := e.(*ast.Literal)
	if !isLiteral {
		return false, false
	}
	switch strings.ToLower(l.Text) {
	case "true", "on", "1":
		return true, true
	case "false", "off", "0":
		return false, true
	}
	return false, false
}
