package dialect

import (
	"sort"
	"strconv"

	"github.com/ssmr/ssmr/planner/ast"
)

// skeleton is a SELECT, INSERT, UPDATE or DELETE on its way through the Vitess
// grammar: the statement in that grammar's spelling, in which every value and
// every name is a numbered placeholder for a part that was read by PostgreSQL's
// rules.
//
//	:e3   the expression 3              `t3`  the table (or function) 3
//	:i3   the item 3 of a select list   `c3`  the name 3 of a column
//	:s3   the item 3 of an ORDER BY     :j3   kind and condition of the join 3
//	:a3   the assignment 3              :q3   the parts of the query 3 that the
//	                                          grammar has no place for
type skeleton struct {
	*parser
	text  []byte
	marks []mark

	exprs       []ast.Expr
	items       []ast.SelectItem
	sorts       []ast.SortItem
	assignments []ast.Assignment
	tables      []ast.TableExpr
	columns     []ast.Ident
	joins       []ast.Join
	queries     []queryParts
}

// mark says that the text from a byte on comes from a token.
type mark struct {
	offset int
	token  int
}

// queryParts is what a query has beside what the grammar carries.
type queryParts struct {
	position      ast.Pos
	with          *ast.With
	distinct      bool
	distinctOn    []ast.Expr
	noItems       bool
	groupDistinct bool
	windows       []ast.Window
	ordered       bool
	limit, offset ast.Expr
	limited       bool // LIMIT or FETCH was written, maybe as LIMIT ALL
	withTies      bool
	locking       []ast.Locking
	// op and all say how a set operation combines this query with the one to the
	// left of it.
	op  ast.SetOp
	all bool
}

// newSkeleton makes an empty one that reads on where p is.
func newSkeleton(p *parser) *skeleton {
	return &skeleton{parser: p, text: make([]byte, 0, 128), marks: make([]mark, 0, 16)}
}

// emit adds text that comes from the current token.
func (s *skeleton) emit(text string) {
	s.marks = append(s.marks, mark{offset: len(s.text), token: s.i})
	s.text = append(s.text, text...)
}

// placeholder adds :xN.
func (s *skeleton) placeholder(kind byte, n int) {
	s.marks = append(s.marks, mark{offset: len(s.text), token: s.i})
	s.text = append(s.text, ':', kind)
	s.text = strconv.AppendInt(s.text, int64(n), 10)
}

// nameholder adds `xN`.
func (s *skeleton) nameholder(kind byte, n int) {
	s.marks = append(s.marks, mark{offset: len(s.text), token: s.i})
	s.text = append(s.text, '`', kind)
	s.text = strconv.AppendInt(s.text, int64(n), 10)
	s.text = append(s.text, '`')
}

// tokenAt returns the token that a byte of the text comes from.
func (s *skeleton) tokenAt(offset int) *token {
	n := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].offset >= offset })
	if n == 0 {
		return &s.toks[0]
	}
	return &s.toks[s.marks[n-1].token]
}

// expression adds an expression.
func (s *skeleton) expression(e ast.Expr) {
	s.placeholder('e', len(s.exprs))
	s.exprs = append(s.exprs, e)
}

// condition reads an expression and adds it behind a keyword.
func (s *skeleton) condition(keyword string) error {
	s.emit(keyword)
	e, err := s.expr()
	if err != nil {
		return err
	}
	s.expression(e)
	return nil
}

// finish adds the placeholder of a query's other parts.
func (s *skeleton) finish(q queryParts) {
	s.emit(" limit ")
	s.placeholder('q', len(s.queries))
	s.queries = append(s.queries, q)
}
