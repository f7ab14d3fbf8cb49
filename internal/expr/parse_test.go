package expr_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
	. "github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// parse reads the expressions that the tables of these tests hold. It is no
// parser of SQL: just enough to write expressions down.
func parse(sql string, columns map[string]Expr, params *ParamTypes) (e Expr, err error) {
	defer func() {
		if r := recover(); r != nil {
			pe, ok := r.(parseError)
			if !ok {
				panic(r)
			}
			e, err = nil, pe.err
		}
	}()
	p := &parser{toks: lex(sql), columns: columns, params: params}
	e = p.expr(0)
	if p.tok() != "" {
		p.fail("unexpected %q", p.tok())
	}
	return e, nil
}

type parseError struct{ err error }

type parser struct {
	toks    []string
	columns map[string]Expr
	params  *ParamTypes
}

func (p *parser) fail(format string, args ...any) {
	panic(parseError{fmt.Errorf("test parser: "+format, args...)})
}

func (p *parser) must(e Expr, err error) Expr {
	if err != nil {
		panic(parseError{err})
	}
	return e
}

func lex(s string) []string {
	var toks []string
	for i := 0; i < len(s); {
		c := s[i]
		j := i + 1
		switch {
		case c == ' ' || c == '\n' || c == '\t':
			i++
			continue
		case (c == 'E' || c == 'e') && j < len(s) && s[j] == '\'':
			for j = i + 2; j < len(s) && s[j] != '\''; j++ {
				if s[j] == '\\' {
					j++
				}
			}
			j++
		case c == '\'' || c == '"':
			for ; j < len(s); j++ {
				if s[j] == c {
					if j+1 < len(s) && s[j+1] == c {
						j++
						continue
					}
					break
				}
			}
			j++
		case c >= '0' && c <= '9' || c == '.' && j < len(s) && s[j] >= '0' && s[j] <= '9':
			for j < len(s) && (s[j] >= '0' && s[j] <= '9' || s[j] == '.' || s[j] == 'e' ||
				(s[j] == '-' || s[j] == '+') && s[j-1] == 'e') {
				j++
			}
		case c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			for j < len(s) && (s[j] == '_' || s[j] >= 'a' && s[j] <= 'z' || s[j] >= 'A' && s[j] <= 'Z' || s[j] >= '0' && s[j] <= '9') {
				j++
			}
		case strings.HasPrefix(s[i:], "::"):
			j = i + 2
		case strings.IndexByte("+-*/<>=~!@#%^&|?", c) >= 0:
			for j < len(s) && strings.IndexByte("+-*/<>=~!@#%^&|?", s[j]) >= 0 {
				j++
			}
			for j > i+1 && (s[j-1] == '-' || s[j-1] == '+') && !strings.ContainsAny(s[i:j], "~!@#%^&|?") {
				j--
			}
		}
		tok := s[i:min(j, len(s))]
		if c >= 'A' && c <= 'Z' && !strings.HasPrefix(tok, "E'") {
			tok = strings.ToLower(tok)
		}
		toks = append(toks, tok)
		i = j
	}
	return toks
}

func (p *parser) tok() string {
	if len(p.toks) == 0 {
		return ""
	}
	return p.toks[0]
}

func (p *parser) next() string {
	t := p.tok()
	if len(p.toks) > 0 {
		p.toks = p.toks[1:]
	}
	return t
}

func (p *parser) is(words ...string) bool {
	if len(p.toks) < len(words) {
		return false
	}
	for i, w := range words {
		if p.toks[i] != w {
			return false
		}
	}
	p.toks = p.toks[len(words):]
	return true
}

func (p *parser) want(word string) {
	if !p.is(word) {
		p.fail("want %q, have %q", word, p.tok())
	}
}

// Precedences, as in PostgreSQL.
const (
	precOr = iota + 1
	precAnd
	precNot
	precIs
	precCompare
	precLike
	precOther
	precAdd
	precMul
	precPow
	precZone
	precUnary
)

