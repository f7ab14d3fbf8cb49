package planner

import (
	"context"
	"strconv"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/plan"
)

// portal is a statement with the values of its parameters, and its execution
// once it has begun.
type portal struct {
	name  string
	about session.Portal
	run   running
	begun bool
	done  bool
	tag   string // when it is done

	serial   uint64 // tells it from earlier ones of its name
	level    int    // savepoints that there were when it was made
	noScroll bool   // a cursor that was declared so
	over     bool   // it has ended its transaction, and itself with it
}

// Bind makes a portal.
func (s *Session) Bind(ctx context.Context, name, statement string, params []datum.Datum, formats []int16) error {
	err := s.bindPortal(ctx, name, statement, params, formats)
	if err != nil {
		err = s.clientError(ctx, err)
		s.fail()
	}
	return err
}

func (s *Session) bindPortal(ctx context.Context, name, statement string, params []datum.Datum, formats []int16) error {
	st := s.statements[statement]
	if st == nil {
		return errNoStatement(statement)
	}
	if s.tx.failed && (!exits(st.tree) || len(params) > 0) {
		return errAborted
	}
	if len(params) != len(st.about.Params) {
		return pgerror.New(pgerror.ProtocolViolation, "bind message supplies %d parameters, but prepared statement \"%s\" requires %d",
			len(params), statement, len(st.about.Params))
	}
	if st.plan != nil && st.snap != s.backend.deps.Catalog.Catalog() {
		if _, err := s.planFor(ctx, st); err != nil {
			return err
		}
	}
	if old := s.portals[name]; old != nil {
		if name != "" {
			return errPortalExists(name)
		}
		s.dropPortal(old)
	}
	p, err := s.newPortal(name)
	if err != nil {
		return err
	}
	p.about = session.Portal{Columns: st.about.Columns, Formats: append(p.about.Formats[:0], formats...)}
	p.run = running{s: s, st: st, params: params, columns: st.about.Columns}
	if st.plan == nil {
		return nil
	}
	if lock := lockOf(st.plan); lock != nil && s.tx.readOnly {
		return errReadOnly(st.plan, lock)
	}
	if constant(st.plan) {
		return p.compute(ctx)
	}
	return nil
}

// compute has the first row of constants computed. PostgreSQL does so when it plans,
// which it does at Bind: an error in them is one of Bind.
func (p *portal) compute(ctx context.Context) error {
	ctx, end := p.run.s.begin(ctx)
	defer end()
	if err := p.start(ctx); err != nil {
		return err
	}
	return p.run.peek(ctx)
}

// start begins to execute the portal's statement.
func (p *portal) start(ctx context.Context) error {
	p.begun = true
	if err := p.run.start(ctx); err != nil {
		return err
	}
	if !sameResult(p.about.Columns, p.run.columns) {
		return errResultChanged()
	}
	return nil
}

// newPortal makes room for a portal.
func (s *Session) newPortal(name string) (*portal, error) {
	if len(s.portals) >= s.backend.cfg.Portals {
		return nil, pgerror.New(pgerror.ConfigurationLimitExceeded, "a session can have at most %d portals", s.backend.cfg.Portals)
	}
	p := s.room
	if s.room = nil; p == nil {
		p = &portal{}
	}
	s.bound++
	*p = portal{name: name, serial: s.bound, level: len(s.tx.savepoints), about: session.Portal{Formats: p.about.Formats}}
	s.portals[name] = p
	return p, nil
}

func errPortalExists(name string) error {
	return pgerror.New(pgerror.DuplicateCursor, "cursor \"%s\" already exists", name)
}

// Portal describes a portal.
func (s *Session) Portal(name string) (*session.Portal, error) {
	p := s.portals[name]
	if p == nil {
		return nil, s.clientError(context.Background(), errNoPortal(name))
	}
	if s.tx.failed && p.about.Columns != nil {
		return nil, errAborted
	}
	return &p.about, nil
}

