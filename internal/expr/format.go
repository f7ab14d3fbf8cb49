package expr

import (
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
)

// Format writes an expression as PostgreSQL's pg_get_expr would: for EXPLAIN and
// for the texts of DEFAULT and CHECK. It can be parsed again.
func Format(e Expr) string {
	p := &printer{}
	p.expr(e)
	return p.b.String()
}

type printer struct{ b strings.Builder }

func (p *printer) put(parts ...string) {
	for _, s := range parts {
		p.b.WriteString(s)
	}
}

func (p *printer) expr(e Expr) {
	if e == nil {
		p.put("NULL")
		return
	}
	e.format(p)
}

func (p *printer) list(list []Expr, between string) {
	for i, e := range list {
		if i > 0 {
			p.put(between)
		}
		p.expr(e)
	}
}

func (e *Const) format(p *printer) {
	if e.Value.IsNull() {
		p.put("NULL")
		if e.Typ != datum.Unknown {
			p.put("::", sqlType(e.Typ))
		}
		return
	}
	switch base(e.Typ) {
	case datum.Bool:
		p.put(strconv.FormatBool(e.Value.Bool()))
		return
	case datum.Int4, datum.Numeric:
		text := textOf(nil, e.Value, e.Typ)
		dotted := strings.ContainsRune(text, '.')
		if text[0] != '-' && text[0] != 'N' && text[0] != 'I' && (e.Typ == datum.Int4 || dotted) {
			p.put(text)
			return
		}
	case datum.Unknown:
		p.put(QuoteLiteral(e.Value.Text()))
		return
	}
	p.put(QuoteLiteral(textOf(nil, e.Value, e.Typ)), "::", sqlType(e.Typ))
}

// sqlType is a type's name as it can be parsed again.
func sqlType(t datum.Type) string {
	switch t {
	case datum.Char:
		return "bpchar"
	case datum.CharArray:
		return "bpchar[]"
	}
	return t.String()
}

func (e *Column) format(p *printer) {
	if e.Name == "" {
		p.put("#", strconv.Itoa(e.Index))
		return
	}
	if name, ok := strings.CutPrefix(e.Name, "excluded."); ok { // the row that ON CONFLICT did not insert
		p.put("excluded.", QuoteIdent(name))
		return
	}
	p.put(QuoteIdent(e.Name))
}

func (e *Param) format(p *printer) { p.put("$", strconv.Itoa(e.Index+1)) }

func (e *CaseTest) format(p *printer) { p.put("CASE_TEST_EXPR") }

func (c *Call) format(p *printer) {
	switch {
	case c.Op != "" && len(c.Args) == 2:
		p.put("(")
		p.expr(c.Args[0])
		p.put(" ", c.Op, " ")
		p.expr(c.Args[1])
		p.put(")")
	case c.Op != "" && len(c.Args) == 1:
		p.put("(", c.Op, " ")
		p.expr(c.Args[0])
		p.put(")")
	case keyword(c.Fn.Name) && len(c.Args) == 0:
		p.put(strings.ToUpper(c.Fn.Name))
	case c.Fn.Name == "extract" && len(c.Args) == 2 && isConst(c.Args[0]):
		p.put("EXTRACT(", QuoteIdent(c.Args[0].(*Const).Value.Text()), " FROM ")
		p.expr(c.Args[1])
		p.put(")")
	default:
		p.put(QuoteIdent(c.Fn.Name), "(")
		p.list(c.Args, ", ")
		p.put(")")
	}
}

func isConst(e Expr) bool {
	c, ok := e.(*Const)
	return ok && !c.Value.IsNull()
}

// keyword tells functions that are written without parentheses.
func keyword(name string) bool {
	switch name {
	case "current_date", "current_timestamp", "current_time", "localtime", "localtimestamp",
		"current_user", "session_user", "user", "current_role", "current_catalog", "current_schema":
		return true
	}
	return false
}

func (e *And) format(p *printer) {
	p.put("(")
	p.list(e.Args, " AND ")
	p.put(")")
}

func (e *Or) format(p *printer) {
	p.put("(")
	p.list(e.Args, " OR ")
	p.put(")")
}

func (e *Not) format(p *printer) {
	p.put("(NOT ")
	p.expr(e.Arg)
	p.put(")")
}

func (e *IsNull) format(p *printer) { p.is(e.Arg, e.Not, "NULL") }

func (e *BoolTest) format(p *printer) { p.is(e.Arg, e.Not, e.Truth.String()) }

func (p *printer) is(arg Expr, not bool, what string) {
	p.put("(")
	p.expr(arg)
	p.put(" IS ", when(not, "NOT "), what, ")")
}

func when(b bool, s string) string {
	if b {
		return s
	}
	return ""
}

func (e *IsDistinct) format(p *printer) {
	p.put("(")
	p.expr(e.Left)
	p.put(" IS ", when(e.Not, "NOT "), "DISTINCT FROM ")
	p.expr(e.Right)
	p.put(")")
}

func (e *Case) format(p *printer) {
	p.put("CASE")
	if e.Operand != nil {
		p.put(" ")
		p.expr(e.Operand)
	}
	for _, w := range e.Whens {
		p.put(" WHEN ")
		p.expr(whenValue(e, w))
		p.put(" THEN ")
		p.expr(w.Then)
	}
	p.put(" ELSE ")
	p.expr(e.Else)
	p.put(" END")
}

// whenValue is what a WHEN compares the operand with.
func whenValue(e *Case, w When) Expr {
	if c, ok := w.Cond.(*Call); ok && e.Operand != nil && len(c.Args) == 2 {
		return c.Args[1]
	}
	return w.Cond
}

func (e *Coalesce) format(p *printer) {
	p.put("COALESCE(")
	p.list(e.Args, ", ")
	p.put(")")
}

func (e *NullIf) format(p *printer) {
	p.put("NULLIF(")
	p.list([]Expr{e.Left, e.Right}, ", ")
	p.put(")")
}

func (e *MinMax) format(p *printer) {
	if e.Greatest {
		p.put("GREATEST(")
	} else {
		p.put("LEAST(")
	}
	p.list(e.Args, ", ")
	p.put(")")
}

func (e *In) format(p *printer) {
	p.put("(")
	p.expr(e.Left)
	p.put(" ", when(e.Not, "NOT "), "IN (")
	p.list(e.List, ", ")
	p.put("))")
}

func (e *AnyAll) format(p *printer) {
	p.put("(")
	p.expr(e.Left)
	word := " ANY ("
	if e.All {
		word = " ALL ("
	}
	p.put(" ", e.Op, word)
	p.expr(e.Array)
	p.put("))")
}

func (e *ArrayExpr) format(p *printer) {
	p.put("ARRAY[")
	p.list(e.Elems, ", ")
	p.put("]")
	if len(e.Elems) == 0 {
		p.put("::", sqlType(e.Typ))
	}
}

func (e *Subscript) format(p *printer) {
	p.put("(")
	p.expr(e.Array)
	p.put(")[")
	p.expr(e.Index)
	p.put("]")
}

func (e *Cast) format(p *printer) {
	if e.Context == Implicit && e.relabel {
		p.expr(e.Arg)
		return
	}
	p.put("(")
	p.expr(e.Arg)
	p.put(")::", sqlType(e.Typ))
}

func (e *RowCompare) format(p *printer) {
	p.put("(ROW(")
	p.list(e.Left, ", ")
	p.put(") ", e.Op, " ROW(")
	p.list(e.Right, ", ")
	p.put("))")
}
