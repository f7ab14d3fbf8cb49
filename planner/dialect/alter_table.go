package dialect

import (
	"strings"

	"github.com/ssmr/ssmr/planner/ast"
)

func upper(s string) string { return strings.ToUpper(s) }

// drop reads DROP.
func (p *parser) drop() (ast.Statement, error) {
	switch next := p.peek(1); {
	case next.word("policy"):
		return p.dropPolicy()
	case !next.word("table"):
		return p.otherObject("DROP")
	}
	d := &ast.DropTable{Pos: p.pos()}
	p.i += 2
	d.IfExists = p.ifExists()
	var err error
	if d.Names, err = p.qualifiedNames(); err != nil {
		return nil, err
	}
	d.Cascade = p.dropBehavior()
	return d, nil
}

// truncate reads TRUNCATE.
func (p *parser) truncate() (ast.Statement, error) {
	t := &ast.Truncate{Pos: at(p.advance())}
	p.word("table")
	for {
		table, err := p.relation()
		if err != nil {
			return nil, err
		}
		t.Tables = append(t.Tables, *table)
		if !p.symbol(",") {
			break
		}
	}
	if !p.words("continue", "identity") {
		t.RestartIdentity = p.words("restart", "identity")
	}
	t.Cascade = p.dropBehavior()
	return t, nil
}

// alter reads ALTER.
func (p *parser) alter() (ast.Statement, error) {
	switch next := p.peek(1); {
	case next.word("policy"):
		return p.alterPolicy()
	case next.word("partition"):
		return p.alterPartition()
	case !next.word("table"):
		return p.otherObject("ALTER")
	}
	a := &ast.AlterTable{Pos: p.pos()}
	p.i += 2
	if p.atWord("all") {
		p.i = len(p.toks) - 1
		return &ast.Unsupported{Pos: a.Pos, What: "ALTER TABLE ALL"}, nil
	}
	a.IfExists = p.ifExists()
	table, err := p.relation()
	if err != nil {
		return nil, err
	}
	a.Table = *table
	if p.atWord("rename") {
		action, err := p.rename()
		a.Actions = []ast.AlterAction{action}
		return a, err
	}
	for {
		action, err := p.alterAction()
		if err != nil {
			return nil, err
		}
		a.Actions = append(a.Actions, action)
		if !p.symbol(",") {
			return a, nil
		}
	}
}

// rename reads RENAME of a table, a column or a constraint.
func (p *parser) rename() (ast.AlterAction, error) {
	t := p.advance()
	var from, to ast.Ident
	var err error
	switch {
	case p.word("to"):
		to, err = p.colID()
		return &ast.RenameTable{Pos: at(t), To: to}, err
	case p.word("constraint"):
		if from, to, err = p.fromTo(); err != nil {
			return nil, err
		}
		return &ast.RenameConstraint{Pos: at(t), From: from, To: to}, nil
	}
	p.word("column")
	if from, to, err = p.fromTo(); err != nil {
		return nil, err
	}
	return &ast.RenameColumn{Pos: at(t), From: from, To: to}, nil
}

// fromTo reads name TO name.
func (p *parser) fromTo() (from, to ast.Ident, err error) {
	if from, err = p.colID(); err != nil {
		return from, to, err
	}
	if err = p.expectWord("to"); err != nil {
		return from, to, err
	}
	to, err = p.colID()
	return from, to, err
}

// alterAction reads one action of ALTER TABLE.
func (p *parser) alterAction() (ast.AlterAction, error) {
	t := p.tok()
	next := p.peek(1)
	switch {
	case t.word("add"):
		return p.alterAdd()
	case t.word("drop") && !next.word("expression"):
		return p.alterDrop()
	case t.word("alter") && !next.word("constraint"):
		return p.alterColumn()
	case (t.word("set") || t.word("reset")) && next.symbol("("):
		reset, options, err := p.setOrReset()
		return &ast.SetOptions{Pos: at(t), Reset: reset, Options: options}, err
	case p.atAnyWord("alter", "drop", "set", "validate", "disable", "enable", "cluster", "owner", "force", "no",
		"inherit", "of", "not", "replica", "attach", "detach", "options", "rename"):
		return p.otherAction(2)
	}
	return nil, p.syntaxError()
}

