package planner

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// utilityColumns describes the result of a statement that the session executes;
// nil where it has none.
func (s *Session) utilityColumns(tree ast.Statement) []session.Column {
	switch u := tree.(type) {
	case *ast.Show:
		return showColumns(u.Name)
	case *ast.Execute:
		if st := s.statements[u.Name]; st != nil {
			return st.about.Columns
		}
	case *ast.Fetch:
		if p := s.portals[u.Cursor]; p != nil && !u.Move {
			return p.about.Columns
		}
	}
	return nil
}

// refuseTogether refuses a statement that is always a transaction of its own where
// it stands with others.
func (s *Session) refuseTogether(what string) error {
	if s.tx.block == explicit || s.tx.block == together {
		return errNotInTransaction(what)
	}
	return nil
}

// utility executes a statement about the session.
func (r *running) utility(ctx context.Context, u *plan.Utility) error {
	s := r.s
	tag, err := "", error(nil)
	if looks(u.Statement) {
		s.tx.queried = true
	}
	if _, show := u.Statement.(*ast.Show); !show && s.tx.work != nil {
		s.fix() // what it does is not done again
	}
	switch st := u.Statement.(type) {
	case *ast.Set:
		tag, err = "SET", s.setStatement(st)
	case *ast.SetTransaction:
		tag, err = "SET", s.setTransaction(st)
	case *ast.Reset:
		tag = "RESET"
		if st.Name == "all" {
			s.resetAll()
		} else {
			err = s.reset(st.Name, false)
		}
	case *ast.Show:
		return r.show(st.Name)
	case *ast.Prepare:
		tag, err = "PREPARE", s.prepare(ctx, st, r.st.offset)
	case *ast.Execute:
		return r.executePrepared(ctx, st)
	case *ast.Deallocate:
		tag, err = s.deallocate(st)
	case *ast.Discard:
		tag, err = s.discard(st.What)
	case *ast.Vacuum: // there is nothing to clean up, and there are no statistics
		if tag = "ANALYZE"; !st.Analyze {
			tag, err = "VACUUM", s.refuseTogether("VACUUM")
		}
	case *ast.DeclareCursor:
		tag, err = "DECLARE CURSOR", s.declare(ctx, st, r.st.offset)
	case *ast.Fetch:
		return r.fetch(ctx, st)
	case *ast.CloseCursor:
		tag, err = s.closeCursor(st)
	case *ast.Unlisten: // nothing was listened to; pools send it to clean up
		tag = "UNLISTEN"
	default:
		tag, err = s.control(ctx, u.Statement)
	}
	if err != nil {
		return shift(err, r.st.offset)
	}
	r.result, r.columns = &kept{tag: tag}, nil
	return nil
}

// looks reports whether a statement about the session fixes the modes of its
// transaction, as queries do: in PostgreSQL it takes a snapshot.
func looks(st ast.Statement) bool {
	switch st.(type) {
	case *ast.Prepare, *ast.Execute, *ast.Deallocate, *ast.Discard, *ast.Vacuum, *ast.DeclareCursor, *ast.CloseCursor:
		return true
	}
	return false
}

// setStatement is SET.
func (s *Session) setStatement(st *ast.Set) error {
	local := st.Scope == ast.LocalScope
	if local && s.tx.block == untilSync {
		s.notice("WARNING", pgerror.NoActiveSQLTransaction, "SET LOCAL can only be used in transaction blocks")
	}
	if st.Values == nil {
		return s.reset(st.Name, local)
	}
	known, _ := lookupSetting(st.Name)
	value, err := settingText(known, st)
	if err != nil {
		return err
	}
	return s.set(st.Name, value, local)
}

// settingText makes one text of the values of a SET.
func settingText(known *setting, st *ast.Set) (string, error) {
	if len(st.Values) > 1 && (known == nil || known.kind != listSetting) {
		return "", pgerror.New(pgerror.InvalidParameterValue, "SET %s takes only one argument", st.Name)
	}
	words := make([]string, len(st.Values))
	for i, v := range st.Values {
		switch v := v.(type) {
		case *ast.Literal:
			words[i] = v.Text
			if known != nil && known.name == "search_path" {
				words[i] = quoteIdent(v.Text)
			}
		case *ast.Cast: // SET TIME ZONE INTERVAL '..'
			l, ok := v.X.(*ast.Literal)
			if !ok || known == nil || known.name != "TimeZone" {
				return "", pgerror.NotSupported("this value of SET").At(v.Position())
			}
			d, err := datum.ParseText(l.Text, datum.Interval, nil)
			if err != nil {
				return "", err
			}
			span := d.Interval()
			if span.Months != 0 || span.Days != 0 {
				return "", pgerror.New(pgerror.InvalidParameterValue, "invalid value for parameter \"TimeZone\": \"%s\"", l.Text).
					WithDetail("Cannot specify months or days in time zone interval.")
			}
			words[i] = zoneOfOffset(micros(span.Micros))
		default:
			return "", pgerror.NotSupported("this value of SET").At(v.Position())
		}
	}
	return strings.Join(words, ", "), nil
}

// quoteIdent quotes a name if it has to be.
func quoteIdent(name string) string {
	plain := name != ""
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c != '_' && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			plain = false
		}
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func showColumns(name string) []session.Column {
	if name == "all" {
		return []session.Column{{Name: "name", Type: datum.Text}, {Name: "setting", Type: datum.Text}, {Name: "description", Type: datum.Text}}
	}
	if known, _ := lookupSetting(name); known != nil {
		name = known.name
	}
	return []session.Column{{Name: name, Type: datum.Text}}
}

// show is SHOW.
func (r *running) show(name string) error {
	s := r.s
	k := &kept{tag: "SHOW"}
	if name == "all" {
		for _, key := range slices.SortedFunc(maps.Keys(settings), strings.Compare) {
			known := settings[key]
			value, _ := s.shown(key)
			k.rows = append(k.rows, []datum.Datum{datum.NewText(known.name), datum.NewText(value), datum.NewText(known.about)})
		}
	} else {
		_, key := lookupSetting(name)
		value, ok := s.shown(key)
		if !ok {
			return errUnknownSetting(name)
		}
		k.rows = [][]datum.Datum{{datum.NewText(value)}}
	}
	r.result, r.columns = k, showColumns(name)
	return nil
}

// discard is DISCARD.
func (s *Session) discard(what ast.DiscardWhat) (string, error) {
	switch what {
	case ast.DiscardPlans:
		for _, st := range s.statements {
			st.snap = nil
		}
		return "DISCARD PLANS", nil
	case ast.DiscardSequences:
		s.sequences, s.lastValue = nil, nil
		return "DISCARD SEQUENCES", nil
	case ast.DiscardTemp:
		return "DISCARD TEMP", nil
	}
	if err := s.refuseTogether("DISCARD ALL"); err != nil {
		return "", err
	}
	s.resetAll()
	s.sequences, s.lastValue = nil, nil
	for name := range s.statements {
		s.forget(name)
	}
	s.closePortals()
	return "DISCARD ALL", nil
}
