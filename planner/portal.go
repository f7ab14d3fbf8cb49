package planner

import (
	"context"

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
}

// Bind makes a portal.
func (s *Session) Bind(ctx context.Context, name, statement string, params []datum.Datum, formats []int16) error {
	return s.clientError(ctx, s.bindPortal(name, statement, params, formats))
}

func (s *Session) bindPortal(name, statement string, params []datum.Datum, formats []int16) error {
	st := s.statements[statement]
	if st == nil {
		return errNoStatement(statement)
	}
	if len(params) != len(st.about.Params) {
		return pgerror.New(pgerror.ProtocolViolation, "bind message supplies %d parameters, but prepared statement \"%s\" requires %d",
			len(params), statement, len(st.about.Params))
	}
	if old := s.portals[name]; old != nil {
		if name != "" {
			return pgerror.New(pgerror.DuplicateCursor, "cursor \"%s\" already exists", name)
		}
		s.dropPortal(old)
	}
	if len(s.portals) >= s.backend.cfg.Portals {
		return pgerror.New(pgerror.ConfigurationLimitExceeded, "a session can have at most %d portals", s.backend.cfg.Portals)
	}
	p := s.room
	if s.room = nil; p == nil {
		p = &portal{}
	}
	*p = portal{
		name:  name,
		about: session.Portal{Columns: st.about.Columns, Formats: append(p.about.Formats[:0], formats...)},
		run:   running{s: s, st: st, params: params, columns: st.about.Columns},
	}
	s.portals[name] = p
	return nil
}

// Portal describes a portal.
func (s *Session) Portal(name string) (*session.Portal, error) {
	p := s.portals[name]
	if p == nil {
		return nil, s.clientError(context.Background(), errNoPortal(name))
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

func (s *Session) closePortals() {
	for _, p := range s.portals {
		s.dropPortal(p)
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
		return session.Completion{}, s.clientError(ctx, errNoPortal(name))
	}
	done, err := p.execute(ctx, maxRows, sink)
	if err != nil {
		p.done = true
		p.run.close()
		return done, s.clientError(ctx, err)
	}
	return done, nil
}

func (p *portal) execute(ctx context.Context, maxRows int64, sink session.Sink) (session.Completion, error) {
	switch {
	case p.run.st.text == "" && p.run.st.tree == nil:
		return session.Completion{}, nil
	case p.done:
		return p.repeat()
	case !p.begun:
		p.begun = true
		if err := p.run.start(ctx); err != nil {
			return session.Completion{}, err
		}
		if !sameResult(p.about.Columns, p.run.columns) {
			return session.Completion{}, errResultChanged()
		}
	}
	done, err := p.run.drain(ctx, maxRows, sink)
	if err == nil && !done.Suspended {
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
	if p.run.plan != nil {
		if _, query := p.run.plan.Root.(*plan.Query); query {
			return session.Completion{Tag: p.run.plan.Tag + " 0"}, nil
		}
	}
	return session.Completion{Tag: p.tag}, nil
}

func errResultChanged() error {
	e := pgerror.New(pgerror.FeatureNotSupported, "cached plan must not change result type")
	e.Routine = "RevalidateCachedQuery"
	return e
}
