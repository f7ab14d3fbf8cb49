package planner

import (
	"context"
	"math"
	"strconv"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// declare is DECLARE. The cursor is a portal whose query begins now: it shows the
// state that its transaction sees at this moment, whatever comes after.
func (s *Session) declare(ctx context.Context, d *ast.DeclareCursor, offset int) error {
	switch {
	case d.Scroll && d.NoScroll:
		return pgerror.New(pgerror.InvalidCursorDefinition, "cannot specify both SCROLL and NO SCROLL")
	case d.Hold:
		return pgerror.NotSupported("DECLARE CURSOR WITH HOLD").At(d.Position())
	case d.Binary:
		return pgerror.NotSupported("DECLARE BINARY CURSOR").At(d.Position())
	case d.Scroll:
		return pgerror.NotSupported("DECLARE SCROLL CURSOR").At(d.Position())
	case s.tx.block == untilSync:
		return errOnlyInTransaction("DECLARE CURSOR")
	case s.portals[d.Name] != nil:
		return errPortalExists(d.Name)
	}
	st := &statement{text: d.Text, sql: true}
	if err := s.analyzeTree(ctx, st, d.Query); err != nil {
		return err
	}
	if len(st.about.Params) > 0 {
		return pgerror.New(pgerror.UndefinedParameter, "there is no parameter $%d", len(st.about.Params))
	}
	p, err := s.newPortal(d.Name)
	if err != nil {
		return err
	}
	p.begun, p.noScroll = true, d.NoScroll
	p.about.Columns, p.about.Formats = st.about.Columns, nil
	p.run = running{s: s, st: st, columns: st.about.Columns}
	err = p.run.start(ctx)
	if err == nil {
		err = p.run.peek(ctx) // the first row fixes the state that is shown
	}
	if err != nil {
		s.dropPortal(p)
	}
	return err
}

// closeCursor is CLOSE.
func (s *Session) closeCursor(st *ast.CloseCursor) (string, error) {
	if st.All {
		s.closePortals()
		return "CLOSE CURSOR ALL", nil
	}
	p := s.portals[st.Name]
	if p == nil || p == s.active {
		return "", errNoCursor(st.Name)
	}
	s.dropPortal(p)
	return "CLOSE CURSOR", nil
}

func errNoCursor(name string) error {
	return pgerror.New(pgerror.InvalidCursorName, "cursor \"%s\" does not exist", name)
}

// fetch is FETCH, or MOVE of a cursor.
func (r *running) fetch(ctx context.Context, f *ast.Fetch) error {
	s := r.s
	p := s.portals[f.Cursor]
	if p == nil {
		return errNoCursor(f.Cursor)
	}
	if p == s.active || p.about.Columns == nil || p.done && p.tag == "" {
		return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "portal \"%s\" cannot be run", f.Cursor)
	}
	if !p.begun {
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	if f.Move && f.Count == 0 && !f.All && f.Direction != ast.Absolute { // is there a row?
		n := 0
		if p.onRow() {
			n = 1
		}
		r.result, r.columns = &kept{tag: "MOVE " + strconv.Itoa(n)}, nil
		return nil
	}
	skip, want, err := p.forward(f)
	if err != nil {
		return err
	}
	rows := &fetched{s: s, name: f.Cursor, serial: p.serial, left: want}
	if err := rows.skip(ctx, skip); err != nil {
		return err
	}
	if !f.Move {
		r.result, r.columns = rows, p.about.Columns
		return nil
	}
	moved := int64(0)
	for {
		_, ok, err := rows.Next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		moved++
	}
	r.result, r.columns = &kept{tag: "MOVE " + strconv.FormatInt(moved, 10)}, nil
	return nil
}

// onRow reports whether the portal stands on a row: not before the first, and not
// behind the last.
func (p *portal) onRow() bool { return p.run.count > 0 && !p.done }

// forward turns a direction into rows to skip and rows to show. Cursors go forward
// only: what would go back, or show the present row again, is 55000.
func (p *portal) forward(f *ast.Fetch) (skip, want int64, err error) {
	back := pgerror.New(pgerror.ObjectNotInPrerequisiteState, "cursor can only scan forward")
	if p.noScroll {
		back = back.WithHint("Declare it with SCROLL option to enable backward scan.")
	}
	switch f.Direction {
	case ast.Forward, ast.Relative:
		switch {
		case f.All:
			return 0, math.MaxInt64, nil
		case f.Count < 0 || f.Count == 0 && p.onRow():
			return 0, 0, back
		case f.Count == 0:
			return 0, 0, nil
		case f.Direction == ast.Relative:
			return f.Count - 1, 1, nil
		}
		return 0, f.Count, nil
	case ast.Absolute:
		switch at := p.run.count; {
		case f.Count == 0 && at == 0 && !p.done:
			return 0, 0, nil
		case f.Count <= at || p.done:
			return 0, 0, back
		default:
			return f.Count - at - 1, 1, nil
		}
	case ast.Backward:
		if !f.All && f.Count < 0 {
			return 0, -f.Count, nil
		}
		if !f.All && f.Count == 0 && !p.onRow() {
			return 0, 0, nil
		}
	}
	return 0, 0, back
}

// fetched is the result of a FETCH: rows of a portal.
type fetched struct {
	s      *Session
	name   string
	serial uint64
	left   int64
}

// Next returns the portal's next row.
func (f *fetched) Next(ctx context.Context) ([]datum.Datum, bool, error) {
	if f.left <= 0 {
		return nil, false, nil
	}
	p := f.s.portals[f.name]
	if p == nil || p.serial != f.serial {
		return nil, false, errNoCursor(f.name)
	}
	if p.done {
		return nil, false, nil
	}
	row, ok, err := p.run.next(ctx)
	if err != nil || !ok {
		p.done = true
		if err == nil {
			p.tag = p.run.result.Tag(0)
		}
		p.run.close()
		return nil, false, err
	}
	f.left--
	return row, true, nil
}

// skip passes rows.
func (f *fetched) skip(ctx context.Context, n int64) error {
	left := f.left
	f.left = n
	for {
		_, ok, err := f.Next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
	}
	f.left = left
	return nil
}

// Tag counts the rows.
func (f *fetched) Tag(rows int64) string { return "FETCH " + strconv.FormatInt(rows, 10) }

// Close leaves the portal where it is.
func (f *fetched) Close() {}