func precedence(op string) int {
	switch op {
	case "or":
		return precOr
	case "and":
		return precAnd
	case "is", "isnull", "notnull":
		return precIs
	case "<", ">", "=", "<=", ">=", "<>", "!=":
		return precCompare
	case "like", "ilike", "in", "between", "not", "similar":
		return precLike
	case "+", "-":
		return precAdd
	case "*", "/", "%":
		return precMul
	case "^":
		return precPow
	case "at":
		return precZone
	}
	if op != "" && strings.IndexByte("+-*/<>=~!@#%^&|?", op[0]) >= 0 {
		return precOther
	}
	return 0
}

func (p *parser) expr(least int) Expr {
	l := p.unary()
	for {
		op := p.tok()
		prec := precedence(op)
		if prec == 0 || prec <= least && !(prec == least && false) {
			return l
		}
		p.next()
		l = p.binary(l, op, prec)
	}
}

func (p *parser) binary(l Expr, op string, prec int) Expr {
	not := false
	if op == "not" {
		not, op = true, p.next()
	}
	switch op {
	case "or":
		return p.must(NewOr(l, p.expr(prec)))
	case "and":
		return p.must(NewAnd(l, p.expr(prec)))
	case "isnull":
		return p.must(NewIsNull(l, false))
	case "notnull":
		return p.must(NewIsNull(l, true))
	case "is":
		return p.isTest(l)
	case "like", "ilike":
		if p.tok() == "any" || p.tok() == "all" {
			all := p.next() == "all"
			p.want("(")
			r := p.expr(0)
			p.want(")")
			return p.must(NewAnyAll(l, map[string]string{"like": "~~", "ilike": "~~*"}[op], r, all))
		}
		r := p.expr(precLike)
		var esc Expr
		if p.is("escape") {
			esc = p.expr(precLike)
		}
		return p.must(NewLike(l, r, esc, op == "ilike", not))
	case "similar":
		p.want("to")
		r := p.expr(precLike)
		var esc Expr
		if p.is("escape") {
			esc = p.expr(precLike)
		}
		return p.must(NewSimilar(l, r, esc, not))
	case "between":
		sym := p.is("symmetric")
		low := p.expr(precLike)
		p.want("and")
		return p.must(NewBetween(l, low, p.expr(precLike), not, sym))
	case "in":
		p.want("(")
		return p.must(NewIn(l, p.list(")"), not))
	case "at":
		p.want("time")
		p.want("zone")
		return p.must(NewFunction("timezone", p.expr(prec), l))
	}
	if p.tok() == "any" || p.tok() == "all" {
		all := p.next() == "all"
		p.want("(")
		r := p.expr(0)
		p.want(")")
		return p.must(NewAnyAll(l, op, r, all))
	}
	r := p.expr(prec)
	if lr, ok := l.(*row); ok {
		rr, ok := r.(*row)
		if !ok {
			p.fail("row expected")
		}
		return p.must(NewRowCompare(op, lr.list, rr.list))
	}
	return p.must(NewOperator(op, l, r))
}

func (p *parser) isTest(l Expr) Expr {
	not := p.is("not")
	switch w := p.next(); w {
	case "null":
		return p.must(NewIsNull(l, not))
	case "true":
		return p.must(NewBoolTest(l, IsTrue, not))
	case "false":
		return p.must(NewBoolTest(l, IsFalse, not))
	case "unknown":
		return p.must(NewBoolTest(l, IsUnknown, not))
	case "distinct":
		p.want("from")
		return p.must(NewIsDistinct(l, p.expr(precIs), not))
	default:
		p.fail("IS %s", w)
		return nil
	}
}

func (p *parser) unary() Expr {
	switch t := p.tok(); {
	case t == "not":
		p.next()
		return p.must(NewNot(p.expr(precNot - 1)))
	case t == "-" || t == "+":
		p.next()
		if n := p.tok(); t == "-" && n != "" && n[0] >= '0' && n[0] <= '9' {
			p.toks[0] = "-" + n
			return p.postfix(p.primary())
		}
		return p.must(NewOperator(t, nil, p.expr(precUnary)))
	case t == "~" || t == "@" || t == "|/" || t == "||/":
		p.next()
		return p.must(NewOperator(t, nil, p.expr(precOther)))
	}
	return p.postfix(p.primary())
}