// ClosePortal ends a portal.
func (s *Session) ClosePortal(name string) {
	if p := s.portals[name]; p != nil {
		s.dropPortal(p)
	}
}

func (s *Session) dropPortal(p *portal) {
	delete(s.portals, p.name)
	p.run.close()
	p.run = running{}
	s.room = p
}

// closePortals ends all portals but the one that is executed.
func (s *Session) closePortals() {
	for _, p := range s.portals {
		if p != s.active {
			s.dropPortal(p)
		}
	}
}

// stopPortals ends what is executed by the portals that were made with at least so
// many savepoints: they can only be closed.
func (s *Session) stopPortals(level int) {
	for _, p := range s.portals {
		if p.level >= level && p != s.active {
			p.run.close()
			p.done, p.tag = true, ""
		}
	}
}

func errNoPortal(name string) error {
	return pgerror.New(pgerror.InvalidCursorName, "portal \"%s\" does not exist", name)
}

// Execute runs a portal, or goes on with it.
func (s *Session) Execute(ctx context.Context, name string, maxRows int64, last bool, sink session.Sink) (session.Completion, error) {
	ctx, end := s.begin(ctx)
	defer end()
	p := s.portals[name]
	if p == nil {
		err := s.clientError(ctx, errNoPortal(name))
		s.fail()
		return session.Completion{}, err
	}
	s.alone, s.active = last, p
	done, err := p.execute(ctx, maxRows, sink)
	s.active = nil
	if err == nil {
		if !done.Suspended {
			s.executed++
		}
		if p.over {
			s.dropPortal(p)
		}
		return done, nil
	}
	p.done = true
	p.run.close()
	err = s.clientError(ctx, err)
	s.fail()
	return session.Completion{}, err
}

func (p *portal) execute(ctx context.Context, maxRows int64, sink session.Sink) (session.Completion, error) {
	switch {
	case p.run.st.text == "" && p.run.st.tree == nil:
		return session.Completion{}, nil
	case p.run.s.tx.failed && (p.done || !exits(p.run.st.tree)):
		return session.Completion{}, errAborted
	case p.done:
		return p.repeat()
	case !p.begun:
		if err := p.start(ctx); err != nil {
			return session.Completion{}, err
		}
	}
	before := p.run.count
	done, err := p.run.drain(ctx, maxRows, sink)
	switch {
	case err != nil:
	case done.Suspended:
		p.run.s.fix() // a portal in the middle of its rows is not executed again
	default:
		p.run.s.record(&p.run, done.Tag)
		if before > 0 {
			done.Tag = p.tagOf(p.run.count-before, done.Tag)
		}
		p.done, p.tag = true, done.Tag
		p.run.close()
	}
	return done, err
}

// repeat is what a portal answers that is at its end: nothing more, where it
// returned rows; otherwise it cannot be run again.
func (p *portal) repeat() (session.Completion, error) {
	if p.about.Columns == nil || p.tag == "" {
		return session.Completion{}, pgerror.New(pgerror.ObjectNotInPrerequisiteState, "portal \"%s\" cannot be run", p.name)
	}
	return session.Completion{Tag: p.tagOf(0, p.tag)}, nil
}

// tagOf is the tag of a call that has given out so many rows of several: it counts
// those alone.
func (p *portal) tagOf(rows int64, tag string) string {
	if p.run.plan == nil {
		return tag
	}
	count := strconv.FormatInt(rows, 10)
	switch root := p.run.plan.Root.(type) {
	case *plan.Query:
		if root.History() {
			return tag
		}
		return p.run.plan.Tag + " " + count
	case *plan.Modify:
		return p.run.plan.Tag + " " + count
	case *plan.Insert:
		return p.run.plan.Tag + " 0 " + count
	}
	return tag
}

func errResultChanged() error {
	e := pgerror.New(pgerror.FeatureNotSupported, "cached plan must not change result type")
	e.Routine = "RevalidateCachedQuery"
	return e
}
