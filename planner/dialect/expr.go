package dialect

import (
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// Precedences, from PostgreSQL's gram.y; higher binds tighter.
const (
	levelOr = iota + 1
	levelAnd
	levelNot
	levelIs      // IS, ISNULL, NOTNULL: not associative
	levelCompare // < > = <= >= <>: not associative
	levelRange   // BETWEEN, IN, LIKE, ILIKE, SIMILAR: not associative
	levelOp      // every other operator
	levelAdd
	levelMultiply
	levelPower
	levelAt // AT TIME ZONE
	levelCollate
	levelSign
	levelCast
)

// expr reads an expression (gram.y: a_expr).
func (p *parser) expr() (ast.Expr, error) { return p.binary(levelOr, false) }

// basicExpr reads a b_expr: an expression without AND, OR, NOT, IS NULL,
// BETWEEN, IN, LIKE, AT and COLLATE outside of parentheses.
func (p *parser) basicExpr() (ast.Expr, error) { return p.binary(levelIs, true) }

// exprs reads expressions with commas between them.
func (p *parser) exprList() ([]ast.Expr, error) {
	var list []ast.Expr
	for {
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		if !p.symbol(",") {
			return list, nil
		}
	}
}

// exprOrDefault reads a value of INSERT or UPDATE.
func (p *parser) exprOrDefault() (ast.Expr, error) {
	if t := p.tok(); t.word("default") {
		p.i++
		return &ast.Default{Pos: at(t)}, nil
	}
	return p.expr()
}

func invalidParameter(position ast.Pos, message string) error {
	return pgerror.New(pgerror.InvalidParameterValue, "%s", message).At(position.Position())
}

// binary reads an operand and the operators behind it that bind at least as
// tightly as least.
func (p *parser) binary(least int, basic bool) (ast.Expr, error) {
	if err := p.enter(1); err != nil {
		return nil, err
	}
	outer := p.depth
	left, err := p.prefix(basic)
	for err == nil {
		level := p.infixLevel(basic)
		if level < least {
			break
		}
		// A chain of operators makes the tree as high as it is long.
		if err = p.enter(1); err == nil {
			left, err = p.infix(left, level, basic)
		}
	}
	p.depth = outer - 1
	return left, err
}

// prefix reads an operand with the prefix operators before it.
func (p *parser) prefix(basic bool) (ast.Expr, error) {
	t := p.tok()
	switch {
	case t.kind == kindSymbol && (t.text == "+" || t.text == "-"):
		p.i++
		x, err := p.binary(levelSign, basic)
		if err != nil {
			return nil, err
		}
		return sign(t, x), nil
	case t.kind == kindOp, t.word("operator") && p.peek(1).symbol("("):
		op, err := p.operatorName()
		if err != nil {
			return nil, err
		}
		x, err := p.binary(levelAdd, basic)
		return &ast.Unary{Pos: at(t), Op: op, X: x}, err
	case t.word("not") && !basic:
		p.i++
		x, err := p.binary(levelNot, false)
		return &ast.Not{Pos: at(t), X: x}, err
	case t.word("default"):
		return nil, p.errorf(at(t), "DEFAULT is not allowed in this context")
	}
	return p.primary()
}

// sign applies + or - to x. A minus becomes part of a number, as in gram.y's
// doNegate.
func sign(t *token, x ast.Expr) ast.Expr {
	if l, ok := x.(*ast.Literal); ok && t.text == "-" && (l.Kind == ast.Integer || l.Kind == ast.Numeric) {
		text := "-" + l.Text
		if l.Text[0] == '-' {
			text = l.Text[1:]
		}
		return &ast.Literal{Pos: at(t), Kind: l.Kind, Text: text}
	}
	return &ast.Unary{Pos: at(t), Op: ast.Operator{Pos: at(t), Name: t.text}, X: x}
}

// infixLevel returns the precedence of the operator that comes next, 0 if none does.
func (p *parser) infixLevel(basic bool) int {
	t := p.tok()
	switch t.kind {
	case kindOp:
		return levelOp
	case kindSymbol:
		switch t.text {
		case "+", "-":
			return levelAdd
		case "*", "/", "%":
			return levelMultiply
		case "^":
			return levelPower
		case "<", ">", "=", "<=", ">=", "<>":
			return levelCompare
		case "::":
			return levelCast
		}
	case kindKeyword:
		return p.infixWordLevel(t, basic)
	}
	return 0
}

func (p *parser) infixWordLevel(t *token, basic bool) int {
	switch t.text {
	case "operator":
		if p.peek(1).symbol("(") {
			return levelOp
		}
		return 0
	case "is":
		return levelIs
	}
	if basic {
		return 0
	}
	switch t.text {
	case "or":
		return levelOr
	case "and":
		return levelAnd
	case "isnull", "notnull":
		return levelIs
	case "between", "in", "like", "ilike", "overlaps":
		return levelRange
	case "similar":
		if p.peek(1).word("to") {
			return levelRange
		}
	case "not":
		switch next := p.peek(1); {
		case next.word("between"), next.word("in"), next.word("like"), next.word("ilike"), next.word("similar"):
			return levelRange
		}
	case "at":
		if p.peek(1).word("time") {
			return levelAt
		}
	case "collate":
		return levelCollate
	}
	return 0
}

// infix reads the operator that comes next, and what belongs to it.
func (p *parser) infix(left ast.Expr, level int, basic bool) (ast.Expr, error) {
	t := p.tok()
	switch level {
	case levelOr, levelAnd:
		return p.logical(left, t, level)
	case levelIs:
		return p.isTest(left, t, basic)
	case levelRange:
		return p.rangeTest(left, t)
	case levelAt:
		return p.atTimeZone(left, t)
	case levelCollate:
		p.i++
		name, err := p.qualifiedName()
		return &ast.Collate{Pos: at(t), X: left, Name: name}, err
	case levelCast:
		p.i++
		typ, err := p.typeName()
		return &ast.Cast{Pos: at(t), X: left, Type: typ}, err
	}
	op, err := p.operatorName()
	if err != nil {
		return nil, err
	}
	if !basic && p.atAnyAll() {
		return p.anyAll(left, op)
	}
	right, err := p.binary(level+1, basic)
	if err != nil {
		return nil, err
	}
	if level == levelCompare && p.infixLevel(basic) == levelCompare {
		return nil, p.syntaxError() // a < b < c
	}
	return &ast.Binary{Pos: at(t), Op: op, L: left, R: right}, nil
}

// logical reads AND or OR; chains become one node.
func (p *parser) logical(left ast.Expr, t *token, level int) (ast.Expr, error) {
	args := []ast.Expr{left}
	for p.word(t.text) {
		right, err := p.binary(level+1, false)
		if err != nil {
			return nil, err
		}
		args = append(args, right)
	}
	// Parentheses on the left flatten, too, as in gram.y's makeAndExpr.
	if level == levelAnd {
		if l, ok := left.(*ast.And); ok {
			args = append(append(make([]ast.Expr, 0, len(l.Args)+len(args)-1), l.Args...), args[1:]...)
		}
		return &ast.And{Pos: at(t), Args: args}, nil
	}
	if l, ok := left.(*ast.Or); ok {
		args = append(append(make([]ast.Expr, 0, len(l.Args)+len(args)-1), l.Args...), args[1:]...)
	}
	return &ast.Or{Pos: at(t), Args: args}, nil
}

// operatorName reads an operator, also as OPERATOR(schema.op).
func (p *parser) operatorName() (ast.Operator, error) {
	t := p.advance()
	op := ast.Operator{Pos: at(t), Name: t.text}
	if !t.word("operator") {
		return op, nil
	}
	if err := p.expectSymbol("("); err != nil {
		return op, err
	}
	for p.tok().isColID() {
		if op.Schema != "" {
			return op, p.unsupported(op.Pos, "an operator's name of three parts")
		}
		op.Schema = p.advance().text
		if err := p.expectSymbol("."); err != nil {
			return op, err
		}
	}
	name := p.tok()
	if name.kind != kindOp && !(name.kind == kindSymbol && isOp(name.text[0]) && name.text != "=>") {
		return op, p.syntaxError()
	}
	p.i++
	op.Name = name.text
	return op, p.expectSymbol(")")
}

// atTimeZone reads AT TIME ZONE.
func (p *parser) atTimeZone(left ast.Expr, t *token) (ast.Expr, error) {
	p.i++
	if err := p.expectWord("time", "zone"); err != nil {
		return nil, err
	}
	zone, err := p.binary(levelAt+1, false)
	return &ast.Call{Pos: at(t), Name: "timezone", Args: []ast.Expr{zone, left}, Special: true}, err
}

// isTest reads what follows an operand from IS, ISNULL or NOTNULL on.
func (p *parser) isTest(left ast.Expr, t *token, basic bool) (ast.Expr, error) {
	p.i++
	switch t.text {
	case "isnull":
		return &ast.IsNull{Pos: at(t), X: left}, nil
	case "notnull":
		return &ast.IsNull{Pos: at(t), X: left, Not: true}, nil
	}
	not := p.word("not")
	what := p.tok()
	if p.words("distinct", "from") {
		right, err := p.binary(levelIs+1, basic)
		if err != nil {
			return nil, err
		}
		if p.infixLevel(basic) == levelIs {
			return nil, p.syntaxError()
		}
		return &ast.IsDistinct{Pos: at(t), L: left, R: right, Not: not}, nil
	}
	if p.atAnyWord("document", "normalized", "nfc", "nfd", "nfkc", "nfkd") {
		return nil, p.unsupported(at(t), "IS %s", map[bool]string{true: "DOCUMENT", false: "NORMALIZED"}[what.text == "document"])
	}
	if basic {
		return nil, p.syntaxError()
	}
	if p.word("null") {
		return &ast.IsNull{Pos: at(t), X: left, Not: not}, nil
	}
	truth := ast.True
	switch {
	case p.word("true"):
	case p.word("false"):
		truth = ast.False
	case p.word("unknown"):
		truth = ast.Unknown
	default:
		return nil, p.syntaxError()
	}
	return &ast.IsBool{Pos: at(t), X: left, What: truth, Not: not}, nil
}

// rangeTest reads [NOT] BETWEEN, IN, LIKE, ILIKE or SIMILAR TO.
func (p *parser) rangeTest(left ast.Expr, t *token) (ast.Expr, error) {
	p.i++
	not := false
	what := t
	if t.word("not") {
		not = true
		what = p.advance()
	}
	switch what.text {
	case "overlaps":
		return nil, p.unsupported(at(t), "OVERLAPS")
	case "in":
		return p.in(left, t, not)
	case "between":
		return p.betweenTest(left, t, not)
	case "similar":
		if err := p.expectWord("to"); err != nil {
			return nil, err
		}
		return p.like(left, t, not, ast.SimilarMatch)
	case "ilike":
		return p.likeOrAny(left, t, not, ast.ILikeMatch)
	}
	return p.likeOrAny(left, t, not, ast.LikeMatch)
}

// likeOrAny reads the right side of LIKE and ILIKE, which may be ANY (...).
func (p *parser) likeOrAny(left ast.Expr, t *token, not bool, kind ast.LikeKind) (ast.Expr, error) {
	if !p.atAnyAll() {
		return p.like(left, t, not, kind)
	}
	name := "~~"
	if kind == ast.ILikeMatch {
		name = "~~*"
	}
	if not {
		name = "!" + name
	}
	return p.anyAll(left, ast.Operator{Pos: at(t), Name: name})
}

// like reads a pattern and its ESCAPE.
func (p *parser) like(left ast.Expr, t *token, not bool, kind ast.LikeKind) (ast.Expr, error) {
	pattern, err := p.binary(levelRange+1, false)
	if err != nil {
		return nil, err
	}
	e := &ast.Like{Pos: at(t), Kind: kind, X: left, Pattern: pattern, Not: not}
	if p.word("escape") {
		if e.Escape, err = p.binary(levelRange+1, false); err != nil {
			return nil, err
		}
	}
	return e, p.refuseChain(levelRange)
}

// refuseChain refuses an operator of a level that is not associative.
func (p *parser) refuseChain(level int) error {
	if p.infixLevel(false) == level {
		return p.syntaxError()
	}
	return nil
}

// betweenTest reads the bounds of BETWEEN.
func (p *parser) betweenTest(left ast.Expr, t *token, not bool) (ast.Expr, error) {
	e := &ast.Between{Pos: at(t), X: left, Not: not}
	if p.word("symmetric") {
		e.Symmetric = true
	} else {
		p.word("asymmetric")
	}
	var err error
	if e.Lo, err = p.basicExpr(); err != nil {
		return nil, err
	}
	if err = p.expectWord("and"); err != nil {
		return nil, err
	}
	if e.Hi, err = p.binary(levelRange+1, false); err != nil {
		return nil, err
	}
	return e, p.refuseChain(levelRange)
}

// in reads the list or the query of IN.
func (p *parser) in(left ast.Expr, t *token, not bool) (ast.Expr, error) {
	e := &ast.In{Pos: at(t), X: left, Not: not}
	if !p.atSymbol("(") {
		return nil, p.syntaxError()
	}
	var err error
	if p.atQuery(p.i) {
		e.Query, err = p.subquery()
		return e, err
	}
	p.i++
	if e.List, err = p.exprList(); err != nil {
		return nil, err
	}
	return e, p.expectSymbol(")")
}

// atAnyAll says whether ANY (, SOME ( or ALL ( comes next.
func (p *parser) atAnyAll() bool {
	return p.atAnyWord("any", "some", "all") && p.peek(1).symbol("(")
}

// anyAll reads ANY (...) behind an operator.
func (p *parser) anyAll(left ast.Expr, op ast.Operator) (ast.Expr, error) {
	e := &ast.AnyAll{Pos: op.Pos, X: left, Op: op, All: p.advance().text == "all"}
	var err error
	if p.atQuery(p.i) {
		e.Query, err = p.subquery()
		return e, err
	}
	p.i++
	if e.Array, err = p.expr(); err != nil {
		return nil, err
	}
	return e, p.expectSymbol(")")
}