func (p *parser) postfix(e Expr) Expr {
	for {
		switch {
		case p.is("::"):
			e = p.must(NewCast(e, p.typ()))
		case p.is("["):
			i := p.expr(0)
			p.want("]")
			e = p.must(NewSubscript(e, i))
		case p.is("collate"):
			p.next()
		default:
			return e
		}
	}
}

func (p *parser) typ() datum.Type {
	name := p.next()
	switch {
	case name == "double" && p.is("precision"):
		name = "double precision"
	case name == "character" && p.is("varying"):
		name = "character varying"
	}
	var mods []int32
	if p.is("(") {
		for !p.is(")") {
			neg := p.is("-")
			n, err := strconv.Atoi(p.next())
			if err != nil {
				p.fail("modifier: %v", err)
			}
			if neg {
				n = -n
			}
			mods = append(mods, int32(n))
			p.is(",")
		}
	}
	if (name == "timestamp" || name == "time") && p.is("with", "time", "zone") {
		name += " with time zone"
	}
	p.is("without", "time", "zone")
	for p.is("[", "]") {
		name += "[]"
	}
	t, err := datum.ByName(name, mods)
	if err != nil {
		panic(parseError{err})
	}
	return t
}

func (p *parser) list(end string) []Expr {
	var list []Expr
	for !p.is(end) {
		list = append(list, p.expr(0))
		if !p.is(",") {
			p.want(end)
			break
		}
	}
	return list
}

// row is (a, b, ...) until a comparison takes it.
type row struct {
	Expr
	list []Expr
}

func (p *parser) primary() Expr {
	t := p.next()
	switch {
	case t == "":
		p.fail("unexpected end")
	case t == "(":
		list := p.list(")")
		if len(list) == 1 {
			return list[0]
		}
		return &row{Expr: NewNull(), list: list}
	case t[0] == '\'':
		return NewString(strings.ReplaceAll(t[1:len(t)-1], "''", "'"))
	case strings.HasPrefix(t, "E'") || strings.HasPrefix(t, "e'"):
		s, err := strconv.Unquote(`"` + strings.ReplaceAll(strings.ReplaceAll(t[2:len(t)-1], `\'`, `'`), `"`, `\"`) + `"`)
		if err != nil {
			p.fail("%s: %v", t, err)
		}
		return NewString(s)
	case t[0] >= '0' && t[0] <= '9' || t[0] == '.' || t[0] == '-':
		return p.number(t)
	case t[0] == '$':
		n, _ := strconv.Atoi(t[1:])
		e, err := p.params.Param(n - 1)
		return p.must(e, err)
	}
	return p.word(t)
}

func (p *parser) number(t string) Expr {
	if n, err := strconv.ParseInt(t, 10, 64); err == nil {
		if n == int64(int32(n)) {
			return NewConst(datum.NewInt(n), datum.Int4)
		}
		return NewConst(datum.NewInt(n), datum.Int8)
	}
	var d apd.Decimal
	if _, _, err := d.SetString(t); err != nil {
		p.fail("number %s: %v", t, err)
	}
	return NewConst(datum.NewNumeric(&d), datum.Numeric)
}

func (p *parser) word(t string) Expr {
	switch t {
	case "null":
		return NewNull()
	case "true", "false":
		return NewBool(t == "true")
	case "case":
		return p.caseExpr()
	case "array":
		p.want("[")
		return p.must(p.arrayExpr())
	case "cast":
		p.want("(")
		e := p.expr(0)
		p.want("as")
		typ := p.typ()
		p.want(")")
		return p.must(NewCast(e, typ))
	case "row":
		p.want("(")
		return &row{Expr: NewNull(), list: p.list(")")}
	case "current_date", "current_user", "localtimestamp", "current_timestamp":
		return p.must(NewFunction(t))
	}
	if c, ok := p.columns[t]; ok {
		return c
	}
	// type 'literal'
	if len(p.toks) > 0 && (p.tok()[0] == '\'' || strings.HasPrefix(p.tok(), "E'")) {
		lit := p.primary()
		typ, err := datum.ByName(t, nil)
		if err != nil {
			panic(parseError{err})
		}
		return p.must(NewCast(lit, typ))
	}
	if t[0] == '"' {
		p.want("(")
		return p.must(NewFunction(t[1:len(t)-1], p.list(")")...))
	}
	if !p.is("(") {
		p.fail("unknown word %q", t)
	}
	return p.function(t)
}

