package dialect

import (
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// setting reads SET, SHOW and RESET.
func (p *parser) setting() (ast.Statement, error) {
	t := p.advance()
	if t.text == "set" {
		return p.set(t)
	}
	if t.text == "show" && p.isSoft(p.tok(), "placement") && p.isSoft(p.peek(1), "history") {
		p.i += 2
		return p.placementHistory(t)
	}
	name, ok := p.specialSetting()
	if !ok {
		if p.word("all") {
			name = "all"
		} else {
			var err error
			if name, err = p.settingName(); err != nil {
				return nil, err
			}
		}
	}
	if t.text == "show" {
		return &ast.Show{Pos: at(t), Name: name}, nil
	}
	return &ast.Reset{Pos: at(t), Name: name}, nil
}

// specialSetting reads a setting that SHOW and RESET spell in several words.
func (p *parser) specialSetting() (string, bool) {
	switch {
	case p.words("time", "zone"):
		return "timezone", true
	case p.words("transaction", "isolation", "level"):
		return "transaction_isolation", true
	case p.words("session", "authorization"):
		return "session_authorization", true
	}
	return "", false
}

// settingName reads a setting's name with its name spaces.
func (p *parser) settingName() (string, error) {
	name, err := p.colID()
	if err != nil {
		return "", err
	}
	s := foldASCII(name.Name)
	for p.symbol(".") {
		next, err := p.colID()
		if err != nil {
			return "", err
		}
		s += "." + foldASCII(next.Name)
	}
	return s, nil
}

// set reads what follows SET.
func (p *parser) set(t *token) (ast.Statement, error) {
	s := &ast.Set{Pos: at(t)}
	switch {
	case p.atWord("local") && !p.settingFollows():
		p.i++
		s.Scope = ast.LocalScope
	case p.atWord("session") && !p.settingFollows():
		if p.words("session", "characteristics", "as", "transaction") {
			modes, err := p.transactionModes(true)
			return &ast.SetTransaction{Pos: at(t), Session: true, Modes: modes}, err
		}
		if !p.atWords("session", "authorization") {
			p.i++
		}
	case p.atWord("constraints") && !p.settingFollows():
		p.i = len(p.toks) - 1
		return &ast.Unsupported{Pos: s.Pos, What: "SET CONSTRAINTS"}, nil
	}
	if p.atWord("transaction") && !p.settingFollows() {
		return p.setTransaction(t)
	}
	if special, err := p.setSpecial(s); special || err != nil {
		return s, err
	}
	var err error
	if s.Name, err = p.settingName(); err != nil {
		return nil, err
	}
	if p.atWords("from", "current") {
		return nil, p.unsupported(p.pos(), "SET ... FROM CURRENT")
	}
	if !p.symbol("=") && !p.word("to") {
		return nil, p.syntaxError()
	}
	if p.word("default") {
		return s, nil
	}
	for {
		v, err := p.settingValue()
		if err != nil {
			return nil, err
		}
		s.Values = append(s.Values, v)
		if !p.symbol(",") {
			return s, nil
		}
	}
}

// settingFollows says whether the current word is a setting's own name: what
// follows it is TO or =.
func (p *parser) settingFollows() bool {
	next := p.peek(1)
	return next.word("to") || next.symbol("=") || next.symbol(".")
}

// settingValue reads a number, a string or a word.
func (p *parser) settingValue() (ast.Expr, error) {
	t := p.tok()
	switch {
	case t.kind == kindKeyword && t.class&classMask == reserved && !p.atAnyWord("true", "false", "on"):
		return nil, p.syntaxError()
	case t.kind == kindParam:
		return nil, p.syntaxError()
	}
	return p.optionValue()
}

// setSpecial reads a SET whose syntax is its own, and says whether it was one.
func (p *parser) setSpecial(s *ast.Set) (bool, error) {
	if p.settingFollows() {
		return false, nil
	}
	switch {
	case p.words("time", "zone"):
		s.Name = "timezone"
		return true, p.timeZoneValue(s)
	case p.word("names"):
		s.Name = "client_encoding"
		if p.word("default") || p.tok().kind == kindEnd {
			return true, nil
		}
		return true, p.setString(s, false)
	case p.word("schema"):
		s.Name = "search_path"
		return true, p.setString(s, false)
	case p.word("role"):
		s.Name = "role"
		return true, p.setString(s, true)
	case p.words("session", "authorization"):
		s.Name = "session_authorization"
		if p.word("default") {
			return true, nil
		}
		return true, p.setString(s, true)
	case p.atWord("catalog"):
		return true, pgerror.New(pgerror.FeatureNotSupported, "current database cannot be changed").
			At(int(p.peek(1).char))
	case p.atWords("xml"):
		return true, p.unsupported(p.pos(), "SET XML OPTION")
	}
	return false, nil
}

// setString reads one string, or a word if that may be.
func (p *parser) setString(s *ast.Set, word bool) error {
	t := p.tok()
	if t.kind != kindString && !(word && t.isLabel() && t.class&classMask != reserved) {
		return p.syntaxError()
	}
	p.i++
	s.Values = []ast.Expr{&ast.Literal{Pos: at(t), Kind: ast.String, Text: t.text}}
	return nil
}

// timeZoneValue reads what follows SET TIME ZONE.
func (p *parser) timeZoneValue(s *ast.Set) error {
	if p.word("default") || p.word("local") {
		return nil
	}
	if p.atWord("interval") {
		e, ok, err := p.typeConstant()
		if err != nil {
			return err
		}
		if !ok {
			return p.syntaxError()
		}
		if f := e.(*ast.Cast).Type.Fields; f != "" && f != "hour" && f != "hour to minute" {
			return p.errorf(ast.Pos(e.Position()), "time zone interval must be HOUR or HOUR TO MINUTE")
		}
		s.Values = []ast.Expr{e}
		return nil
	}
	if p.tok().kind == kindKeyword {
		return p.syntaxError()
	}
	v, err := p.optionValue()
	s.Values = []ast.Expr{v}
	return err
}

// setTransaction reads SET TRANSACTION.
func (p *parser) setTransaction(t *token) (ast.Statement, error) {
	p.i++
	s := &ast.SetTransaction{Pos: at(t)}
	var err error
	if p.word("snapshot") {
		s.Snapshot, err = p.stringLiteral()
		return s, err
	}
	s.Modes, err = p.transactionModes(true)
	return s, err
}
