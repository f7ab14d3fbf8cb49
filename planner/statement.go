package planner

import (
	"context"
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/dialect"
	"github.com/ssmr/ssmr/planner/plan"
)

// statement is a statement that has been parsed. It is not changed after it was
// prepared, but for the plan that it uses.
type statement struct {
	name string
	text string
	tree ast.Statement // nil: an empty statement
	// offset is added to positions in errors: the place of text in what the client
	// sent.
	offset   int
	declared []datum.Type // of parameters; what was inferred, once that is known
	settings planSettings
	deferred bool // bound when it is executed
	about    session.Statement
	sql      bool // by PREPARE

	// shaped is what it has in common with others, if it has literals, and literals are the
	// parameters of a plan of theirs.
	shaped   *shaped
	literals []datum.Datum

	plan *plan.Plan
	snap *catalog.Snapshot // that plan is known to be valid for
	// planning is how long the plan took to make; 0 where it was found.
	planning time.Duration
}

// Parse prepares a statement.
func (s *Session) Parse(ctx context.Context, name, query string, paramTypes []uint32) error {
	ctx, end := s.begin(ctx)
	defer end()
	err := s.parse(ctx, name, query, paramTypes)
	if err != nil {
		err = s.clientError(ctx, err)
		s.fail()
	}
	return err
}

func (s *Session) parse(ctx context.Context, name, query string, oids []uint32) error {
	if name == "" {
		s.forget("") // also where the new one turns out to be wrong
	} else if s.statements[name] != nil {
		return errStatementExists(name)
	}
	types := make([]datum.Type, len(oids))
	for i, oid := range oids {
		if oid == 0 {
			continue
		}
		t, ok := datum.ByOID(oid)
		if !ok {
			return pgerror.New(pgerror.UndefinedObject, "type with OID %d does not exist", oid)
		}
		types[i] = t
	}
	texts, err := dialect.Split(query)
	if err != nil {
		return err
	}
	st := &statement{name: name, declared: types}
	switch len(texts) {
	case 0:
		for i := range types {
			if types[i].OID == 0 {
				types[i] = datum.Text
			}
		}
		st.about.Params = types
	case 1:
		st.text, st.offset = texts[0].SQL, texts[0].Offset
		if err := s.passes(st); err != nil {
			return shift(err, st.offset)
		}
		if err := s.analyze(ctx, st); err != nil {
			return shift(err, st.offset)
		}
	default:
		return pgerror.New(pgerror.SyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	return s.keep(st)
}

// analyze finds out what a statement is, with its parameters and its result.
func (s *Session) analyze(ctx context.Context, st *statement) error {
	st.settings = s.now.plan
	// One snapshot for both: a plan that is noted as valid in a newer one than it was looked
	// up in would be started again and again.
	snap := s.backend.deps.Catalog.Catalog()
	if p := s.cached(st, snap); p != nil {
		s.tx.queried = true // names are looked up
		st.described(p)
		st.plan, st.snap = p, snap
		return nil
	}
	if s.planOfShape(st, snap) {
		s.tx.queried = true
		return nil
	}
	began := s.backend.deps.Clock.Now()
	tree, err := st.tree, error(nil)
	if tree == nil {
		if tree, err = dialect.Parse(st.text); err != nil {
			return err
		}
	}
	s.learnShape(st, tree)
	err = s.analyzeTree(ctx, st, tree)
	st.planning = s.backend.deps.Clock.Now().Sub(began)
	if err == nil {
		s.planShape(ctx, st)
	}
	return err
}

func (s *Session) analyzeTree(ctx context.Context, st *statement, tree ast.Statement) error {
	st.tree = tree
	if tree == nil {
		return nil
	}
	st.settings = s.now.plan
	if st.deferred = bind.Deferred(tree); st.deferred {
		if u, ok := tree.(*ast.Unsupported); ok && !(s.tx.failed && exits(tree)) {
			return pgerror.NotSupported("%s", u.What).At(u.Position())
		}
		if _, query := tree.(*ast.DeclareCursor); query {
			s.tx.queried = true
		}
		st.about.Params = []datum.Type{}
		st.about.Columns = s.utilityColumns(tree)
		return nil
	}
	s.tx.queried = true // names are looked up
	p, err := s.bind(ctx, st)
	if err != nil {
		return err
	}
	st.described(p)
	st.plan = p
	return nil
}

// described takes over what a plan says of the statement.
func (st *statement) described(p *plan.Plan) {
	st.about = session.Statement{Params: p.Params, Columns: p.Columns}
	st.declared = p.Params
}

// passes refuses, in a transaction that has failed, what does not end it.
func (s *Session) passes(st *statement) (err error) {
	if !s.tx.failed {
		return nil
	}
	if st.tree == nil {
		if st.tree, err = dialect.Parse(st.text); err != nil {
			return err
		}
	}
	if st.tree != nil && !exits(st.tree) {
		return errAborted
	}
	return nil
}

// keep keeps a prepared statement, within the session's bounds.
func (s *Session) keep(st *statement) error {
	cfg := &s.backend.cfg
	if len(s.statements) >= cfg.Statements || s.stored+len(st.text) > cfg.StatementBytes {
		return pgerror.New(pgerror.ConfigurationLimitExceeded, "too many prepared statements").
			WithDetail("A session can have %d, of %d bytes in all.", cfg.Statements, cfg.StatementBytes).
			WithHint("Close, or DEALLOCATE, those that are not needed.")
	}
	st.shaped = nil // it has been planned, and what is kept is bounded by its text
	s.statements[st.name] = st
	s.stored += len(st.text)
	return nil
}

// forget drops a statement, if there is one.
func (s *Session) forget(name string) bool {
	st := s.statements[name]
	if st == nil {
		return false
	}
	delete(s.statements, name)
	s.stored -= len(st.text)
	return true
}

func errStatementExists(name string) error {
	return pgerror.New(pgerror.DuplicatePreparedStatement, "prepared statement \"%s\" already exists", name)
}

func errNoStatement(name string) error {
	if name == "" {
		return pgerror.New(pgerror.InvalidSQLStatementName, "unnamed prepared statement does not exist")
	}
	return pgerror.New(pgerror.InvalidSQLStatementName, "prepared statement \"%s\" does not exist", name)
}

// Statement describes a prepared statement.
func (s *Session) Statement(name string) (*session.Statement, error) {
	st := s.statements[name]
	if st == nil {
		return nil, s.clientError(context.Background(), errNoStatement(name))
	}
	if s.tx.failed && st.about.Columns != nil {
		return nil, errAborted
	}
	s.tick()
	return &st.about, nil
}

// CloseStatement forgets a prepared statement.
func (s *Session) CloseStatement(name string) { s.forget(name) }

// sameResult reports whether two results look the same to a client.
func sameResult(a, b []session.Column) bool {
	return (a == nil) == (b == nil) && slices.EqualFunc(a, b, func(x, y session.Column) bool {
		return x.Name == y.Name && x.Type == y.Type
	})
}

// shift moves an error's position by the characters before the statement.
func shift(err error, offset int) error {
	e := pgerror.As(err)
	if e == nil || e.Position == 0 || offset == 0 {
		return err
	}
	copied := *e
	copied.Position += offset
	return &copied
}