func (p *parser) function(name string) Expr {
	switch name {
	case "extract":
		f := p.next()
		f = strings.Trim(f, `'"`)
		p.want("from")
		e := p.expr(0)
		p.want(")")
		return p.must(NewFunction("extract", NewString(f), e))
	case "position":
		sub := p.expr(precLike)
		if p.is("in") {
			e := p.expr(0)
			p.want(")")
			return p.must(NewFunction("position", e, sub))
		}
		p.fail("position")
	}
	list := p.list(")")
	switch name {
	case "coalesce":
		return p.must(NewCoalesce(list...))
	case "trim":
		return p.must(NewFunction("btrim", list...))
	case "nullif":
		return p.must(NewNullIf(list[0], list[1]))
	case "greatest", "least":
		return p.must(NewMinMax(name == "greatest", list...))
	}
	return p.must(NewFunction(name, list...))
}

// arrayExpr reads what follows ARRAY[; [...] within is an array too.
func (p *parser) arrayExpr() (Expr, error) {
	var list []Expr
	for !p.is("]") {
		if p.is("[") {
			list = append(list, p.must(p.arrayExpr()))
		} else {
			list = append(list, p.expr(0))
		}
		p.is(",")
	}
	return NewArray(list...)
}

func (p *parser) caseExpr() Expr {
	var operand, otherwise Expr
	if p.tok() != "when" {
		operand = p.expr(0)
	}
	var whens []When
	for p.is("when") {
		c := p.expr(0)
		p.want("then")
		whens = append(whens, When{Cond: c, Then: p.expr(0)})
	}
	if p.is("else") {
		otherwise = p.expr(0)
	}
	p.want("end")
	return p.must(NewCase(operand, whens, otherwise))
}

// testEnv is the environment of the tables: UTC.
func testEnv() *Env { return &Env{Format: &datum.Format{}} }

// run evaluates an expression and writes type and value, or the error's code and
// text, in the form of the tables.
func run(sql string) string { return runWith(sql, nil, testEnv()) }

func runWith(sql string, columns map[string]Expr, env *Env) string {
	e, err := parse(sql, columns, NewParamTypes(nil))
	if err == nil {
		e, err = Settle(e)
	}
	if err != nil {
		return errorText(err)
	}
	return runExpr(e, env)
}

func runExpr(e Expr, env *Env) string {
	v, err := e.Eval(env)
	if err != nil {
		return errorText(err)
	}
	t := e.Type()
	if v.IsNull() {
		return typeText(t) + " NULL"
	}
	if v.Kind() != t.Kind() {
		return fmt.Sprintf("BROKEN kind %v in type %v", v.Kind(), t)
	}
	return typeText(t) + " " + strconv.Quote(string(datum.AppendText(nil, v, t, env.Format)))
}

func typeText(t datum.Type) string {
	if t == datum.Char {
		return "character"
	}
	t.Mod = -1
	if t == datum.Char {
		return "character"
	}
	return t.String()
}

func errorText(err error) string {
	if e := pgerror.As(err); e != nil {
		return "ERROR " + e.Code + " " + e.Message
	}
	return "ERROR " + err.Error()
}

func TestParseSmoke(t *testing.T) {
	for sql, want := range map[string]string{
		"1+2*3":        `integer "7"`,
		"5/2":          `integer "2"`,
		"'a'||'b'":     `text "ab"`,
		"1=1 and null": `boolean NULL`,
	} {
		if got := run(sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}
