package planner

import (
	"context"
	"strconv"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/dialect"
	"github.com/ssmr/ssmr/planner/plan"
)

// Statements that have no parameters have their values written into them, so the text of each
// is new, and to parse and bind it is half of what a point read costs. So those that differ in
// nothing but literals share a plan. The first of a shape is planned as it is, and tells which of
// its literals a parameter could stand for (bind.Literals); the second is planned with
// parameters in their places besides; of the others only the literals are read.
//
// Invariant: a statement means what it would mean without this. A shape is the text to the
// byte but for those literals, a parameter has the type that the literal would have, and a
// literal that cannot be read as that is left to the statement's own plan, for its error.

// shaped is a statement as one of its shape.
type shaped struct {
	shape      dialect.Shape
	parameters []parameter // nil as long as the shape is not known
}

// parameter is a literal of each statement of a shape that is a parameter of their plan. A
// shape's parameters are in the order of the text.
type parameter struct {
	literal int  // among those of the shape
	minus   bool // the minus before it is its sign
}

// paramSize is what a parameter counts for where plans are bounded, in bytes.
const paramSize = 128

// position is where the parameter's literal begins, sign included.
func (f *shaped) position(p parameter) int {
	l := &f.shape.Literals[p.literal]
	if p.minus {
		return l.Minus
	}
	return l.Position
}

// text is that of the parameter's literal, as in ast.Literal.
func (f *shaped) text(p parameter) string {
	text := f.shape.Literals[p.literal].Text
	if p.minus {
		return "-" + text
	}
	return text
}

// declared is the type of the parameter; a string's is decided by its place.
func (f *shaped) declared(p parameter) datum.Type {
	switch l := &f.shape.Literals[p.literal]; l.Kind {
	case ast.Integer:
		if l.Int8 {
			return datum.Int8
		}
		return datum.Int4
	case ast.Numeric:
		return datum.Numeric
	}
	return datum.Unknown
}

// learn finds the shape's parameters in the tree of one of its statements.
func (f *shaped) learn(tree ast.Statement) {
	literals := f.shape.Literals
	at := make(map[int]parameter, len(literals)) // by position
	for i := range literals {
		l := &literals[i]
		at[l.Position] = parameter{literal: i}
		// 2147483648 is an int8, and -2147483648 is not.
		if l.Minus > 0 && l.Kind != ast.String && !l.Int8 {
			at[l.Minus] = parameter{literal: i, minus: true}
		}
	}
	found := make([]*parameter, len(literals))
	bind.Literals(tree, func(_ *ast.Expr, l *ast.Literal) {
		if p, ok := at[l.Position()]; ok && f.text(p) == l.Text {
			found[p.literal] = &p
		}
	})
	f.parameters = []parameter{}
	for _, p := range found {
		if p != nil {
			f.parameters = append(f.parameters, *p)
		}
	}
}

// key is what the shape's plan is kept by: the text, with those literals in it that are no
// parameters.
func (f *shaped) key(settings planSettings) planKey {
	if len(f.parameters) == len(f.shape.Literals) {
		return planKey{text: f.shape.Text, settings: settings}
	}
	next := 0
	text := f.shape.With(func(literal int) bool {
		if next < len(f.parameters) && f.parameters[next].literal == literal {
			next++
			return false
		}
		return true
	})
	return planKey{text: text, settings: settings}
}

// values reads the literals as the places want them that the plan has its parameters in. It
// reports false if one cannot be read so.
func (f *shaped) values(places []datum.Type, format *datum.Format) ([]datum.Datum, bool) {
	out := make([]datum.Datum, len(f.parameters))
	for i, p := range f.parameters {
		var err error
		if f.shape.Literals[p.literal].Kind == ast.Integer {
			var n int64
			n, err = strconv.ParseInt(f.text(p), 10, 64)
			out[i] = datum.NewInt(n)
		} else {
			out[i], err = expr.ReadLiteral(f.text(p), places[i], format)
		}
		if err != nil {
			return nil, false
		}
	}
	return out, true
}

// template parses a statement of the shape and puts parameters into its tree.
func (f *shaped) template(text string) (*statement, error) {
	tree, err := dialect.Parse(text)
	if err != nil {
		return nil, err
	}
	st := &statement{tree: tree}
	at := make(map[int]int, len(f.parameters)) // by position
	for i, p := range f.parameters {
		at[f.position(p)] = i + 1
		st.declared = append(st.declared, f.declared(p))
	}
	bind.Literals(tree, func(slot *ast.Expr, l *ast.Literal) {
		if n := at[l.Position()]; n > 0 {
			*slot = &ast.Param{Pos: l.Pos, Number: n}
		}
	})
	return st, nil
}

// sharesPlan reports whether a statement has parameters in its shape: a plan of its own is
// not worth keeping.
func (st *statement) sharesPlan() bool { return st.shaped != nil && len(st.shaped.parameters) > 0 }

// sharedPlan returns the plan that a statement shares with those of its shape; nil if there
// is none.
func (s *Session) sharedPlan(st *statement, snap *catalog.Snapshot) *plan.Plan {
	if len(st.declared) > 0 {
		return nil
	}
	plans := s.backend.plans
	if st.shaped == nil {
		shape, ok := dialect.TakeShape(st.text, plans.maxText/paramSize)
		if !ok {
			return nil
		}
		st.shaped = &shaped{shape: shape}
	}
	f := st.shaped
	if f.parameters = plans.parameters(f.shape.Text); len(f.parameters) == 0 {
		return nil
	}
	return plans.get(f.key(st.settings), snap)
}

// planOfShape gives a statement the plan that it shares, if there is one and its literals
// can be read as the parameters.
func (s *Session) planOfShape(st *statement, snap *catalog.Snapshot) bool {
	p := s.sharedPlan(st, snap)
	if p == nil {
		return false
	}
	values, ok := st.shaped.values(p.Places, s.now.format)
	if ok {
		st.plan, st.snap, st.literals = p, snap, values
		st.about = session.Statement{Params: []datum.Type{}, Columns: p.Columns}
	}
	return ok
}

// learnShape finds out which literals can be parameters, once for a shape.
func (s *Session) learnShape(st *statement, tree ast.Statement) {
	if f := st.shaped; f != nil && f.parameters == nil {
		f.learn(tree)
		s.backend.plans.know(f)
	}
}

// planShape sees to it, when a statement has been planned, that others of its shape need not
// be.
func (s *Session) planShape(ctx context.Context, st *statement) {
	f := st.shaped
	if f == nil || st.deferred || !st.plan.Cacheable {
		return
	}
	if len(f.parameters) == 0 {
		return
	}
	plans, key := s.backend.plans, f.key(st.settings)
	if plans.first(key) {
		return
	}
	if p := s.template(ctx, st); p == nil || !plans.put(key, p) {
		plans.know(&shaped{shape: f.shape, parameters: []parameter{}})
	}
}

// template makes the plan that the statements of st's shape share; nil if there is none.
func (s *Session) template(ctx context.Context, st *statement) *plan.Plan {
	t, err := st.shaped.template(st.text)
	if err != nil {
		return nil
	}
	p, err := s.bindTo(ctx, t, st.snap)
	if err != nil || fenced(p) || len(p.Params) != len(t.declared) {
		return nil
	}
	return p
}
