package dialect

import (
	"strconv"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// parser reads the tokens of one statement.
type parser struct {
	src  string
	toks []token // the last one is kindEnd
	i    int
	// depth is the height of the tree above the current place.
	depth int
}

// newParser reads the tokens of text.
func newParser(text string) (*parser, error) {
	toks, err := scanAll(text)
	if err != nil {
		return nil, err
	}
	return &parser{src: text, toks: toks}, nil
}

func (p *parser) tok() *token { return &p.toks[p.i] }

// peek returns the token n behind the current one, the end where there are less.
func (p *parser) peek(n int) *token {
	if p.i+n < len(p.toks) {
		return &p.toks[p.i+n]
	}
	return &p.toks[len(p.toks)-1]
}

// advance passes the current token and returns it. The end is never passed.
func (p *parser) advance() *token {
	t := &p.toks[p.i]
	if t.kind != kindEnd {
		p.i++
	}
	return t
}

func (p *parser) pos() ast.Pos { return ast.Pos(p.toks[p.i].char) }

func at(t *token) ast.Pos { return ast.Pos(t.char) }

// atWord and atSymbol look, word and symbol also pass it if it is there.

func (p *parser) atWord(w string) bool   { return p.tok().word(w) }
func (p *parser) atSymbol(s string) bool { return p.tok().symbol(s) }

func (p *parser) word(w string) bool {
	if p.atWord(w) {
		p.i++
		return true
	}
	return false
}

func (p *parser) symbol(s string) bool {
	if p.atSymbol(s) {
		p.i++
		return true
	}
	return false
}

// atWords says whether these keywords come next, in this order.
func (p *parser) atWords(words ...string) bool {
	for n, w := range words {
		if !p.peek(n).word(w) {
			return false
		}
	}
	return true
}

// words passes these keywords if they all come next.
func (p *parser) words(words ...string) bool {
	if !p.atWords(words...) {
		return false
	}
	p.i += len(words)
	return true
}

// atAnyWord says whether one of these keywords comes next.
func (p *parser) atAnyWord(words ...string) bool {
	t := p.tok()
	if t.kind != kindKeyword {
		return false
	}
	for _, w := range words {
		if t.text == w {
			return true
		}
	}
	return false
}

func (p *parser) expectWord(words ...string) error {
	for _, w := range words {
		if !p.word(w) {
			return p.syntaxError()
		}
	}
	return nil
}

func (p *parser) expectSymbol(s string) error {
	if !p.symbol(s) {
		return p.syntaxError()
	}
	return nil
}

// expectEnd refuses what is left.
func (p *parser) expectEnd() error {
	if p.tok().kind != kindEnd {
		return p.syntaxError()
	}
	return nil
}

// syntaxError refuses the current token.
func (p *parser) syntaxError() error { return p.syntaxErrorAt(p.tok()) }

func (p *parser) syntaxErrorAt(t *token) error {
	if t.kind == kindEnd && t.start == t.end {
		return pgerror.New(pgerror.SyntaxError, "syntax error at end of input").At(int(t.char))
	}
	return pgerror.New(pgerror.SyntaxError, "syntax error at or near \"%s\"", p.src[t.start:t.end]).At(int(t.char))
}

// errorf is an error of PostgreSQL's grammar that has a text of its own.
func (p *parser) errorf(position ast.Pos, format string, args ...any) error {
	return pgerror.New(pgerror.SyntaxError, format, args...).At(position.Position())
}

// unsupported refuses something that PostgreSQL has.
func (p *parser) unsupported(position ast.Pos, format string, args ...any) error {
	return pgerror.NotSupported(format, args...).At(position.Position())
}

// enter goes down n levels of the tree; leave with p.depth -= n.
func (p *parser) enter(n int) error {
	if p.depth += n; p.depth > MaxDepth {
		return errTooDeep(int(p.tok().char))
	}
	return nil
}

// colID reads a name of a column, table, cursor and the like.
func (p *parser) colID() (ast.Ident, error) {
	t := p.tok()
	if !t.isColID() {
		return ast.Ident{}, p.syntaxError()
	}
	p.i++
	return ast.Ident{Pos: at(t), Name: t.text}, nil
}

// label reads a name where every keyword can be one.
func (p *parser) label() (ast.Ident, error) {
	t := p.tok()
	if !t.isLabel() {
		return ast.Ident{}, p.syntaxError()
	}
	p.i++
	return ast.Ident{Pos: at(t), Name: t.text}, nil
}

// colIDs reads names with commas between them, in parentheses.
func (p *parser) colIDs() ([]ast.Ident, error) {
	if err := p.expectSymbol("("); err != nil {
		return nil, err
	}
	var names []ast.Ident
	for {
		name, err := p.colID()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !p.symbol(",") {
			return names, p.expectSymbol(")")
		}
	}
}

// qualifiedName reads [[catalog.]schema.]name.
func (p *parser) qualifiedName() (ast.TableName, error) {
	first, err := p.colID()
	if err != nil {
		return ast.TableName{}, err
	}
	name := ast.TableName{Pos: first.Pos, Name: first.Name}
	for n := 1; p.symbol("."); n++ {
		next, err := p.label()
		if err != nil {
			return name, err
		}
		if n == 3 {
			return name, p.errorf(first.Pos, "improper qualified name (too many dotted names): %s.%s",
				name.String(), next.Name)
		}
		name.Catalog, name.Schema, name.Name = name.Schema, name.Name, next.Name
	}
	return name, nil
}

// qualifiedNames reads names with commas between them.
func (p *parser) qualifiedNames() ([]ast.TableName, error) {
	var names []ast.TableName
	for {
		name, err := p.qualifiedName()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !p.symbol(",") {
			return names, nil
		}
	}
}

// integer reads an integer that fits in 32 bits and is not negative.
func (p *parser) integer() (int32, error) {
	t := p.tok()
	if t.kind != kindInteger {
		return 0, p.syntaxError()
	}
	n, err := strconv.ParseInt(t.text, 10, 32)
	if err != nil {
		return 0, p.syntaxError()
	}
	p.i++
	return int32(n), nil
}

// stringLiteral reads a plain string.
func (p *parser) stringLiteral() (string, error) {
	t := p.tok()
	if t.kind != kindString {
		return "", p.syntaxError()
	}
	p.i++
	return t.text, nil
}

// dropBehavior reads an optional CASCADE or RESTRICT and says whether it was
// CASCADE.
func (p *parser) dropBehavior() bool {
	if p.word("cascade") {
		return true
	}
	p.word("restrict")
	return false
}

// between returns the text from the token with index from up to the current one.
func (p *parser) between(from int) string {
	if from >= p.i {
		return ""
	}
	return p.src[p.toks[from].start:p.toks[p.i-1].end]
}