// otherAction passes an action that ssmr does not have; its name is the next
// words, at most so many.
func (p *parser) otherAction(words int) (ast.AlterAction, error) {
	a := &ast.UnsupportedAction{Pos: p.pos(), What: "ALTER TABLE ..."}
	for n := 0; n < words && p.tok().kind == kindKeyword; n++ {
		a.What += " " + upper(p.advance().text)
	}
	for p.tok().kind != kindEnd && !p.atSymbol(",") {
		if t := p.tok(); t.symbol("(") && t.match > 0 {
			p.i = int(t.match)
		}
		p.i++
	}
	return a, nil
}

// alterAdd reads ADD of a column or a constraint.
func (p *parser) alterAdd() (ast.AlterAction, error) {
	t := p.advance()
	if p.atTableConstraint() {
		c, err := p.tableConstraint()
		return &ast.AddConstraint{Pos: at(t), Constraint: c}, err
	}
	a := &ast.AddColumn{Pos: at(t)}
	p.word("column")
	if p.atWord("if") && p.peek(1).word("not") {
		if err := p.expectWord("if", "not", "exists"); err != nil {
			return nil, err
		}
		a.IfNotExists = true
	}
	var err error
	a.Column, err = p.columnDef()
	return a, err
}

// ifExists reads an optional IF EXISTS.
func (p *parser) ifExists() bool { return p.words("if", "exists") }

// alterDrop reads DROP of a column or a constraint.
func (p *parser) alterDrop() (ast.AlterAction, error) {
	t := p.advance()
	if p.word("constraint") {
		d := &ast.DropConstraint{Pos: at(t), IfExists: p.ifExists()}
		var err error
		d.Name, err = p.colID()
		d.Cascade = p.dropBehavior()
		return d, err
	}
	p.word("column")
	d := &ast.DropColumn{Pos: at(t), IfExists: p.ifExists()}
	var err error
	d.Name, err = p.colID()
	d.Cascade = p.dropBehavior()
	return d, err
}

// alterColumn reads ALTER of a column.
func (p *parser) alterColumn() (ast.AlterAction, error) {
	start := p.i
	a := &ast.AlterColumn{Pos: at(p.advance())}
	p.word("column")
	var err error
	if p.tok().kind == kindInteger { // a column of an index, by number
		p.i = start
		return p.otherAction(1)
	}
	if a.Name, err = p.colID(); err != nil {
		return nil, err
	}
	switch {
	case p.words("set", "default"):
		a.Change = ast.SetDefault
		from := p.i
		a.Expr, err = p.expr()
		a.Text = p.between(from)
	case p.words("drop", "default"):
		a.Change = ast.DropDefault
	case p.words("set", "not", "null"):
		a.Change = ast.SetNotNull
	case p.words("drop", "not", "null"):
		a.Change = ast.DropNotNull
	case p.word("type"), p.words("set", "data", "type"):
		a.Change = ast.SetType
		err = p.newType(a)
	case p.atAnyWord("set", "drop", "add", "reset", "restart"):
		return p.otherAction(2)
	default:
		return nil, p.syntaxError()
	}
	return a, err
}

// newType reads what follows ALTER COLUMN ... TYPE.
func (p *parser) newType(a *ast.AlterColumn) error {
	var err error
	if a.Type, err = p.typeName(); err != nil {
		return err
	}
	if p.atWord("collate") {
		return p.unsupported(p.pos(), "COLLATE in ALTER TABLE")
	}
	if p.word("using") {
		from := p.i
		a.Expr, err = p.expr()
		a.Text = p.between(from)
	}
	return err
}
